"""Messages in any order and number, what is said in words, and text that must never run."""

from typing import Any

from app.prompt.compose import Places
from app.prompt.marks import PageMark
from app.runs.evidence import held
from app.runs.trace import KeptPage, KeptPassage, PromptTokens
from app.web.components.cache_map import FOLDER
from core.events import TokenGenerated
from tests.browser.cache_map.site import (
    ATTACKS,
    GUTTER,
    Made,
    Site,
    feed_of,
    made,
    open_page,
    prompt_of,
    send,
    state,
    wait_for_map,
    words,
)
from tests.browser.tabs import Tabs


def test_a_page_without_a_run_says_so(page: Any) -> None:
    assert page.inner_text(".ckm-explanation") == "The map appears once a run has read its document."
    assert state(page) == ("", "0", "")


def test_document_text_is_painted_and_never_run(site: Site, page: Any) -> None:
    run = made([piece for attack in ATTACKS for piece in (attack, "\n")], refreshes=1)
    send(site, page, *run.messages)
    assert set(ATTACKS) <= set(page.evaluate("window.painted"))
    page.hover(".ckm-heat", position={"x": GUTTER + 60, "y": 7})
    assert page.evaluate("window.pwn") is None
    assert page.locator(".ckm-root img").count() == 0


def test_a_page_title_is_shown_and_never_run(site: Site, page: Any) -> None:
    prompt = prompt_of(words(20))
    marks = tuple(PageMark(attack, 1, None, 5 + 4 * i) for i, attack in enumerate(ATTACKS))
    places = Places(prompt.places.page, prompt.places.start, prompt.places.end, tuple(range(len(ATTACKS))))
    prompt = PromptTokens(prompt.token_ids, 5, prompt.pieces, marks, places)
    start = feed_of("run", prompt).since(None)[0]
    marks = held([KeptPage(i, i, 0.2, 0.1, ()) for i in range(len(ATTACKS))], [], prompt, [])
    send(site, page, {**start, "held": marks})
    assert {f"{attack} · page 1" for attack in ATTACKS} <= set(page.evaluate("window.painted"))
    assert [chip.inner_text() for chip in page.locator(".ckm-chip").all()] == [f"{a} · page 1 · 20%" for a in ATTACKS]
    assert page.evaluate("window.pwn") is None
    assert page.locator(".ckm-root img").count() == 0


def test_every_refresh_arrives_at_twenty_a_second(site: Site, page: Any) -> None:
    send(site, page, *made(words(6000), refreshes=40).messages)
    assert state(page) == ("run", "40", "39")


def test_values_while_the_page_is_busy_are_made_up_for(site: Site, page: Any) -> None:
    run = made(words(500), refreshes=20)
    site.feed = run.feed
    page.evaluate("setInterval(() => { const end = performance.now() + 200; while (performance.now() < end); }, 250)")
    send(site, page, *run.messages)
    page.wait_for_selector(".ckm-root[data-refreshes='20']")


def test_what_was_lost_is_asked_for_again(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=12)
    site.feed = run.feed
    send(site, page, run.messages[3])
    site.wait_for("layer", {"layer": None, "run": "run", "missing": True})
    page.wait_for_selector(".ckm-root[data-refreshes='12']")
    assert state(page) == ("run", "12", "11")


def test_updates_leave_the_nodes_in_place(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=3)
    send(site, page, run.messages[0])
    page.evaluate("window.nodes = [...document.querySelectorAll('.ckm-root *')]")
    send(site, page, *run.messages[1:])
    assert state(page)[1] == "3"
    assert page.evaluate(
        "(() => { const now = [...document.querySelectorAll('.ckm-root *')];"
        "return now.length === nodes.length && now.every((node, i) => node === nodes[i]); })()"
    )


def test_other_runs_duplicates_and_gaps_are_harmless(site: Site, page: Any) -> None:
    run, other = made(words(300), refreshes=10), made(words(300), "other", refreshes=12)
    rows = run.whole["refresh"]
    told = {"run": "run", "refreshes": 10}
    start = run.messages[0]
    parts = ({**told, "refresh": part} for part in (rows[:2], rows[1:2], rows[7:9]))
    send(site, page, start, *parts, {"run": "other", "refreshes": 12, "refresh": other.whole["refresh"]})
    assert state(page) == ("run", "4", "8")
    send(site, page, {**told, "refresh": rows[3:5]})
    assert state(page) == ("run", "6", "8")
    send(site, page, other.whole)
    assert state(page) == ("other", "12", "11")


