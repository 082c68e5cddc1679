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
from app.view import MapFeed, PageMark, map_start
from core.events import CacheRefreshed

ATTACKS = ["${window.pwn=1}", '<img src=x onerror="window.pwn=1">', "{{value}}", "`+(window.pwn=1)+`"]
RECORD_TEXT = """
window.painted = [];
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  window.painted.push(String(text));
  return fillText.call(this, text, ...rest);
};
"""
GUTTER, AXIS, MARGIN = 34, 34, 18


class Site:
    """A page with the map and a button that streams whatever values a test has put into `values`."""

    def __init__(self) -> None:
        self.values: Iterable[Any] = ()
        self.runs = 0
        with gr.Blocks() as self.blocks:
            go = gr.Button("Go", elem_id="go")
            done = gr.Textbox(elem_id="done")
            streamed = go.click(self.stream, outputs=cache_map(), show_progress="hidden")
            streamed.then(lambda: f"run {self.runs}", outputs=done)
        self.url = self.blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", inbrowser=False)[1]

    def stream(self) -> Iterator[Any]:
        yield from self.values
        self.runs += 1


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.blocks.close()


@pytest.fixture
def page(site: Site, browser: Any) -> Iterator[Any]:
    page = open_page(site, browser)
    yield page
    page.context.close()


def open_page(site: Site, browser: Any, query: str = "__theme=light", width: int = 1200, **context: Any) -> Any:
    page = browser.new_context(viewport={"width": width, "height": 900}, **context).new_page()
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
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def words(count: int) -> list[str]:
    return [f" word{i}" if i % 12 else f"\nline{i}" for i in range(count)]


