"""A page that holds nothing but the map, made-up runs, and what can be seen of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from app.prompt.compose import Places
from app.prompt.marks import PageMark
from app.runs.feed import Cursor, Json, MapFeed
from app.runs.trace import PromptTokens, Recorder, RunSettings
from app.settings import Settings
from app.web.components.cache_map import cache_map
from app.web.server import Server
from core.events import CacheRefreshed, Event
from tests.browser.tabs import Tabs
from tests.browser.waiting import until

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
        with gr.Blocks(analytics_enabled=False) as blocks:
            go = gr.Button("Go", elem_id="go")
            done = gr.Textbox(elem_id="done")
            the_map = cache_map()
            streamed = go.click(self.stream, outputs=the_map, show_progress="hidden")
            streamed.then(lambda: f"run {self.runs}", outputs=done)
            the_map.layer(self.layer, outputs=the_map, show_progress="hidden", trigger_mode="always_last")
            the_map.turn(self.turn, outputs=the_map, show_progress="hidden")
        self.server = Server(blocks, Settings(_env_file=None, host="127.0.0.1"))
        self.url = self.server.url

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

    def turn(self, event: gr.EventData) -> Any:
        self.asked.append(("turn", event._data))
        return gr.skip()

    def wait_for(self, name: str, data: Any) -> None:
        end = time.monotonic() + 30
        while (name, data) not in self.asked:
            assert time.monotonic() < end, f"{name} {data} not in {self.asked}"
            time.sleep(0.05)


@contextmanager
def open_page(site: Site, tabs: Tabs, query: str = "__theme=light", width: int = 1200, **options: Any) -> Iterator[Any]:
    viewport = {"width": width, "height": 1000}
    with tabs.open(site.url, script=RECORD_TEXT, viewport=viewport, **options) as page:
        page.goto(f"{site.url}?{query}")
        wait_for_map(page)
        yield page


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


@contextmanager
def answered(page: Any) -> Iterator[None]:
    """The stream of answers that the page opens inside has ended: Gradio aborts it when all came, or the server was
    sooner. What is asked meanwhile gets no answer; the app's own page has a stream that stays open."""
    ended: list[Any] = []

    def note(request: Any) -> None:
        if "/queue/data" in request.url:
            ended.append(request)

    for event in ("requestfailed", "requestfinished"):
        page.on(event, note)
    yield
    until(page, lambda: bool(ended))
    for event in ("requestfailed", "requestfinished"):
        page.remove_listener(event, note)


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
    return refresh_of(number, counts, layers)


def refresh_of(number: int, counts: NDArray[np.uint8], layers: tuple[int, ...] = LAYERS) -> CacheRefreshed:
    """A refresh of `layers` in step 10 * `number` with so many KV heads by layer and position."""
    kept = counts.sum(axis=0, dtype=np.int64)
    return CacheRefreshed(10 * number, layers, kept, "prefill" if number == 0 else "stride", counts)


def feed_of(run_id: str, prompt: PromptTokens, method: str = "RefreshKV") -> MapFeed:
    settings = RunSettings("tiny", None, {"method": method}, {}, 1)
    return MapFeed(run_id, Recorder(settings, prompt, LAYERS, HEADS, 0), 100)


class Made:
    """A run on two pages, and the messages that tell of it, one after every event."""

    def __init__(self, pieces: list[str], run_id: str = "run", method: str = "RefreshKV") -> None:
        self.prompt = prompt_of(pieces)
        self.feed = feed_of(run_id, self.prompt, method)
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


def made(
    pieces: list[str], run_id: str = "run", refreshes: int = 0, held: slice = slice(0, 8), method: str = "RefreshKV"
) -> Made:
    """The small caches of a run hold the document tokens `held` at every refresh."""
    run = Made(pieces, run_id, method)
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


def seen(page: Any) -> list[int]:
    """The numbers of the words that were painted."""
    return [int(number) for number in re.findall(r"(?:word|line)(\d+)", " ".join(page.evaluate("window.painted")))]
