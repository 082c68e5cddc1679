"""The whole page, served for tests, and a person's hands on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from app.engine.engine import Engine
from app.project.commands import Commands
from app.project.forgetting import Forgetting
from app.project.sessions import Sessions
from app.settings import Settings
from app.store import open_store
from app.web.context import AppContext
from app.web.page import build
from app.web.passing import delete_passing
from app.web.presence import Presence
from app.web.server import Server

SAMPLE = Path(__file__).parents[2] / "assets" / "samples" / "lighthouses.pdf"
SLOW = 180_000  # ms: a busy machine with two cores reads the pages and writes within this


class Studio:
    """A server: the page over a folder of projects. `shared`: as on a Space."""

    def __init__(self, engine: Engine, folder: Path, *, shared: bool = False, port: int | None = None) -> None:
        """Serve."""
        settings = Settings(_env_file=None, max_file_megabytes=1, max_new_tokens=256, host="127.0.0.1", port=port)
        self.engine = engine
        self.store = open_store(folder)
        self._presence = Presence()
        self.sessions = self._opened(settings, shared)
        self._context = AppContext(Commands(settings, engine), self.sessions, shared=shared, presence=self._presence)
        self._server = Server(build(settings, self._context), settings, self._context)
        self._settings = settings
        self.url = self._server.url

    def turn_to(self, folder: Path) -> None:
        """Serve another folder from now on; no page must be open."""
        self._put_away()
        self.store = open_store(folder)
        self.sessions = self._opened(self._settings, self._context.shared)
        self._context.sessions = self.sessions

    def _opened(self, settings: Settings, shared: bool) -> Sessions:
        forget = Forgetting(self.store, self.engine, passing=delete_passing)
        return Sessions(self.store, settings.limits, 60, forget=shared, silent=self._presence.silent, delete=forget)

    def close(self) -> None:
        """Stop serving; what is being written is stopped and kept."""
        self._server.close()
        self._put_away()

    def _put_away(self) -> None:
        self.sessions.close()
        self.store.close()


class Hands:
    """What a person does on the page."""

    def __init__(self, page: Page, url: str) -> None:
        """Open the page and wait for the model."""
        self.page, self.url = page, url
        self.open()

    def open(self, query: str = "") -> None:
        """Open the page, again too."""
        self.page.goto(self.url + query)
        expect(self.page.locator("#model-line")).to_contain_text("8,192", timeout=60_000)
        expect(self.page.locator("#project-name input, #project-name textarea")).not_to_have_value("", timeout=30_000)

    def add(self, *paths: Path) -> Locator:
        """Add files; returns the cards of all sources."""
        cards = self.page.locator(".file-card")
        before = cards.count()
        self.page.locator("#files input[type=file]").first.set_input_files([str(path) for path in paths])
        expect(cards).to_have_count(before + len(paths), timeout=60_000)
        return cards

    def sample(self, pages: str = "1") -> None:
        """Add the sample, and choose some of its pages."""
        self.page.locator("#sample").click()
        expect(self.page.locator(".file-card")).to_contain_text("8 pages", timeout=60_000)
        self.choose_pages(pages)

    def unfold(self, card: int = 0) -> None:
        """Show the details of a source."""
        self.page.locator(".file-fold").nth(card).click()
        expect(self.page.locator(".file-fold-body").nth(card)).to_be_visible()

    def download(self, kind: str, path: Path) -> str:
        """Press the button of a format of export and save the file there; returns the name that it came with."""
        with self.page.expect_download() as download:
            self.press(f"export-{kind}")
        download.value.save_as(path)
        return download.value.suggested_filename

    def choose_pages(self, pages: str) -> None:
        """Choose pages of the first source."""
        if not self.page.locator(".pages input").first.is_visible():
            self.unfold()
        box = self.page.locator(".pages input").first
        box.fill(pages)
        box.press("Enter")
        expect(self.page.locator(".file-card").first).to_contain_text(" of ", timeout=30_000)
        expect(self.page.locator("#window")).to_contain_text("It fits", timeout=30_000)

    @property
    def area(self) -> Locator:
        """The draft."""
        return self.page.locator("#draft textarea")

    @property
    def text(self) -> str:
        """What stands in it."""
        return self.area.input_value()

    def press(self, name: str) -> None:
        """A button of the page, by its id."""
        self.page.locator(f"#{name}").click()

    def press_until(self, name: str, shown: Locator) -> None:
        """A button that comes with much else, until what it brings is there: nobody presses so soon as a test, and a
        press on what has just come may be lost."""
        for last in (False, False, True):
            self.press(name)
            try:
                expect(shown).to_be_visible(timeout=SLOW if last else 10_000)
                return
            except AssertionError:
                if last:
                    raise

    def type(self, text: str) -> None:
        """Put a text into the draft, and see it saved."""
        self.area.fill(text)
        self.saved()

    def saved(self) -> None:
        """Wait until the draft is saved."""
        expect(self.page.locator(".draft-saved")).to_have_text(re.compile("Saved|保存済み"), timeout=30_000)

    def wait_for_words(self, beginning: str = "", words: int = 3) -> None:
        """Wait until the model has written some words after `beginning`."""
        pattern = rf"^{re.escape(beginning)}(?:\s*\S+\s+){{{words}}}"
        expect(self.area).to_have_value(re.compile(pattern), timeout=SLOW)

    def stop(self) -> None:
        """Stop the run, which the fixture `endless` keeps going, and wait until the draft can be edited."""
        self.press("stop")
        expect(self.page.locator("#progress")).to_contain_text("Stopped", timeout=60_000)
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is written."""
        expect(self.area).to_be_editable(timeout=SLOW)
        expect(self.page.locator("#write")).to_be_enabled(timeout=30_000)

    def select(self, start: int, end: int) -> None:
        """Select characters of the draft."""
        self.area.evaluate(
            "(area, [start, end]) => { area.focus(); area.setSelectionRange(start, end); }", [start, end]
        )

    def state(self) -> dict[str, Any]:
        """What the editor holds."""
        return self.page.evaluate("document.querySelector('#draft').draft.state()")
