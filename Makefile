# Each of `make run` and `make test` does all its own set-up on a fresh machine that has Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := core app app.py benchmarks

.PHONY: run test lint types browser benchmark profile screenshot clean

run: $(VENV)/installed
	$(BIN)/python app.py

test: $(VENV)/installed-dev browser
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

# The browser tests drive Debian's Chromium where there is one (installed here if this is Debian and we are root),
# else the build that Playwright fetches.
browser: $(VENV)/installed-dev
	@command -v chromium >/dev/null || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else $(BIN)/python -m playwright install chromium; fi

benchmark: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.decode

profile: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.profile

screenshot: $(VENV)/installed-dev browser
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.screenshot
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.screenshot --evidence --dark --out assets/evidence.png

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -r requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
