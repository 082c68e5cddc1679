"""The page by keyboard: Tab changes nothing and leaves nothing open, and an input method's keys press nothing."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.app.conftest import wait
from tests.browser.studio import Hands, Studio

VALUES = """() => [...document.querySelectorAll("#left :is(input, textarea):not([type=file])")].map(
  (field) => [field.closest("[id]")?.id, field.type === "radio" ? field.checked : field.value])"""
FOCUS = (
    "() => { const { activeElement: at } = document; return [at.closest('#left') !== null, at.getAttribute('role')]; }"
)


def test_tabbing_through_the_left_column_changes_nothing_and_leaves_nothing_open(
    studio: Studio, hands: Hands, tmp_path: Path
) -> None:
    page = hands.page
    (tmp_path / "tides.txt").write_text("The tide came in.\fThe tide went out.")
    hands.add(tmp_path / "tides.txt")
    hands.unfold()
    for fold in ("#more", "#options"):
        page.locator(f"{fold} button").first.click()
    tokens = page.locator("#tokens input[type=number]")
    tokens.fill("320")
    tokens.blur()
    page.locator(".file-fold").focus()
    before = page.evaluate(VALUES)
    lists = 0
    while page.evaluate(FOCUS)[0]:
        page.keyboard.press("Tab")
        lists += page.evaluate(FOCUS) == [True, "combobox"]
        expect(page.locator("[role=combobox][aria-expanded=true]")).to_have_count(0)
        expect(page.get_by_role("listbox")).to_have_count(0)
    assert lists == 5  # task, length, tone, language, method
    assert page.evaluate(VALUES) == before

    # Opened and left as it was, too.
    for name in ("task", "length", "tone", "language", "method"):
        page.locator(f"#{name} input").focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("listbox")).to_have_count(1)
        page.keyboard.press("Tab")
        expect(page.get_by_role("listbox")).to_have_count(0)
    assert page.evaluate(VALUES) == before

    # What follows a task follows a change of it, and what is set by hand afterwards stays.
    page.locator("#task input").focus()
    for key in ("Enter", "Home", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#task input")).to_have_value("Summary")
    expect(tokens).not_to_have_value("320")
    expect(page.locator("#detail textarea")).not_to_have_attribute("placeholder", re.compile("report"))
    suggested = tokens.input_value()
    session = studio.sessions.open("a look", None)
    wait(lambda: session.task.get("max_new_tokens") == int(suggested))
    tokens.fill("640")
    tokens.blur()
    for name, option in (("task", "Summary"), ("tone", "Formal")):  # the first is what it was
        page.locator(f"#{name} input").click()
        page.get_by_role("option", name=option).click()
    wait(lambda: session.task["tone"] == "formal")
    expect(tokens).to_have_value("640")
    page.locator("#length input").click()
    page.get_by_role("option", name="Long").click()
    expect(tokens).not_to_have_value("640")
    wait(lambda: session.task["length"] == "long")
    hands.open()
    page.locator("#more button").first.click()
    expect(tokens).to_have_value(str(session.task["max_new_tokens"]))


def test_every_list_of_the_page_closes_when_it_is_left(hands: Hands) -> None:
    page = hands.page
    hands.type("The lamp was lit.")
    hands.press("save-version")
    expect(page.locator("#progress")).to_contain_text("Kept as")
    page.locator("#versions button").first.click()
    lists = page.locator("[role=combobox]:visible")
    names = [one.get_attribute("aria-label") for one in lists.all()]
    assert {"Open", "Saved versions"} <= set(names)
    for one in lists.all():
        one.focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("listbox")).to_have_count(1)
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("listbox")).to_have_count(0)
        expect(page.locator("[role=combobox][aria-expanded=true]")).to_have_count(0)


def test_the_enter_that_confirms_a_conversion_presses_nothing(hands: Hands) -> None:
    page = hands.page
    hands.type("灯台は岩の上に立つ。")
    hands.select(0, 5)
    expect(page.locator(".draft-tools button").first).to_have_text("Rewrite")
    page.evaluate("""() => {
      window.pressed = 0;
      document.querySelector(".draft-tools button").addEventListener("click", (event) => {
        window.pressed++;
        event.stopImmediatePropagation();
      }, true);
    }""")
    wish = page.locator(".draft-wish")
    wish.evaluate("""(field) => { // in the order of Safari
      field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "丁寧に" }));
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, which: 229, bubbles: true }));
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }));
    }""")
    assert page.evaluate("window.pressed") == 0
    wish.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("window.pressed") == 1
    # Nor does a shortcut of the page while a word is put together.
    page.evaluate("""() => {
      const area = document.querySelector("#draft textarea");
      document.querySelector("#write").addEventListener("click", () => { window.pressed++; }, true);
      area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, keyCode: 229, bubbles: true }));
    }""")
    assert page.evaluate("window.pressed") == 1
