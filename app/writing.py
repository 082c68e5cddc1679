"""Runs that write into a draft, followed in a thread of their own, so that no page need be open for them to be kept."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from app.composer import Composed
from app.engine import Engine, Run
from app.errors import AppError
from app.map_feed import MapFeed
from app.trace import Recorder, RunSettings, Trace, prompt_tokens
from app.view import RunStatistics
from core import CacheRefreshed, Event, GenerationFinished, PrefillProgress, TokenGenerated

SECONDS = 0.04
"""Between two looks at what the run has done."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A run, its prompt, and what stands before the model's first word: the head of a table, a heading."""

    run: Run
    composed: Composed
    opening: str


@dataclass(frozen=True)
class Place:
    """Where it writes: `before` and `after` stay, and what was between them (`replaced`) goes.

    `seam`: what parts the text that is written from `after`, if that begins with a word.
    """

    before: str
    replaced: str
    after: str
    seam: str = ""

    @property
    def rest(self) -> str:
        """All that follows what is written."""
        return self.seam + self.after

    @property
    def whole(self) -> bool:
        """Whether what is written takes the place of a whole draft."""
        return bool(self.replaced.strip()) and not (self.before + self.after).strip()


class Writing:
    """One command to write, of one run or of several in a row (an outline's sections).

    `proposes`: what it writes is shown as a proposal for what was at its place, and the draft stays until that is
    accepted.

    `text` is all it has written so far, `empty` while the model has added nothing to the openings. What it has learnt
    of the latest run is in `statistics`, `progress`, `feed` and `trace`; they belong to the thread that follows the
    run, and are only read elsewhere.
    """

    def __init__(
        self,
        engine: Engine,
        first: Part,
        place: Place,
        settings: RunSettings,
        *,
        proposes: bool = False,
        on_text: Callable[[Writing], None],
        on_end: Callable[[Writing], None],
        advance: Callable[[str], Part | None] = lambda text: None,
        clean: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`on_text` is called when there is more of it, `on_end` at the end, both from the thread; `advance` gives the
        run to go on with after `text`, or None; `clean` is applied to the text at the end. Call `start` then."""
        self.id = uuid.uuid4().hex[:12]
        self.place = place
        self.proposes = proposes
        self.error = ""
        self._engine, self._settings = engine, settings
        self._on_text, self._on_end, self._advance, self._clean = on_text, on_end, advance, clean
        self._ended = threading.Event()
        self._stopped = False
        self.empty = True
        self.text = ""
        self._begin(first)

    def start(self) -> None:
        """Follow the run from now on."""
        threading.Thread(target=self._follow, name=f"writing-{self.id}", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether it is over, and `on_end` has been called."""
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; returns `done`."""
        return self._ended.wait(timeout)

    def stop(self) -> None:
        """Stop the run, and begin no other."""
        self._stopped = True
        self.part.run.stop()

    @property
    def state(self) -> str:
        """As of the latest run; "failed" too if the next could not be begun."""
        return "failed" if self.error else self.part.run.state

    @property
    def draft(self) -> str:
        """The whole draft as it is now."""
        return self.place.before + self.text + self.place.rest

    @property
    def trace(self) -> Trace:
        """Of the latest run, so far."""
        return self._recorder.trace

    def _begin(self, part: Part) -> None:
        self.part = part
        self.text += part.opening
        self.progress: PrefillProgress | None = None
        self.reused = 0
        self.ending: GenerationFinished | None = None
        self.event_time = 0.0
        self.statistics = RunStatistics(self._engine.layers, clock=lambda: self.event_time)
        prompt, layers, heads = prompt_tokens(part.composed), self._engine.policy_layers, self._engine.heads
        tokens = part.composed.prompt_tokens
        slots = min(part.run.request.policy.capacity(tokens) or tokens, tokens)
        self.part_start = len(self.place.before) + len(self.text)
        self._recorder = Recorder(self._settings, prompt, layers, heads, self.part_start)
        self.feed = MapFeed(f"{self.id}-{id(part.run)}", prompt, layers, heads, slots)

    def _follow(self) -> None:
        try:
            while True:
                self._follow_part()
                if self._stopped or self.state != "finished":
                    break
                part = self._advance(self.text)
                if part is None:
                    break
                self._begin(part)
                if self._stopped:  # while the part was made, when `stop` could not know of it
                    part.run.stop()
        except AppError as error:
            self.error = str(error)
        except Exception as error:
            logger.exception("a run could not be followed")
            self.error = f"The run could not go on: {error}. What was written is kept."
        finally:
            self.text = self._clean(self.text)
            if self.place.rest[:1].isspace() and not self.proposes:
                self.text = self.text.rstrip()
            try:
                self._on_end(self)
            finally:
                self._ended.set()

    def _follow_part(self) -> None:
        run, seen = self.part.run, 0
        while True:
            over = run.done  # before the events are looked at, or the last could be missed
            length = len(self.text)
            for index in range(seen, len(run.events)):
                self.event_time, event = run.events[index]
                self._add(event)
                run.events[index] = (self.event_time, _lighter(event))
                seen = index + 1
            if len(self.text) > length:
                self._on_text(self)
            if over and seen == len(run.events):
                return
            self._ended.wait(SECONDS)

    def _add(self, event: Event) -> None:
        if isinstance(event, TokenGenerated) and not self.text and self.place.before[-1:] in (" ", "\t"):
            # The prompt ends before the blank that the person typed, so a word brings that blank again.
            event = replace(event, text=event.text.lstrip(" \t"))
        self.statistics.add(event)
        self._recorder.add(event)
        self.feed.add(event)
        match event:
            case TokenGenerated():
                self.text += event.text
                self.empty = self.empty and not event.text
            case PrefillProgress():
                if self.progress is None:
                    self.reused = event.done
                self.progress = event
            case GenerationFinished():
                self.ending = event


def _lighter(event: Event) -> Event:
    """A refresh without its counts by layer, 250 KB at 8,000 tokens: they are in the trace now."""
    return replace(event, kept_by_layer=np.zeros((0, 0), np.uint8)) if isinstance(event, CacheRefreshed) else event
