"""The cache map in a real Chromium, on a page that holds nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest

from app.cache_map import cache_map
from app.composer import Places
from app.map_feed import Cursor, MapFeed, held_message
from app.quotes import Quote
from app.trace import KeptPage, KeptPassage, PromptTokens
from app.view import Json, PageMark
from core.events import CacheRefreshed, Event, TokenGenerated

ATTACKS = ["${window.pwn=1}", "${1+1}", '<img src=x onerror="window.pwn=1">', "{{value}}", "`+(window.pwn=1)+`"]
RECORD_TEXT = """
window.painted = [];
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  window.painted.push(String(text));
  return fillText.call(this, text, ...rest);
};
"""
GUTTER, MARGIN, RIGHT, ROW = 34, 18, 8, 14
LINE = 6
"""Tokens of a line of `words`."""
LAYERS, HEADS = tuple(range(30)), 3


class Site:
    """A page with the map, a button that streams whatever values a test has put into `values`, and what it asks for."""

    def __init__(self) -> None:
        self.values: Iterable[Any] = ()
        self.runs = 0
        self.asked: list[tuple[str, Any]] = []
        self.feed: MapFeed | None = None
        self.cursor: Cursor | None = None
        with gr.Blocks() as self.blocks:
            go = gr.Button("Go", elem_id="go")
            done = gr.Textbox(elem_id="done")
            the_map = cache_map()
            streamed = go.click(self.stream, outputs=the_map, show_progress="hidden")
            streamed.then(lambda: f"run {self.runs}", outputs=done)
            the_map.layer(self.layer, outputs=the_map, show_progress="hidden")
            the_map.visit(self.visit)
        self.url = self.blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", inbrowser=False)[1]

    def stream(self) -> Iterator[Any]:
        yield from self.values
        self.runs += 1

    def layer(self, event: gr.EventData) -> Any:
        self.asked.append(("layer", event._data))
        if self.feed is None:
            return gr.skip()
        message, self.cursor = self.feed.since(
            None if event._data.get("missing") else self.cursor, event._data["layer"]
        )
        return message

    def visit(self, event: gr.EventData) -> None:
        self.asked.append(("visit", event._data))

    def wait_for(self, name: str, data: Any) -> None:
        end = time.monotonic() + 10
        while (name, data) not in self.asked:
            assert time.monotonic() < end, f"{name} {data} not in {self.asked}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def launched() -> Iterator[Site]:
    site = Site()
    yield site
    site.blocks.close()


@pytest.fixture
def site(launched: Site) -> Site:
    launched.asked, launched.feed, launched.cursor = [], None, None
    return launched


@pytest.fixture
def page(site: Site, browser: Any) -> Iterator[Any]:
    page = open_page(site, browser)
    yield page
    page.context.close()


def open_page(site: Site, browser: Any, query: str = "__theme=light", width: int = 1200, **context: Any) -> Any:
    page = browser.new_context(viewport={"width": width, "height": 1000}, **context).new_page()
    page.add_init_script(RECORD_TEXT)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(f"{site.url}?{query}")
    wait_for_map(page)
    return page


def wait_for_map(page: Any) -> None:
    page.wait_for_function("document.querySelector('.ckm-explanation')?.textContent")


def send(site: Site, page: Any, *values: Any) -> None:
    """Stream the values, a twentieth of a second apart, and wait until the page has seen the run end and painted."""

    def paced() -> Iterator[Any]:
        for value in values:
            yield value
            time.sleep(0.05)

    site.values = paced()
    expected = site.runs + 1
    page.click("#go")
    page.wait_for_function(f"document.querySelector('#done textarea').value === 'run {expected}'")
    painted(page)


def painted(page: Any) -> None:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def words(count: int) -> list[str]:
    return [f" word{i}" if i % LINE else f"\nline{i}" for i in range(count)]


def prompt_of(pieces: list[str]) -> PromptTokens:
    """Two pages of one document, with five tokens before it and five after."""
    half = len(pieces) // 2
    pages = (PageMark("report.pdf", 1, None, 5), PageMark("report.pdf", 2, None, 5 + half))
    tokens = np.arange(len(pieces), dtype=np.int32)
    starts = tokens % half
    places = Places(np.minimum(tokens // half, 1), starts, starts + 1, (0, 0))
    return PromptTokens(tuple(range(len(pieces) + 10)), 5, tuple(pieces), pages, places)


def refreshed(prompt: PromptTokens, number: int, held: slice, layers: tuple[int, ...] = LAYERS) -> CacheRefreshed:
    """A refresh in step 10 * `number` after which `layers` hold the document tokens `held`."""
    counts = np.zeros((len(LAYERS), len(prompt.token_ids) + 10 * number), np.uint8)
    counts[list(layers), prompt.document_start + held.start : prompt.document_start + held.stop] = HEADS
    kept = counts.sum(axis=0, dtype=np.int64)
    return CacheRefreshed(10 * number, layers, kept, "prefill" if number == 0 else "stride", counts)


class Made:
    """A run on two pages, and the messages that tell of it, one after every event."""

    def __init__(self, pieces: list[str], run_id: str = "run") -> None:
        self.prompt = prompt_of(pieces)
        self.feed = MapFeed(run_id, self.prompt, LAYERS, HEADS, 100)
        first, self.cursor = self.feed.since(None)
        self.messages = [first]

    def add(self, *events: Event) -> Made:
        for event in events:
            self.feed.add(event)
            message, self.cursor = self.feed.since(self.cursor)
            self.messages.append(message)
        return self

    @property
    def whole(self) -> Json:
        message, _ = self.feed.since(None)
        assert message is not None
        return message


def made(pieces: list[str], run_id: str = "run", refreshes: int = 0, held: slice = slice(0, 8)) -> Made:
    """The small caches of a run hold the document tokens `held` at every refresh."""
    run = Made(pieces, run_id)
    return run.add(*(refreshed(run.prompt, number, held) for number in range(refreshes)))


def state(page: Any) -> tuple[str, ...]:
    """The run on the page, the number of its refreshes there, and the one that the document shows."""
    root = page.locator(".ckm-root")
    return tuple(root.get_attribute(f"data-{name}") for name in ("run", "refreshes", "shown"))


def pixel(page: Any, x: float, y: float, canvas: str = ".ckm-text canvas") -> list[int]:
    return page.evaluate(
        """([selector, x, y]) => { const canvas = document.querySelector(selector);
        const ratio = canvas.width / canvas.clientWidth;
        return [...canvas.getContext('2d').getImageData(x * ratio, y * ratio, 1, 1).data]; }""",
        [canvas, x, y],
    )


def colours(page: Any, *names: str) -> list[list[int]]:
    return page.evaluate(
        """(names) => { const probe = document.querySelector('.ckm-probe');
        const canvas = document.createElement('canvas').getContext('2d');
        return names.map((name) => { probe.style.color = name.includes('(') ? name : `var(--ckm-${name})`;
          canvas.fillStyle = getComputedStyle(probe).color; canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data]; }); }""",
        list(names),
    )


def columns(page: Any, box: str) -> float:
    return float(page.locator(box).bounding_box()["width"]) - GUTTER - RIGHT


def test_a_page_without_a_run_says_so(page: Any) -> None:
    assert page.inner_text(".ckm-explanation") == "The map appears once a run has read its document."
    assert state(page) == ("", "0", "")
    assert page.errors == []


def test_document_text_is_painted_and_never_run(site: Site, page: Any) -> None:
    run = made([piece for attack in ATTACKS for piece in (attack, "\n")], refreshes=1)
    send(site, page, *run.messages)
    assert set(ATTACKS) <= set(page.evaluate("window.painted"))
    page.hover(".ckm-heat", position={"x": GUTTER + 60, "y": 7})
    assert page.evaluate("window.pwn") is None
    assert page.locator(".ckm-root img").count() == 0
    assert page.errors == []


def test_a_page_title_is_shown_and_never_run(site: Site, page: Any) -> None:
    prompt = prompt_of(words(20))
    marks = tuple(PageMark(attack, 1, None, 5 + 4 * i) for i, attack in enumerate(ATTACKS))
    places = Places(prompt.places.page, prompt.places.start, prompt.places.end, tuple(range(len(ATTACKS))))
    prompt = PromptTokens(prompt.token_ids, 5, prompt.pieces, marks, places)
    start = MapFeed("run", prompt, LAYERS, HEADS, 4).since(None)[0]
    held = held_message([KeptPage(i, i, 0.2, 0.1, ()) for i in range(len(ATTACKS))], [], prompt)
    send(site, page, {**start, **held})
    assert {f"{attack} · page 1" for attack in ATTACKS} <= set(page.evaluate("window.painted"))
    assert [chip.inner_text() for chip in page.locator(".ckm-chip").all()] == [f"{a} · page 1 · 20%" for a in ATTACKS]
    assert page.evaluate("window.pwn") is None
    assert page.locator(".ckm-root img").count() == 0


def test_every_refresh_arrives_at_twenty_a_second(site: Site, page: Any) -> None:
    send(site, page, *made(words(6000), refreshes=40).messages)
    assert state(page) == ("run", "40", "39")
    assert page.errors == []


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
    site.wait_for("layer", {"layer": None, "missing": True})
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


def test_a_page_opened_again_gets_everything_at_once(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=6)
    send(site, page, *run.messages)
    page.reload()
    wait_for_map(page)
    assert state(page) == ("", "0", "")
    send(site, page, run.whole)
    assert state(page) == ("run", "6", "5")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_shade_is_the_scale_between_plain_and_full(site: Site, browser: Any, theme: str) -> None:
    page = open_page(site, browser, f"__theme={theme}")
    send(site, page, made(words(300), refreshes=1, held=slice(0, LINE)).whole)
    full, none, text, entered = colours(page, "full", "none", "text", "entered")
    assert pixel(page, MARGIN + 1, 42) == full
    assert pixel(page, MARGIN + 1, 42 + 23)[3] == 0
    assert contrast(text, full) >= 4.5
    assert contrast(text, entered) >= 4.5
    assert contrast(text, none) >= 7
    page.context.close()


def contrast(one: list[int], other: list[int]) -> float:
    """The contrast ratio of two RGBA colours, as WCAG defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[int]) -> float:
    channels = [value / 255 for value in colour[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_changes_are_marked_by_form_and_colour(site: Site, page: Any) -> None:
    """The first line stays, the second leaves, the third enters, the fourth is never held."""
    run = Made(words(300))
    run.add(refreshed(run.prompt, 0, slice(0, 2 * LINE)))
    counts = refreshed(run.prompt, 1, slice(0, LINE)).kept_by_layer
    counts[:, 5 + 2 * LINE : 5 + 3 * LINE] = HEADS
    run.add(CacheRefreshed(10, LAYERS, counts.sum(axis=0, dtype=np.int64), "stride", counts))
    send(site, page, run.whole)
    page.click(".ckm-mode-changes")
    painted(page)
    x, tops = MARGIN + 1, [40 + 23 * line for line in range(4)]
    entered, mark, left, stayed = colours(
        page, "entered", "entered-mark", "left-mark", "color-mix(in oklab, var(--ckm-full) 26%, var(--ckm-none))"
    )
    assert pixel(page, x, tops[0] + 3) == stayed
    assert pixel(page, x, tops[0] + 20) == stayed
    assert pixel(page, x, tops[1] + 3)[3] == 0
    assert left in [pixel(page, x + 25 + dx, tops[1] + 12) for dx in range(30)]  # between two words
    assert pixel(page, x, tops[2] + 3) == entered
    assert pixel(page, x, tops[2] + 20) == mark
    assert pixel(page, x, tops[3] + 3)[3] == 0
    explanation = "Tokens of the document: 6 entered, 6 left, 6 stayed. Refresh 1, step 10, by stride."
    assert page.inner_text(".ckm-explanation") == explanation
    assert page.is_visible(".ckm-keys-changes")
    assert page.get_attribute(".ckm-mode-changes", "aria-pressed") == "true"
    page.click(".ckm-mode-share")
    painted(page)
    assert pixel(page, x, tops[0] + 3) == colours(page, "full")[0]


def test_a_layer_is_asked_for_and_shown_alone(site: Site, page: Any) -> None:
    """Layer 4 holds the first line alone, all others the second."""
    run = Made(words(300))
    for number in range(6):
        counts = refreshed(run.prompt, number, slice(LINE, 2 * LINE)).kept_by_layer
        counts[4] = refreshed(run.prompt, number, slice(0, LINE)).kept_by_layer[4]
        kept = counts.sum(axis=0, dtype=np.int64)
        run.add(CacheRefreshed(10 * number, LAYERS, kept, "stride", counts))
    send(site, page, run.whole)
    site.feed, site.cursor = run.feed, run.cursor
    full = colours(page, "full")[0]
    assert pixel(page, MARGIN + 1, 42) not in (full, [0, 0, 0, 0])
    page.select_option(".ckm-layer", label="Layer 4")
    page.wait_for_selector(".ckm-root[data-layer='4']")
    assert ("layer", {"layer": 4}) in site.asked
    painted(page)
    assert pixel(page, MARGIN + 1, 42) == full
    assert pixel(page, MARGIN + 1, 42 + 23)[3] == 0
    assert page.inner_text(".ckm-explanation").startswith("Shade: share of the 3 KV heads of layer 4 that hold")
    page.select_option(".ckm-layer", label="All layers")
    page.wait_for_selector(".ckm-root[data-layer='']")
    painted(page)
    assert pixel(page, MARGIN + 1, 42) not in (full, [0, 0, 0, 0])


def test_the_legend_says_what_is_seen(site: Site, page: Any) -> None:
    run = made(words(300), refreshes=13)
    send(site, page, run.messages[0])
    assert page.inner_text(".ckm-explanation") == "No token is chosen yet: the prompt is being read."
    send(site, page, run.whole)
    assert page.inner_text(".ckm-explanation") == (
        "Shade: share of the 90 (layer, KV head) pairs whose small cache holds the token. "
        "A small cache holds 100 of 430 tokens. Refresh 12, step 120, by stride."
    )


def test_the_words_describe_the_picture(site: Site, page: Any) -> None:
    send(site, page, made(words(300), refreshes=13, held=slice(200, 280)).whole)
    page.wait_for_function("document.querySelector('.ckm-words').textContent.startsWith('Refresh 12')")
    assert page.text_content(".ckm-words") == (
        "Refresh 12, step 120, by stride: 80 of 300 document tokens are in at least one small cache. "
        "Most are on report.pdf · page 2. Tokens of the document: 0 entered, 0 left, 80 stayed."
    )


def test_the_slider_moves_every_view(site: Site, page: Any) -> None:
    """Each refresh holds another line."""
    run = Made(words(300))
    run.add(*(refreshed(run.prompt, number, slice(LINE * number, LINE * number + LINE)) for number in range(10)))
    send(site, page, run.whole)
    assert page.get_attribute(".ckm-root", "data-live") == "true"
    full = colours(page, "full")[0]
    page.focus(".ckm-slider")
    page.keyboard.press("Home")
    assert state(page)[2] == "0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    painted(page)
    assert state(page)[2] == "2"
    assert page.inner_text(".ckm-which") == "2 of 9 · step 20, by stride"
    assert [pixel(page, MARGIN + 1, 42 + 23 * line) == full for line in range(4)] == [False, False, True, False]
    for box in (".ckm-heat", ".ckm-steps"):
        assert page.get_attribute(box, "aria-valuenow") == "2"
    run.add(refreshed(run.prompt, 10, slice(0, 12)))
    send(site, page, run.messages[-1])
    assert state(page) == ("run", "11", "2")
    page.click(".ckm-live")
    assert state(page)[2] == "10"
    assert page.get_attribute(".ckm-live", "aria-pressed") == "true"


def test_a_replay_runs_to_the_newest_and_can_be_paused(site: Site, page: Any) -> None:
    send(site, page, made(words(300), refreshes=4).whole)
    page.click(".ckm-play")
    assert state(page)[2] == "0"
    page.wait_for_selector(".ckm-root[data-shown='1']")
    assert page.get_attribute(".ckm-play", "aria-label") == "Pause"
    page.click(".ckm-play")
    page.wait_for_timeout(700)
    assert state(page)[2] == "1"
    page.click(".ckm-play")
    page.wait_for_selector(".ckm-root[data-shown='3'][data-live='true']")
    assert page.get_attribute(".ckm-play", "aria-label") == "Play"


def test_the_heatmap_is_refreshes_by_positions(site: Site, page: Any) -> None:
    run = Made(words(3000))
    run.add(refreshed(run.prompt, 0, slice(0, 1000)), refreshed(run.prompt, 1, slice(1000, 2000)))
    send(site, page, run.whole)
    full, domain = colours(page, "full")[0], 3010 + 150
    xs = [GUTTER + columns(page, ".ckm-heat") * position / domain for position in (500, 1250, 2700)]
    rows = [[pixel(page, x, ROW * row + 7, ".ckm-heat canvas") == full for x in xs] for row in (0, 1)]
    assert rows == [[True, False, False], [False, True, False]]
    page.click(".ckm-heat", position={"x": GUTTER + 100, "y": 7})
    assert state(page)[2] == "0"
    page.keyboard.press("ArrowDown")
    assert state(page)[2] == "1"
    assert page.get_attribute(".ckm-heat", "aria-valuetext") == "Refresh 1, step 10, by stride"


def test_two_hundred_refreshes_are_all_in_view(site: Site, page: Any) -> None:
    send(site, page, made(words(1000), refreshes=200).whole)
    height = page.locator(".ckm-heat").bounding_box()["height"]
    for row in (0, 57, 199):
        page.click(".ckm-heat", position={"x": GUTTER + 5, "y": (row + 0.5) * height / 200})
        assert state(page)[2] == str(row)


def test_a_column_scrolls_the_document_there(site: Site, browser: Any) -> None:
    page = open_page(site, browser, reduced_motion="reduce")
    send(site, page, made(words(6000), refreshes=5).whole)
    x = GUTTER + 0.5 * columns(page, ".ckm-heat")
    page.evaluate("window.painted = []")
    page.click(".ckm-heat", position={"x": x, "y": 7})
    page.wait_for_timeout(100)
    shown = seen(page)
    assert min(shown) < 0.5 * 6310 - 5 < max(shown)
    assert max(shown) - min(shown) < 600  # only what is in view is painted
    page.context.close()


def seen(page: Any) -> list[int]:
    """The numbers of the words that were painted."""
    return [int(number) for number in re.findall(r"(?:word|line)(\d+)", " ".join(page.evaluate("window.painted")))]


def test_the_strip_shows_pages_and_leads_to_them(site: Site, browser: Any) -> None:
    page = open_page(site, browser, reduced_motion="reduce")
    send(site, page, made(words(6000), refreshes=2, held=slice(4500, 6000)).whole)
    assert page.inner_text(".ckm-page-name") == "report.pdf · page 2 · 50%"
    bar = colours(page, "bar")[0]
    first, second = (GUTTER + columns(page, ".ckm-pages") * position / 6310 for position in (1500, 4500))
    assert pixel(page, first, 20, ".ckm-pages canvas") != bar
    assert pixel(page, second, 20, ".ckm-pages canvas") == bar
    page.evaluate("window.painted = []")
    page.click(".ckm-pages", position={"x": second, "y": 30})
    site.wait_for("visit", {"page": 1})
    assert min(seen(page)) <= 3000 <= max(seen(page))
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute(".ckm-pages", "aria-valuetext") == "report.pdf · page 1 · 0%"
    page.evaluate("window.painted = []")
    page.keyboard.press("Enter")
    site.wait_for("visit", {"page": 0})
    assert min(seen(page)) == 0
    page.context.close()


def test_layers_by_steps_shows_full_steps(site: Site, page: Any) -> None:
    run = Made(words(300))
    run.add(refreshed(run.prompt, 0, slice(0, 8)), TokenGenerated(1, "a", 0, 30, 0.1))
    run.add(*(TokenGenerated(1, "a", step, 0, 0.1) for step in range(1, 10)))
    run.add(refreshed(run.prompt, 1, slice(0, 8), layers=tuple(range(15))), TokenGenerated(1, "a", 10, 15, 0.1))
    run.add(TokenGenerated(1, "a", 11, 30, 0.1), TokenGenerated(1, "a", 12, 0, 0.1))
    send(site, page, *run.messages)
    wide, height = columns(page, ".ckm-steps") / 48, 134 - 14
    bar = colours(page, "bar")[0]

    def full(step: int, layer: int) -> bool:
        x, y = GUTTER + (step + 0.6) * wide, (layer + 0.4) * height / 30
        return pixel(page, x, y, ".ckm-steps canvas") == bar

    assert [[full(step, layer) for step in (0, 5, 10, 11, 12)] for layer in (2, 25)] == [
        [True, False, True, True, False],
        [True, False, False, True, False],
    ]
    page.hover(".ckm-steps", position={"x": GUTTER + 10.6 * wide, "y": 20.5 * height / 30})
    assert page.text_content(".ckm-tip") == "Step 10, layer 20: partial\n15 of 30 layers full"
    page.click(".ckm-steps", position={"x": GUTTER + 5.5 * wide, "y": 20})
    assert state(page)[2] == "0"


def test_passages_and_quotes_are_marked_and_scrolled_to(site: Site, browser: Any) -> None:
    page = open_page(site, browser, reduced_motion="reduce")
    run = made(words(6000), refreshes=3)
    send(site, page, run.whole)
    strongest = KeptPassage(1200, 1224, 1.0)
    pages = [KeptPage(0, 1, 0.7, 0.4, (strongest,)), KeptPage(0, 0, 0.3, 0.2, (KeptPassage(12, 24, 0.5),))]
    page.evaluate("window.painted = []")
    send(site, page, held_message(pages, [Quote(0, 5, 0, 2, 1212, 1218)], run.prompt))
    assert page.get_attribute(".ckm-root", "data-mode") == "passages"
    assert 4200 in seen(page)
    assert page.inner_text(".ckm-kept-summary") == "What the model kept while this was written · 1 exact quote"
    chips = [chip.inner_text() for chip in page.locator(".ckm-chip").all()]
    assert chips == ["report.pdf · page 2 · 70%", "report.pdf · page 1 · 30%"]
    assert page.inner_text(".ckm-page-name") == "report.pdf · page 2 · 70%"
    full, accent = colours(page, "full", "accent")
    top = page.evaluate("document.querySelector('.ckm-text').scrollTop")
    column = [pixel(page, MARGIN + 3, y) for y in range(350)]
    begin = column.index(full)
    assert accent not in column[begin : begin + 44]
    assert accent in column[begin + 44 : begin + 50]  # the quote is the third line of the passage
    page.locator(".ckm-chip").nth(1).click()
    painted(page)
    assert page.evaluate("document.querySelector('.ckm-text').scrollTop") < top
    page.click(".ckm-close")
    assert page.get_attribute(".ckm-root", "data-mode") == "share"
    assert page.is_hidden(".ckm-kept")
    assert page.is_hidden(".ckm-mode-passages")
    page.context.close()


def test_hovering_tells_what_is_there(site: Site, page: Any) -> None:
    send(site, page, made(words(300), refreshes=2, held=slice(0, 12)).whole)
    page.hover(".ckm-text", position={"x": MARGIN + 5, "y": 52})
    assert page.text_content(".ckm-tip") == "report.pdf · page 1\nposition 5\nkept by 100%"
    page.hover(".ckm-heat", position={"x": GUTTER + 1, "y": ROW + 7})
    lines = (page.text_content(".ckm-tip") or "").split("\n")
    assert lines[:2] == ["Refresh 1, step 10, by stride", "30 layers refreshed"]
    page.hover(".ckm-pages", position={"x": GUTTER + 20, "y": 20})
    assert page.text_content(".ckm-tip") == "report.pdf · page 1 · 8%"
    page.mouse.move(2, 2)
    assert page.is_hidden(".ckm-tip")


def test_lines_are_laid_out_again_in_a_narrow_window(site: Site, page: Any) -> None:
    send(site, page, made(words(2000), refreshes=2).whole)
    wide = page.evaluate("document.querySelector('.ckm-text').scrollHeight")
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelector('.ckm-text').scrollHeight") > 1.25 * wide
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_finger_chooses_a_refresh_on_a_phone(site: Site, browser: Any) -> None:
    page = open_page(site, browser, width=390, has_touch=True)
    send(site, page, made(words(2000), refreshes=5).whole)
    page.tap(".ckm-heat", position={"x": GUTTER + 30, "y": 2 * ROW + 7})
    assert state(page)[2] == "2"
    page.context.close()


def test_blank_lines_collapse_and_canvas_is_crisp(site: Site, browser: Any) -> None:
    page = open_page(site, browser, device_scale_factor=2)
    few, many = made(["one", "\n\n\n", "two", "."], "few"), made(["one", "\n" * 9, "two", "."], "many")
    heights = []
    for run in (few, many):
        send(site, page, run.whole)
        heights.append(page.evaluate("document.querySelector('.ckm-text .ckm-sizer').style.height"))
    assert heights[0] == heights[1]
    sizes = page.evaluate(
        "[...document.querySelectorAll('.ckm-sizer canvas')].map((canvas) => canvas.width / canvas.clientWidth)"
    )
    assert sizes == [2, 2, 2, 2]
    page.context.close()


def test_the_map_speaks_japanese(site: Site, browser: Any) -> None:
    page = open_page(site, browser, locale="ja-JP")
    assert page.inner_text(".ckm-explanation") == "文書の読み込みが終わると、ここにマップが表示されます。"
    send(site, page, made(words(300), refreshes=2).whole)
    assert page.inner_text(".ckm-mode-changes") == "変化"
    assert page.inner_text(".ckm-which") == "1 / 1 ・ステップ 10、一定間隔"
    page.context.close()


def test_both_languages_say_the_same_things(page: Any) -> None:
    text = (cache_map.__globals__["FOLDER"] / "text.js").read_text("utf-8").replace('"use strict";', "")
    keys = page.evaluate(f"(() => {{ {text}; return Object.values(TEXT).map((words) => Object.keys(words)); }})()")
    assert keys[0] == keys[1]
    assert len(keys) == 2
