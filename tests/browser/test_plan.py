"""The plan of what is read for a long document: seen, changed by click and key, and a section written again by it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.studio import SLOW, Hands
from tests.browser.test_whole import CHAPTERS, headings, sentences, write_book

pytestmark = pytest.mark.usefixtures("small")

PAGES = 120


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than the window, and quickly read."""
    return write_book(tmp_path_factory.mktemp("books") / "island.pdf", PAGES)


def group(hands: Hands, number: int) -> Locator:
    """A section of the plan."""
    return hands.page.locator(".plan-group").nth(number)


@pytest.fixture
def planned(hands: Hands, book: Path) -> Hands:
    """The plan of a report about the book, open."""
    hands.add(book)
    expect(hands.page.locator(".plan-group")).to_have_count(len(CHAPTERS), timeout=SLOW)
    hands.page.locator(".plan > summary").click()
    return hands


def test_a_section_is_written_again_from_another_part(planned: Hands) -> None:
    hands = planned
    hands.press("write")
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    before = hands.text
    fog = group(hands, 3)
    fog.locator("summary").click()
    read, unread = fog.locator("li.full select"), fog.locator("li.none select")
    taken = read.first.get_attribute("aria-label")
    expect(unread.first).to_be_visible()
    last = unread.last
    last_label = last.get_attribute("aria-label")
    assert taken
    assert last_label
    assert taken != last_label
    last.select_option("full")
    expect(fog.locator(f'select[aria-label="{last_label}"]')).to_have_value("full")
    first = fog.locator(f'select[aria-label="{taken}"]')
    first.focus()
    hands.page.keyboard.press("End")  # by key: the last of its states
    expect(first).to_have_value("none")
    expect(fog.locator("summary")).to_contain_text(re.compile(r"pages: 5\d"), timeout=SLOW)
    fog.locator("button.again").click()
    expect(hands.area).not_to_have_value(before, timeout=SLOW)
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    after = hands.text
    assert headings(after) == list(CHAPTERS)
    old, new = (re.split(r"^## .*\n\n", text, flags=re.MULTILINE) for text in (before, after))
    assert [one == other for one, other in zip(old, new, strict=True)].count(False) == 1
    page = int(re.findall(r"\(p\. (\d+)\)", new[4])[-1])
    assert page > 45 + 6
    assert re.sub(r" \(p\. \d+\)", "", new[4]).strip().split(". ")[0].rstrip(".") + "." in sentences(page, PAGES)
    hands.press("undo")
    expect(hands.area).to_have_value(before)


def test_what_is_left_out_stays_so_after_a_reload_and_can_be_taken_back(planned: Hands) -> None:
    hands = planned
    first = group(hands, 0)
    first.locator("summary").click()
    first.locator("button.all").click()
    window = hands.page.locator("#window")
    expect(window).to_contain_text(f"Sections: {len(CHAPTERS) - 1}.", timeout=SLOW)
    expect(hands.page.locator(".plan-group.unread")).to_contain_text(CHAPTERS[0])
    hands.open()
    expect(window).to_contain_text(f"Sections: {len(CHAPTERS) - 1}.", timeout=SLOW)
    hands.press("write")
    expect(hands.page.locator("#progress")).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    assert headings(hands.text) == list(CHAPTERS[1:])
    hands.page.locator(".plan > summary").click()
    hands.page.locator(".plan .automatic").click()
    expect(window).to_contain_text(f"Sections: {len(CHAPTERS)}.", timeout=SLOW)
    expect(hands.page.locator(".plan .automatic")).to_be_hidden()


def test_a_click_on_the_strip_leads_to_the_part_that_is_there(planned: Hands) -> None:
    hands = planned
    hands.page.locator(".plan-strip").click(position={"x": 3, "y": 3})
    expect(group(hands, 0)).to_have_attribute("open", "")
    expect(group(hands, 0).locator("select").first).to_be_focused()
