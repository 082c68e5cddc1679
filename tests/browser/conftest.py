"""A Chromium for the browser tests, Debian's where there is one, else Playwright's own; and the page in it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.stub import StubEngine
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
def writer() -> Iterator[StubEngine]:
    """One for all journeys."""
    engine = StubEngine()
    engine.start()
    yield engine
    engine.free()
    engine.close()


@pytest.fixture
def engine(writer: StubEngine) -> Iterator[StubEngine]:
    """Writes as fast as a page can follow, unless a test holds it."""
    yield writer
    writer.free()


@pytest.fixture
def unhurried(engine: StubEngine) -> None:
    """Runs take five seconds and more, so that there is something to see of them."""
    engine.pace = 0.03


@pytest.fixture
def endless(engine: StubEngine, unhurried: None) -> None:
    """Runs end when they are stopped, however long a test takes to do it."""
    engine.ending.clear()


@pytest.fixture
def slow_reading(engine: StubEngine) -> threading.Event:
    """Prompts are read no further than their first part until it is set."""
    engine.reading.clear()
    return engine.reading


@pytest.fixture
def studio(engine: StubEngine, tmp_path: Path) -> Iterator[Studio]:
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
