"""What is being written, as what one page shows of it: what is new since the last look. Knows nothing of Gradio."""

from __future__ import annotations

from dataclasses import dataclass

from app.engine.engine import Engine
from app.project.session import Session
from app.project.writing import Writing
from app.runs.feed import Cursor, Json, MapFeed
from app.say.wording import ENGLISH, Wording
from app.web.html import panels
from app.web.html.run_lines import already_read, prefill_progress, status
from core import GenerationFinished, PrefillProgress

_ENDINGS = {
    "end_token": "Finished: the model ended its text.",
    "stop_string": "Finished: this part is complete.",
    "length": "Finished: the text has the length asked for. Press Continue to go on.",
}
_VERDICT = "Accept or reject the proposal in the draft."


@dataclass(frozen=True)
class Update:
    """What changed on the page since the last frame; None: nothing. `text` is what the run wrote so far."""

    text: str | None
    progress: str | None
    rates: str | None
    cache_map: Json | None

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return (self.text, self.progress, self.rates, self.cache_map) == (None, None, None, None)


class RunSubscription:
    """Follows one writing for one page, from its beginning whenever the page came."""

    def __init__(self, engine: Engine, session: Session, writing: Writing, say: Wording = ENGLISH) -> None:
        """Nothing is shown yet. `say`: in the page's language."""
        self._say = say
        self._engine, self._session, self.writing = engine, session, writing
        self._text: str | None = None
        self._progress = self._rates = ""
        self._cursor: Cursor | None = None
        self._feed: MapFeed | None = None

    def frame(self) -> Update:
        """What came since the last frame."""
        writing = self.writing
        feed, text = writing.feed, writing.text
        if feed is not self._feed:  # the next run of several
            self._feed, self._cursor = feed, None
        cache_map = None
        # The prompt of a proposal has no documents: the map stays with the run before. One that was chosen stays, too.
        silent = writing.done and not feed.trace.tokens  # a run that wrote nothing is not listed
        if not writing.proposes and self._session.map_run is None and not silent:
            cache_map, self._cursor = feed.since(self._cursor, self._session.map_layer)
        progress, rates = self._progress_line(), panels.rates(status(writing.statistics, self._say), self._say)
        frame = Update(
            text if text != self._text else None,
            progress if progress != self._progress else None,
            rates if rates != self._rates else None,
            cache_map,
        )
        self._text, self._progress, self._rates = text, progress, rates
        return frame

    def _progress_line(self) -> str:
        """Everything is read once: the thread that follows the run may begin the next part at any time."""
        say, writing, done = self._say, self.writing, self.writing.done
        run, progress, ending = writing.part.run, writing.progress, writing.ending
        if run.state == "waiting":
            ahead = self._engine.ahead_of(run)
            return panels.progress(None, say("Waiting: {} before you.", ahead) if ahead else say("Starting."))
        if failure := writing.error or run.error:
            return panels.notice(failure.worded(say))
        if run.state == "stopped":
            return panels.progress(None, say.together(say("Stopped."), self._stopped(writing)))
        if done and ending:
            return panels.progress(None, self._ending(writing, ending))
        if run.stopping:
            return panels.progress(None, say("Stopping."))
        if progress is None:
            return panels.progress(None, say("Starting."))
        return self._under_way(writing, progress)

    def _stopped(self, writing: Writing) -> str:
        say = self._say
        if writing.empty:
            return say("The draft is as it was.")
        if writing.proposes:
            return say(_VERDICT) if self._proposed(writing) else say("The draft is as it was.")
        return say.together(say("The text so far is kept; press Continue to go on."), self._earlier(writing))

    def _ending(self, writing: Writing, ending: GenerationFinished) -> str:
        say = self._say
        if writing.proposes and not writing.text.strip():
            return say("Finished: the model had nothing to propose. Select more text, or try again.")
        if writing.proposes:
            if not self._proposed(writing):
                return say("Finished: the model would leave the passage as it is. Ask for something else, or edit it.")
            return say.together(say("Finished."), say(_VERDICT))
        return say.together(say(_ENDINGS[ending.reason]), self._earlier(writing))

    @staticmethod
    def _proposed(writing: Writing) -> bool:
        """Whether there is anything to accept."""
        return writing.text.strip() not in ("", writing.place.replaced.strip())

    def _under_way(self, writing: Writing, progress: PrefillProgress) -> str:
        say, composed, started = self._say, writing.part.composed, writing.part.run.started or 0.0
        known = already_read(min(writing.reused, composed.document_end) - composed.document_start, say)
        if writing.statistics.decode_steps or progress.done == progress.total:
            return panels.progress(None, say.together(say("Writing."), known, self._earlier(writing)))
        fraction, text = prefill_progress(
            progress.done,
            progress.total,
            max(writing.event_time - started, 0.0),
            writing.statistics.recent_prefill_rate,
            writing.reused,
            say,
        )
        return panels.progress(fraction, say("{}. {}", text, known) if known else text)

    def _earlier(self, writing: Writing) -> str:
        """Where the draft is that is being written over."""
        replaces = writing.place.whole and not writing.proposes
        return self._say("Your earlier draft is in Versions; Undo brings it back.") if replaces else ""
