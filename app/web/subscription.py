"""What one page is shown of what is being written. Knows nothing of Gradio.

An update is whole each time, with values that grow: what travels is the difference, see `Log`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.methods import kind_of
from app.project.proposal import Proposal
from app.project.session import Session
from app.project.sessions import PageView
from app.project.writing import Writing
from app.runs.feed import Cursor, Json, MapFeed
from app.say.wording import ENGLISH, Message, Wording
from app.web.components.editor import proposal_message
from app.web.components.log import Log
from app.web.html import panels
from app.web.html.run_lines import already_read, prefill_progress, status, waiting

RATES_SECONDS = 0.5
"""Between two updates of the figures, which are sent whole."""

_ENDINGS = {
    "end_token": "Finished: the model ended its text.",
    "stop_string": "Finished: this part is complete.",
    "length": "Finished: the text has the length asked for. Press Continue to go on.",
}
STOPPED = Message("Stopped.")
_VERDICT = "Accept or reject the proposal in the draft."
_NOTHING = (
    "Finished: the model found nothing better (attempts: {}), so the passage stays as it is. Select more text, say how "
    "it is to become, or edit it."
)
_WHOSE = {
    "model": "The words are the model's own.",
    "passage": "These are sentences of the passage.",
    "documents": "What is added are sentences of the documents.",
}


@dataclass(frozen=True)
class Update:
    """What the page shows. cache_map: None to leave it as it is. writing: whether more may come."""

    editor: str
    progress: str
    rates: str
    cache_map: str | None
    writing: bool


class RunSubscription:
    """Follows one writing for one page, from its beginning whenever the page came."""

    def __init__(self, session: Session, writing: Writing, view: PageView, say: Wording = ENGLISH) -> None:
        """`view`: what the page shows of the runs. `say`: in the page's language."""
        self.writing = writing
        self._session, self._view, self._say = session, view, say
        self._editor = Log(
            {"kind": "run", "project": session.id, "run": writing.id, "proposes": writing.insertion.proposes}
        )
        self._map: Log | None = None
        self._place: Json | None = None
        self._told = False
        self._cursor: Cursor | None = None
        self._feed: MapFeed | None = None
        self._rates, self._rated = "", 0.0

    def update(self) -> Update:
        """As it is now."""
        over = self.writing.done  # before the rest is looked at, or the last words could be missed
        self._write(over)
        return Update(self._editor.value, self._progress(over), self._figures(over), self._evidence(over), not over)

    # --- the draft ---

    def _write(self, over: bool) -> None:
        """Where it is written, as soon as it is known, and again if it moves; then the words."""
        insertion, draft = self.writing.insertion, self._session.draft
        if not over and (insertion.proposes or not insertion.empty):
            revision, point = draft.streamed()
            if point is not None and draft.insertion is insertion:  # and not one that began since
                place = {
                    "kind": "place", "revision": revision, "at": len(point.before), "replaced": len(point.replaced),
                    "seam": "" if insertion.proposes else point.seam,
                }  # fmt: skip
                if place != self._place:
                    self._editor.tell(place)
                    self._place = place
        if insertion.proposes or not insertion.empty:
            self._editor.write(insertion.text)
        if over and not self._told:
            self._told = True
            self._editor.tell(self._ending())

    def _ending(self) -> Json:
        """The draft as it is afterwards, told by its length: the page has its words."""
        state = self._session.draft.state
        return {
            "kind": "over", "revision": state.revision, "characters": len(state.text), "last": state.written,
            "proposal": proposal_message(self._of_this(state.proposal)),
        }  # fmt: skip

    # --- the map ---

    def _evidence(self, over: bool) -> str | None:
        current = self.writing.current
        assert current is not None
        feed = current.feed
        # The prompt of a proposal has no documents: the map stays with the run before. One that was chosen stays, too.
        silent = over and not feed.trace.tokens  # a run that wrote nothing is not listed
        if self.writing.insertion.proposes or self._view.run is not None or silent:
            return None
        if feed is not self._feed:  # the next run of several
            self._feed, self._cursor = feed, None
        message, self._cursor = feed.since(self._cursor, self._view.layer)
        if message is not None:
            if self._map is None:
                self._map = Log({"kind": "map"})
            self._map.tell(message)
        return self._map.value if self._map else None

    # --- in words ---

    def _figures(self, over: bool) -> str:
        now = time.monotonic()
        if over or not self._rates or now - self._rated >= RATES_SECONDS:
            current = self.writing.current
            assert current is not None
            numbers = status(current.statistics, self._say, kind_of(current.spec.request.policy))
            self._rates, self._rated = panels.rates(numbers, self._say), now
        return self._rates

    def _progress(self, over: bool) -> str:
        say, writing, current = self._say, self.writing, self.writing.current
        assert current is not None
        run, ending = current.run, current.statistics.ending
        if run.state == "waiting":
            ahead, seconds = writing.engine.ahead_of(run), writing.engine.seconds_until(run)
            return panels.progress(None, waiting(ahead, seconds, say))
        if failure := writing.message:
            return panels.notice(failure.worded(say))
        if over and writing.state == "stopped":
            return panels.progress(None, say.together((run.stopped_for or STOPPED).worded(say), self._stopped()))
        if over and ending:
            return panels.progress(None, self._finished(ending.reason))
        if writing.stopping:
            return panels.progress(None, say("Stopping."))
        if current.statistics.progress is None:
            return panels.progress(None, say("Starting."))
        return self._under_way()

    def _stopped(self) -> str:
        say, insertion = self._say, self.writing.insertion
        if insertion.empty or (insertion.proposes and not insertion.changes):
            return say("The draft is as it was.")
        if insertion.proposes:
            return self._verdict()
        return say.together(say("The text so far is kept; press Continue to go on."), self._earlier())

    def _finished(self, reason: str) -> str:
        say, insertion = self._say, self.writing.insertion
        assert self.writing.current is not None
        spec = self.writing.current.spec
        if insertion.proposes and not insertion.changes:
            return say(_NOTHING, spec.attempt[0])
        if insertion.proposes:
            return say.together(say("Finished."), say(_WHOSE[spec.whose]), self._verdict())
        if spec.request.dictated:
            return say.together(say("Finished: all sections are written."), self._earlier())
        return say.together(say(_ENDINGS[reason]), self._earlier())

    def _verdict(self) -> str:
        """What is asked of the person, until it is given."""
        return self._say(_VERDICT) if self._of_this(self._session.draft.proposal) is not None else ""

    def _of_this(self, proposal: Proposal | None) -> Proposal | None:
        """What this writing proposes, until the verdict is given."""
        return proposal if proposal is not None and proposal.id == self.writing.insertion.id else None

    def _under_way(self) -> str:
        say, current = self._say, self.writing.current
        assert current is not None
        statistics, composed = current.statistics, current.spec.composed
        known = already_read(min(statistics.reused or 0, composed.document_end) - composed.document_start, say)
        progress = statistics.progress
        if statistics.decode_steps or progress is None or progress.done == progress.total:
            place = current.spec.section
            again = current.spec.attempt
            writing = say("Writing section {} of {}: {}.", *place) if place else say("Writing.")
            if again[0] > 1:
                writing = say("What came could not be used. Writing again, attempt {} of {}.", *again)
            return panels.progress(None, say.together(writing, known, self._earlier()))
        fraction, text = prefill_progress(statistics, say)
        return panels.progress(fraction, say("{}. {}", text, known) if known else text)

    def _earlier(self) -> str:
        """Where the draft is that is being written over."""
        insertion = self.writing.insertion
        replaces = insertion.point.whole and not insertion.proposes
        return self._say("Your earlier draft is in Versions; Undo brings it back.") if replaces else ""
