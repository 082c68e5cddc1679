"""Runs that write into a draft, or a text that belongs to no project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.engine.engine import Engine
from app.project.draft import ProjectDraft
from app.project.follow import FollowedRun, Job, RunScript
from app.project.insertion import Insertion
from app.project.run_spec import RunSpec
from app.project.support import SupportReport, support_of
from app.prompt.messages import Source
from app.runs.library import RunLibrary
from core import Event, TokenGenerated


class Writing(Job):
    """One command to write, of one run or of several in a row (an outline's sections)."""

    def __init__(
        self,
        engine: Engine,
        first: RunSpec,
        insertion: Insertion,
        draft: ProjectDraft | None = None,
        library: RunLibrary | None = None,
        *,
        advance: Callable[[str, str], RunSpec | None] = lambda before, text: None,
        clean: Callable[[str], str] = lambda text: text,
        left_out: Callable[[], int] = lambda: 0,
    ) -> None:
        """`advance` gives the run to go on with after what stands before the insertion and its text, or None; `clean`
        is applied to the text at the end; `left_out` says how many rows of a table were left out of it. Without `draft`
        and `library` nothing is kept."""
        super().__init__(engine, library, "writing")
        self.insertion = insertion
        self.support: SupportReport | None = None
        """Of all it wrote, once it is over; None without documents."""
        self._sources: list[Source] = []
        self._first, self._draft = first, draft
        self._advance, self._clean, self._left_out = advance, clean, left_out

    @property
    def text(self) -> str:
        """All it has written so far."""
        return self.insertion.text

    def start(self) -> None:
        """Write from now on. Raises AppError, and then nothing was begun."""
        if self._draft is None:
            super().start()
            return
        self._draft.begin(self.insertion)
        try:
            super().start()
        except BaseException:
            self._draft.cancel()
            raise

    def script(self) -> RunScript:
        """The first run, and after each that finishes the next, if there is one."""
        spec: RunSpec | None = self._first
        while spec is not None:
            begin = len(self.insertion.text)
            followed = yield spec
            if followed.run.state != "finished":
                return
            self._tidy(spec, begin)
            spec = self._advance(self.insertion.point.before, self.insertion.text)

    def _tidy(self, spec: RunSpec, begin: int) -> None:
        """What the run wrote from `begin` on, after its opening, as it is to stay, or all that was written so far."""
        if self.insertion.empty:  # or an opening alone would be kept in the draft's place
            return
        tidied = text = self.insertion.text
        if spec.tidy is not None:
            begin = text.index(spec.opening, begin) + len(spec.opening)
            tidied = text[:begin] + spec.tidy(text[begin:])
        if spec.merge is not None:
            tidied = spec.merge(tidied)
        if tidied == text:
            return
        if self._draft is None:
            self.insertion.text = tidied
        else:
            self._draft.rewrite(tidied)

    @property
    def draft_start(self) -> int:
        """Where the next run begins."""
        return self.insertion.end

    def begun(self, followed: FollowedRun) -> None:
        """Its opening stands in the text from now on."""
        self.insertion.text += followed.spec.opening
        self._sources += followed.spec.sources

    def adapted(self, event: Event) -> Event:
        """Without blanks that stand before it already."""
        if isinstance(event, TokenGenerated) and self.insertion.empty:
            return replace(event, text=self.insertion.first(event.text))
        return event

    def wrote(self, text: str) -> None:
        """Into the draft."""
        begins, feed = self.insertion.empty, self.current.feed if self.current else None
        if self._draft is None:
            self.insertion.write(text)
        else:
            self._draft.write(text)
        if begins and feed:
            feed.begin_at(self.insertion.end - len(text))

    def finish(self) -> None:
        """What is written is the draft's."""
        closed = False
        try:
            self.insertion.close(self._clean)
            closed = True
            self.support = support_of(self.insertion.text, self._sources, self._left_out())
        finally:
            if self._draft is not None:
                self._draft.end(failed=self.failed or not closed)
