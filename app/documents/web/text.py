"""What a reader sees of a web page or an e-book's chapter, as plain text with Markdown headings, lists and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup, CData, NavigableString, Tag

from app.documents import markdown
from app.documents.alt_text import picture_text
from app.documents.small_letters import lowered, note_mark, raised
from app.documents.web import mathml
from app.documents.web.doctype import without_doctype
from app.documents.web.notes import Notes
from app.documents.web.tables import data_rows, integer
from app.say.errors import FileTooLarge

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
_PERMALINKS = {"¶", "#", "§", "🔗", "↩", "↩︎", "↵", "⏎", "↑"}
_BACK = re.compile(r"mw-cite-backlink|footnote-back|reversefootnote")
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_MOST_TAGS = 500_000  # each takes over a kilobyte and 15 microseconds
_MOSTLY_HIDDEN = 4  # so many times what is seen: scripts show it, and it is what the page is about
_DEEPEST = 20  # letters raised above raised ones
_CONTEXT = 40  # characters before a raised letter that say what it means


def html_to_text(markup: str, name: str, *, titles: Mapping[str, tuple[int, str]] | None = None) -> str:
    """What a reader sees of `markup`, without blanks at both ends. Raises FileTooLarge if it has too many tags.

    `titles` gives level and title of the sections that begin at elements with these ids.
    """
    return write(parse(markup, name), titles)


def parse(markup: str, name: str) -> BeautifulSoup:
    """The elements of `markup`. Raises FileTooLarge if there are too many."""
    tags = markup.count("<")
    if tags > _MOST_TAGS:
        raise FileTooLarge("{} has {:,} tags; the limit is {:,}. Split it, or save it as PDF.", name, tags, _MOST_TAGS)
    # A line end keeps a page of a few words from being taken for an address, and warned of.
    return BeautifulSoup(without_doctype(_XML_DECLARATION.sub("", markup, count=1)) + "\n", "lxml")


def write(root: Tag, titles: Mapping[str, tuple[int, str]] | None = None) -> str:
    """What a reader sees of the elements in `root`; of a page that is hidden but for a few words, all of it."""
    notes = Notes(root)
    writer = _Writer(notes, titles or {}).write(root)
    if writer.hidden > _MOSTLY_HIDDEN * len(writer.text):
        writer = _Writer(notes, titles or {}, unhide=True).write(root)
    return writer.text


class _Writer:
    """Writes the text of elements one after the other; blanks and line ends wait until something follows them."""

    def __init__(
        self,
        notes: Notes,
        titles: Mapping[str, tuple[int, str]] | None = None,
        *,
        flat: int = 0,
        unhide: bool = False,
    ) -> None:
        """`flat`: how deep in cells, headings and raised letters, within which there are no others of their kind.
        `unhide`: what a page hides is read as well."""
        self._notes, self._titles, self._flat, self._unhide = notes, dict(titles or {}), flat, unhide
        self._parts: list[str] = []
        self._ends = 0  # line ends before what comes next
        self._blank = False
        self._prefix = ""  # of the list item or the note that begins
        self._note = ""  # its name, until its own text begins
        self._lists: list[int | None] = []  # the next number of each open list; None: bullets
        self.hidden = 0  # characters that were left out since they are hidden

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
                if not self._is_dropped(child) and self._opens(child):
                    open_tags.append((child, iter(child.children)))
            elif type(child) in (NavigableString, CData):  # not a comment, a doctype, ...
                self._add(str(child))
        return self

    def _is_dropped(self, tag: Tag) -> bool:
        if tag.name in _DROPPED or tag.get("role") in ("navigation", "search"):
            return True
        if not self._unhide and _is_hidden(tag):
            self.hidden += len(tag.get_text().strip())
            return True
        # "¶" beside a heading is a link to it.
        if tag.name == "a" and len(tag.contents) == 1 and str(tag.contents[0]).strip() in _PERMALINKS:
            return True
        return bool(_BACK.search(str(tag.get("class", "")))) or (id(tag) in self._notes.back and self._note != "")

    def _opens(self, tag: Tag) -> bool:
        """Begin an element; False if it was written as a whole."""
        name = tag.name
        self._break(self._ends_around(name))
        if (name == "li" and tag.find_previous_sibling("li")) or (name in _LISTS and self._lists):
            self._ends = 1  # the items of a list stand close, even if each is a paragraph
        if self._begins_section(tag):
            return False
        if name in _LISTS:
            self._lists.append(integer(tag, "start", 1) if name == "ol" else None)
        elif name == "li":
            self._begin_item(tag)
        if note := self._notes.begins(tag):
            self._prefix, self._note = f"[^{note}]: ", note
        if self._is_small(tag):
            return False
        if self._flat:
            return True
        if name in _HEADINGS:
            self._put_heading(tag)
            return False
        if name == "pre":
            self._put(f"```\n{_preformatted(tag)}\n```")
            self._break(2)
            return False
        if name == "table" and (rows := data_rows(tag, self._flat_text)):
            for line in ([self._flat_text(tag.caption)] if tag.caption else []) + markdown.table(rows):
                self._put(line)
                self._break(1)
            self._break(2)
            return False
        return True

    def _is_small(self, tag: Tag) -> bool:
        """Whether an element is a mark, raised or lowered letters, an equation or a picture, which is then written."""
        name = tag.name.rpartition(":")[2]
        if self._flat > _DEEPEST:
            return False
        if id(tag) in self._notes.marks:
            self._put_beside(note_mark(self._notes.marks[id(tag)], self._before()))
        elif id(tag) in self._notes.elsewhere:
            if (label := self._notes.elsewhere[id(tag)]) != self._note:
                self._put_beside(f" [{label}]")
        elif name in ("sup", "sub"):
            text, after = self._flat_text(tag), _text_after(tag)
            if self._note and text.strip("[]().: ") == self._note:
                return True
            before = self._before()
            self._put_beside(raised(text, before, after) if name == "sup" else lowered(text, before))
        elif name == "math":
            if text := mathml.linear(tag):
                self._put(text)
        elif name in ("img", "image"):
            if text := picture_text(tag):
                self._put(text)
        else:
            return False
        return True

    def _begins_section(self, tag: Tag) -> bool:
        """Write the title of the section that begins here, if any; whether the element is no more than that title."""
        level, title = self._titles.pop(str(tag.get("id", "")), (0, "")) if self._titles else (0, "")
        headings = list(_HEADINGS)
        if not title or tag.name in _HEADINGS or tag.find_parent(headings) or tag.find(headings):
            return False
        following = tag.find_next(headings)
        said = " ".join(following.get_text().split()).casefold() if following else ""
        if said and (said in title.casefold() or title.casefold() in said):
            return False
        text = self._flat_text(tag) if len(tag.get_text()) < 2 * len(title) + 80 else ""
        self._break(2)
        self._put(markdown.heading(level, title))
        self._break(2)
        return bool(text) and " ".join(text.split()).casefold() == title.casefold()

    def _put_heading(self, tag: Tag) -> None:
        notes = [self._notes.begins(inner) for inner in tag.find_all("a")] if self._notes.targets else []
        text = self._flat_text(tag)
        if note := next((note for note in notes if note and text.strip("[]()^.: ") in (note, "")), ""):
            self._prefix, self._note = f"[^{note}]: ", note
        elif text:
            self._put(markdown.heading(_HEADINGS[tag.name], text))
            self._break(2)

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
            number = integer(tag, "value", number)
            self._lists[-1] = number + 1
        self._prefix = markdown.list_item(max(len(self._lists) - 1, 0), number)

    def _break(self, ends: int) -> None:
        if ends and not self._prefix:  # an item's first paragraph stands beside its bullet
            self._ends, self._blank = max(self._ends, ends), False

    def _add(self, text: str) -> None:
        text = _BLANKS.sub(" ", text).replace("\u00ad", "")
        if self._note and text.strip():  # the note's own number, which its name says already
            begun = re.match(rf"\s*[\[(^]*{re.escape(self._note)}(?![\w])[\])^.:]*\s*", text)
            text = text[begun.end() :] if begun else text
            self._note = "" if text.strip() else self._note
        core = text.strip(" ")
        self._blank = self._blank or text.startswith(" ")
        if core:
            self._put(core)
            self._blank = text.endswith(" ")

    def _before(self) -> str:
        """What was written on this line, up to where the next letter will stand."""
        if self._ends or self._prefix or not self._parts:
            return ""
        return "".join(self._parts[-4:])[-_CONTEXT:] + " " * self._blank

    def _put_beside(self, text: str) -> None:
        """Write what says of itself whether a blank stands before it."""
        self._blank = self._blank or text.startswith(" ")
        if core := text.strip(" "):
            self._put(core)
            self._blank = text.endswith(" ")

    def _put(self, text: str) -> None:
        if self._parts:
            self._parts.append("\n" * self._ends if self._ends else " " if self._blank else "")
        self._parts += self._prefix, text
        self._ends, self._blank, self._prefix, self._note = 0, False, "", ""

    def _flat_text(self, tag: Tag) -> str:
        return " ".join(_Writer(self._notes, flat=self._flat + 1, unhide=self._unhide).write(tag).text.split())


def _is_hidden(tag: Tag) -> bool:
    if tag.name in ("html", "body"):  # hidden until a script has run
        return False
    hidden = tag.has_attr("hidden") or tag.get("aria-hidden") == "true" or _INVISIBLE.search(str(tag.get("style", "")))
    # Beside a picture of an equation stands the equation, for those who cannot see.
    return bool(hidden) and not (tag.find("math") and len(tag.find_all(True, recursive=False)) == 1)


def _text_after(tag: Tag) -> str:
    following = tag.next_sibling
    return str(following)[:_CONTEXT] if type(following) in (NavigableString, CData) else ""


def _preformatted(tag: Tag) -> str:
    parts = []
    for child in tag.descendants:
        if isinstance(child, Tag):
            parts.append("\n" if child.name == "br" else "")
        elif type(child) in (NavigableString, CData):
            parts.append(str(child))
    return "".join(parts).strip("\n")
