"""What a run proposes for a passage of the draft, difference by difference. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from app.project.insertion import Insertion
from app.text.diff import differences
from app.text.spans import changed

PieceState: TypeAlias = Literal["equal", "open", "accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the passage: `old` before, `new` as proposed; `state` says which of the two the draft has."""

    old: str
    new: str
    state: PieceState

    @property
    def now(self) -> str:
        """As it stands in the draft."""
        return self.new if self.state == "accepted" else self.old

    @property
    def then(self) -> str:
        """As it is once all that is open is accepted."""
        return self.new if self.state == "open" else self.now


@dataclass(frozen=True)
class Proposal:
    """What a run wrote for a passage that begins at the character `start` of the draft, to be accepted or not, as a
    whole or piece by piece. outdated: the person has changed the passage where there was a difference to decide."""

    id: str
    start: int
    pieces: tuple[Piece, ...]
    outdated: bool = False

    @classmethod
    def of(cls, insertion: Insertion) -> Proposal:
        """What was written, for what stands at its point."""
        found = differences(insertion.point.replaced, insertion.text)
        pieces = (Piece(piece.old, piece.new, "equal" if piece.equal else "open") for piece in found)
        return cls(insertion.id, insertion.start, tuple(pieces))

    @property
    def old(self) -> str:
        """The passage as it stands in the draft."""
        return "".join(piece.now for piece in self.pieces)

    @property
    def text(self) -> str:
        """The passage once all that is open is accepted."""
        return "".join(piece.then for piece in self.pieces)

    @property
    def end(self) -> int:
        """Where the passage ends in the draft."""
        return self.start + len(self.old)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to decide."""
        return all(piece.state != "open" for piece in self.pieces)

    def decided(self, accept: bool, number: int | None = None) -> Proposal:
        """With the piece of that number accepted or rejected, if it is open; without a number all that are."""
        state: PieceState = "accepted" if accept else "rejected"
        chosen = range(len(self.pieces)) if number is None else (number,)
        return self._with({at: state for at in chosen if self._is(at, "open")})

    def edited(self, before: str, after: str) -> Proposal:
        """The same for a draft that was `before` and is `after`.

        An undo or redo of what was decided opens or decides it again. Edits beside the passage move it, edits within
        what is the same in both texts become part of it; others make it out of date.
        """
        if self.outdated or before == after:
            return self
        for at, piece in enumerate(self.pieces):
            if piece.state in ("accepted", "open"):
                other = self._with({at: "open" if piece.state == "accepted" else "accepted"})
                if other.put_into(before, self) == after:
                    return other
        start, end = changed(before, after)
        shift = len(after) - len(before)
        stop = end - shift  # before[start:stop] has become after[start:end]
        if stop <= self.start:
            return replace(self, start=self.start + shift)
        if start >= self.end:
            return self
        place = self.start
        for at, piece in enumerate(self.pieces):
            last = place + len(piece.now)
            if place <= start and stop <= last and piece.state != "open":
                text = piece.now[: start - place] + after[start:end] + piece.now[stop - place :]
                pieces = (*self.pieces[:at], Piece(text, text, "equal"), *self.pieces[at + 1 :])
                return replace(self, pieces=pieces)
            place = last
        return replace(self, outdated=True)

    def put_into(self, draft: str, before: Proposal) -> str:
        """The draft with this passage in place of that of `before`, which it has."""
        return draft[: before.start] + self.old + draft[before.end :]

    def _is(self, at: int, state: PieceState) -> bool:
        return 0 <= at < len(self.pieces) and self.pieces[at].state == state

    def _with(self, states: dict[int, PieceState]) -> Proposal:
        pieces: Sequence[Piece] = [
            replace(piece, state=states.get(at, piece.state)) for at, piece in enumerate(self.pieces)
        ]
        return replace(self, pieces=tuple(pieces))
