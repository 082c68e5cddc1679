"""Evidence on the page: whose a passage is and what was kept then, the runs to choose from, a trace from a file."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.engine.run import Run
from app.methods import DEFAULT_METHOD
from app.prompt.sections import SectionPlace
from core import Event, PrefillProgress
from tests.app.runs.test_evidence import scripted
from tests.browser.studio import SLOW, Hands, Studio
from tests.browser.test_whole import CHAPTERS, write_book

OPENING = "# Report\n\n## Introduction\n\n"


def go_to(hands: Hands, at: int) -> None:
    """Put the caret there by keys, as a person does."""
    hands.select(at, at)
    hands.page.keyboard.press("ArrowRight")


@pytest.mark.usefixtures("endless")
def test_a_passage_shows_its_run_and_a_run_can_be_chosen_and_opened(hands: Hands, tmp_path: Path) -> None:
    page, root = hands.page, hands.page.locator(".ckm-root")
    hands.sample("1")
    hands.press("write")
    hands.wait_for_words(OPENING, 12)
    hands.stop()
    first = root.get_attribute("data-run")
    hands.press("continue")
    hands.wait_for_words(hands.text, 8)
    hands.stop()
    second = root.get_attribute("data-run")
    assert second != first

    expect(page.locator("#runs input")).to_have_value(re.compile(DEFAULT_METHOD), timeout=30_000)

    # What the first run wrote is shown on its own map; what a person types is nobody's, and typing changes nothing.
    go_to(hands, len(OPENING) + 4)
    expect(root).to_have_attribute("data-run", str(first), timeout=30_000)
    expect(root).to_have_attribute("data-mode", "passages")
    expect(root).to_contain_text("What the model had")
    expect(root).to_contain_text(re.compile(r"lighthouses\.pdf · page 1 · 100%"))
    page.click(".ckm-close")
    hands.area.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("\n\nNobody but the person typed these words here.")
    hands.saved()
    page.wait_for_timeout(600)
    expect(root).to_have_attribute("data-mode", "share")
    expect(page.locator(".ckm-keys-share")).to_be_visible()
    expect(page.locator(".ckm-explanation")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".ckm-kept-summary")).to_have_text(
        "Typed by you, or its run is no longer kept.", timeout=30_000
    )

    # Another day: the runs are in the list, and one is shown again.
    page.reload()
    expect(root).to_have_attribute("data-refreshes", re.compile(r"[1-9]"), timeout=60_000)
    page.locator("#runs input").click()
    options = page.locator("#runs [role=option]")
    expect(options).to_have_count(2)
    expect(options.first).to_have_text(re.compile(r"\d\d:\d\d:\d\d · KeyIndex · (stopped|finished)"))
    # The run that wrote last is shown; the other is chosen.
    shown = root.get_attribute("data-run")
    assert shown == second
    page.locator("#runs [role=option][aria-selected=false]").click()
    expect(root).not_to_have_attribute("data-run", str(shown), timeout=30_000)
    go_to(hands, len(OPENING) + 4)
    expect(root).to_contain_text("What the model had", timeout=30_000)

    # A bundle's trace is opened in a project that has none, and what is no trace is refused in words.
    hands.download("zip", tmp_path / "bundle.zip")
    hands.press("new-project")
    expect(hands.area).to_have_value("", timeout=30_000)
    (tmp_path / "no.zip").write_text("nothing")
    chooser = page.locator("#right input[type=file]").first
    chooser.set_input_files(str(tmp_path / "no.zip"))
    expect(page.locator("#trace-problem")).to_contain_text("no.zip cannot be opened", timeout=30_000)
    chooser.set_input_files(str(tmp_path / "bundle.zip"))
    expect(root).to_have_attribute("data-run", re.compile("file-"), timeout=SLOW)
    expect(page.locator("#trace-problem")).not_to_contain_text("cannot be opened")


def test_a_run_that_wrote_nothing_leaves_the_map_to_the_one_before(
    studio: Studio, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the page saw it fail or comes back afterwards; and a heading shows what the words below it do."""
    page, root = hands.page, hands.page.locator(".ckm-root")
    session = studio.sessions.open("a look", None)
    first = scripted(session, "The lamp was lit at dusk. The keeper climbed the stairs.", {0: [1]}, "# Lamp\n\n")
    hands.open()
    expect(root).to_have_attribute("data-run", first)

    def broken(run: Run) -> Generator[Event]:
        yield PrefillProgress(0, run.request.token_ids.shape[1])
        raise ValueError("the power is off")

    monkeypatch.setattr(studio.engine, "_events", broken)
    hands.press("continue")
    expect(page.locator("#progress .notice")).to_contain_text("the power is off")
    hands.rest()
    expect(root).to_have_attribute("data-run", first)
    hands.open()
    expect(page.locator("#progress .notice")).to_contain_text("the power is off")
    expect(root).to_have_attribute("data-run", first)
    page.wait_for_timeout(1000)
    expect(root).to_have_attribute("data-run", first)
    page.locator("#runs input").click()
    expect(page.locator("#runs [role=option]")).to_have_count(1)
    page.keyboard.press("Escape")
    go_to(hands, 3)
    expect(root).to_have_attribute("data-mode", "passages")
    expect(root).to_contain_text("What the model had")


