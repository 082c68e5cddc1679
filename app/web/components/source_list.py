"""The list of sources as a Gradio component: a static template, its style and scripts, and the message it is sent.

The page sends one Gradio event, `action`, with the id of a file, a kind and a value: `unlock` (a password), `pages`
(which are read), `read-as` (how its file is read), `up`, `down`, `leave-out` (whether), `remove`, and `read` (a page's
number); or with the id of what is being read and `stop-reading`. The answer is the whole list, which is small, with the
text of the page that was asked for. All of it becomes the text of nodes, never HTML.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from app.documents import Document, choices_of, name_pages
from app.documents.repair import is_repair
from app.project.being_read import BeingRead
from app.project.source_file import SourceFile
from app.runs.feed import Json
from app.say.wording import ENGLISH, Message, Wording
from app.settings import ASSETS
from app.web.components import MessageView

REMOVED_LINES, REMOVED_CHARACTERS = 12, 160
"""That are listed of each kind, and of each."""

_NUMBER = re.compile(r"\W*(?:\d{1,5}|[ivxlc]{1,8})\W*", re.IGNORECASE)

logger = logging.getLogger(__name__)


class SourceList(MessageView):
    """One whose message is a `list_message`."""

    folder = ASSETS / "sources"


def list_message(
    files: Iterable[SourceFile],
    card: Callable[[SourceFile], Json],
    say: Wording = ENGLISH,
    page: Json | None = None,
    being_read: Iterable[BeingRead] = (),
) -> Json:
    """The list with the card of each file, how far each is that is `being_read`, and a `page_text` if one was asked
    for.

    A file of which `card` raises has one that says so: the others can be used, and it can be removed.
    """
    reading = [
        {"id": entry.id, "file": entry.file, "name": entry.name, "done": entry.done, "total": entry.total,
         "facts": _advance(entry, say)}
        for entry in being_read
    ]  # fmt: skip
    return {"sources": [_guarded(file, card, say) for file in files], "page": page, "reading": reading}


def source_card(
    file: SourceFile,
    page_tokens: Sequence[int] | None,
    duplicate: Message | None,
    say: Wording = ENGLISH,
    languages: Sequence[str] = (),
) -> Json:
    """A source: its name and pages, what of it may be wrong (`warnings`), its size and what was mended (`details`); or
    why it cannot be read.

    `page_tokens` is None while there is no model that could count them. `duplicate`: which earlier source has the same
    text, if one has. `languages`: in which pictures of text can be recognised here.
    """
    alert = file.error.worded(say) if file.error else ""
    known = {"id": file.id, "name": file.name, "alert": alert, "password": file.needs_password}
    if file.document is None:
        return known
    repairs = [note for note in file.document.notes if is_repair(note)]
    warnings = [note for note in (*file.document.notes, duplicate) if note and note not in repairs]
    several = len(file.document.pages) > 1 and not file.left_out
    return {
        **known, "facts": _facts(file, file.document, say), "warnings": [note.worded(say) for note in warnings],
        "details": [_size(file, page_tokens, say), *(note.worded(say) for note in repairs)],
        "leftOut": file.left_out, "readable": True, "count": len(file.document.pages),
        "pages": file.pages if several else None, "reading": _reading(file.document, say, languages),
    }  # fmt: skip


def _reading(document: Document, say: Wording, languages: Sequence[str]) -> Json:
    """How the file was read, as far as that can be chosen, and what was left out."""
    chosen: Json = asdict(document.read_as)
    if document.recognised:
        used = document.recognised.languages.split("+")
        chosen["languages"] = {"used": used, "known": [*used, *(name for name in languages if name not in used)]}
    removed = [line for kind in ("running", "comment") for line in _left_out(document, kind, say)]
    return {**{name: chosen[name] for name in choices_of(document)}, "removed": removed}


def _left_out(document: Document, kind: str, say: Wording) -> list[str]:
    pages: dict[str, list[int]] = {}
    for line in document.removed:
        if line.kind == kind:
            pages.setdefault("" if _NUMBER.fullmatch(line.text) else line.text, []).append(line.page)
    lines = [
        say("Left out: “{}” (p. {})", _shortened(text), name_pages(dict.fromkeys(numbers)))
        if text
        else say("Left out: page numbers (p. {})", name_pages(dict.fromkeys(numbers)))
        for text, numbers in pages.items()
    ]
    more = len(lines) - REMOVED_LINES
    return lines if more <= 0 else [*lines[:REMOVED_LINES], say("and {:,} more", more)]


def _shortened(text: str) -> str:
    return text if len(text) <= REMOVED_CHARACTERS else f"{text[:REMOVED_CHARACTERS].rstrip()}…"


def _advance(entry: BeingRead, say: Wording) -> str:
    if entry.before:
        return say("Waits its turn. Files before it: {:,}", entry.before)
    if not entry.total:
        return say("Being read")
    return say("Being read: {:,} of {:,} pages", entry.done, entry.total)


def page_text(file: SourceFile, number: int) -> Json:
    """The text of a page as it was read; of the nearest if there is none of that number, of none if it has no text."""
    pages = file.document.pages if file.document else ()
    number = min(max(number, 1), len(pages)) if pages else 1
    page = pages[number - 1] if pages else None
    own = str(page.number) if page else str(number)
    label = own if page is None or page.label in (None, own) else f"{page.label} ({own})"
    return {"file": file.id, "number": number, "label": label, "text": page.text if page else ""}


def _facts(file: SourceFile, document: Document, say: Wording) -> str:
    if file.left_out:
        return say("Left out.")
    chosen, pages = len(file.chosen_pages), len(document.pages)
    count = say.count(pages, "{:,} page", "{:,} pages")
    if chosen != pages:
        count = say("{:,} of {}", chosen, count)
    return count


def _size(file: SourceFile, page_tokens: Sequence[int] | None, say: Wording) -> str:
    characters = sum(len(page.text) for page in file.chosen_pages)
    facts = [say.count(characters, "{:,} character", "{:,} characters")]
    if page_tokens is not None:
        facts.append(say.count(sum(page_tokens), "{:,} token", "{:,} tokens"))
    return " · ".join(facts)


def _guarded(file: SourceFile, card: Callable[[SourceFile], Json], say: Wording) -> Json:
    try:
        return card(file)
    except Exception:
        logger.exception("a source could not be shown")
        alert = say("This source cannot be shown. Remove it, or add it again in another form.")
        return {"id": file.id, "name": file.path.name, "alert": alert}
