"""Web pages: what a reader sees of one, as plain text with Markdown headings, lists and tables."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress

from bs4 import BeautifulSoup, CData, NavigableString, Tag
from bs4.dammit import EncodingDetector

from app.documents import markdown
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.text import decode
from app.say.errors import FileTooLarge, NoText
from app.say.wording import Message

_DROPPED = {
    "head", "script", "style", "template", "noscript", "nav", "iframe", "object", "embed", "audio", "video", "canvas",
    "svg", "map", "dialog", "button", "input", "select", "textarea", "datalist", "annotation", "annotation-xml", "rp",
    "rt",
}  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = {"ul", "ol"}
_PARAGRAPHS = {
    "p", "pre", "blockquote", "table", "figure", "figcaption", "dl", "hr", "address", "section", "article",
}  # fmt: skip
_LINES = {
    "html", "body", "main", "header", "footer", "aside", "div", "li", "dt", "dd", "caption", "center", "details",
    "summary", "fieldset", "form", "legend", "option", "br", "tr", "td", "th", "thead", "tbody", "tfoot",
}  # fmt: skip
_PERMALINKS = {"¶", "#", "§", "🔗"}
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_MOST_TAGS = 500_000  # each takes over a kilobyte and 15 microseconds
_WIDEST_SPAN = 20  # a cell may say that it spans thousands of columns


def read_html(data: bytes, job: FileInput) -> Document:
    """A web page, as one page. Scripts, styles, navigation and what is hidden are left out."""
    text, notes = decode_markup(data, job.name)
    content = html_to_text(text, job.name)
    if not content:
        raise NoText(
            "{} has no text of its own: a browser may put it there by scripts. Open it in a browser and save it as "
            "PDF, or paste its text.",
            job.name,
        )
    pages = clean([content], [None])
    return Document(job.name, pages, notes, marked_headings(pages))


def decode_markup(data: bytes, name: str) -> tuple[str, tuple[Message, ...]]:
    """As `text.decode`, with the encoding that the markup declares."""
    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    with suppress(LookupError):
        # Pages that declare these are written, and read by browsers, in their superset.
        if declared and codecs.lookup(declared).name in ("iso8859-1", "ascii"):
            declared = "cp1252"
    return decode(data, name, declared)


def html_to_text(markup: str, name: str) -> str:
    """What a reader sees of `markup`, without blanks at both ends. Raises FileTooLarge if it has too many tags."""
    tags = markup.count("<")
    if tags > _MOST_TAGS:
        raise FileTooLarge("{} has {:,} tags; the limit is {:,}. Split it, or save it as PDF.", name, tags, _MOST_TAGS)
    # A line end keeps a page of a few words from being taken for an address, and warned of.
    soup = BeautifulSoup(_XML_DECLARATION.sub("", markup, count=1) + "\n", "lxml")
    return _Writer().write(soup).text


class _Writer:
    """Writes the text of elements one after the other; blanks and line ends wait until something follows them."""

    def __init__(self, *, flat: bool = False) -> None:
        """`flat`: for a cell or a heading, within which there are no others of its kind."""
        self._flat = flat
        self._parts: list[str] = []
        self._ends = 0  # line ends before what comes next
        self._blank = False
        self._prefix = ""  # of the list item that begins
        self._lists: list[int | None] = []  # the next number of each open list; None: bullets

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._parts)

    def write(self, root: Tag) -> _Writer:
        """Write what is in `root`. Not recursive: elements may be nested thousands deep."""
        open_tags: list[tuple[Tag, Iterator[object]]] = [(root, iter(root.children))]
        while open_tags:
            tag, children = open_tags[-1]
            child = next(children, None)
            if child is None:
                open_tags.pop()
                self._close(tag)
            elif isinstance(child, Tag):
                if not _is_dropped(child) and self._opens(child):
                    open_tags.append((child, iter(child.children)))
            elif type(child) in (NavigableString, CData):  # not a comment, a doctype, ...
                self._add(str(child))
        return self

    def _opens(self, tag: Tag) -> bool:
        """Begin an element; False if it was written as a whole."""
        name = tag.name
        self._break(self._ends_around(name))
        if (name == "li" and tag.find_previous_sibling("li")) or (name in _LISTS and self._lists):
            self._ends = 1  # the items of a list stand close, even if each is a paragraph
        if name in _LISTS:
            self._lists.append(_integer(tag, "start", 1) if name == "ol" else None)
        elif name == "li":
            self._begin_item(tag)
        elif self._flat:
            pass
        elif name in _HEADINGS:
            text = _flat_text(tag)
            if text:
                self._put(markdown.heading(_HEADINGS[name], text))
                self._break(2)
            return False
        elif name == "pre":
            self._put(f"```\n{_preformatted(tag)}\n```")
            self._break(2)
            return False
        elif name == "table" and (rows := _data_rows(tag)):
            for line in ([_flat_text(tag.caption)] if tag.caption else []) + markdown.table(rows):
                self._put(line)
                self._break(1)
            self._break(2)
            return False
        return True

    def _close(self, tag: Tag) -> None:
        if tag.name in _LISTS and self._lists:
            self._lists.pop()
        if tag.name == "li":
            self._prefix = ""  # an item without text
        self._break(self._ends_around(tag.name))

    def _ends_around(self, name: str) -> int:
        if name in _PARAGRAPHS or name in _HEADINGS:
            return 2
        if name in _LISTS:
            return 1 if self._lists else 2
        return int(name in _LINES)

    def _begin_item(self, tag: Tag) -> None:
        number = self._lists[-1] if self._lists else None
        if number is not None:
            number = _integer(tag, "value", number)
            self._lists[-1] = number + 1
        self._prefix = markdown.list_item(max(len(self._lists) - 1, 0), number)

    def _break(self, ends: int) -> None:
        if ends and not self._prefix:  # an item's first paragraph stands beside its bullet
            self._ends, self._blank = max(self._ends, ends), False

    def _add(self, text: str) -> None:
        text = _BLANKS.sub(" ", text).replace("\u00ad", "")
        core = text.strip(" ")
        self._blank = self._blank or text.startswith(" ")
        if core:
            self._put(core)
            self._blank = text.endswith(" ")

    def _put(self, text: str) -> None:
        if self._parts:
            self._parts.append("\n" * self._ends if self._ends else " " if self._blank else "")
        self._parts += self._prefix, text
        self._ends, self._blank, self._prefix = 0, False, ""


def _is_dropped(tag: Tag) -> bool:
    if tag.name in _DROPPED or tag.has_attr("hidden") or tag.get("aria-hidden") == "true":
        return True
    if tag.get("role") in ("navigation", "search") or _INVISIBLE.search(str(tag.get("style", ""))):
        return True
    # "¶" beside a heading is a link to it.
    return tag.name == "a" and len(tag.contents) == 1 and str(tag.contents[0]).strip() in _PERMALINKS


def _flat_text(tag: Tag) -> str:
    return " ".join(_Writer(flat=True).write(tag).text.split())


def _preformatted(tag: Tag) -> str:
    parts = []
    for child in tag.descendants:
        if isinstance(child, Tag):
            parts.append("\n" if child.name == "br" else "")
        elif type(child) in (NavigableString, CData):
            parts.append(str(child))
    return "".join(parts).strip("\n")


def _data_rows(table: Tag) -> list[list[str]]:
    """The cells of a table of data; none if it only serves to arrange a page."""
    if table.get("role") == "presentation" or table.find(["table", *_HEADINGS]):
        return []
    rows: list[list[str]] = []
    spans: dict[int, int] = {}  # rows that a cell above still covers, by column
    for row in table.find_all("tr"):
        cells: list[str] = []

        def cover(cells: list[str] = cells) -> None:
            while spans.get(len(cells), 0) > 0:
                spans[len(cells)] -= 1
                cells.append("")

        for cell in row.find_all(["td", "th"], recursive=False):
            cover()
            height, width = (min(_integer(cell, name, 1), _WIDEST_SPAN) for name in ("rowspan", "colspan"))
            for column in range(max(width, 1)):
                spans[len(cells)] = height - 1
                cells.append("" if column else _flat_text(cell))
        cover()
        rows.append(cells)
    return rows if len(rows) > 1 and max(map(len, rows)) > 1 else []


def _integer(tag: Tag, name: str, default: int) -> int:
    with suppress(ValueError):
        return int(str(tag.get(name, "")))
    return default