def feed(pieces: list[str], run_id: str = "run", refreshes: int = 0, held: slice = slice(0, 8)) -> MapFeed:
    """A run on two pages whose small caches hold the document tokens `held`, the generated text growing by ten."""
    pages = [PageMark("report.pdf", 1, None, 5), PageMark("report.pdf", 2, None, 5 + len(pieces) // 2)]
    prompt = len(pieces) + 10
    made = MapFeed(map_start(run_id, pieces, 5, pages, 90, 100, prompt_tokens=prompt))
    for number in range(refreshes):
        kept = np.zeros(prompt + 10 * number, int)
        kept[5:-5][held] = 90
        reason = "prefill" if number == 0 else "stride"
        made.add(CacheRefreshed(step=10 * number, layers=tuple(range(30)), kept=kept, reason=reason))
    return made


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


def test_a_page_without_a_run_says_so(page: Any) -> None:
    assert page.inner_text(".ckm-explanation") == "The map appears once a run has read its document."
    assert state(page) == ("", "0", "")


def test_document_text_is_painted_and_never_run(site: Site, page: Any) -> None:
    pieces = [piece for attack in ATTACKS for piece in (attack, "\n")]
    made = feed(pieces, refreshes=1)
    send(site, page, made.start(), made.whole())
    painted = page.evaluate("window.painted")
    assert set(ATTACKS) <= set(painted)
    assert page.evaluate("window.pwn") is None
    assert page.locator(".ckm-root img").count() == 0
    assert page.errors == []


def test_a_page_title_is_painted_and_never_run(site: Site, page: Any) -> None:
    start = map_start("run", words(20), 0, [PageMark(attack, 1, None, 0) for attack in ATTACKS], 9, 4, prompt_tokens=20)
    send(site, page, {"start": start, "refresh": []})
    assert {f"{attack} · page 1" for attack in ATTACKS} <= set(page.evaluate("window.painted"))
    assert page.evaluate("window.pwn") is None


def test_every_refresh_arrives_at_twenty_a_second(site: Site, page: Any) -> None:
    made = feed(words(6000), refreshes=40)
    rows = made.whole()["refresh"]
    send(site, page, made.start(), *({"refresh": [row]} for row in rows))
    assert state(page) == ("run", "40", "39")
    assert page.errors == []


def test_values_while_the_page_is_busy_are_made_up_for_by_the_repeats(site: Site, page: Any) -> None:
    made = feed(words(500), refreshes=20)
    page.evaluate("setInterval(() => { const end = performance.now() + 200; while (performance.now() < end); }, 250)")
    send(site, page, made.start(), *(made.since(sent) for sent in range(20)))
    assert state(page)[1] == "20"


def test_updates_leave_the_nodes_in_place(site: Site, page: Any) -> None:
    page.evaluate("window.nodes = [...document.querySelectorAll('.ckm-root *')]")
    made = feed(words(300), refreshes=3)
    send(site, page, made.start(), made.since(1), made.since(2))
    assert state(page)[1] == "3"
    assert page.evaluate(
        "(() => { const now = [...document.querySelectorAll('.ckm-root *')];"
        "return now.length === nodes.length && now.every((node, i) => node === nodes[i]); })()"
    )


def test_other_runs_duplicates_and_gaps_are_harmless(site: Site, page: Any) -> None:
    made, other = feed(words(300), refreshes=10), feed(words(300), "other", refreshes=12)
    rows = made.whole()["refresh"]
    send(site, page, made.start(), {"refresh": rows[:2]}, {"refresh": rows[1:2]}, {"refresh": rows[7:9]})
    send(site, page, {"refresh": other.whole()["refresh"]})
    assert state(page) == ("run", "4", "8")
    send(site, page, {"refresh": rows[3:5]})
    assert state(page) == ("run", "6", "8")
    send(site, page, other.whole())
    assert state(page) == ("other", "12", "11")


def test_a_page_opened_again_gets_everything_at_once(site: Site, page: Any) -> None:
    made = feed(words(300), refreshes=6)
    send(site, page, made.start(), made.since(0))
    page.reload()
    wait_for_map(page)
    assert state(page) == ("", "0", "")
    send(site, page, made.whole())
    assert state(page) == ("run", "6", "5")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_shade_is_the_scale_between_plain_and_full(site: Site, browser: Any, theme: str) -> None:
    page = open_page(site, browser, f"__theme={theme}")
    made = feed(words(300), refreshes=1, held=slice(0, 12))
    send(site, page, made.whole())
    colours = page.evaluate(
        """() => { const probe = document.querySelector('.ckm-probe');
        const canvas = document.createElement('canvas').getContext('2d');
        return ['full', 'none', 'text'].map((name) => { probe.style.color = `var(--ckm-${name})`;
          canvas.fillStyle = getComputedStyle(probe).color; canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data]; }); }"""
    )
    full, none, text = colours
    assert pixel(page, MARGIN + 1, 42) == full
    assert pixel(page, MARGIN + 1, 42 + 23)[3] == 0
    assert contrast(text, full) >= 4.5
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


def test_the_legend_says_what_is_seen(site: Site, page: Any) -> None:
    made = feed(words(300), refreshes=13)
    send(site, page, made.start())
    assert page.inner_text(".ckm-explanation") == (
        "Shade: share of the 90 (layer, KV head) pairs whose small cache holds the token. "
        "No token is chosen yet: the prompt is being read."
    )
    send(site, page, made.whole())
    assert page.inner_text(".ckm-explanation") == (
        "Shade: share of the 90 (layer, KV head) pairs whose small cache holds the token. Underlined: new to it. "
        "Small cache: 100 of 430 tokens. Refresh 12, step 120, by stride."
    )


def test_the_words_describe_the_picture(site: Site, page: Any) -> None:
    made = feed(words(300), refreshes=13, held=slice(200, 280))
    send(site, page, made.whole())
    page.wait_for_function("document.querySelector('.ckm-words').textContent.startsWith('Refresh 12')")
    assert page.text_content(".ckm-words") == (
        "Refresh 12, step 120, by stride: 80 of 300 document tokens are in at least one small cache. "
        "Most are on report.pdf · page 2."
    )


def test_a_row_is_shown_until_the_latest_is_asked_for(site: Site, page: Any) -> None:
    made = feed(words(300), refreshes=10)
    send(site, page, made.whole())
    page.click(".ckm-heat", position={"x": GUTTER + 100, "y": AXIS + 3 * 14 + 7})
    assert state(page)[2] == "3"
    assert page.inner_text(".ckm-which") == "refresh 3 of 9"
    page.keyboard.press("ArrowDown")
    assert state(page)[2] == "4"
    page.click(".ckm-latest")
    assert state(page)[2] == "9"
    assert page.is_hidden(".ckm-latest")


def test_a_column_scrolls_the_document_there(site: Site, browser: Any) -> None:
    page = open_page(site, browser, reduced_motion="reduce")
    send(site, page, feed(words(6000), refreshes=5).whole())
    box = page.locator(".ckm-heat").bounding_box()
    x = GUTTER + 0.5 * (box["width"] - GUTTER - 8)
    page.evaluate("window.painted = []")
    page.click(".ckm-heat", position={"x": x, "y": AXIS + 7})
    page.wait_for_timeout(100)
    painted = " ".join(page.evaluate("window.painted"))
    seen = [int(number) for number in re.findall(r"(?:word|line)(\d+)", painted)]
    aimed = 0.5 * 6310 - 5
    assert min(seen) < aimed < max(seen)
    assert max(seen) - min(seen) < 600  # only what is in view is painted
    page.context.close()


def test_hovering_tells_what_is_there(site: Site, page: Any) -> None:
    send(site, page, feed(words(300), refreshes=2, held=slice(0, 12)).whole())
    page.hover(".ckm-text", position={"x": MARGIN + 5, "y": 52})
    assert page.text_content(".ckm-tip") == "report.pdf · page 1\nposition 5\nheld by 100% of the pairs"
    page.hover(".ckm-heat", position={"x": GUTTER + 1, "y": AXIS + 14 + 7})
    lines = (page.text_content(".ckm-tip") or "").split("\n")
    assert lines[:2] == ["Refresh 1, step 10, by stride", "30 layers refreshed"]
    page.mouse.move(2, 2)
    assert page.is_hidden(".ckm-tip")


def test_lines_are_laid_out_again_in_a_narrow_window(site: Site, page: Any) -> None:
    send(site, page, feed(words(600), refreshes=2).whole())
    wide = page.evaluate("document.querySelector('.ckm-text').scrollHeight")
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelector('.ckm-text').scrollHeight") > 1.25 * wide
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_blank_lines_collapse_and_canvas_is_crisp(site: Site, browser: Any) -> None:
    page = open_page(site, browser, device_scale_factor=2)
    few, many = feed(["one", "\n\n\n", "two"], "few"), feed(["one", "\n\n\n\n\n\n\n\n", "two"], "many")
    heights = []
    for made in (few, many):
        send(site, page, made.whole())
        heights.append(page.evaluate("document.querySelector('.ckm-text .ckm-sizer').style.height"))
    assert heights[0] == heights[1]
    sizes = page.evaluate(
        "[...document.querySelectorAll('.ckm-sizer canvas')].map((canvas) => canvas.width / canvas.clientWidth)"
    )
    assert sizes == [2, 2]
    page.context.close()
