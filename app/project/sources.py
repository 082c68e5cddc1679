"""The sources of a project: read, chosen from, put in order, and kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial, wraps
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Concatenate, ParamSpec

from app.documents import ReadAs, duplicates
from app.intake import FileJob, InThread, PastedJob, Reader, Wanted
from app.project.being_read import BeingRead, Readings
from app.project.source_file import SourceFile
from app.prompt.messages import Source
from app.say.errors import StoreError
from app.say.wording import ENGLISH, Message, Wording
from app.settings import Limits
from app.store import (
    Store,
    add_source,
    choose_pages,
    choose_parts,
    leave_out_source,
    list_sources,
    order_sources,
    read_source_again,
    remove_source,
)

Given = ParamSpec("Given")


def _reading(method: Callable[Concatenate[Sources, Given], None]) -> Callable[Concatenate[Sources, Given], None]:
    """A method during which something is read that is not in the store yet."""

    @wraps(method)
    def counted(sources: Sources, /, *args: Given.args, **options: Given.kwargs) -> None:
        with sources._lock:
            sources._reads += 1
        try:
            method(sources, *args, **options)
        finally:
            with sources._lock:
                sources._reads -= 1

    return counted


class Sources:
    """The sources of one project, in order. For several threads at once: each change puts another tuple in the place of
    `files`, and nobody waits while a file is read or copied."""

    def __init__(self, store: Store, project: str, limits: Limits, reader: Reader | None = None) -> None:
        """Those that the store keeps. Others are read by `reader`, without one in the thread that adds them."""
        self._store, self._project, self._limits = store, project, limits
        self._reader = reader or InThread()
        self._closed = False
        self.readings = Readings()
        """The files that are being read."""
        self._reads = 0
        self._files = tuple(
            SourceFile(
                source.path,
                source.document,
                source.chosen,
                left_out=source.left_out,
                parts=source.parts,
                stored=source.id,
            )
            for source in list_sources(store, project)
        )
        self._pasting: set[str] = set()
        """The names of texts that are about to be among the files."""
        self._lock = Lock()
        """Held by who changes `files`, until the store knows too, so that both have the same order of changes."""

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All of them, as they are now."""
        return self._files

    @property
    def held(self) -> int:
        """Bytes that their texts take in memory, about."""
        return sum(file.held for file in self._files)

    @property
    def file_bytes(self) -> int:
        """Of all files together."""
        return sum(file.file_bytes for file in self._files)

    @property
    def kept(self) -> bool:
        """Whether the store has all of them, and none is being read."""
        return not self._reads and all(file.stored is not None for file in self._files)

    @property
    def version(self) -> str:
        """Another one whenever a file came, went or moved, or is read in another way; and of each project its own."""
        files = [
            (file.id, file.pages, file.left_out, file.parts, file.error, file.document and file.document.read_as)
            for file in self._files
        ]
        return repr((self._project, files))

    @property
    def division(self) -> str:
        """Another one whenever other pages are read, or in another order: what names their parts speaks of it."""
        files = [(file.id, file.pages, file.document and file.document.read_as) for file in _selected(self._files)]
        return repr((self._project, files))

    @property
    def selected(self) -> list[Source]:
        """The readable ones that are not left out, with their chosen pages, in order."""
        return [
            Source(file.document, file.chosen_pages, file.parts) for file in _selected(self._files) if file.document
        ]

    @property
    def duplicate_notes(self) -> dict[str, Message]:
        """For each file whose text an earlier one has too, by its id, a sentence that says which."""
        readable = [(file.id, file.document) for file in self._files if file.document]
        notes = duplicates([document for _, document in readable])
        return {readable[place][0]: note for place, note in notes.items()}

    def find(self, file: str) -> SourceFile | None:
        """The file of that id as it is now; None if it was removed."""
        return next((found for found in self._files if found.id == file), None)

    @_reading
    def add(self, paths: Sequence[Path], wanted: Wanted | None = None) -> None:
        """Read uploaded files, which come last.

        Reading is stopped, which is the file's `error` then, once the project is closed or `wanted` is False.
        """

        def awaited() -> bool:
            return not self._closed and (wanted is None or wanted())

        files = [SourceFile(path) for path in dict.fromkeys(paths)]
        with ExitStack() as stack:
            entries = [stack.enter_context(self.readings.begun(file.name)) for file in files]
            for file, entry in zip(files, entries, strict=True):
                if entry.wanted:
                    read = self._read(file, FileJob(file.path, self._limits), entry, awaited)
                    if entry.wanted:
                        self._append(self._kept(read))
                self.readings.end(entry)

    @_reading
    def paste(self, text: str, say: Wording = ENGLISH) -> None:
        """Add a pasted text as the last source; `say` names it. Raises DocumentError, and then adds none."""
        with self._lock:
            names = {file.name for file in self._files} | self._pasting
            name = next(name for name in _pasted_names(say) if name not in names)
            self._pasting.add(name)
        try:
            document = self._reader.read(PastedJob(text, name, self._limits), None, lambda: not self._closed)
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"{name}.txt"
                path.write_text(text, "utf-8", "surrogatepass")
                self._append(self._kept(SourceFile(path, document)))
        finally:
            with self._lock:
                self._pasting.discard(name)

    @_reading
    def unlock(self, file: str, password: str) -> None:
        """Try to open the file of that id with a password."""
        locked = self.find(file)
        if locked is None or locked.document is not None:
            return

        def awaited() -> bool:
            now = self.find(file)
            return not self._closed and now is not None and now.document is None

        with self.readings.begun(locked.name, file) as entry:
            read = self._kept(self._read(locked, FileJob(locked.path, self._limits, password), entry, awaited))
        with self._lock:
            now = self.find(file)
            if entry.wanted and now is not None and now.document is None:
                self._replace(replace(read, left_out=now.left_out))
                self._keep_order()
                return
        if read.stored is not None:  # it was removed since, or opened by another attempt
            remove_source(self._store, read.stored)

    @_reading
    def read_again(self, file: str, read_as: ReadAs, wanted: Wanted | None = None) -> None:
        """Read the file of that id in another way. The choice of pages stays if it can; what goes wrong leaves the
        source as it was, and becomes its `error`. It stays as it was, too, if reading is stopped, or `wanted` is
        False."""
        known = self.find(file)
        if known is None or known.document is None:
            return

        def awaited() -> bool:
            return not self._closed and self.find(file) is not None and (wanted is None or wanted())

        job = FileJob(known.path, self._limits, read_as=read_as, shown=known.name)
        with self.readings.begun(known.name, file) as entry:
            read = self._read(known, job, entry, awaited)
        with self._lock:
            now = self.find(file)
            if now is None or read.document is None or not entry.wanted:
                return
            if read.document is known.document:
                self._replace(replace(now, error=read.error))
                return
            again = replace(now, document=read.document, error=None, parts={})
            if again.error is not None:  # it has other pages now
                again = replace(again, pages="", error=None)
            self._replace(again)
            if again.stored is not None:
                read_source_again(self._store, again.stored, read.document, again.pages)

    def choose(self, file: str, pages: str) -> None:
        """Choose pages of the file of that id ("1-3, 7, 12-"). A choice that cannot be read leaves the earlier one and
        becomes `error`."""
        with self._lock:
            if (found := self.find(file)) is not None:
                self._choose(found, pages)

    def leave_out(self, file: str, out: bool = True) -> None:
        """Leave the file of that id out of what the model reads, or take it in again."""
        with self._lock:
            if (found := self.find(file)) is not None:
                self._leave_out(found, out)

    def apply_pages(self, version: str, pages: Sequence[str]) -> bool:
        """Choose pages of all that are selected, in order; one of which none is named is left out. Nothing is done, and
        the answer is False, if `version` is not theirs any more."""
        with self._lock:
            if version != self.version:
                return False
            for file, chosen in zip(_selected(self._files), pages, strict=True):
                if chosen:
                    self._choose(file, chosen)
                else:
                    self._leave_out(file, True)
            return True

    def apply_left_out(self, version: str, indices: Sequence[int]) -> bool:
        """Leave out those at `indices`, counted in `selected`, unless `version` is not theirs any more."""
        with self._lock:
            if version != self.version:
                return False
            for index, file in enumerate(_selected(self._files)):
                if index in indices:
                    self._leave_out(file, True)
            return True

    def choose_parts(self, division: str, chosen: Sequence[Mapping[str, str]]) -> bool:
        """Choose for parts of all that are selected, in order: beside what was chosen for others. Nothing is done, and
        the answer is False, if they are not divided as in `division` any more."""
        with self._lock:
            if division != self.division:
                return False
            for file, parts in zip(_selected(self._files), chosen, strict=True):
                if parts:
                    self._choose_parts(file, {**file.parts, **parts})
            return True

    def forget_parts(self) -> None:
        """Nothing is chosen for parts any more."""
        with self._lock:
            for file in self._files:
                if file.parts:
                    self._choose_parts(file, {})

    def move(self, file: str, by: int) -> None:
        """Move the file of that id by so many places, at most to the beginning or the end."""
        with self._lock:
            if (found := self.find(file)) is not None:
                files = list(self._files)
                place = files.index(found)
                files.insert(max(place + by, 0), files.pop(place))
                self._files = tuple(files)
                self._keep_order()

    def remove(self, file: str) -> None:
        """Forget the file of that id."""
        with self._lock:
            found = self.find(file)
            self._files = tuple(other for other in self._files if other is not found)
        if found is not None and found.stored is not None:
            remove_source(self._store, found.stored)

    def close(self) -> None:
        """Stop reading: what is being read is not wanted any more."""
        self._closed = True

    def _read(self, file: SourceFile, job: FileJob, entry: BeingRead, awaited: Wanted) -> SourceFile:
        """With its document or an error, while the entry tells how far it is."""
        advanced, waits = partial(self.readings.advance, entry), partial(self.readings.wait, entry)
        return file.read(self._reader, job, advanced, lambda: entry.wanted and awaited(), waits)

    def _kept(self, file: SourceFile) -> SourceFile:
        """With its copy in the store, or with why there is none: it can be written about all the same."""
        if file.document is None:
            return file
        try:
            stored = add_source(self._store, self._project, file.path, file.document)
            return replace(file, stored=stored.id, path=stored.path)
        except StoreError as error:
            return replace(file, error=error.message)

    def _append(self, file: SourceFile) -> None:
        with self._lock:
            overtaken = file.stored is not None and any((other.stored or 0) > file.stored for other in self._files)
            self._files = (*self._files, file)
            if overtaken:
                self._keep_order()

    # --- under the lock ---

    def _replace(self, file: SourceFile) -> None:
        self._files = tuple(file if other.id == file.id else other for other in self._files)

    def _choose(self, file: SourceFile, pages: str) -> None:
        if file.document is None:
            return
        chosen = replace(file, pages=pages, error=None, parts=file.parts if pages == file.pages else {})
        if chosen.error is not None:
            self._replace(replace(file, error=chosen.error))
            return
        self._replace(chosen)
        if file.stored is not None:
            choose_pages(self._store, file.stored, pages)
            if chosen.parts != file.parts:  # other pages have other parts
                choose_parts(self._store, file.stored, chosen.parts)

    def _choose_parts(self, file: SourceFile, parts: Mapping[str, str]) -> None:
        self._replace(replace(file, parts=parts))
        if file.stored is not None:
            choose_parts(self._store, file.stored, parts)

    def _leave_out(self, file: SourceFile, out: bool) -> None:
        self._replace(replace(file, left_out=out))
        if file.stored is not None:
            leave_out_source(self._store, file.stored, out)

    def _keep_order(self) -> None:
        order_sources(self._store, self._project, [file.stored for file in self._files if file.stored is not None])


def _selected(files: Sequence[SourceFile]) -> list[SourceFile]:
    return [file for file in files if file.chosen_pages and not file.left_out]


def _pasted_names(say: Wording) -> Iterator[str]:
    yield say("Pasted text")
    for number in count(2):
        yield say("Pasted text {}", number)
