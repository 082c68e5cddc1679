"""Waiting for what only Python can tell."""

from collections.abc import Callable

from playwright.sync_api import Page


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Let the page go on until `holds` says so."""
    for _ in range(600):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("did not happen within 30 s")
