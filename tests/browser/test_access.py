"""For everybody: no serious finding of axe, in both themes and on a phone; Japanese; reduced motion."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.app.runs.test_evidence import scripted
from tests.app.scripted import ScriptedRun, into
from tests.browser.studio import Hands, Studio


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.usefixtures("endless")
def test_axe_finds_nothing_serious(studio: Studio, browser: Browser, width: int, theme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    hands = Hands(context.new_page(), studio.url)
    hands.open(f"?__theme={theme}")
    hands.sample("1")
    hands.type("The lamp was lit")
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 3)
    hands.stop()
    for fold in ("#versions", "#export", "#options"):
        hands.page.locator(f"{fold} button").first.click()
    assert serious(hands) == {}
    if width == 390:
        small = "button => button.offsetParent && button.offsetHeight < 40"
        names = f"[...document.querySelectorAll('button')].filter({small}).map(button => button.outerHTML)"
        assert hands.page.evaluate(names) == []  # a finger finds each
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1024, 390])
def test_axe_finds_nothing_serious_in_what_comes_and_goes(
    studio: Studio, browser: Browser, tmp_path: Path, width: int, theme: str
) -> None:
    """Evidence for a passage, what is unfolded, a run that failed, a proposal."""
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    hands, found = Hands(context.new_page(), studio.url), {}
    page, session = hands.page, studio.sessions.open("a look", None)
    scripted(session, "The lamp was lit at dusk. The keeper climbed the stairs.", {0: [1, 2], 4: [6, 7]}, "# Lamp\n\n")
    session.sources.paste("The lamp was lit in 1759.")
    (tmp_path / "empty.txt").touch()
    session.sources.add([tmp_path / "empty.txt"])
    hands.open(f"?__theme={theme}")
    hands.select(20, 20)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ckm-root")).to_have_attribute("data-mode", "passages")
    found["evidence"] = serious(hands)

    for fold in ("#versions", "#export", "#options", "#paste", "#compare", ".source-text"):
        page.locator(f"{fold} button").first.click()
    hands.press("save-version")
    expect(page.locator("#progress")).to_contain_text("Kept as")
    hands.type("The lamp was lit by hand.")
    hands.press("compare-version")
    expect(page.locator("#version-changes ins").first).to_be_visible()
    hands.press("make-export")
    expect(page.locator("#exported a[download]").first).to_be_visible()
    expect(page.locator(".page-text textarea")).to_have_value("The lamp was lit in 1759.")
    found["unfolded"] = serious(hands)

    assert into(session, ScriptedRun().fail("The run failed: it broke."), 0, 0).wait(30)
    hands.open(f"?__theme={theme}")
    expect(page.locator("#progress .notice")).to_have_text("The run failed: it broke.")
    found["failed"] = serious(hands)

    assert into(session, ScriptedRun().finish("The lamp burned"), 0, len("The lamp was lit"), proposes=True).wait(30)
    hands.open(f"?__theme={theme}")
    expect(page.locator(".draft-verdict")).to_be_visible()
    found["proposal"] = serious(hands)
    assert {state: what for state, what in found.items() if what} == {}
    context.close()


def serious(hands: Hands) -> dict[str, Any]:
    """What axe finds, and what would have to be scrolled sideways."""
    found = {
        finding["id"]: [node["html"][:160] + node["failureSummary"][:160] for node in finding["nodes"]]
        for finding in Axe().run(hands.page).response["violations"]
        if finding["impact"] in ("serious", "critical")
    }
    over = hands.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found | ({"too wide": over} if over > 0 else {})


def test_japanese_browsers_get_a_japanese_page(studio: Studio, browser: Browser) -> None:
    context = browser.new_context(locale="ja-JP")
    hands = Hands(context.new_page(), studio.url)
    expect(hands.page.locator("#write")).to_have_text("書く")
    expect(hands.page.locator("#task input")).to_have_value("レポート")
    assert hands.area.get_attribute("aria-label") == "原稿"
    assert hands.page.evaluate("document.documentElement.lang") == "ja"
    expect(hands.page.locator("#title h1")).to_have_text("長文ライター")
    hands.type("灯台は岩の上に立つ。🙂")
    assert hands.state()["text"] == "灯台は岩の上に立つ。🙂"
    expect(hands.page.locator(".draft-count")).to_contain_text("11 文字")
    context.close()


@pytest.mark.usefixtures("unhurried")
def test_what_the_server_says_there_is_japanese_too(studio: Studio, browser: Browser) -> None:
    context = browser.new_context(locale="ja-JP")
    hands = Hands(context.new_page(), studio.url)
    page = hands.page
    expect(page.locator("#model-line")).to_contain_text("ウィンドウ 8,192 トークン")
    expect(page.locator("#detail textarea")).to_have_attribute("placeholder", "レポートの主題")
    hands.press("sample")
    expect(page.locator(".file-card")).to_contain_text("8 ページ · ", timeout=60_000)
    pages = page.locator(".pages textarea, .pages input").first
    pages.fill("1")
    pages.press("Enter")
    expect(page.locator(".file-card")).to_contain_text("8 ページ中 1 ページ · ")
    expect(page.locator("#window")).to_contain_text("収まります：")
    hands.type("The lamp was lit")
    hands.press("continue")
    hands.wait_for_words("The lamp was lit", 3)
    expect(page.locator("#progress")).to_contain_text("執筆中。")
    hands.press("stop")
    expect(page.locator("#progress")).to_contain_text("停止しました。ここまでの文章は残っています。", timeout=60_000)
    expect(page.locator("#rates")).to_contain_text("直前のステップ")
    expect(page.locator(".ckm-words")).to_contain_text("最も多いのは lighthouses.pdf · ページ 1 です。")
    expect(page.locator("#runs input")).to_have_value(re.compile(" · RefreshKV · 停止$"))
    hands.rest()
    context.close()


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
