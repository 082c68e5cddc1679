"""Writing on the page: a report from three files to a Word document, the cursor, proposals, versions, keys."""

import re
import threading
from pathlib import Path

import pytest
from docx import Document as WordDocument
from playwright.sync_api import expect

from app.store import list_projects, list_versions
from tests.app.scripted import ScriptedRun, into
from tests.browser.stub import StubEngine
from tests.browser.studio import SAMPLE, SLOW, Hands, Studio


@pytest.mark.usefixtures("endless")
def test_a_report_about_three_files_is_written_edited_and_exported(
    hands: Hands, engine: StubEngine, tmp_path: Path
) -> None:
    word = WordDocument()
    word.add_paragraph("The keeper wrote that the lamp burned nine gallons of oil a night.")
    word.save(tmp_path / "keeper.docx")
    (tmp_path / "notes.md").write_text("# Notes\n\nThe fog signal was first sounded in 1862.")
    cards = hands.add(SAMPLE, tmp_path / "keeper.docx", tmp_path / "notes.md")
    for name in ("lighthouses.pdf", "keeper.docx", "notes.md"):
        expect(cards.filter(has_text=name)).to_contain_text(" tokens")
    hands.choose_pages("1")

    hands.press("write")
    hands.wait_for_words("# Report\n\n## Introduction\n\n", 8)
    expect(hands.page.locator(".ckm-root")).to_have_attribute("data-refreshes", re.compile(r"[2-9]|\d\d"), timeout=SLOW)
    expect(hands.page.locator("#rates .rate")).to_have_text(re.compile(r"^\d+\.\d tokens/s$"))
    hands.stop()
    written = hands.text

    # The person's words stay, and the model goes on between them.
    edited = written.replace("# Report", "# Bell Rock", 1) + "\n\nThe last line is mine."
    hands.type(edited)
    at = len(edited) - len("\n\nThe last line is mine.")
    hands.select(at, at)
    hands.press("here")
    beginning, end = edited[:at], edited[at:]
    expect(hands.area).to_have_value(
        re.compile(rf"^{re.escape(beginning.rstrip(' '))}.+{re.escape(end)}$", re.DOTALL), timeout=SLOW
    )
    expect(hands.page.locator("#progress")).to_contain_text("Writing", timeout=SLOW)
    hands.stop()
    continued = hands.text
    assert continued.startswith(beginning.rstrip(" "))
    assert continued.endswith(end)

    # A proposal that is rejected changes nothing.
    engine.free()
    hands.select(2, 11)
    hands.page.locator("[data-kind=rewrite]").click()
    expect(hands.page.locator(".draft-diff del")).to_have_text("Bell Rock", timeout=SLOW)
    expect(hands.page.locator(".draft-verdict")).to_be_visible(timeout=SLOW)
    hands.page.locator(".reject").click()
    hands.rest()
    assert hands.text == continued

    # Undo takes the run back as one step, then the edit; redo brings them again.
    hands.press("undo")
    expect(hands.area).to_have_value(edited, timeout=30_000)
    hands.press("undo")
    expect(hands.area).to_have_value(written, timeout=30_000)
    hands.press("redo")
    hands.press("redo")
    expect(hands.area).to_have_value(continued, timeout=30_000)

    assert hands.download("docx", tmp_path / "out.docx") == "lighthouses.docx"
    paragraphs = [paragraph.text for paragraph in WordDocument(tmp_path / "out.docx").paragraphs]
    assert paragraphs[0] == "Bell Rock"
    assert paragraphs[-1] == "The last line is mine."