def test_a_replay_moves_a_caret_in_the_draft_and_a_sentence_leads_to_what_was_written(
    studio: Studio, hands: Hands
) -> None:
    page, marks = hands.page, hands.page.locator(".draft-marks mark")
    session = studio.sessions.open("a look", None)
    kept = {0: [1, 2], 4: [6, 7], 6: [8, 9]}
    scripted(session, "The lamp was lit at dusk. The keeper climbed the stairs.", kept, "# Lamp\n\n")
    hands.open()
    expect(page.locator(".ckm-looking")).to_have_text("Looking over the documents")
    slider = page.locator(".ckm-slider")
    slider.press("Home")
    expect(marks).to_have_text("The lamp was lit")
    expect(marks).to_have_class("draft-caret")
    slider.press("ArrowRight")
    expect(marks).to_have_text(" at dusk.")

    # The marks lie on the words, and typing takes them away.
    places = """() => { const mark = document.querySelector('.draft-marks mark').getBoundingClientRect();
        const area = document.querySelector('.draft-text').getBoundingClientRect();
        return mark.top > area.top && mark.bottom < area.bottom && mark.left > area.left
        && mark.right < area.right; }"""
    assert page.evaluate(places)
    hands.type("# Lamp\n\nA lantern burned. The keeper climbed the stairs.")
    expect(marks).to_have_count(0)
    slider.press("Home")
    expect(page.locator(".ckm-written mark")).to_have_text("The lamp was lit")
    expect(marks).to_have_count(0)

    # Page 1 was in view while the first words were written, page 2 while the others were.
    text = page.locator(".ckm-text")
    text.press("Home")
    text.click(position={"x": 30, "y": 52})
    summary = page.locator(".ckm-sentence-summary")
    expect(summary).to_have_text(
        "1 passage was written while this sentence was in view. 1 of them is no longer in the draft."
    )
    expect(page.locator(".ckm-sentence-texts")).to_have_text("The lamp was lit")
    text.click(position={"x": 30, "y": 115})
    expect(summary).to_contain_text("1 passage was written")
    expect(marks).to_have_text("The keeper climbed the stairs.")
    page.click(".ckm-sentence-close")
    expect(marks).to_have_count(0)


def test_a_replay_goes_over_all_sections(studio: Studio, hands: Hands) -> None:
    page, root = hands.page, hands.page.locator(".ckm-root")
    session = studio.sessions.open("a look", None)
    texts = ("The lamp was lit at dusk. ", "The keeper climbed the stairs. ")
    first, second = (
        scripted(session, text, {0: [1, 2], 2: [6, 7]}, section=SectionPlace(number, 2, f"Heading {number}"))
        for number, text in enumerate(texts, 1)
    )
    hands.open()
    expect(root).to_have_attribute("data-run", second)
    expect(page.locator(".ckm-section")).to_have_text("Section 2 of 2: Heading 2")
    page.click(".ckm-play")  # from the first section on
    expect(root).to_have_attribute("data-run", first)
    expect(root).to_have_attribute("data-run", second)
    expect(page.locator("#runs input")).to_have_value(re.compile("Section 2 of 2: Heading 2"))
    page.click(".ckm-earlier")
    expect(root).to_have_attribute("data-run", first)
    expect(page.locator(".ckm-later")).to_be_enabled()


def test_a_page_that_the_preview_names_is_shown_on_the_map_of_the_run_that_wrote_there(
    studio: Studio, hands: Hands, tmp_path: Path
) -> None:
    page, root = hands.page, hands.page.locator(".ckm-root")
    session = studio.sessions.open("a look", None)
    session.sources.add([write_book(tmp_path / "d0.pdf", len(CHAPTERS))])
    texts = ("The lamp was lit at dusk (p. 2). ", "The keeper climbed the stairs (p. 1). ")
    first, second = (
        scripted(session, text, {0: [1, 2]}, section=SectionPlace(number, 2, f"Heading {number}"))
        for number, text in enumerate(texts, 1)
    )
    hands.open()
    expect(root).to_have_attribute("data-run", second)
    page.get_by_role("button", name="Preview", exact=True).click()
    page.get_by_role("link", name="d0.pdf, page 2").click()
    expect(root).to_have_attribute("data-run", first)
    expect(page.locator(".ckm-pages")).to_have_attribute("aria-valuetext", re.compile("page 2"))
