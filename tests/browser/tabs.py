"""Pages that tests use one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, Error, Page

VIEWPORT = {"width": 1440, "height": 900}


class Tabs:
    """A page for a test, in a profile of its own, which is used again when the test is over.

    Loading is most of what a short test does, and a page that is used again loads in half the time: the profile has the
    scripts, and they are compiled. What a test left there is cleared: what the server's origin stored, and cookies.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[Page]] = defaultdict(list)

    @contextmanager
    def open(self, url: str, *, script: str = "", **options: Any) -> Iterator[Page]:
        """An empty page for what `url` serves. `script` runs before those of the page; `options` are the context's.

        Raises AssertionError at the end if a script of the page has failed.
        """
        options = {"viewport": VIEWPORT} | options
        free = self._free[repr((script, sorted(options.items())))]
        page = free.pop() if free else self._made(script, options)
        errors: list[str] = []

        def note(error: Error) -> None:
            errors.append(str(error))

        _clear(page, url)
        page.set_viewport_size(options["viewport"])
        page.on("pageerror", note)
        yield page
        page.remove_listener("pageerror", note)
        if not page.is_closed():
            page.goto("about:blank")
            free.append(page)
        assert errors == []

    def _made(self, script: str, options: dict[str, Any]) -> Page:
        page = self._browser.new_context(**options).new_page()
        if script:
            page.add_init_script(script)
        return page


def _clear(page: Page, url: str) -> None:
    """Forget what the origin of `url` has stored."""
    page.context.clear_cookies()
    page.goto(urljoin(url, "theme.css"))  # of that origin, and no page
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