def test_an_export_says_which_characters_no_font_has(hands: Hands, tmp_path: Path) -> None:
    hands.type("Done ✅ \U000f0001")
    hands.download("pdf", tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
    expect(hands.page.locator("#export-problem .notice")).to_contain_text("shows � in their place: U+F0001.")


@pytest.mark.usefixtures("endless")
def test_what_is_typed_while_the_model_reads_stays(hands: Hands, slow_reading: threading.Event) -> None:
    hands.sample("1-3")
    hands.type("The rock. The end.")
    hands.select(9, 9)
    hands.press("here")
    expect(hands.page.locator("#progress")).to_contain_text("Reading", timeout=SLOW)
    expect(hands.page.locator("#write")).to_be_disabled()
    hands.area.press("Control+Home")
    hands.page.keyboard.type("Once: ")
    hands.saved()
    hands.area.press("Control+z")  # the browser's own
    expect(hands.area).not_to_have_value("Once: The rock. The end.")
    hands.type("Twice: The rock. The end.")
    slow_reading.set()
    expect(hands.area).to_have_value(re.compile(r"^Twice: The rock\..+ The end\.$", re.DOTALL), timeout=SLOW)
    expect(hands.area).not_to_be_editable()
    hands.stop()
    hands.press("undo")
    expect(hands.area).to_have_value("Twice: The rock. The end.", timeout=30_000)


def test_an_accepted_proposal_is_one_step_of_undo(hands: Hands) -> None:
    passage = (
        "The keeper of the light was a man who, every single night of the year, in good weather and in bad weather, "
        "climbed all of the stairs of the tower in order to trim the wick of the lamp."
    )
    text = f"Before it. {passage} After it."
    hands.type(text)
    hands.select(11, 11 + len(passage))
    hands.page.locator("[data-kind=shorten]").click()
    expect(hands.page.locator(".draft-verdict")).to_be_visible(timeout=SLOW)
    kept = "diff = diff.cloneNode(true); diff.querySelectorAll('del, button').forEach((one) => one.remove());"
    proposed = hands.page.locator(".draft-diff").evaluate(f"(diff) => {{ {kept} return diff.textContent; }}")
    hands.page.locator(".draft-diff").press("Enter")
    hands.rest()
    expect(hands.area).to_have_value(proposed, timeout=30_000)
    assert proposed != text
    assert proposed.startswith("Before it. ")
    assert proposed.endswith(" After it.")
    hands.press("undo")
    expect(hands.area).to_have_value(text, timeout=30_000)


LAMP = "The lamp was lit at dusk. It was cold. Fog came from the sea that night."
BURNED = "The lamp was kindled at dusk. Fog came from the north that night."


def proposal_in(studio: Studio, hands: Hands) -> None:
    """The draft is LAMP between two sentences, and BURNED is proposed for it."""
    hands.type(f"Before it. {LAMP} After it.")
    session = studio.sessions.open("a look", None)
    assert into(session, ScriptedRun().finish(BURNED), 11, 11 + len(LAMP), proposes=True).wait(30)
    hands.open()
    expect(hands.page.locator(".draft-change")).to_have_count(3)


def one(hands: Hands, verdict: str, number: int) -> None:
    hands.page.locator(f".draft-one-{verdict}").nth(number).click()


def test_changes_are_accepted_and_rejected_one_by_one(studio: Studio, hands: Hands) -> None:
    proposal_in(studio, hands)
    changes = hands.page.locator(".draft-change")
    one(hands, "accept", 0)
    expect(changes).to_have_count(2)
    expect(hands.page.locator(".draft-diff")).to_contain_text("The lamp was kindled at dusk.")
    hands.open()  # a reload keeps it
    expect(changes).to_have_count(2)
    hands.press("undo")  # opens it again
    expect(changes).to_have_count(3)
    hands.press("redo")
    expect(changes).to_have_count(2)
    one(hands, "reject", 0)
    expect(changes).to_have_count(1)
    hands.page.locator(".draft-verdict .accept").click()
    hands.rest()
    text = "Before it. The lamp was kindled at dusk. It was cold. Fog came from the north that night. After it."
    expect(hands.area).to_have_value(text)
    hands.press("undo")
    expect(hands.area).to_have_value(text.replace("north", "sea"))


def test_verdicts_that_come_before_the_last_is_answered_count(studio: Studio, hands: Hands) -> None:
    proposal_in(studio, hands)
    press = "for (const one of [...document.querySelectorAll('.draft-one-accept')].slice(0, 2)) one.click()"
    hands.page.evaluate(press)
    expect(hands.page.locator(".draft-change")).to_have_count(1)
    expect(hands.page.locator(".draft-diff")).to_contain_text("The lamp was kindled at dusk. Fog came from the sea")


def test_two_windows_agree_on_a_proposal_that_one_of_them_answers(studio: Studio, hands: Hands) -> None:
    proposal_in(studio, hands)
    with hands.page.context.new_page() as other:
        second = Hands(other, hands.url)
        expect(other.locator(".draft-change")).to_have_count(3)
        one(hands, "accept", 0)
        expect(hands.page.locator(".draft-change")).to_have_count(2)
        one(second, "reject", 1)  # of three, as it still shows them
        expect(other.locator(".draft-change")).to_have_count(1)
        expect(other.locator(".draft-diff")).to_contain_text("The lamp was kindled at dusk. It was cold.")
        one_left = "document.dispatchEvent(new Event('visibilitychange'))"
        hands.page.evaluate(one_left)
        expect(hands.page.locator(".draft-change")).to_have_count(1)
        assert other.locator(".draft-diff").inner_text() == hands.page.locator(".draft-diff").inner_text()


def test_undo_pressed_twice_at_once_keeps_nothing_aside(studio: Studio, hands: Hands) -> None:
    hands.type("One.")
    expect(hands.page.locator("#undo")).to_be_enabled()
    hands.page.evaluate("const undo = document.querySelector('#undo'); undo.click(); undo.click();")
    expect(hands.area).to_have_value("")
    hands.page.wait_for_timeout(1000)
    project = list_projects(studio.store)[0].id
    assert list_versions(studio.store, project) == []
    expect(hands.page.locator(".draft-recover")).to_be_hidden()


def test_named_versions_are_compared_and_restored(hands: Hands) -> None:
    hands.type("The tower is of granite.")
    hands.page.locator("#versions button").first.click()
    hands.page.locator("#version-name input, #version-name textarea").fill("With granite")
    hands.press("save-version")
    expect(hands.page.locator("#progress")).to_contain_text("Kept as “With granite”", timeout=30_000)
    hands.type("The tower is of oak.")
    hands.press("compare-version")
    expect(hands.page.locator("#version-changes del")).to_have_text("granite", timeout=30_000)
    expect(hands.page.locator("#version-changes ins")).to_have_text("oak")
    hands.press("restore-version")
    expect(hands.area).to_have_value("The tower is of granite.", timeout=30_000)
    hands.press("undo")
    expect(hands.area).to_have_value("The tower is of oak.", timeout=30_000)


@pytest.mark.usefixtures("unhurried")
def test_everything_can_be_done_with_the_keyboard(hands: Hands) -> None:
    page = hands.page
    hands.area.focus()
    page.keyboard.type("The lamp was lit")
    hands.saved()
    expect(page.locator("#continue")).to_be_enabled()
    page.keyboard.press("Control+Shift+Enter")
    hands.wait_for_words("The lamp was lit", 2)
    page.keyboard.press("Escape")
    expect(page.locator("#progress")).to_contain_text("Stopped", timeout=60_000)
    hands.rest()
    continued = hands.text
    hands.area.focus()
    page.keyboard.press("Control+z")
    expect(hands.area).to_have_value("The lamp was lit", timeout=30_000)
    page.keyboard.press("Control+Shift+z")
    expect(hands.area).to_have_value(continued, timeout=30_000)
    page.keyboard.press("Control+Shift+s")
    expect(page.locator("#progress")).to_contain_text("Kept as", timeout=30_000)
    # A passage, by keys alone: select, go to the button behind the draft, look at the proposal, refuse it.
    hands.area.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Shift+End")
    expect(page.locator("[data-kind=rewrite]")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.kind") == "rewrite"
    page.keyboard.press("Enter")
    expect(page.locator(".draft-verdict")).to_be_visible(timeout=SLOW)
    page.keyboard.press("Escape")
    hands.rest()
    assert hands.text == continued


def test_a_refusal_stays_where_it_can_be_read(hands: Hands, studio: Studio) -> None:
    progress = hands.page.locator("#progress")
    hands.type("The lamp was lit")
    hands.press("continue")
    expect(progress).to_contain_text("Finished", timeout=SLOW)
    hands.rest()
    before = hands.text
    hands.page.locator("#task input").click()
    hands.page.get_by_role("option", name="My own instruction").click()
    # Another number is suggested for it, and a request with another number is another one.
    hands.page.get_by_role("button", name="Tone, language, readers, longest text").click()
    expect(hands.page.locator("#tokens input[type=number]")).to_have_value("512")
    hands.press("write")  # without an instruction
    expect(progress.locator(".notice")).to_be_visible()
    hands.page.wait_for_timeout(1500)
    expect(progress.locator(".notice")).to_be_visible()
    assert hands.text == before
    expect(hands.page.locator("#write")).to_be_enabled()


def test_a_version_is_deleted_after_a_question(hands: Hands) -> None:
    hands.type("The tower is of granite.")
    hands.page.locator("#versions button").first.click()
    hands.press("save-version")
    expect(hands.page.locator("#progress")).to_contain_text("Kept as")
    hands.page.once("dialog", lambda dialog: dialog.dismiss())
    hands.press("delete-version")
    hands.page.once("dialog", lambda dialog: dialog.accept())
    hands.press("delete-version")
    expect(hands.page.locator("#version-changes")).to_contain_text("Deleted.")
    hands.page.locator("#version-list input").click()
    expect(hands.page.get_by_role("option")).to_have_count(0)
