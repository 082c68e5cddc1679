"""The runs of a project whose traces are kept: begun, ended and written down, and opened again to be looked at."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any, NamedTuple

from app.prompt.sections import SectionPlace
from app.runs.feed import MapFeed
from app.runs.trace import PageText, Replay, Trace, page_texts, read_trace, write_trace
from app.say.errors import StoreError, TraceError
from app.store import RunState, Store, StoredRun, begin_run, change_run, forget_run, list_runs, load_trace
from app.text.authorship import Authorship
from app.text.quotations import Quotations
from app.text.spans import Span

MOST_OPEN = 4
"""Runs held unpacked; the others are read again when they are looked at."""

logger = logging.getLogger(__name__)


class OpenRun:
    """A run as it is looked at. What is worked out of its trace is worked out once, when it is over."""

    def __init__(self, feed: MapFeed, replay: Replay | None = None) -> None:
        """`replay`: of the same run, if there is one already."""
        self.feed = feed
        if replay is not None:
            self.replay = replay

    @cached_property
    def replay(self) -> Replay:
        """Its trace, played again."""
        return Replay(self.feed.trace)

    @cached_property
    def pages(self) -> list[PageText]:
        """The pages that it read."""
        return page_texts(self.feed.trace.prompt)

    @cached_property
    def quotations(self) -> Quotations:
        """Finds what stands on them."""
        return Quotations([page.text for page in self.pages])


@dataclass
class RunEntry:
    """A run in the list. `begun` is in seconds since 1970; `state` and `method` are those of the store.

    stored: its id in the store, None for a trace from a file. compared: what its method was called in a comparison, for
    a run that did not write into the draft; else empty. opening: what stands before its first word and was given to the
    model, such as a heading. section: of an outline, its number, how many there are, and its heading. text: what it
    wrote, None while that was not needed. feed: until the trace is written down.
    """

    key: str
    stored: int | None
    begun: float
    method: str
    state: str
    error: str = ""
    proposes: bool = False
    compared: str = ""
    opening: str = ""
    section: SectionPlace | None = None
    text: str | None = None
    feed: MapFeed | None = field(default=None, repr=False)


class Series(NamedTuple):
    """A section of a text, the keys of the runs that wrote the text's sections in their order, as far as they are kept,
    and which of them wrote this one."""

    place: SectionPlace
    runs: tuple[str, ...]
    at: int


class RunLibrary:
    """The latest runs of a project, as many as the store keeps the traces of, those of comparisons counted apart. For
    several threads at once."""

    def __init__(self, store: Store, project: str) -> None:
        """Those that the store has."""
        self._store, self._project = store, project
        stored = list_runs(store, project)
        drafted = (run for run in stored if not run.settings.get("compared"))
        self.interrupted = next((run.state == "interrupted" for run in drafted), False)
        """Whether the run before those of today was killed with its process."""
        self._entries = [_entry(run) for run in reversed(stored) if run.has_trace]
        self._open: dict[str, OpenRun] = {}
        self._authors: tuple[str, list[str], Authorship] | None = None
        self._lock = RLock()

    # --- while it is written ---

    def begin(self, feed: MapFeed, settings: Mapping[str, Any]) -> None:
        """A run is to begin, and tells `feed` what it does; `settings` as in the store. Raises StoreError."""
        stored = begin_run(self._store, self._project, feed.trace.draft_start, settings)
        with self._lock:
            entry = _entry(stored)
            entry.key, entry.feed = feed.run_id, feed
            self._entries = [*self._entries, entry]
            self._hold(entry.key, OpenRun(feed))

    def discard(self, feed: MapFeed) -> None:
        """It could not be queued: as if it had not been begun."""
        entry = self._find(feed.run_id)
        if entry is not None and entry.stored is not None:
            self._forget(entry)
            with suppress(StoreError):
                forget_run(self._store, entry.stored)

    def end(self, feed: MapFeed, state: RunState, error: str = "") -> None:
        """It is over, its trace still to be kept; one that wrote nothing is not listed any more. Raises StoreError."""
        entry = self._find(feed.run_id)
        if entry is not None and entry.stored is not None:
            entry.state, entry.error = state, error
            if feed.trace.tokens:
                self._drop_oldest(bool(entry.compared))
            else:
                self._forget(entry)
            change_run(self._store, entry.stored, state, error=error)

    def save(self, feed: MapFeed) -> bool:
        """Write down the trace of a run so far, over or not. False if it cannot be."""
        entry = self._find(feed.run_id)
        if entry is None or entry.stored is None:
            return False
        state: Any = entry.state
        try:
            change_run(self._store, entry.stored, state, error=entry.error, trace=write_trace(feed.trace))
        except StoreError as refusal:  # too large, or no room: it can be looked at while the project is open
            logger.warning("a trace is not kept: %s", refusal)
            with suppress(StoreError):
                change_run(self._store, entry.stored, state, error=entry.error or str(refusal))
            return False
        return True

    def keep(self, feed: MapFeed) -> None:
        """Write down the trace of a run that is over."""
        entry = self._find(feed.run_id)
        if entry is not None and self.save(feed):
            entry.feed = None

    # --- looked at ---

    @property
    def kept(self) -> bool:
        """Whether the store has all of them."""
        return all(entry.stored is not None and entry.feed is None for entry in self.entries)

    @property
    def held(self) -> int:
        """Bytes that those take in memory that are held, about."""
        with self._lock:
            feeds = {run.feed for run in self._open.values()} | {entry.feed for entry in self._entries if entry.feed}
        return sum(feed.held for feed in feeds)

    @property
    def entries(self) -> list[RunEntry]:
        """All, the newest first."""
        with self._lock:
            return self._entries[::-1]

    @property
    def newest(self) -> str | None:
        """The key of the run that wrote last into the draft; proposals, which read no documents, do not count."""
        drafted = (entry for entry in self.entries if not (entry.proposes or entry.compared))
        return next((entry.key for entry in drafted if entry.stored is not None), None)

    def series(self, key: str | None) -> Series | None:
        """The section that the run of that key wrote, and the runs of those around it; None if it wrote none."""
        entries = [entry for entry in self.entries if entry.section and not entry.compared][::-1]
        at = next((at for at, entry in enumerate(entries) if entry.key == key), None)
        if at is None:
            return None
        first, last = at, at
        while first and _goes_on(entries[first - 1], entries[first]):
            first -= 1
        while last + 1 < len(entries) and _goes_on(entries[last], entries[last + 1]):
            last += 1
        place = entries[at].section
        assert place is not None
        return Series(place, tuple(entry.key for entry in entries[first : last + 1]), at - first)

    def open(self, key: str | None) -> OpenRun | None:
        """The run of that key; None if there is none, or none any more."""
        with self._lock:
            entry = self._find(key)
            if entry is None:
                return None
            run = self._open.get(entry.key) or (OpenRun(entry.feed) if entry.feed else None)
        try:
            run = run or _played(entry.key, self._stored(entry))
        except (StoreError, TraceError) as error:
            logger.warning("a run cannot be opened: %s", error)
            self._forget(entry)
            return None
        with self._lock:
            self._hold(entry.key, run)
        return run

    def open_file(self, trace: Trace) -> str:
        """Put the trace of a file into the list, in place of one that was there; returns its key. Raises TraceError."""
        run = _played(f"file-{uuid.uuid4().hex[:12]}", trace)  # a page takes runs of one key for the same
        method = str(trace.settings.policy.get("method", ""))
        entry = RunEntry(run.feed.run_id, None, time.time(), method, "", text=_text(trace), feed=run.feed)
        with self._lock:
            self._entries = [*(entry for entry in self._entries if entry.stored is not None), entry]
            self._hold(entry.key, run)
        return entry.key

    def wrote(self, draft: str, start: int, end: int) -> tuple[str, list[Span]] | None:
        """The key of the run that wrote most of these characters of the draft, and which of its own text they are; None
        if no run that is kept did. Its opening stands for its first character."""
        # What was written to be compared is not in the draft, and may be like what is.
        known = [entry for entry in self.entries if not entry.compared and self._text(entry)]
        keys = [entry.key for entry in known]
        authors = self._authors
        if authors is None or authors[:2] != (draft, keys):
            texts = [entry.opening + self._text(entry) for entry in known]
            authors = self._authors = (draft, keys, Authorship(draft, texts))
        found = authors[2].of(start, end)
        if found is None:
            return None
        run, spans = found
        given = len(known[run].opening)
        return keys[run], [(max(0, first - given), max(1, last - given)) for first, last in spans]

    def _text(self, entry: RunEntry) -> str:
        if entry.text is None:
            run = self._open.get(entry.key)
            try:
                entry.text = _text(run.feed.trace if run else entry.feed.trace if entry.feed else self._stored(entry))
            except (StoreError, TraceError) as error:
                logger.warning("the text of a run cannot be read: %s", error)
                entry.text = ""
        return entry.text

    def _find(self, key: str | None) -> RunEntry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def _forget(self, entry: RunEntry) -> None:
        with self._lock:
            self._entries = [other for other in self._entries if other is not entry]
            self._open.pop(entry.key, None)

    def _drop_oldest(self, compared: bool) -> None:
        """Those whose traces the store keeps no longer."""
        with self._lock:
            alike = [entry for entry in self._entries if bool(entry.compared) == compared]
            for entry in alike[: -self._store.limits.traces]:
                self._forget(entry)

    def _stored(self, entry: RunEntry) -> Trace:
        if entry.stored is None:
            raise StoreError("This run was never stored.")
        return read_trace(load_trace(self._store, entry.stored))

    def _hold(self, key: str, run: OpenRun) -> None:
        """Those looked at last stay at hand."""
        self._open.pop(key, None)
        self._open[key] = run
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]


def _entry(run: StoredRun) -> RunEntry:
    policy = run.settings.get("policy")
    method = policy.get("method") if isinstance(policy, dict) else run.settings.get("method")
    section = run.settings.get("section")
    return RunEntry(
        f"run-{run.id}", run.id, run.begun, str(method or ""), run.state,
        proposes=bool(run.settings.get("proposes")), compared=str(run.settings.get("compared") or ""),
        opening=str(run.settings.get("opening") or ""), section=SectionPlace(*section) if section else None,
    )  # fmt: skip


def _goes_on(entry: RunEntry, other: RunEntry) -> bool:
    """Whether `other` wrote the section after that of `entry`."""
    here, there = entry.section, other.section
    return here is not None and there is not None and (here.number + 1, here.total) == (there.number, there.total)


def _played(key: str, trace: Trace) -> OpenRun:
    replay = Replay(trace)
    try:
        return OpenRun(MapFeed.replayed(key, replay), replay)
    except ValueError as error:
        raise TraceError("The trace is damaged: {}. Export it again.", str(error)) from None


def _text(trace: Trace) -> str:
    return "".join(token.text for token in trace.tokens)
