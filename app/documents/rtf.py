"""Rich text (rtf): its text by striprtf, with headings where the file states outline levels, notes and small letters.

striprtf leaves out notes, headers, footers and comments, and does not tell raised letters. So before it reads a file,
signs that no text has are put in where these begin and end, and its text is put together by them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.documents import markdown
from app.documents.comments import Comments
from app.documents.document import Document, RemovedLine
from app.documents.file_input import FileInput
from app.documents.headings import find_headings, marked_headings
from app.documents.repair import clean
from app.documents.small_letters import lowered, note_mark, raised
from app.say.errors import DamagedFile, EmptyFile
from app.say.wording import Message

_LEVEL, _BEGIN, _END, _CELL = "\u2e22", "\u2e24", "\u2e25", "\u2e26"
_MARK = re.compile(rf"{_LEVEL}(\d)[ \t]*(.*)")
_TOKEN = re.compile(r"\\bin(\d{1,9}) ?|\\([a-z]{1,32})(-?\d{1,10})? ?|\\[^a-z]|[{}]")
_APART = {
    "footnote": "n", "annotation": "c", "atnauthor": "a",
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "h"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "h"),
}  # fmt: skip
_SMALL = {"super": "^", "up": "^", "sub": "_", "dn": "_"}
_ON_THE_LINE = ("nosupersub", "plain")
_CONTEXT = 40


def read_rtf(data: bytes, job: FileInput) -> Document:
    """One page, or one for each page break that the author set."""
    text = _Text(job)
    texts = text.pages(data)
    if not any(texts):
        raise EmptyFile("{} holds no text. If it holds pictures of text, recognise it (OCR) first.", job.name)
    pages = clean(texts, [None] * len(texts))
    headings = marked_headings(pages) or find_headings(job.name, pages)
    return Document(job.name, pages, text.comments.notes, headings, text.removed)


def rtf_texts(data: bytes, job: FileInput) -> list[str]:
    """Each page's text. Raises DamagedFile, or what passes a limit."""
    return _Text(job).pages(data)


class _Text:
    """The text of one file as it is read."""

    def __init__(self, job: FileInput) -> None:
        self._job, self.comments = job, Comments(job.read_as.comments)
        self._running: dict[RemovedLine, None] = {}
        self._notes: list[str] = []
        self._marked, self._page, self._author = 0, 1, ""

    @property
    def removed(self) -> tuple[RemovedLine, ...]:
        """What was left out, page by page."""
        return tuple(sorted([*self._running, *self.comments.removed], key=lambda line: line.page))

    def pages(self, data: bytes) -> list[str]:
        """Each page's text."""
        from striprtf.striprtf import rtf_to_text

        name = self._job.name
        if not data.lstrip()[:5] == b"{\\rtf":
            raise DamagedFile("{} is named like {} but is none, or is cut short ({}). Export it again.", name,
                              Message("rich text (rtf)"), "{\\rtf")  # fmt: skip
        try:
            text = rtf_to_text(_with_signs(data.decode("cp1252", "replace")), errors="replace")
        except Exception as error:
            raise DamagedFile(
                "{} is damaged and cannot be read ({}). Export it again.", name, type(error).__name__
            ) from error
        self._job.check_time()
        self._job.check_size(len(text), Message("The text in {} has", name))
        texts = [_paragraphs(page) for page in self._put_together(text).split("\f")]
        self._job.check_pages(len(texts))
        return texts

    def _put_together(self, text: str) -> str:
        """The text with what stands apart in its place; notes are at the end of their page."""
        opened: list[tuple[str, list[str]]] = [("", [])]  # what has begun, in the text, and its own text so far
        done = 0
        for found in re.finditer(rf"{_BEGIN}(.)|{_END}|\f", text):
            if done < found.start():
                opened[-1][1].append(text[done : found.start()])
            done = found.end()
            if found[1]:
                opened.append((found[1], []))
            elif found[0] == _END and len(opened) > 1:
                kind, parts = opened.pop()
                before = opened[-1][1]
                if written := self._apart(kind, "".join(parts), _tail(before), text[done : done + _CONTEXT]):
                    before.append(written)
            elif found[0] == "\f" and len(opened) == 1:
                opened[0][1].append(f"{self._page_notes()}\f")
                self._page += 1
        rest = ["".join(parts) for _, parts in opened]  # more than one: the file is cut short
        return "".join([*rest, text[done:], self._page_notes()])

    def _apart(self, kind: str, text: str, before: str, after: str) -> str:
        """What is written for a text that stands apart."""
        if kind == "^":
            return raised(text, before.rpartition("\n")[2], after.partition(_BEGIN)[0].partition(_END)[0])
        if kind == "_":
            return lowered(text, before.rpartition("\n")[2])
        line = " ".join(text.split())
        if kind == "a":
            self._author = line
        elif kind == "c":
            said = self.comments.at(self._page, self._author, line)
            self._author = ""
            return f" {said}" if said and before[-1:].strip() else said
        elif kind == "n" and line:
            self._marked += 1
            self._notes.append(f"[^{self._marked}]: {line}")
            return note_mark(str(self._marked), before)
        elif kind == "h" and any(map(str.isalpha, line)):
            if self._job.read_as.running_lines:
                return f"\n{line}\n"
            self._running[RemovedLine(self._page, line)] = None
        return ""

    def _page_notes(self) -> str:
        notes = "".join(f"\n{note}\n" for note in self._notes)
        self._notes = []
        return notes


