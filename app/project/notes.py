"""Notes on the parts of a project's documents: made by the model, once, while nobody waits for it; or by the person."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TypeAlias

from app.engine.engine import Engine
from app.project.follow import FollowedRun, Job, RunScript
from app.project.material import sources_of
from app.project.run_spec import RunSpec
from app.project.support import support_of, without
from app.reading.reading import Reading
from app.store import Store, forget_note, keep_note, list_notes, notes_wanted, want_notes
from app.text.endings import to_last_sentence

PERSON = ""
"""Who made a note that a person wrote."""

NoteMaker: TypeAlias = Callable[[Reading, int], RunSpec]
"""The run that makes a note of a part."""


class Notes:
    """What is known of a project's parts, by the digest of their text. For several threads."""

    def __init__(self, store: Store, project: str) -> None:
        """Those that the store keeps."""
        self._store, self._project = store, project
        self._lock = threading.Lock()
        self._own = list_notes(store, project, PERSON)
        self._made: dict[str, dict[str, str]] = {}

    def known(self, maker: str) -> dict[str, str]:
        """The person's notes, and for other parts those of `maker`, by digest."""
        return {**self.made(maker), **self._own}

    def made(self, maker: str) -> dict[str, str]:
        """Those of `maker` alone."""
        with self._lock:
            if maker not in self._made:
                self._made[maker] = list_notes(self._store, self._project, maker)
            return dict(self._made[maker])

    def keep(self, part: str, maker: str, text: str) -> None:
        """A note of `maker`. Raises StoreError."""
        self.made(maker)
        keep_note(self._store, self._project, part, maker, text)
        with self._lock:
            self._made[maker][part] = text

    def edit(self, part: str, text: str) -> None:
        """The person's own note of a part; without words the one that would be there without them. Raises
        StoreError."""
        if text.strip():
            keep_note(self._store, self._project, part, PERSON, text.strip())
            self._own = {**self._own, part: text.strip()}
        else:
            forget_note(self._store, self._project, part, PERSON)
            self._own = {digest: note for digest, note in self._own.items() if digest != part}

    @property
    def wanted(self) -> bool:
        """Whether the model is to go on, also when the app was killed. Raises StoreError."""
        return notes_wanted(self._store, self._project)

    def want(self, wanted: bool) -> None:
        """Raises StoreError."""
        want_notes(self._store, self._project, wanted)


def parts_to_note(reading: Reading) -> list[int]:
    """The numbers of those of which notes are made."""
    return [part.number for part in reading.parts if part.matter == "text"]


def without_notes(reading: Reading, known: Mapping[str, str]) -> list[int]:
    """Those of them on which there is no note yet."""
    return [number for number in parts_to_note(reading) if reading.digest(number) not in known]


class NoteTaking(Job):
    """Makes notes of all parts that have none, one run each, until all have one or it is stopped. A run that is stopped
    for somebody who waits is made again."""

    def __init__(
        self, engine: Engine, notes: Notes, maker: str, reading: Callable[[], Reading], make: NoteMaker
    ) -> None:
        """`reading`: of the documents as they are then."""
        super().__init__(engine, None, "notes")
        self._notes, self._maker, self._reading, self._make = notes, maker, reading, make
        self._seconds, self._count = 0.0, 0

    def script(self) -> RunScript:
        """A run for each part without a note."""
        while left := self.left:
            reading, number = left
            followed = yield self._make(reading, number)
            if followed.run.state == "finished":
                self._seconds += perf_counter() - (followed.run.started or perf_counter())
                self._count += 1
                self._keep_note(reading, number, followed)
            elif followed.run.state == "failed":
                return

    @property
    def left(self) -> tuple[Reading, int] | None:
        """A part that has none yet, of the documents as they are now; None at the end."""
        reading = self._reading()
        numbers = without_notes(reading, self._notes.known(self._maker))
        return (reading, numbers[0]) if numbers else None

    @property
    def seconds_each(self) -> float | None:
        """What a note has taken so far, None before the first."""
        return self._seconds / self._count if self._count else None

    def finish(self) -> None:
        """It is not to go on by itself after all are made, or if it failed."""
        if not self._stopped:
            self._notes.want(False)

    def _keep_note(self, reading: Reading, number: int, followed: FollowedRun) -> None:
        made = supported_note(reading, number, followed.text)
        self._notes.keep(reading.digest(number), self._maker, made)


def supported_note(reading: Reading, number: int, text: str) -> str:
    """What of a model's note its part supports, up to the last whole sentence; if that is nothing, the part's main
    sentences."""
    text = to_last_sentence(text.strip())
    report = support_of(text, sources_of(reading, [number]))
    if report is not None:
        text = without(text, [found.text for found in report.unsupported])
    return text.strip() if report is not None and text.strip() else note_text(reading, number, {})


def note_text(reading: Reading, number: int, known: Mapping[str, str]) -> str:
    """The note of a part: the one that was made, else its main sentences."""
    made = known.get(reading.digest(number))
    return made if made is not None else " ".join(" ".join(extract.text.split()) for extract in reading.note(number))
