"""Runs that write into a draft, followed in a thread of their own, so that no page need be open for them to be kept."""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.engine.engine import Engine
from app.engine.run import Run
from app.engine.statistics import RunStatistics
from app.project.insertion import InsertionPoint
from app.prompt.compose import Composed
from app.prompt.sections import SectionPlace
from app.runs.feed import MapFeed
from app.runs.trace import Recorder, RunSettings, prompt_tokens
from app.say.errors import AppError
from app.say.wording import Message
from core import Event, GenerationFinished, PrefillProgress, TokenGenerated

SECONDS = 0.04
"""Between two looks at what the run has done."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunSpec:
    """A run, its prompt, what stands before the model's first word (the head of a table, a heading), its settings, and
    which section of an outline it writes."""

    run: Run
    composed: Composed
    opening: str
    settings: RunSettings
    section: SectionPlace | None = None

    @property
    def described(self) -> dict[str, Any]:
        """What the list of runs keeps of it, as JSON can hold it."""
        return {"opening": self.opening, "section": self.section}


def feed_of(key: str, part: RunSpec, engine: Engine, draft_start: int) -> MapFeed:
    """What the map is told of a run that has yet to begin, with its trace."""
    tokens = part.composed.prompt_tokens
    slots = min(part.run.request.policy.capacity(tokens) or tokens, tokens)
    recorder = Recorder(part.settings, prompt_tokens(part.composed), engine.policy_layers, engine.heads, draft_start)
    return MapFeed(key, recorder, slots)


class Writing:
    """One command to write, of one run or of several in a row (an outline's sections).

    `proposes`: what it writes is shown as a proposal for what was at its place, and the draft stays until that is
    accepted.

    `text` is all it has written so far, `empty` while the model has added nothing to the openings. What it has learnt
    of the latest run is in `statistics`, `progress` and `feed`; they belong to the thread that follows the run, and are
    only read elsewhere. `place` is set anew by whoever edits the draft around it.
    """

    def __init__(
        self,
        engine: Engine,
        first: RunSpec,
        place: InsertionPoint,
        *,
        proposes: bool = False,
        on_text: Callable[[Writing], None],
        on_end: Callable[[Writing], None],
        on_over: Callable[[Writing, MapFeed], None] = lambda writing, feed: None,
        advance: Callable[[str, str], RunSpec | None] = lambda before, text: None,
        clean: Callable[[str], str] = lambda text: text,
    ) -> None:
        """Called from the thread: `on_text` when there is more of it, `on_end` at the end, `on_over` with the feed of
        each run that is over, once the next has begun or the end is known. `advance` gives the run to go on with after
        what stands before the place and `text`, or None; `clean` is applied to the text at the end. Call `start` then.
        """
        self.id = uuid.uuid4().hex[:12]
        self.place = place
        self.proposes = proposes
        self.error: Message | None = None
        self._engine = engine
        self._on_text, self._on_end, self._on_over = on_text, on_end, on_over
        self._advance, self._clean = advance, clean
        self._thread = threading.Thread(target=self._follow, name=f"writing-{self.id}", daemon=True)
        self._ended = threading.Event()
        self._stopped = False
        self.empty = True
        self.text = ""
        self._parts = 0
        self._begin(first)

    def start(self) -> None:
        """Follow the run from now on."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it is over, and `on_end` has been called."""
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end; returns `done`."""
        return self._ended.wait(timeout)

    def join(self, timeout: float | None = None) -> None:
        """Wait until all that is to be kept of it is kept, too."""
        self._thread.join(timeout)

    def stop(self) -> None:
        """Stop the run, and begin no other."""
        self._stopped = True
        self.part.run.stop()

    def fail(self, why: Message) -> None:
        """Stop since what it writes cannot be kept."""
        self.error = why
        self.stop()

    @property
    def state(self) -> str:
        """As of the latest run; "failed" too if the next could not be begun."""
        return "failed" if self.error else self.part.run.state

    @property
    def draft(self) -> str:
        """The whole draft as it is now."""
        place = self.place
        return place.before + self.text + place.rest

    def _begin(self, part: RunSpec) -> None:
        self.part = part
        self._parts += 1
        self.text += part.opening
        self.progress: PrefillProgress | None = None
        self.reused = 0
        self.ending: GenerationFinished | None = None
        self.event_time = 0.0
        self.statistics = RunStatistics(
            self._engine.layers, clock=lambda: self.event_time, began=lambda: part.run.started
        )
        self.feed = feed_of(f"{self.id}-{self._parts}", part, self._engine, len(self.place.before) + len(self.text))

    def _follow(self) -> None:
        try:
            while True:
                self._follow_part()
                if self._stopped or self.state != "finished":
                    break
                part = self._advance(self.place.before, self.text)
                if part is None:
                    break
                over = self.feed
                self._begin(part)
                if self._stopped:  # while the part was made, when `stop` could not know of it
                    part.run.stop()
                self._on_over(self, over)
        except AppError as error:
            self.error = error.message
        except Exception as error:
            logger.exception("a run could not be followed")
            self.error = Message("The run could not go on: {}. What was written is kept.", str(error))
        finally:
            self.text = self._clean(self.text)
            if self.place.rest[:1].isspace() and not self.proposes:
                self.text = self.text.rstrip()
            elif self.place.rest and not self.proposes:  # a line ends without blanks
                self.text = re.sub(r"[ \t]+(?=\n\s*\Z)", "", self.text)
            try:
                self._on_end(self)
            finally:
                self._ended.set()
            self._on_over(self, self.feed)

    def _first(self, event: TokenGenerated) -> TokenGenerated:
        """Without the blanks that stand before it already: the prompt ends before those that the person typed, so the
        model's first word brings them again."""
        place = self.place
        if self.text or not (place.lead or place.before[-1:] in (" ", "\t")):
            return event
        return replace(event, text=event.text.lstrip(None if place.lead else " \t"))

    def _follow_part(self) -> None:
        run, seen = self.part.run, 0
        while True:
            over = run.done  # before the events are looked at, or the last could be missed
            length = len(self.text)
            for self.event_time, event in run.take(seen):
                self._add(event)
                seen += 1
            if len(self.text) > length:
                self._on_text(self)
            if over and seen == len(run.events):
                return
            self._ended.wait(SECONDS)

    def _add(self, event: Event) -> None:
        if isinstance(event, TokenGenerated) and self.empty:
            event = self._first(event)
        self.statistics.add(event)
        self.feed.add(event)
        match event:
            case TokenGenerated():
                if self.empty and event.text:
                    self.text = self.place.lead + self.text
                    self.feed.begin_at(len(self.place.before) + len(self.text))
                self.text += event.text
                self.empty = self.empty and not event.text
            case PrefillProgress():
                if self.progress is None:
                    self.reused = event.done
                self.progress = event
            case GenerationFinished():
                self.ending = event
