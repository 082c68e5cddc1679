"""A Chromium for the browser tests, Debian's where there is one, else Playwright's own; and the page in it."""

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.browser.stub import SMALL, StubEngine
from tests.browser.studio import Hands, Studio
from tests.browser.tabs import Tabs

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
def tabs(browser: Browser) -> Tabs:
    """Pages for tests, kept from one to the next."""
    return Tabs(browser)


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
def small(engine: StubEngine) -> None:
    """The model is one whose texts about documents are in the documents' own sentences."""
    engine.parameters = SMALL


@pytest.fixture
def slow_reading(engine: StubEngine) -> threading.Event:
    """Prompts are read no further than their first part until it is set."""
    engine.reading.clear()
    return engine.reading


@pytest.fixture(scope="session")
def served(writer: StubEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One server for all journeys that need no other."""
    studio = Studio(writer, tmp_path_factory.mktemp("data"))
    yield studio
    studio.close()


@pytest.fixture
def studio(served: Studio, engine: StubEngine, tmp_path: Path) -> Studio:
    """A server with no project yet."""
    served.turn_to(tmp_path / "data")
    return served


@pytest.fixture
def hands(studio: Studio, tabs: Tabs) -> Iterator[Hands]:
    """A page of it."""
    with tabs.open(studio.url) as page:
        yield Hands(page, studio.url)


@pytest.fixture
def visitor(studio: Studio, tabs: Tabs) -> Iterator[Page]:
    """An empty page in the browser of somebody else."""
    with tabs.open(studio.url) as page:
        yield page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a journey that failed what the page showed and what the engine was doing."""
    report = yield
    given: dict[str, Any] = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and isinstance(hands := given.get("hands"), Hands):
        with suppress(Error):
            report.sections.append(("what the page showed", hands.page.locator("body").inner_text(timeout=5_000)))
        runs = [f"{run.priority.name}: {run.state}" for run in given["engine"].current()] if "engine" in given else []
        report.sections.append(("runs of the engine", "\n".join(runs)))
    return report
