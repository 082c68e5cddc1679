"""The list of sources in a real Chromium, on a page that holds nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Locator, Page, expect

from app.settings import Settings
from app.web.components.source_list import SourceList
from app.web.server import Server
from tests.app.conftest import wait
from tests.browser.tabs import Tabs

HOSTILE = '<img src=x onerror="window.pwn=1"> ${window.pwn=1} {{window.pwn}} `'


def source(identity: str, **more: Any) -> dict[str, Any]:
    return {
        "id": identity, "name": f"{identity}.txt", "alert": "", "password": False, "facts": "1 page",
        "warnings": [], "details": [], "leftOut": False, "readable": True, "count": 1, "pages": None, **more,
    }  # fmt: skip


class Site:
    """The list over a message; `push` sends it, and what the page does is noted in `asked`."""

    def __init__(self) -> None:
        self.sources: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.texts: dict[int, str] | None = {}
        with gr.Blocks(analytics_enabled=False) as blocks:
            push = gr.Button("Push", elem_id="push")
            self.list = SourceList(elem_id="source-list")
            push.click(lambda: self.message(), None, self.list, queue=False, trigger_mode="multiple")
            self.list.action(self.act, None, self.list, queue=False, trigger_mode="multiple")
        self.server = Server(blocks, Settings(_env_file=None, host="127.0.0.1"))  # type: ignore[call-arg]

    def message(self, page: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"sources": self.sources, "page": page, "reading": []}

    def act(self, event: gr.EventData) -> Any:
        data = event._data
        self.asked.append((data["file"], data["kind"], data["value"]))
        if data["kind"] == "read" and self.texts is not None:
            number = data["value"]
            text = self.texts.get(number, f"Text of {number}.")
            return self.message({"file": data["file"], "number": number, "label": str(number), "text": text})
        return gr.skip()


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.close()


@pytest.fixture
def site(served: Site) -> Site:
    served.sources, served.asked, served.texts = [], [], {}
    return served


@pytest.fixture
def page(site: Site, tabs: Tabs) -> Iterator[Page]:
    with tabs.open(site.server.url, viewport={"width": 1280, "height": 720}) as page:
        page.goto(site.server.url)
        expect(page.locator(".source-list")).to_be_attached()
        yield page


def show(site: Site, page: Page, *sources: dict[str, Any]) -> Locator:
    """Show these, and wait until they are there; returns the cards. The focus stays where it is."""
    site.sources = list(sources)
    page.evaluate("document.querySelector('#push').click()")
    cards = page.locator(".file-card")
    expect(cards.locator("b")).to_have_text([data["name"] for data in sources])
    expect(cards.locator(".facts")).to_have_text([data.get("facts", "") for data in sources])
    return cards


def unfold(cards: Locator) -> None:
    """Show the details of all of them."""
    folded = cards.locator(".file-fold[aria-expanded=false]")
    while folded.count():
        folded.first.click()


def test_a_card_is_short_and_shows_what_may_be_wrong(site: Site, page: Page) -> None:
    name = "A report of the northern lighthouse board on the state of its towers and of their keepers.pdf"
    data = source("a", name=name, details=["3 characters · 2 tokens", "1 word was put together."], pages="", count=3)
    cards = show(site, page, data)
    fold = cards.locator(".file-fold")
    expect(fold).to_have_attribute("aria-expanded", "false")
    assert cards.evaluate("(card) => card.offsetHeight") <= 60  # two lines
    expect(cards.locator(".details")).to_be_hidden()
    expect(cards.get_by_role("button")).to_have_count(1)
    fold.press("Enter")
    expect(cards.locator(".details p")).to_have_text(data["details"])
    expect(page.get_by_label("Pages to read")).to_be_visible()
    # It stays open while the list changes, and what may be wrong is seen without it.
    show(site, page, {**data, "warnings": ["1 of 3 pages has no text."]})
    expect(cards.locator(".details")).to_be_visible()
    fold.press("Enter")
    expect(cards.locator(".details")).to_be_hidden()
    warning = cards.locator(".warnings p")
    expect(warning).to_have_text("⚠ 1 of 3 pages has no text.")
    expect(warning.get_by_role("img", name="Warning")).to_be_visible()


def test_facts_notes_and_what_can_be_done_are_shown(site: Site, page: Page) -> None:
    failed = {"id": "c", "name": "c.pdf", "alert": "c.pdf needs a password.", "password": True}
    chosen = source("b", pages="2", count=3, alert="There is no page 9.")
    cards = show(site, page, source("a", warnings=["A note."], leftOut=True), chosen, failed)
    expect(cards.nth(0)).to_contain_text("A note.")
    unfold(cards)
    expect(cards.nth(0)).to_have_class(re.compile("left-out"))
    expect(page.get_by_label("Pages to read")).to_have_value("2")
    expect(page.get_by_label("Password")).to_have_attribute("type", "password")
    expect(page.get_by_role("alert")).to_have_text(["There is no page 9.", "c.pdf needs a password."])
    assert [card.locator(".source-actions button").all_inner_texts() for card in cards.all()] == [
        ["Move down", "Take in again", "Remove"],
        ["Move up", "Move down", "Leave out", "Remove"],
        ["Move up", "Remove"],
    ]
    expect(page.get_by_role("button", name="Text as it was read")).to_have_count(2)


def test_what_is_pressed_and_typed_is_told_with_its_file(site: Site, page: Page) -> None:
    locked = {"id": "c", "name": "c.pdf", "alert": "It needs a password.", "password": True}
    cards = show(site, page, source("a"), source("b", pages="", count=9), locked)
    unfold(cards)
    for place, name in ((0, "down"), (1, "up"), (1, "leave-out"), (2, "remove")):
        cards.nth(place).locator(f"button.{name}").click()
    wait(
        lambda: (
            site.asked == [("a", "down", False), ("b", "up", False), ("b", "leave-out", True), ("c", "remove", False)]
        )
    )
    site.asked.clear()
    pages, password = page.get_by_label("Pages to read"), page.get_by_label("Password")
    pages.fill("1-3")
    pages.press("Enter")
    pages.fill("4")
    password.fill("rock")  # the field before is left
    password.press("Enter")
    wait(lambda: site.asked == [("b", "pages", "1-3"), ("b", "pages", "4"), ("c", "unlock", "rock")])


def test_the_list_changes_around_the_field_in_use(site: Site, page: Page) -> None:
    cards = show(site, page, source("a"), source("b", pages="", count=9), source("c"))
    unfold(cards)
    pages = page.get_by_label("Pages to read")
    pages.focus()
    page.keyboard.type("1-")
    node = pages.element_handle()
    show(site, page, source("c"), source("b", pages="", count=9, facts="2 pages"), source("d"), source("a"))
    expect(cards.nth(1)).to_contain_text("2 pages")
    expect(pages).to_be_focused()
    page.keyboard.type("3")
    expect(pages).to_have_value("1-3")
    assert node is not None
    assert node.evaluate("(node) => node === document.activeElement && node.selectionStart === 3")
    assert site.asked == []  # the field was not left
    # A choice from elsewhere takes the place of what was left as it was, not of what is being typed.
    show(site, page, source("b", pages="7", count=9, facts="elsewhere"))
    expect(pages).to_have_value("1-3")
    page.keyboard.press("Enter")
    wait(lambda: site.asked == [("b", "pages", "1-3")])
    show(site, page, source("b", pages="1-3", count=9, facts="taken"))
    show(site, page, source("b", pages="8", count=9, facts="elsewhere again"))
    expect(pages).to_have_value("8")
    # One that was refused stays, to be put right.
    pages.fill("99")
    pages.press("Enter")
    show(site, page, source("b", pages="8", count=9, alert="There is no page 99."))
    expect(page.get_by_role("alert")).to_have_text("There is no page 99.")
    expect(pages).to_have_value("99")


def test_the_focus_goes_on_near_what_is_gone(site: Site, page: Page) -> None:
    cards = show(site, page, source("a"), source("b"), source("c"))
    unfold(cards)
    cards.nth(1).locator("button.up").focus()
    show(site, page, source("b"), source("a"), source("c"))
    expect(cards.nth(0).locator("button.down")).to_be_focused()  # it cannot go further up
    cards.nth(2).locator("button.remove").focus()
    show(site, page, source("b"), source("a"))
    expect(cards.nth(1).locator(".file-fold")).to_be_focused()
    show(site, page)
    expect(page.locator(".source-list")).to_be_focused()


def test_a_page_is_asked_for_when_it_is_wanted(site: Site, page: Page) -> None:
    cards = show(site, page, source("a", count=5, pages=""), source("b"))
    unfold(cards)
    assert site.asked == []
    cards.nth(0).get_by_role("button", name="Text as it was read").click()
    text, slider = page.locator(".page-text textarea").first, page.get_by_role("slider")
    expect(text).to_have_value("Text of 1.")
    for _ in range(3):
        slider.press("ArrowRight")
    expect(text).to_have_value("Text of 4.")
    expect(text).to_have_attribute("aria-label", "Page 4")
    asked = [number for _, _, number in site.asked]
    assert (asked[0], asked[-1]) == (1, 4)
    show(site, page, source("a", count=5, pages="", facts="5 pages"), source("b"))
    expect(text).to_have_value("Text of 4.")
    assert len(site.asked) == len(asked)
    cards.nth(1).get_by_role("button", name="Text as it was read").click()
    expect(page.get_by_role("slider")).to_have_count(1)  # of the one that has several


def test_a_page_of_which_the_answer_was_lost_is_asked_for_again(site: Site, page: Page) -> None:
    cards = show(site, page, source("a"))
    unfold(cards)
    site.texts = None
    cards.get_by_role("button", name="Text as it was read").click()
    wait(lambda: len(site.asked) == 1)
    site.texts = {}
    show(site, page, source("a", facts="1 page and more"))
    expect(page.locator(".page-text textarea")).to_have_value("Text of 1.")


def test_text_that_looks_like_code_only_appears(site: Site, page: Page) -> None:
    site.texts = {1: HOSTILE}
    data = source(
        "a", name=HOSTILE, facts=HOSTILE, warnings=[HOSTILE], details=[HOSTILE], alert=HOSTILE, pages=HOSTILE, count=2
    )
    cards = show(site, page, data)
    unfold(cards)
    cards.get_by_role("button", name="Text as it was read").click()
    expect(page.locator(".page-text textarea")).to_have_value(HOSTILE)
    for node in ("b", ".facts", ".warnings span", ".details p", "[role=alert]"):
        expect(cards.locator(node)).to_have_text(HOSTILE)
    expect(page.get_by_label("Pages to read")).to_have_value(HOSTILE)
    assert page.locator("img").count() == 0
    assert page.evaluate("window.pwn") is None


def test_a_card_that_cannot_be_made_leaves_the_others_and_can_be_removed(site: Site, page: Page) -> None:
    odd = source("b", warnings=7)  # a list is expected
    site.sources = [source("a"), odd, source("c")]
    page.evaluate("document.querySelector('#push').click()")
    cards = page.locator(".file-card")
    expect(cards.locator("b")).to_have_text(["a.txt", "", "c.txt"])
    expect(cards.nth(1).get_by_role("alert")).to_have_text("This source cannot be shown.")
    cards.nth(1).get_by_role("button", name="Remove").click()
    wait(lambda: ("b", "remove", False) in site.asked)


def test_the_enter_that_confirms_a_conversion_sends_nothing(site: Site, page: Page) -> None:
    locked = {"id": "c", "name": "c.pdf", "alert": "It needs a password.", "password": True}
    unfold(show(site, page, source("b", pages="", count=9), locked))
    confirm = """(field) => {
      field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "１" }));
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, which: 229, bubbles: true }));
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }));
    }"""
    for field, text in ((page.get_by_label("Pages to read"), "１"), (page.get_by_label("Password"), "岩")):
        field.fill(text)
        field.evaluate(confirm)
    page.get_by_label("Password").press("Enter")
    wait(lambda: ("c", "unlock", "岩") in site.asked)
    assert site.asked == [("b", "pages", "１"), ("c", "unlock", "岩")]  # the first was sent when the field was left


def test_japanese_browsers_get_a_japanese_list(site: Site, tabs: Tabs) -> None:
    with tabs.open(site.server.url, locale="ja-JP") as japanese:
        japanese.goto(site.server.url)
        expect(japanese.locator(".source-list")).to_be_attached()
        unfold(show(site, japanese, source("a", pages="", count=2), source("b")))
        expect(japanese.get_by_label("読むページ")).to_have_attribute("placeholder", "すべて、または 1-3, 7 など")
        card = japanese.locator(".file-card").first
        assert card.locator(".source-actions button").all_inner_texts() == ["下へ", "使わない", "取り除く"]
        expect(card.get_by_role("button", name="読み取ったテキスト")).to_be_visible()
