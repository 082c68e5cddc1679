"""Methods side by side, and a table held against its columns."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.methods import DEFAULT_METHOD
from app.text.diff import diff
from tests.browser.studio import SLOW, Hands, Studio

HOSTILE = '<img src=x onerror="window.pwn=1"> ${window.pwn=1} {{value}} <|im_end|>'
TEXT = "(node) => node.textContent"


def ask(studio: Studio, hands: Hands, detail: str, task: str = "free", tokens: int = 16, **fields: Any) -> None:
    """Let the page come back with these fields, greedy unless they say otherwise."""
    session = studio.sessions.open("a look", None)
    session.keep_task({"task": task, "detail": detail, "max_new_tokens": tokens, "temperature": 0, **fields})
    hands.open()
    expect(hands.page.locator("#detail textarea")).to_have_value(detail)


def compare(hands: Hands) -> Locator:
    """Open the comparison, leave the default out and begin; returns the columns of the other two that are chosen."""
    if not hands.page.locator("#compare-run").is_visible():
        hands.page.locator("#compare button").first.click()
    hands.page.get_by_label(DEFAULT_METHOD, exact=True).uncheck()
    hands.press("compare-run")
    methods = hands.page.locator("#comparison .method")
    expect(methods).to_have_count(2)
    return methods


def ended(hands: Hands) -> None:
    """Wait until no method writes any more."""
    expect(hands.page.locator("#compare-run")).to_be_enabled(timeout=SLOW)
    expect(hands.page.locator("#compare-stop")).to_be_disabled()


def figures(hands: Hands, title: str) -> list[float]:
    """A row of the table."""
    row = hands.page.locator("#comparison tbody tr").filter(has_text=title)
    return [float(re.sub(r"[^\d.]", "", cell)) for cell in row.locator("td").all_inner_texts()]


@pytest.mark.usefixtures("unhurried")  # so that both texts have the length asked for
def test_two_methods_are_shown_side_by_side_with_what_differs(hands: Hands, studio: Studio) -> None:
    page = hands.page
    hands.sample("1")
    ask(studio, hands, "Tell at length who kept the light and how.", tokens=40, budget="16", stride=10)
    methods = compare(hands)
    ended(hands)
    expect(methods.locator("h3")).to_have_text(["RefreshKV", "Full attention"])
    expect(methods.locator(".state")).to_have_text(["Finished.", "Finished."])
    first, second = (methods.nth(index).locator(".changes") for index in (0, 1))
    assert len(first.inner_text().split()) > 10
    comparison = studio.sessions.open("a look", None).comparison
    assert comparison is not None
    assert [first.evaluate(TEXT), second.evaluate(TEXT)] == [trial.text for trial in comparison.trials]
    for text in (first, second):  # what differs is marked in both
        expect(text.locator("mark").first).to_have_css("text-decoration-line", "underline")
    expect(page.locator("#comparison .fair")).to_contain_text("Underlined: what RefreshKV does not have")
    expect(methods.nth(1).locator(".agreement")).to_contain_text("words it shares")

    assert figures(hands, "Tokens written") == [40, 40]
    assert all(0 < rate < 10_000 for rate in figures(hands, "Tokens per second"))
    assert all(0 < seconds < SLOW / 1000 for seconds in figures(hands, "Time to first token"))
    small, full = figures(hands, "Memory of keys and values")
    assert small > full > 0  # the small cache comes on top of the full one
    full_steps, partial_steps = figures(hands, "Full steps"), figures(hands, "Partial steps")
    assert [a + b for a, b in zip(full_steps, partial_steps, strict=True)] == [39, 39]
    assert partial_steps[1] == 0 < partial_steps[0]
    expect(page.locator("#comparison tbody tr").first.locator(".best")).to_have_count(1)

    # Each is a run that the map can show.
    page.locator("#runs input").click()
    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    options.filter(has_text="RefreshKV").click()
    expect(page.locator(".ckm-root")).to_have_attribute("data-refreshes", re.compile(r"[1-9]"))
    assert hands.text == ""


@pytest.mark.usefixtures("unhurried")
def test_a_reload_and_another_window_attach_to_it_and_stop_it(hands: Hands, studio: Studio, visitor: Page) -> None:
    page = hands.page
    ask(studio, hands, "Count the waves.", tokens=1000)
    compare(hands)
    text = page.locator("#comparison .method .changes").first
    expect(text).to_have_text(re.compile(r"(\S+\s+){3}"), timeout=SLOW)
    before = text.inner_text()
    hands.open()
    expect(page.locator("#compare-stop")).to_be_enabled()
    expect(text).to_have_text(re.compile("^" + re.escape(before[:20])))
    expect(text).to_have_text(re.compile(rf"^.{{{len(before) + 20}}}", re.DOTALL), timeout=SLOW)  # it goes on
    expect(page.locator("#compare-run")).to_be_disabled()

    # Another window watches it too, and its Stop is for both.
    other = Hands(visitor, studio.url)
    expect(other.page.locator("#compare-stop")).to_be_enabled()
    expect(other.page.locator("#comparison .changes").first).to_contain_text(before[:20])
    other.press("compare-stop")
    for window in (other, hands):
        ended(window)
        expect(window.page.locator("#comparison .state")).to_have_text(["Stopped.", "Stopped."])
    assert studio.engine.current() == []


@pytest.mark.usefixtures("unhurried")
def test_a_comparison_stays_in_its_project_and_goes_on(hands: Hands, studio: Studio) -> None:
    page = hands.page
    hands.type("About the light.")
    studio.sessions.open("a look", None).rename("Waves")
    ask(studio, hands, "Count the waves.", tokens=1000)
    compare(hands)
    comparison = studio.sessions.open("a look", None).comparison
    assert comparison is not None
    hands.press("new-project")
    expect(page.locator("#comparison")).to_have_text("")
    expect(page.locator("#compare-run")).to_be_enabled()
    expect(page.locator("#compare-stop")).to_be_disabled()
    assert not comparison.done
    expect(hands.area).to_have_value("")
    page.locator("#project-list input").click()
    page.get_by_role("option", name="Waves").click()
    expect(hands.area).to_have_value("About the light.")
    expect(page.locator("#comparison .method")).to_have_count(2)
    expect(page.locator("#compare-stop")).to_be_enabled()
    hands.press("compare-stop")
    ended(hands)
    assert comparison.done


def test_hostile_text_does_nothing_but_appear(hands: Hands, studio: Studio) -> None:
    page = hands.page
    ask(studio, hands, f"Repeat this: {HOSTILE}", tokens=16)
    compare(hands)
    ended(hands)
    comparison = studio.sessions.open("a look", None).comparison
    assert comparison is not None
    for trial in comparison.trials:  # as if the model had written it
        assert trial.followed is not None
        trial.followed.text = HOSTILE
    comparison.trials[1].changes = diff(HOSTILE, f"{HOSTILE} more")
    hands.open()
    page.locator("#compare button").first.click()
    texts = page.locator("#comparison .changes")
    expect(texts.first).to_have_text(HOSTILE)
    expect(page.locator("#detail textarea")).to_have_value(f"Repeat this: {HOSTILE}")
    expect(texts.nth(1)).to_contain_text(HOSTILE)
    assert page.locator("#comparison img").count() == 0
    assert page.evaluate("window.pwn") is None


TABLE = "| Name | Year |\n|---|---|\n| Bell Rock | 1810 | |\n|  |  |\n"
REPAIRED = "| Name | Year |\n| --- | --- |\n| Bell Rock | 1810 |\n"


def test_a_malformed_table_is_noticed_and_repaired_and_undo_brings_it_back(hands: Hands, studio: Studio) -> None:
    page, notice = hands.page, hands.page.locator("#table-check")
    ask(studio, hands, "Name, Year", "table")
    hands.type(TABLE)
    expect(notice).to_contain_text("Row 3 was empty")
    expect(notice).to_contain_text("Row 2 was too long by empty cells")
    hands.press("repair-table")
    expect(hands.area).to_have_value(REPAIRED)
    expect(notice).to_have_text("The table is as asked for: 1 row below its head.")
    expect(page.locator("#repair-table")).to_be_hidden()
    hands.press("undo")
    expect(hands.area).to_have_value(TABLE)
    expect(notice).to_contain_text("Row 3 was empty")
    expect(page.locator("#repair-table")).to_be_visible()
    # What only a person can put right is said, too, and goes when they do.
    hands.type("| Name | Year |\n|---|---|\n| Bell Rock |\n")
    expect(notice).to_contain_text("Row 2 has 1 cell, 2 columns were asked for: “Bell Rock”.")
    expect(page.locator("#repair-table")).to_be_hidden()
    hands.type(REPAIRED)
    expect(notice).to_have_text("The table is as asked for: 1 row below its head.")
