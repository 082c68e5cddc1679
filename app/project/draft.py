"""The draft of a project: edited by pages, written into by runs, kept in the store with its steps of undo."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from app.project.conflicts import Conflicts
from app.project.insertion import Insertion, InsertionPoint
from app.project.proposal import Proposal
from app.project.revised_text import Mark, RevisedText
from app.say.errors import AppError
from app.say.wording import Message
from app.store import Autosave, Store, redo, restore_version, save_draft, save_version, undo
from app.text.spans import Span


@dataclass(frozen=True)
class DraftState:
    """A draft at one moment. written: the passage that a run wrote last. busy: a run writes, or is about to. proposal:
    what waits for an answer."""

    text: str
    revision: int
    written: Span | None
    busy: bool
    proposal: Proposal | None


class ProjectDraft:
    """For several threads. What is in memory has a lock that is never held while the disk is waited for; commands that
    write to the disk come one after another."""

    def __init__(self, store: Store, project: str, text: str) -> None:
        """The draft as the store has it."""
        self.proposal: Proposal | None = None
        self._withdrawn: Proposal | None = None
        self.insertion: Insertion | None = None
        """What is being written into it."""
        self._store, self._project = store, project
        self._text = RevisedText(text)
        self._autosave = Autosave(store, project, writer=uuid.uuid4().hex)
        self._run_autosave = self._autosave
        self._conflicts = Conflicts(store, project)
        self._edited = text
        self._lock = threading.Lock()
        self._commands = threading.RLock()

    @property
    def state(self) -> DraftState:
        """As it is now."""
        with self._lock:
            held = self._text
            return DraftState(held.text, held.revision, held.written, self.insertion is not None, self.proposal)

    @property
    def text(self) -> str:
        """Without what is being written."""
        return self._text.text

    @property
    def shown(self) -> str:
        """With what is being written, as a page shows it."""
        with self._lock:
            insertion = self.insertion
            return self._text.text if insertion is None or insertion.proposes or insertion.empty else insertion.draft

    @property
    def revision(self) -> int:
        """Of the text."""
        return self._text.revision

    @property
    def busy(self) -> bool:
        """Whether a run writes, or is about to."""
        return self.insertion is not None

    def takes(self, revision: int, page: str) -> bool:
        """Whether an edit that `page` made from `revision` is not refused."""
        with self._lock:
            return self._text.takes(revision, page)

    def revision_after(self, text: str, revision: int, page: str) -> int:
        """That which `page` may go on from when it has sent `text`, made from `revision`: no later one if somebody else
        has written since."""
        with self._lock:
            known = text == self._text.text or page == self._text.author[0]
            return self._text.revision if known else revision

    @property
    def mark(self) -> Mark:
        """Where the text is, for `go_on` after it was read again."""
        return self._text.mark

    def go_on(self, mark: Mark) -> None:
        """Go on from there."""
        self._text.go_on(mark)

    # --- edits of pages ---

    def edit(self, text: str, revision: int, page: str = "", serial: int = 0) -> bool:
        """A page's text, see RevisedText.edit; a run that writes goes on at its place in that. False if it was made
        from an older revision, while a passage is written anew, or in what a run has begun to write over: what it holds
        that the draft does not is kept as a version then. Raises StoreError if even that cannot be."""
        with self._lock:
            taken = self._take(text, revision, page, serial)
            lost = not taken and text != self._edited  # a page may send an edit twice
        if lost:
            self._conflicts.keep(text, page, revision)
        return taken

    def _take(self, text: str, revision: int, page: str, serial: int) -> bool:
        before, insertion = self._text.text, self.insertion
        if insertion is not None and insertion.proposes and text != before:
            return False
        if insertion is not None and insertion.loses(text) and self._text.takes(revision, page):
            self._text.put(before)  # another revision, by which the page is told
            return False
        if not self._text.edit(text, revision, page, serial):
            return False
        if insertion is not None:
            insertion.point = insertion.point.edited(self._text.text)
        self._follow(before)
        if insertion is None or insertion.proposes or insertion.empty:
            self._autosave.note(self._text.text)
        else:
            self._run_autosave.note(insertion.draft)
        self._edited = text
        return True

    def recover(self, text: str) -> bool:
        """Make what a browser held the draft, as `replace` does. While the model writes it becomes a version, and the
        answer is False. Raises StoreError."""
        with self._commands:
            if self.busy:
                save_version(self._store, self._project, text, "Unsaved text of a browser", automatic=True)
            elif text != self.text:
                self.replace(text, "Before restoring unsaved text")
            return not self.busy

    def replace(self, text: str, version: str = "", proposal: Proposal | None = None) -> None:
        """Make `text` the draft, as one step of undo; with `version` the text before is kept under that name.
        `proposal`: what waits for an answer then, if it is not what the edit makes of the one that does now."""
        with self._commands:
            before, revision = self._now()
            self._autosave.flush()
            if version and before.strip():
                save_version(self._store, self._project, before, version, automatic=True)
            save_draft(self._store, self._project, before, checkpoint=True)
            save_draft(self._store, self._project, text, checkpoint=True)
            self._put(text, revision, proposal)

    def restore(self, version: int) -> None:
        """Make a version the draft, as one step of undo; the text before is kept as a version too.

        Raises AppError while the model writes, which would go on with another text, and StoreError.
        """
        with self._commands:
            if self.busy:
                raise AppError("The model is writing. Stop it, or wait for its end, then restore the version.")
            _, revision = self._now()
            self._autosave.flush()
            self._put(restore_version(self._store, version), revision)

    def undo(self) -> bool:
        """Go back one step; False if there is none, or while the model writes."""
        return self._travel(undo)

    def redo(self) -> bool:
        """Go forward one step; False if there is none, or while the model writes."""
        return self._travel(redo)

    def _travel(self, step: Callable[[Store, str], str | None]) -> bool:
        with self._commands:
            if self.busy:
                return False
            _, revision = self._now()
            self._autosave.flush()
            text = step(self._store, self._project)
            if text is not None:
                self._put(text, revision)
            return text is not None

    def flush(self) -> Message | None:
        """Keep the draft now; returns why it could not be, or None."""
        self._autosave.flush()
        return self._autosave.error

    # --- what runs write ---

    def begin(self, insertion: Insertion) -> None:
        """Let a run write there. Raises AppError if another does, StoreError if the draft cannot be kept."""
        with self._commands:
            if self.busy:
                raise AppError("You are writing already. Stop that first.")
            self._autosave.flush()
            save_draft(self._store, self._project, self.text, checkpoint=True)
            self._run_autosave = Autosave(self._store, self._project, writer=insertion.id, whole=True)
            with self._lock:
                insertion.point = insertion.point.edited(self._text.text)  # a page may have sent more meanwhile
                self.insertion, self.proposal, self._withdrawn = insertion, None, self.proposal

    def cancel(self) -> None:
        """Nothing is written after all."""
        with self._lock:
            self.insertion, self.proposal = None, self._withdrawn

    def write(self, text: str) -> None:
        """The run has written more. Raises StoreError if the draft that it begins to change cannot be kept."""
        insertion = self.insertion
        assert insertion is not None
        with self._lock:
            begins = insertion.empty and text != ""
            insertion.write(text)
        if insertion.proposes or insertion.empty:
            return
        if begins:
            self._keep_before()
        self._run_autosave.note(insertion.draft)

    def rewrite(self, text: str) -> None:
        """What the run has written so far is now `text`."""
        insertion = self.insertion
        assert insertion is not None
        with self._lock:
            insertion.text = text
        if not insertion.proposes:
            self._run_autosave.note(insertion.draft)

    def _keep_before(self) -> None:
        """The draft that the model begins to change, as a version and as a step of undo."""
        with self._commands:
            self._autosave.flush()
            if self.text.strip():
                save_version(self._store, self._project, self.text, "Before the model wrote", automatic=True)
            save_draft(self._store, self._project, self.text, checkpoint=True)

    def streamed(self) -> tuple[int, InsertionPoint | None]:
        """The revision of the draft into which a run writes, and where in that."""
        with self._lock:
            return self._text.revision, self.insertion.point if self.insertion else None

    def end(self, *, failed: bool) -> None:
        """The run has stopped writing: its text is the draft's, or a proposal. Raises StoreError if it cannot be kept;
        it is the draft's all the same."""
        with self._commands:
            insertion = self.insertion
            assert insertion is not None
            if insertion.proposes or insertion.empty:  # or nothing would be left of what it was to replace
                with self._lock:
                    self.insertion = None
                    if insertion.proposes and insertion.changes and not failed:
                        self.proposal = Proposal.of(insertion)
                return
            self._run_autosave.flush()
            with self._lock:
                self._text.put(insertion.draft, (insertion.start, insertion.end))
                self.insertion = None
            save_draft(self._store, self._project, self.text, writer=insertion.id, checkpoint=True, whole=True)

    def resolve(self, proposal: str, accept: bool, piece: int | None = None) -> bool:
        """Accept or reject of the proposal of that id all that is open, or one piece; what is accepted is one step of
        undo. False if it is not there any more, or its passage was edited.

        Raises StoreError if the draft it makes cannot be kept.
        """
        with self._commands:
            now = self.state
            found = now.proposal
            if found is None or found.id != proposal:
                return False
            decided = found.decided(accept, piece)
            text = decided.put_into(now.text, found)
            if text != now.text and not found.outdated:
                self.replace(text, proposal=decided)  # what cannot be kept stays a proposal
            with self._lock:
                if self.proposal is found:
                    self.proposal = decided
                if self.proposal is not None and (self.proposal.outdated or self.proposal.settled):
                    self.proposal = None
            return not (accept and found.outdated)

    def _follow(self, before: str) -> None:
        """The proposal after an edit of a draft that was `before`."""
        if self.proposal is not None:
            self.proposal = self.proposal.edited(before, self._text.text)

    def _now(self) -> tuple[str, int]:
        with self._lock:
            return self._text.text, self._text.revision

    def _put(self, text: str, revision: int, proposal: Proposal | None = None) -> None:
        """Another text in place of that of `revision`; what a page has sent meanwhile is kept as a version."""
        with self._lock:
            before = self._text.text
            came = before if self._text.revision != revision else None
            self._text.put(text)
            if proposal is None:
                self._follow(before)
            else:
                self.proposal = proposal
            if self.insertion is not None:
                self.insertion.point = self.insertion.point.edited(text)
        if came is not None and came != text:
            self._conflicts.keep(came, "", revision)
            self._autosave.note(text)  # which would else keep that one
