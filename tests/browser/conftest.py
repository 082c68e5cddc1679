"""A Chromium for the browser tests, Debian's where there is one, else Playwright's own; and the page in it."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from app.engine.engine import Engine
from app.engine.run import Run
from core import Event, PrefillProgress, TokenGenerated
from core.loading import load_model
from tests.browser.studio import Hands, Studio

DEBIAN = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)  # a busy machine takes its time; what is asserted still has to come
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=DEBIAN if DEBIAN.exists() else None, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The embedded model in the form that is fastest without compiling a step."""
    engine = Engine(lambda report: load_model("smollm2-135m"), queue_size=4)
    engine.start()
    yield engine
    engine.close()


@pytest.fixture
def unhurried(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end when they are stopped, or after five seconds and more: what a test does meanwhile it does in time."""
    model, _ = engine.require_model()
    monkeypatch.setattr(model.generation_config, "eos_token_id", -1)
    events = engine._events

    def slowed(run: Run) -> Generator[Event]:
        with closing(events(run)) as source:
            for event in source:
                yield event
                time.sleep(0.02 * isinstance(event, TokenGenerated))

    monkeypatch.setattr(engine, "_events", slowed)


@pytest.fixture
def slow_reading(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Prompts are read no further than their first part until it is set."""
    gate, events = threading.Event(), engine._events

    def held(run: Run) -> Generator[Event]:
        with closing(events(run)) as source:
            for event in source:
                yield event
                if isinstance(event, PrefillProgress):
                    gate.wait(60)

    monkeypatch.setattr(engine, "_events", held)
    return gate


@pytest.fixture
def studio(engine: Engine, tmp_path: Path) -> Iterator[Studio]:
    """A server with no project yet."""
    studio = Studio(engine, tmp_path / "data")
    yield studio
    studio.close()


@pytest.fixture
def hands(studio: Studio, browser: Browser) -> Iterator[Hands]:
    """A page of it."""
    hands = Hands(browser.new_context(viewport={"width": 1440, "height": 900}).new_page(), studio.url)
    yield hands
    hands.page.context.close()
    assert hands.errors == []
