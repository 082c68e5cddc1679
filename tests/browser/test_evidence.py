"""Evidence on the page: whose a passage is and what was kept then, the runs to choose from, a trace from a file."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.engine.run import Run
from core import Event, PrefillProgress
from tests.app.runs.test_evidence import scripted
from tests.browser.studio import SLOW, Hands, Studio

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

    expect(page.locator("#runs input")).to_have_value(re.compile("RefreshKV"), timeout=30_000)

    # What the first run wrote is shown on its own map; what a person types is nobody's, and typing changes nothing.
    go_to(hands, len(OPENING) + 4)
    expect(root).to_have_attribute("data-run", str(first), timeout=30_000)
    expect(root).to_have_attribute("data-mode", "passages")
    expect(root).to_contain_text("What the model kept")
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
    expect(options.first).to_have_text(re.compile(r"\d\d:\d\d:\d\d · RefreshKV · (stopped|finished)"))
    # The run that wrote last is shown; the other is chosen.
    shown = root.get_attribute("data-run")
    assert shown == second
    page.locator("#runs [role=option][aria-selected=false]").click()
    expect(root).not_to_have_attribute("data-run", str(shown), timeout=30_000)
    go_to(hands, len(OPENING) + 4)
    expect(root).to_contain_text("What the model kept", timeout=30_000)

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
    expect(root).to_contain_text("What the model kept")
