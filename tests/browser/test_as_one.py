"""Documents longer than the window, by parts or as one: offered where it matters, kept, and written."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.studio import SLOW, Hands
from tests.browser.test_whole import write_book

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("books") / "island.pdf", 120)


def test_a_book_is_read_as_one_where_that_is_chosen(hands: Hands, book: Path) -> None:
    page = hands.page
    expect(page.locator("#beyond")).to_be_hidden()
    hands.add(book)
    expect(page.locator("#beyond")).to_be_visible(timeout=SLOW)
    expect(page.get_by_label("By parts")).to_be_checked()
    expect(page.locator("#ways")).to_contain_text("to read them the first time", timeout=SLOW)
    page.get_by_label("As one").check()
    expect(page.locator("#window")).to_contain_text("Read as one:", timeout=SLOW)
    expect(page.locator(".plan-group")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("As one")).to_be_checked(timeout=SLOW)
    expect(page.locator("#window")).to_contain_text("Read as one:", timeout=SLOW)
    page.get_by_label("By parts").check()
    expect(page.locator("#window")).to_contain_text("Sections:", timeout=SLOW)