def _tail(parts: list[str]) -> str:
    """The last characters."""
    tail = ""
    for part in reversed(parts):
        tail = part[-_CONTEXT:] + tail
        if len(tail) >= _CONTEXT:
            break
    return tail


@dataclass(slots=True)
class _Group:
    apart: bool = False
    small: bool = False


def _with_signs(source: str) -> str:
    """The file with signs where headings, small letters and what stands apart begin and end."""
    parts: list[str] = []
    groups = [_Group()]
    copied = at = 0
    begun = -1  # where a group has begun, whose first word says what it is
    in_table = False
    while found := _TOKEN.search(source, at):
        token, word, number = found[0], found[2], found[3]
        start, at = found.span()
        group, sign = groups[-1], ""
        if token == "{":
            groups.append(_Group())
            begun = at
            continue
        if token == "\\*" and start == begun:
            continue
        if found[1]:
            at += int(found[1])
        elif token == "}":
            sign = _coded(_END) * (group.apart + group.small) + "}"
            if len(groups) > 1:
                groups.pop()
        elif word in _APART and source[begun:start] in ("", "\\*"):
            start, group.apart = begun, True
            sign = _coded(_BEGIN + _APART[word])
        elif word in _ON_THE_LINE or word in _SMALL:
            sign = token + _coded(_END) * group.small
            group.small = word in _SMALL and number != "0"
            sign += _coded(_BEGIN + _SMALL[word]) if group.small else ""
        elif word == "outlinelevel" and number and len(number) == 1 and number < "9":
            sign = _coded(_LEVEL + number)
        elif word in ("pard", "intbl"):
            in_table = word == "intbl"
        elif word == "cell":
            sign = _coded(_CELL)
        elif word == "nestcell" or (in_table and word in ("par", "line")):
            sign = "{ }"
        elif word == "page":
            sign = "\\par\f\\par "
        begun = -1
        if sign:
            parts += [source[copied:start], sign]
            copied = at
    return "".join([*parts, source[copied:]])


def _coded(signs: str) -> str:
    return "".join(f"{{\\uc1\\u{ord(sign)}?}}" for sign in signs)


def _paragraphs(text: str) -> str:
    """A page's paragraphs, headings and tables."""
    blocks: list[str] = []
    rows: list[list[str]] = []
    for line in [*text.split("\n"), ""]:
        level = _MARK.fullmatch(line.strip())
        plain = re.sub(rf"{_LEVEL}\d", "", line)
        if _CELL in plain:
            rows.append([cell.strip() for cell in plain.split(_CELL)[:-1]])
            continue
        if rows:
            blocks.append("\n".join(markdown.table(rows)))
            rows = []
        if plain.strip():
            blocks.append(markdown.heading(int(level[1]) + 1, level[2]) if level else plain.rstrip())
    return "\n\n".join(filter(None, blocks))
