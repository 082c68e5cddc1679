"""The sources of a project: read, chosen from, put in order, and kept in the store."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from app.documents import Document, Page, Progress, duplicates, read_document, read_pasted, select_pages
from app.prompt.messages import Source
from app.say.errors import DocumentError, PageRangeError, PasswordNeeded, StoreError, WrongPassword
from app.say.wording import ENGLISH, Message, Wording, reason
from app.settings import Limits
from app.store import Store, add_source, choose_pages, leave_out_source, list_sources, order_sources, remove_source

FileProgress: TypeAlias = Callable[[str, int, int], None]


@dataclass(eq=False)
class SourceFile:
    """An uploaded file or a pasted text: its document, or why there is none.

    `pages` is the choice as typed, empty for all. One that is left out stays in the list. `stored` is its id in the
    store, None while it is not kept there; `id` is its own while the project is open.
    """

    path: Path
    document: Document | None = None
    pages: str = ""
    error: Message | None = None
    needs_password: bool = False
    left_out: bool = False
    stored: int | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def name(self) -> str:
        """The file's name, or that of the pasted text."""
        return self.document.name if self.document else self.path.name

    def read(self, limits: Limits, password: str | None = None, progress: Progress | None = None) -> None:
        """Read the file; what is wrong with it becomes `error`."""
        self.error, self.needs_password = None, False
        try:
            self.document = read_document(self.path, password=password, limits=limits, progress=progress)
        except DocumentError as error:
            self.error = error.message
            self.needs_password = isinstance(error, PasswordNeeded | WrongPassword)
        except OSError as error:
            self.error = Message("{} cannot be opened: {}. Upload it again.", self.name, reason(error))

    @property
    def chosen_pages(self) -> tuple[Page, ...]:
        """The pages to be read, none if there is no document."""
        return select_pages(self.document, self.pages) if self.document else ()


class Sources:
    """The sources of one project, in order. Not for several threads at once."""

    def __init__(self, store: Store, project: str, limits: Limits) -> None:
        """Those that the store keeps."""
        self._store, self._project, self._limits = store, project, limits
        self.files = [
            SourceFile(source.path, source.document, source.chosen, left_out=source.left_out, stored=source.id)
            for source in list_sources(store, project)
        ]

    @property
    def version(self) -> str:
        """Another one whenever a file came, went or moved, or is read in another way; and of each project its own."""
        files = [(file.id, file.pages, file.left_out, file.error, file.document is not None) for file in self.files]
        return repr((self._project, files))

    @property
    def selected(self) -> list[Source]:
        """The readable ones that are not left out, with their chosen pages, in order."""
        return [Source(file.document, file.chosen_pages) for file in self._selected_files() if file.document]

    @property
    def duplicate_notes(self) -> dict[int, Message]:
        """For each file whose text an earlier one has too, by its index, a sentence that says which."""
        readable = [(index, file.document) for index, file in enumerate(self.files) if file.document]
        notes = duplicates([document for _, document in readable])
        return {readable[place][0]: note for place, note in notes.items()}

    def index_of(self, file: str) -> int | None:
        """Where the file of that id stands now; None if it was removed."""
        return next((index for index, found in enumerate(self.files) if found.id == file), None)

    def add(self, paths: Sequence[Path], progress: FileProgress | None = None) -> None:
        """Read uploaded files, which come last. `progress`: the file that is read, its pages done and their total."""
        for path in dict.fromkeys(paths):
            file = SourceFile(path)
            file.read(self._limits, progress=partial(progress, file.name) if progress else None)
            self._keep(file)
            self.files.append(file)

    def paste(self, text: str, say: Wording = ENGLISH) -> None:
        """Add a pasted text as the last source; `say` names it. Raises DocumentError, and then adds none."""
        names = {file.name for file in self.files}
        name = next(name for name in _pasted_names(say) if name not in names)
        document = read_pasted(text, name, limits=self._limits)
        with TemporaryDirectory() as folder:
            file = SourceFile(Path(folder) / f"{name}.txt", document)
            file.path.write_text(text, "utf-8", "surrogatepass")
            self._keep(file)
        self.files.append(file)

    def unlock(self, index: int, password: str) -> None:
        """Try to open the file at `index` with a password."""
        self.files[index].read(self._limits, password)
        self._keep(self.files[index])
        self._keep_order()

    def choose(self, index: int, pages: str) -> None:
        """Choose pages ("1-3, 7, 12-"). A choice that cannot be read leaves the earlier one and becomes `error`."""
        file = self.files[index]
        if file.document is None:
            return
        try:
            select_pages(file.document, pages)
        except PageRangeError as error:
            file.error = error.message
            return
        file.pages, file.error = pages, None
        if file.stored is not None:
            choose_pages(self._store, file.stored, pages)

    def leave_out(self, index: int, out: bool = True) -> None:
        """Leave the file at `index` out of what the model reads, or take it in again."""
        file = self.files[index]
        file.left_out = out
        if file.stored is not None:
            leave_out_source(self._store, file.stored, out)

    def apply_pages(self, pages: Sequence[str]) -> None:
        """Choose pages of all that are selected, in order; one of which none is named is left out."""
        for file, chosen in zip(self._selected_files(), pages, strict=True):
            if chosen:
                self.choose(self.files.index(file), chosen)
            else:
                self.leave_out(self.files.index(file))

    def apply_left_out(self, indices: Sequence[int]) -> None:
        """Leave out those at `indices`, counted in `selected`."""
        for index, file in enumerate(self._selected_files()):
            if index in indices:
                self.leave_out(self.files.index(file))

    def move(self, index: int, by: int) -> None:
        """Move the file at `index` by so many places, at most to the beginning or the end."""
        self.files.insert(max(index + by, 0), self.files.pop(index))
        self._keep_order()

    def remove(self, index: int) -> None:
        """Forget the file at `index`."""
        stored = self.files.pop(index).stored
        if stored is not None:
            remove_source(self._store, stored)

    def _selected_files(self) -> list[SourceFile]:
        return [file for file in self.files if file.document and not file.left_out]

    def _keep(self, file: SourceFile) -> None:
        if file.document is None or file.stored is not None:
            return
        try:
            file.stored = add_source(self._store, self._project, file.path, file.document, file.pages).id
        except StoreError as error:  # it can be written about all the same
            file.error = error.message

    def _keep_order(self) -> None:
        order_sources(self._store, self._project, [file.stored for file in self.files if file.stored is not None])


def _pasted_names(say: Wording) -> Iterator[str]:
    yield say("Pasted text")
    for number in count(2):
        yield say("Pasted text {}", number)
