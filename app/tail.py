"""A run's events, as they come in, turned into what the page shows. Knows the run and the views, not Gradio."""

from __future__ import annotations

from dataclasses import dataclass

from app import panels
from app.composer import Composed
from app.engine import Engine, Run
from app.map_feed import Cursor, MapFeed
from app.trace import prompt_tokens
from app.view import Json, RunStatistics, already_read, prefill_progress, status
from core import GenerationFinished, PrefillProgress, TokenGenerated

_ENDINGS = {
    "end_token": "Finished: the model ended its text.",
    "stop_string": "Finished.",
    "length": "Finished: the answer has the length asked for. Press Continue to go on.",
}


@dataclass(frozen=True)
class Frame:
    """What changed on the page since the last frame; None: nothing. `text` is the whole draft."""

    text: str | None
    progress: str | None
    rates: str | None
    cache_map: Json | None


class Tail:
    """Follows one run. Every event is looked at once, so a frame costs what came since the last."""

    def __init__(self, engine: Engine, run: Run, composed: Composed, opening: str) -> None:
        """`opening` stands before what the model writes: a draft that is continued, the head of a table."""
        self._engine, self._run, self._composed = engine, run, composed
        self._text = opening
        self._seen = 0
        self._event_time = 0.0
        self._statistics = RunStatistics(engine.layers, clock=lambda: self._event_time)
        slots = run.request.policy.capacity(composed.prompt_tokens) or composed.prompt_tokens
        self._map = MapFeed(
            f"run-{id(run)}-{composed.prompt_tokens}",
            prompt_tokens(composed),
            engine.policy_layers,
            engine.heads,
            min(slots, composed.prompt_tokens),
        )
        self._map_sent: Cursor | None = None
        self._progress: PrefillProgress | None = None
        self._reused = 0
        self._progress_html = ""
        self._ending = ""

    @property
    def finished(self) -> bool:
        """Whether the run is over and everything of it has been looked at."""
        return self._run.done and self._seen == len(self._run.events)

    def frame(self) -> Frame:
        """Look at the events that came since the last frame."""
        fresh = self._run.events[self._seen :]
        self._seen += len(fresh)
        before = self._text
        for self._event_time, event in fresh:
            self._statistics.add(event)
            self._map.add(event)
            if isinstance(event, TokenGenerated):
                self._text += event.text
            elif isinstance(event, PrefillProgress):
                if self._progress is None:
                    self._reused = event.done
                self._progress = event
            elif isinstance(event, GenerationFinished):
                self._ending = _ENDINGS[event.reason]
        cache_map, self._map_sent = self._map.since(self._map_sent)
        return Frame(
            self._text if self._text != before else None,
            self._changed_progress(),
            panels.rates(status(self._statistics)) if fresh else None,
            cache_map,
        )

    def _changed_progress(self) -> str | None:
        line = self._progress_line()
        if line == self._progress_html:
            return None
        self._progress_html = line
        return line

    def _progress_line(self) -> str:
        run = self._run
        if run.state == "waiting":
            ahead = self._engine.ahead_of(run)
            return panels.progress(None, f"Waiting: {ahead} before you." if ahead else "Starting.")
        if run.state == "failed":
            return panels.notice(run.error)
        if run.state == "stopped":
            return panels.progress(None, "Stopped. The text so far is kept; press Continue to go on.")
        if run.state == "finished":
            return panels.progress(None, self._ending)
        if run.stopping:
            return panels.progress(None, "Stopping.")
        if self._progress is None:
            return panels.progress(None, "Starting.")
        composed = self._composed
        known = already_read(min(self._reused, composed.document_end) - composed.document_start)
        if self._statistics.decode_steps or self._progress.done == self._progress.total:
            return panels.progress(None, f"Writing. {known}".rstrip())
        started = run.started or 0.0
        fraction, text = prefill_progress(
            self._progress.done,
            self._progress.total,
            max(self._event_time - started, 0.0),
            self._statistics.recent_prefill_rate,
            self._reused,
        )
        return panels.progress(fraction, f"{text}. {known}" if known else text)
