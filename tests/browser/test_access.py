"""For everybody: no serious finding of axe, in both themes and on a phone; Japanese; reduced motion."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app.runs.test_evidence import scripted
from tests.app.scripted import ScriptedRun, into
from tests.browser.studio import Hands, Studio
from tests.browser.tabs import Tabs

PHONE = 390


@pytest.fixture
def still(studio: Studio, tabs: Tabs) -> Iterator[Hands]:
    """A page on which nothing moves, so that what axe sees is how it stays."""
    with tabs.open(studio.url, reduced_motion="reduce") as page:
        yield Hands(page, studio.url)


@pytest.mark.usefixtures("endless")
def test_axe_finds_nothing_serious(still: Hands) -> None:
    still.sample("1")
    still.type("The lamp was lit")
    still.press("continue")
    still.wait_for_words("The lamp was lit", 3)
    still.stop()
    for fold in ("#versions", "#more", "#options", ".source-text"):
        still.page.locator(f"{fold} button").first.click()
    still.page.locator("#rates summary").click()
    assert serious(still, 1440) == {}
    look(still.page, PHONE, "light")
    small = "button => button.offsetParent && button.offsetHeight < 40"
    names = f"[...document.querySelectorAll('button')].filter({small}).map(button => button.outerHTML)"
    assert still.page.evaluate(names) == []  # a finger finds each


def test_axe_finds_nothing_serious_in_what_comes_and_goes(studio: Studio, still: Hands, tmp_path: Path) -> None:
    """Evidence for a passage, what is unfolded, a run that failed, a proposal."""
    page, session = still.page, studio.sessions.open("a look", None)
    scripted(session, "The lamp was lit at dusk. The keeper climbed the stairs.", {0: [1, 2], 4: [6, 7]}, "# Lamp\n\n")
    session.sources.paste("The lamp was lit in 1759.")
    (tmp_path / "empty.txt").touch()
    session.sources.add([tmp_path / "empty.txt"])
    still.open()
    still.select(20, 20)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ckm-root")).to_have_attribute("data-mode", "passages")
    found = {"evidence": serious(still, 1024)}

    still.unfold()
    for fold in ("#versions", "#more", "#options", "#paste", "#compare", ".source-text"):
        page.locator(f"{fold} button").first.click()
    still.press("save-version")
    expect(page.locator("#progress")).to_contain_text("Kept as")
    still.type("The lamp was lit by hand.")
    still.press("compare-version")
    expect(page.locator("#version-changes ins").first).to_be_visible()
    expect(page.locator(".page-text textarea")).to_have_value("The lamp was lit in 1759.")
    found["unfolded"] = serious(still, 1024)

    assert into(session, ScriptedRun().fail("The run failed: it broke."), 0, 0).wait(30)
    still.open()
    expect(page.locator("#progress .notice")).to_have_text("The run failed: it broke.")
    found["failed"] = serious(still, 1024, "#progress")

    assert into(session, ScriptedRun().finish("The lamp burned"), 0, len("The lamp was lit"), proposes=True).wait(30)
    still.open()
    expect(page.locator(".draft-verdict")).to_be_visible()
    found["proposal"] = serious(still, 1024, "#draft")
    lamp = "The lamp was lit at dusk. It was cold. Fog came."
    still.page.get_by_role("button", name="Reject").click()
    still.rest()
    still.type(lamp)
    assert into(session, ScriptedRun().finish("The lamp burned at dusk. Fog came."), 0, len(lamp), proposes=True).wait(
        30
    )
    still.open()
    expect(page.locator(".draft-one-accept")).to_have_count(2)
    found["changes"] = serious(still, 1024, "#draft")
    assert {state: what for state, what in found.items() if what} == {}


def serious(hands: Hands, wide: int, part: str = "body") -> dict[str, Any]:
    """What axe finds in a part of the page, and what would have to be scrolled sideways, `wide` and on a phone, in both
    themes."""
    found: dict[str, Any] = {}
    for width in (wide, PHONE):
        for theme in ("light", "dark"):
            look(hands.page, width, theme)
            found[f"{width} {theme}"] = violations(hands.page, part)
        over = hands.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[f"{width} too wide"] = max(over, 0)
    look(hands.page, wide, "light")
    return {where: what for where, what in found.items() if what}


def look(page: Page, width: int, theme: str) -> None:
    """As on a screen of that width, in that theme, which Gradio keeps as a class."""
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("(dark) => { document.body.classList.toggle('dark', dark); }", theme == "dark")


def violations(page: Page, part: str = "body") -> dict[str, list[str]]:
    """The rules of axe that are broken there, and where. That the others' nodes are not listed halves the time."""
    return {
        finding["id"]: [node["html"][:160] + node["failureSummary"][:160] for node in finding["nodes"]]
        for finding in Axe().run(page, context=part, options={"resultTypes": ["violations"]}).response["violations"]
        if finding["impact"] in ("serious", "critical")
    }


