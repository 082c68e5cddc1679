"""Work with a long draft: preview, marks of support, outline, find and replace; and search in the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from app.project.session import Session
from app.project.support import Judged, SupportReport
from tests.app.scripted import ScriptedRun, into
from tests.browser.studio import Hands, Studio
from tests.browser.tabs import Tabs
from tests.browser.test_access import serious

HOSTILE = """# <img src=x onerror="window.pwn=1"> ${window.pwn=1} {{window.pwn=1}}

<script>window.pwn=1</script> [a](javascript:window.pwn=1) ![picture](https://example.invalid/x.png) `${window.pwn=1}`

| <b>a</b> |
| --- |
| <iframe src="https://example.invalid/"></iframe> |
"""
JUDGED = """## Light

The lamp was lit in 1759 (p. 2). Its keepers slept at noon. Ships passed the rock in fog.

## Fog

The signal sounded."""
LONG = "".join(f"## Part {part}\n\n{'The lamp was lit at dusk. ' * 38}\n\n" for part in range(100))


@pytest.fixture
def session(studio: Studio) -> Session:
    """A project with a document of three pages."""
    return studio.sessions.open("a look", None)


@pytest.fixture
def pages(session: Session, tmp_path: Path) -> Path:
    path = tmp_path / "log.txt"
    path.write_text("The lamp came.\fThe LAMP was lit in 1759.\fNobody slept.", "utf-8")
    session.sources.add([path])
    return path


@pytest.fixture
def judged(session: Session, pages: Path, studio: Studio, tabs: Tabs) -> Iterator[Hands]:
    """A page with a text of the model's that was held against the document."""
    made = into(session, ScriptedRun().finish(JUDGED), 0, 0)
    assert made.wait(30)
    found = (
        Judged("The lamp was lit in 1759 (p. 2).", "word for word", "log.txt", 2),
        Judged("Its keepers slept at noon.", "near", "log.txt", 3),
        Judged("Ships passed the rock in fog.", "none", reason="unlike"),
        Judged("The signal sounded.", "none", reason="unlike"),
    )
    made.support = SupportReport(found)
    with tabs.open(studio.url, reduced_motion="reduce") as page:
        hands = Hands(page, studio.url)
        hands.open()  # now the browser knows which project it shows
        expect(hands.area).to_have_value(JUDGED)
        expect(page.locator(".file-card")).to_contain_text("3 pages")
        yield hands


def preview(hands: Hands) -> Locator:
    """Turn to the preview, and wait until it shows something."""
    hands.page.get_by_role("button", name="Preview", exact=True).click()
    pane = hands.page.locator(".preview-pane")
    expect(pane.locator(":scope > *").first).to_be_visible()
    return pane


def selected(hands: Hands) -> str:
    return str(hands.area.evaluate("(area) => area.value.slice(area.selectionStart, area.selectionEnd)"))


def test_the_preview_renders_and_follows_the_draft(hands: Hands) -> None:
    hands.type("# Title\n\nA **bold** word\n\n- item\n\n| a |\n| - |\n| b |\n\n```\ncode\n```\n")
    pane = preview(hands)
    expect(hands.area).to_be_hidden()
    for selector, text in (("h1", "Title"), ("strong", "bold"), ("li", "item"), ("td", "b"), ("pre", "code")):
        expect(pane.locator(selector)).to_have_text(text)
    hands.page.get_by_role("button", name="Text", exact=True).click()
    hands.type("## Another\n\nA **bold** word\n")
    preview(hands)
    expect(pane.locator("h2")).to_have_text("Another")
    expect(pane.locator("h1")).to_have_count(0)


def test_a_hostile_draft_is_only_text(hands: Hands) -> None:
    asked: list[str] = []
    hands.page.on("request", lambda request: asked.append(request.url))
    hands.type(HOSTILE)
    pane = preview(hands)
    expect(pane.locator("h1")).to_have_text('<img src=x onerror="window.pwn=1"> ${window.pwn=1} {{window.pwn=1}}')
    expect(pane.locator("td")).to_have_text('<iframe src="https://example.invalid/"></iframe>')
    assert pane.locator("img, script, iframe, b").count() == 0
    links = pane.locator("a").evaluate_all("(links) => links.map((link) => [link.textContent, link.href, link.rel])")
    assert links == [["picture", "https://example.invalid/x.png", "noopener noreferrer"]]
    assert hands.page.evaluate("window.pwn") is None
    assert [url for url in asked if "example.invalid" in url] == []


def test_a_long_draft_is_shown_and_only_what_changed_travels(hands: Hands) -> None:
    assert len(LONG) > 100_000
    hands.type(LONG)
    pane = preview(hands)
    expect(pane.locator("h2")).to_have_count(100)
    value = "(element) => element.textContent"
    assert pane.locator("h2").last.evaluate(value) == "Part 99"
    hands.page.get_by_role("button", name="Text", exact=True).click()
    hands.page.evaluate("document.addEventListener('draft-settled', () => { window.settled = true; })")
    with looks(hands.page) as closed:
        hands.type(LONG.replace("Part 50", "Part fifty"))
        hands.page.wait_for_function("window.settled")
    assert closed == []  # a preview that is closed asks for nothing
    with looks(hands.page) as opened:
        preview(hands)
        expect(pane.locator("h2").nth(50)).to_have_text("Part fifty")
    assert len(opened) == 1
    assert pane.locator("h2").count() == 100


def test_page_references_open_the_page(judged: Hands) -> None:
    pane = preview(judged)
    link = pane.get_by_role("link", name="log.txt, page 2")
    expect(link).to_have_text("2")
    link.focus()
    judged.page.keyboard.press("Enter")
    text = judged.page.locator(".page-text textarea")
    expect(text).to_have_value("The LAMP was lit in 1759.")
    expect(text).to_be_focused()


def test_marks_tell_three_kinds_and_can_be_put_off(judged: Hands) -> None:
    pane = preview(judged)
    kinds = [("exact", "word for word: log.txt, page 2"), ("near", "in nearly these words: log.txt, page 3")]
    for kind, title in (*kinds, ("none", "Without support: no passage says it")):
        expect(pane.locator(f".said.{kind}").first).to_have_attribute("title", title)
    styles = "(marks) => marks.map((mark) => getComputedStyle(mark).textDecorationStyle)"
    assert pane.locator(".said").evaluate_all(styles) == ["solid", "dotted", "wavy", "wavy"]
    judged.page.get_by_label("Support marks").uncheck()
    lines = "(marks) => marks.map((mark) => getComputedStyle(mark).textDecorationLine)"
    assert set(pane.locator(".said").evaluate_all(lines)) == {"none"}
    expect(judged.page.locator(".preview-legend")).to_be_hidden()


def test_sentences_without_support_lead_to_their_place_and_are_taken_out_alone(judged: Hands) -> None:
    page = judged.page
    page.locator(".support-root summary").click()
    sentence = page.get_by_role("button", name="Ships passed the rock in fog.", exact=True)
    sentence.click()
    expect(judged.area).to_be_focused()
    assert selected(judged) == "Ships passed the rock in fog."
    pane = preview(judged)
    sentence.click()
    expect(pane.locator(".pointed")).to_have_text("Ships passed the rock in fog.")
    page.get_by_role("button", name="Take out: Ships passed the rock in fog.").click()
    expect(pane).not_to_contain_text("Ships")
    expect(page.locator(".support-root li")).to_have_count(1)
    page.get_by_role("button", name="Text", exact=True).click()
    assert "slept at noon.\n\n## Fog\n\nThe signal sounded." in judged.text
    judged.area.press("Control+z")
    expect(judged.area).to_have_value(JUDGED)
    expect(page.locator(".support-root li")).to_have_count(2)


def test_a_sentence_without_support_is_written_again_alone(judged: Hands) -> None:
    page = judged.page
    page.locator(".support-root summary").click()
    page.get_by_role("button", name="Write again: The signal sounded.").click()
    expect(page.locator(".draft-verdict")).to_be_visible(timeout=60_000)
    expect(page.locator(".draft-diff")).to_contain_text("signal")
    page.locator(".draft-verdict .reject").click()
    expect(judged.area).to_have_value(JUDGED)


def test_the_outline_moves_editor_and_preview(hands: Hands) -> None:
    hands.type(LONG)
    page = hands.page
    page.get_by_role("button", name="Outline", exact=True).click()
    outline = page.get_by_role("navigation", name="Outline")
    expect(outline.get_by_role("button")).to_have_count(100)
    outline.get_by_role("button", name="Part 70", exact=True).press("Enter")
    expect(hands.area).to_be_focused()
    assert hands.area.evaluate("(area) => area.value.slice(area.selectionStart).startsWith('## Part 70\\n')")
    assert hands.area.evaluate("(area) => area.scrollTop") > 1000
    expect(outline.locator("[aria-current]")).to_have_text("Part 70")
    pane = preview(hands)
    outline.get_by_role("button", name="Part 30", exact=True).click()
    expect(pane.get_by_role("heading", name="Part 30", exact=True)).to_be_in_viewport()
    expect(outline.locator("[aria-current]")).to_have_text("Part 30")


def test_find_and_replace_all_is_one_step_of_undo(hands: Hands) -> None:
    before = "The lamp. A Lamp. The LAMP."
    hands.type(before)
    page = hands.page
    hands.area.press("Control+f")
    wanted = page.get_by_role("textbox", name="Find", exact=True)
    expect(wanted).to_be_focused()
    wanted.fill("lamp")
    count = page.locator(".find-count")
    expect(count).to_have_text(re.compile("of 3$"))
    wanted.press("Enter")
    wanted.press("Shift+Enter")
    page.get_by_label("Match case").check()
    expect(count).to_have_text("1 of 1")
    page.get_by_label("Match case").uncheck()
    page.get_by_label("Replace with").fill("$& light")
    page.get_by_role("button", name="Replace all").click()
    expect(hands.area).to_have_value("The $& light. A $& light. The $& light.")
    hands.saved()
    wanted.press("Escape")
    expect(hands.area).to_be_focused()
    expect(page.locator(".draft-find")).to_be_hidden()
    hands.area.press("Control+z")
    expect(hands.area).to_have_value(before)


def test_one_is_replaced_and_the_next_is_chosen(hands: Hands) -> None:
    hands.type("lamp and lamp and lamp")
    hands.select(9, 13)
    hands.area.press("Control+f")
    expect(hands.page.locator(".find-wanted")).to_have_value("lamp")
    expect(hands.page.locator(".find-count")).to_have_text("2 of 3")
    instead = hands.page.get_by_label("Replace with")
    instead.fill("light")
    instead.press("Enter")
    expect(hands.area).to_have_value("lamp and light and lamp")
    expect(hands.page.locator(".find-count")).to_have_text("2 of 2")
    hands.saved()
    assert hands.state()["text"] == "lamp and light and lamp"


def test_find_leads_to_a_place_in_a_long_draft(hands: Hands) -> None:
    hands.type(LONG)
    hands.select(0, 0)
    hands.area.press("Control+f")
    hands.page.locator(".find-wanted").fill("part 77")
    expect(hands.page.locator(".find-count")).to_have_text("1 of 1")
    mark = hands.page.locator(".draft-found mark.current")
    expect(mark).to_be_in_viewport()
    area, box = hands.area.bounding_box(), mark.bounding_box()
    assert area is not None
    assert box is not None
    assert area["y"] < box["y"] < area["y"] + area["height"]


def test_control_f_elsewhere_is_the_browsers(hands: Hands) -> None:
    hands.page.locator("#detail textarea").press("Control+f")
    expect(hands.page.locator(".draft-find")).to_be_hidden()


def test_words_are_found_in_all_documents_and_lead_to_their_page(
    studio: Studio, session: Session, pages: Path, hands: Hands
) -> None:
    session.sources.paste("灯台の光は遠くまで届く。 Ein LÄMPCHEN.")
    hands.open()
    page = hands.page
    expect(page.locator(".file-card")).to_have_count(2)
    box = page.get_by_role("searchbox", name="Find in the documents")
    box.fill("lamp")
    hits = page.get_by_role("list", name="Places in the documents").get_by_role("button")
    expect(hits).to_have_count(3)
    expect(page.locator(".search-said")).to_have_text("3 places")
    expect(hits.nth(1)).to_contain_text("log.txt, page 2")
    hits.nth(1).click()
    text = page.locator(".page-text textarea").first
    expect(text).to_have_value("The LAMP was lit in 1759.")
    assert text.evaluate("(area) => area.value.slice(area.selectionStart, area.selectionEnd)") == "LAMP"
    box.fill("光は遠く")
    expect(hits).to_have_count(1)
    box.fill("lantern")
    expect(page.locator(".search-said")).to_contain_text("Not found in the documents.")
    box.press("Escape")
    expect(page.locator(".search-said")).to_be_empty()


def test_axe_finds_nothing_serious_in_a_draft_that_is_worked_on(judged: Hands) -> None:
    page = judged.page
    page.get_by_role("button", name="Outline", exact=True).click()
    page.locator(".support-root summary").click()
    page.get_by_role("searchbox", name="Find in the documents").fill("lamp")
    expect(page.locator(".search-said")).to_have_text("2 places")
    judged.area.press("Control+f")
    page.locator(".find-wanted").fill("the")
    found = {"text": serious(judged, 1440)}
    page.locator(".find-wanted").press("Escape")
    preview(judged)
    found["preview"] = serious(judged, 1440)
    assert {state: what for state, what in found.items() if what} == {}
    page.set_viewport_size({"width": 390, "height": 844})
    small = "button => button.offsetParent && button.offsetHeight < 40"
    assert page.evaluate(f"[...document.querySelectorAll('button')].filter({small}).map(b => b.outerHTML)") == []


def test_japanese_browsers_get_it_in_japanese(studio: Studio, tabs: Tabs) -> None:
    with tabs.open(studio.url, locale="ja-JP") as page:
        hands = Hands(page, studio.url)
        hands.type("# 灯台\n\n岩の上に立つ。")
        page.get_by_role("button", name="プレビュー", exact=True).click()
        expect(page.locator(".preview-pane h1")).to_have_text("灯台")
        page.get_by_role("button", name="目次", exact=True).click()
        expect(page.get_by_role("navigation", name="目次").get_by_role("button")).to_have_text(["灯台"])
        page.get_by_role("button", name="テキスト", exact=True).click()
        hands.area.press("Control+f")
        page.locator(".find-wanted").fill("岩")
        expect(page.locator(".find-count")).to_have_text("1 件中 1 件目")


@contextmanager
def looks(page: Page) -> Iterator[list[str]]:
    """What the preview asks the server for while this lasts."""
    asked: list[str] = []

    def note(request: Request) -> None:
        sent = request.post_data or ""
        if '"serial"' in sent and '"revision"' not in sent:
            asked.append(sent)

    page.on("request", note)
    yield asked
    page.remove_listener("request", note)
