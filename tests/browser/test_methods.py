"""The methods on the page: each has its sentence, its parameters and its words, in both languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app.methods import DEFAULT_METHOD, all_parameters, parameters
from app.say.wording import ENGLISH, Wording
from core.policies import DEFAULT_POLICY, METHODS, Policy, Quest, SnapKV
from tests.app.conftest import wait
from tests.browser.studio import SLOW, Hands, Studio
from tests.browser.tabs import Tabs


def choose(page: Page, title: str) -> None:
    """Take it from the list."""
    page.locator("#method input").click()
    page.get_by_role("option").filter(has_text=re.compile(rf"\b{title}\s*$")).click()


def shows(page: Page, method: str, say: Wording = ENGLISH) -> None:
    """Its sentence, and its parameters and no other."""
    expect(page.locator("#method-summary")).to_contain_text(say(METHODS[method].summary))
    own = {parameter.name: parameter for parameter in parameters(method)}
    for name in all_parameters():
        field = page.locator(f"#parameter-{name}")
        if name in own:
            expect(field).to_contain_text(say(own[name].label))
        expect(field).to_be_visible(visible=name in own)


def written_by(studio: Studio) -> Policy:
    """The policy of the latest run."""
    writing = studio.sessions.open("a look", None).writing
    assert writing is not None
    assert writing.current is not None
    return writing.current.spec.request.policy


@pytest.mark.usefixtures("unhurried")
def test_another_method_is_chosen_and_spoken_of(hands: Hands, studio: Studio) -> None:
    page = hands.page
    hands.sample("1")
    page.locator("#options button").first.click()
    shows(page, DEFAULT_METHOD)
    expect(page.locator("#parameter-budget textarea, #parameter-budget input")).to_have_attribute("placeholder", "1/16")
    for title in ("Full attention", "SnapKV"):
        choose(page, title)
    shows(page, "SnapKV")
    window, session = page.locator("#parameter-window input"), studio.sessions.open("a look", None)
    assert window.get_attribute("placeholder") == "32"
    page.locator("#detail textarea").fill("Tell who kept the light.")
    bar, refused = (
        page.locator("#window"),
        page.locator("#progress").get_by_text("SnapKV: window is 0; it must be a whole number, 1 or more."),
    )
    window.fill("0")
    window.blur()
    expect(bar).to_contain_text("SnapKV: window is 0")
    hands.press("write")
    expect(refused).to_be_visible()
    window.fill("16")
    window.blur()
    expect(refused).to_have_count(0)  # something else would be asked for now
    expect(bar).to_contain_text("It fits")
    wait(lambda: session.task.get("window") == 16)
    hands.press("write")
    hands.wait_for_words()
    expect(page.locator(".rates")).to_contain_text("over what was kept", timeout=SLOW)
    hands.stop()
    assert written_by(studio) == SnapKV(1 / 8, 16)
    page.click(".ckm-technical summary")
    expect(page.locator(".ckm-terms")).to_contain_text("what is not kept is gone for good")
    expect(page.locator(".ckm-figures")).to_contain_text("What was kept, step 0, after the prompt")

    hands.open()  # the choice is kept, with what was typed
    page.locator("#options button").first.click()
    expect(page.locator("#method input")).to_have_value("SnapKV")
    shows(page, "SnapKV")
    expect(window).to_have_value("16")


@pytest.mark.usefixtures("unhurried")
def test_the_words_for_a_method_are_japanese_on_a_japanese_page(studio: Studio, tabs: Tabs) -> None:
    with tabs.open(studio.url, locale="ja-JP") as page:
        hands, say = Hands(page, studio.url), Wording("ja")
        page.locator("#options button").first.click()
        shows(page, DEFAULT_METHOD, say)
        choose(page, "Quest")
        shows(page, "Quest", say)
        page.locator("#parameter-page input").fill("8")
        page.locator("#parameter-page input").blur()
        page.locator("#detail textarea").fill("灯台を守ったのは誰か。")
        hands.press("write")
        expect(page.locator(".rates")).to_contain_text("毎回選んだ部分のみ", timeout=SLOW)
        hands.press("stop")
        hands.rest()
        assert written_by(studio) == Quest(page=8)
        page.click(".ckm-technical summary")
        expect(page.locator(".ckm-figures")).to_contain_text(re.compile("ステップ [0-9]+ で読んだもの"))


def test_any_methods_are_compared(hands: Hands) -> None:
    page = hands.page
    hands.sample("1")
    page.locator("#detail textarea").fill("Tell who kept the light.")
    page.locator("#compare button").first.click()
    for title in ("KeyIndex", "RefreshKV", "H2O"):  # of which the first two were chosen
        page.get_by_label(title, exact=True).click()
    hands.press("compare-run")
    expect(page.locator("#comparison h3")).to_have_text(["Full attention", "H2O"])
    expect(page.locator("#comparison .state")).to_have_text(["Finished.", "Finished."], timeout=SLOW)


def test_a_project_keeps_its_method_and_is_told_of_one_that_is_gone(hands: Hands, studio: Studio) -> None:
    page, session = hands.page, studio.sessions.open("a look", None)
    chosen = page.locator("#method input")
    for kept, shown in (("RefreshKV", "RefreshKV"), ("<b>Gone</b>", DEFAULT_METHOD)):
        session.keep_task({"task": "free", "detail": "Tell who kept the light.", "method": kept})
        hands.open()
        page.locator("#options button").first.click()
        expect(chosen).to_have_value(shown)
        shows(page, shown)
    said = "This app has no method “<b>Gone</b>” any more: the project goes on with KeyIndex."
    expect(page.get_by_text(said)).to_be_visible()
    hands.press("write")
    hands.wait_for_words()
    assert written_by(studio) == DEFAULT_POLICY
    hands.rest()
    hands.open()  # from the first word on it is the project's
    expect(page.get_by_text(said)).to_have_count(0)