def test_a_passage_of_another_run_is_shown_on_that_runs_documents(site: Site, page: Any) -> None:
    shown, other = made(words(300), refreshes=2), made(words(60), "other", refreshes=3)
    send(site, page, shown.whole)
    site.feed = other.feed
    marks = held([KeptPage(0, 1, 1.0, 0.5, (KeptPassage(3, 9, 0.5),))], [], other.prompt, [])
    send(site, page, {"run": "other", "held": marks})
    site.wait_for("layer", {"layer": None, "run": "other", "missing": True})
    page.wait_for_selector(".ckm-root[data-run='other'][data-mode='passages']")
    assert page.inner_text(".ckm-kept-summary") == "What the model had in view while this was written"
    assert page.inner_text(".ckm-chip") == "report.pdf · page 2 · 100%"
    send(site, page, shown.whole)
    assert page.get_attribute(".ckm-root", "data-mode") == "share"


def test_what_is_not_known_of_a_passage_is_said_and_the_map_stays(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=2)
    send(site, page, run.whole, {"run": "run", "held": held([], [], run.prompt, [], "typed")})
    assert page.inner_text(".ckm-kept-summary") == "Typed by you, or its run is no longer kept."
    assert page.get_attribute(".ckm-root", "data-mode") == "share"
    assert page.is_hidden(".ckm-mode-passages")
    send(site, page, {"run": "run", "held": held([], [], run.prompt, [], "full")})
    assert page.inner_text(".ckm-kept-summary") == (
        "With this method the model looks at the whole text at every step (full attention): there is no choice to show."
    )


def test_a_page_opened_again_gets_everything_at_once(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=6)
    send(site, page, *run.messages)
    page.reload()
    wait_for_map(page)
    assert state(page) == ("", "0", "")
    send(site, page, run.whole)
    assert state(page) == ("run", "6", "5")


def test_the_words_describe_the_picture(site: Site, page: Any) -> None:
    send(site, page, made(words(300), refreshes=13, held=slice(200, 280)).whole)
    page.wait_for_function("document.querySelector('.ckm-words').textContent.includes('Refresh 12')")
    assert page.text_content(".ckm-words") == (
        "Looking at page 2 of report.pdf. In view: 100% documents, 0% its own text, 0% instruction. "
        "Refresh 12, step 120, by stride: 80 of 300 document tokens are in view of at least one KV head. "
        "Most are on report.pdf · page 2. Tokens of the document: 0 entered, 0 left, 80 stayed."
    )


def test_a_method_without_a_small_cache_says_so(site: Site, page: Any) -> None:
    run = Made(words(300)).add(*(TokenGenerated(1, "a", step, 30, 0.1) for step in range(5)))
    send(site, page, *run.messages)
    assert page.inner_text(".ckm-explanation") == (
        "With this method the model looks at the whole text at every step (full attention): there is no choice to show."
    )
    assert page.is_disabled(".ckm-play")


def test_the_map_speaks_japanese(site: Site, tabs: Tabs) -> None:
    with open_page(site, tabs, locale="ja-JP") as page:
        assert page.inner_text(".ckm-explanation") == "文書の読み込みが終わると、ここにマップが表示されます。"
        send(site, page, made(words(300), refreshes=2).whole)
        assert page.inner_text(".ckm-mode-changes") == "変化"
        assert page.inner_text(".ckm-which") == "1 / 1 ・10 トークン後"
        assert page.inner_text(".ckm-looking") == "文書全体を見ています"


def test_both_languages_say_the_same_things(page: Any) -> None:
    text = (FOLDER / "text.js").read_text("utf-8").replace('"use strict";', "")
    keys = page.evaluate(f"(() => {{ {text}; return Object.values(TEXT).map((words) => Object.keys(words)); }})()")
    assert keys[0] == keys[1]
    assert len(keys) == 2