def test_japanese_browsers_get_a_japanese_page(studio: Studio, tabs: Tabs) -> None:
    with tabs.open(studio.url, locale="ja-JP") as page:
        hands = Hands(page, studio.url)
        expect(hands.page.locator("#write")).to_have_text("書く")
        expect(hands.page.locator("#task input")).to_have_value("レポート")
        assert hands.area.get_attribute("aria-label") == "原稿"
        assert hands.page.evaluate("document.documentElement.lang") == "ja"
        expect(hands.page.locator("#title h1")).to_have_text("長文ライター")
        hands.type("灯台は岩の上に立つ。🙂")
        assert hands.state()["text"] == "灯台は岩の上に立つ。🙂"
        expect(hands.page.locator(".draft-count")).to_contain_text("11 文字")


@pytest.mark.usefixtures("unhurried")
def test_what_the_server_says_there_is_japanese_too(studio: Studio, tabs: Tabs) -> None:
    with tabs.open(studio.url, locale="ja-JP") as page:
        hands = Hands(page, studio.url)
        expect(page.locator("#model-line")).to_contain_text("ウィンドウ 8,192 トークン")
        expect(page.locator("#detail textarea")).to_have_attribute("placeholder", "レポートの主題")
        hands.press("sample")
        expect(page.locator(".file-card")).to_contain_text("8 ページ", timeout=60_000)
        hands.unfold()
        pages = page.locator(".pages input")
        pages.fill("1")
        pages.press("Enter")
        expect(page.locator(".file-card")).to_contain_text("8 ページ中 1 ページ")
        expect(page.locator("#window")).to_contain_text("収まります：")
        hands.type("The lamp was lit")
        hands.press("continue")
        hands.wait_for_words("The lamp was lit", 3)
        expect(page.locator("#progress")).to_contain_text("執筆中。")
        hands.press("stop")
        expect(page.locator("#progress")).to_contain_text(
            "停止しました。ここまでの文章は残っています。", timeout=60_000
        )
        expect(page.locator("#rates")).to_contain_text("直前のステップ")
        expect(page.locator(".ckm-words")).to_contain_text("最も多いのは lighthouses.pdf · ページ 1 です。")
        expect(page.locator("#runs input")).to_have_value(re.compile(" · KeyIndex · 停止$"))
        hands.rest()


@pytest.mark.usefixtures("endless")
def test_one_region_stays_and_says_what_changes_but_not_every_number(hands: Hands) -> None:
    spoken = "window.spoken = []; new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach("
    spoken += "(node) => spoken.push(node.textContent)))).observe(document.querySelector('#announcer'), "
    hands.page.evaluate(f"() => {{ {spoken} {{ childList: true, subtree: true }}) }}")
    region = hands.page.locator("#announcer [role=status]")
    hands.sample("1")
    expect(region).to_contain_text("It fits")
    hands.type("The lamp was lit")
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 3)
    hands.stop()
    expect(region).to_contain_text("Stopped. The text so far is kept")
    assert hands.page.locator("#progress [role=status], #window [role=status]").count() == 0
    said = [text for text in hands.page.evaluate("window.spoken") if text]
    for beginning in ("Writing.", "Stopped."):
        assert sum(text.startswith(beginning) for text in said) == 1, said
