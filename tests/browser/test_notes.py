"""Notes that a larger model makes on all parts of a long document, in the background."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stub import StubEngine
from tests.browser.studio import SLOW, Hands
from tests.browser.test_whole import CHAPTERS, write_book

MINE = "The lamp of this chapter is mine."

PAGES = 120


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than the window, and quickly read."""
    return write_book(tmp_path_factory.mktemp("books") / "island.pdf", PAGES)


def test_notes_are_made_while_nobody_waits_gone_on_with_after_a_reload_and_edited(
    hands: Hands, engine: StubEngine, book: Path
) -> None:
    engine.pace = 0.02
    page = hands.page
    hands.add(book)
    expect(page.locator(".plan-group")).to_have_count(len(CHAPTERS), timeout=SLOW)
    line, stop = page.locator("#notes"), page.locator("#leave-notes")
    hands.press_until("take-notes", stop)
    hands.open()
    expect(stop).to_be_visible(timeout=SLOW)
    expect(line).to_contain_text(re.compile(r"The model's notes: [1-9]\d* of 16 parts .* left"), timeout=SLOW)
    hands.press("write")  # which is served at once
    hands.wait_for_words(words=4)
    expect(stop).to_be_visible()
    hands.press("stop")
    hands.rest()
    engine.pace = 0.001
    stop.click()
    expect(page.locator("#take-notes")).to_be_visible(timeout=SLOW)
    page.locator(".plan > summary").click()
    group = page.locator(".plan-group").first
    group.locator("summary").click()
    note = group.locator("textarea").first
    note.fill(MINE)
    note.blur()
    hands.open()
    page.locator(".plan > summary").click()
    group.locator("summary").click()
    expect(group.locator("textarea").first).to_have_value(MINE, timeout=SLOW)


def test_notes_are_offered_only_where_they_are_read(hands: Hands, engine: StubEngine, book: Path) -> None:
    engine.parameters = 135_000_000
    hands.add(book)
    expect(hands.page.locator(".plan-group")).to_have_count(len(CHAPTERS), timeout=SLOW)
    expect(hands.page.locator("#take-notes")).to_be_hidden()
