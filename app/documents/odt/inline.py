"""A paragraph of an OpenDocument text: small letters, notes, comments, equations, descriptions of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from app.documents.alt_text import description
from app.documents.comments import Comments
from app.documents.odt.names import name
from app.documents.odt.numbering import whole
from app.documents.odt.styles import Styles
from app.documents.small_letters import lowered, note_mark, raised
from app.documents.web.mathml import equation

_KINDS = (
    "text:s", "text:tab", "text:line-break", "text:note", "text:soft-page-break", "text:tracked-changes",
    "office:annotation", "office:annotation-end", "text:span", "draw:frame", "text:ruby-text",
)  # fmt: skip
_NAMES = {name(short): short for short in _KINDS}
_WIDEST = 20  # blanks in a row
_DEEPEST = 100
_CONTEXT = 40


class Inline:
    """Reads paragraphs. `page` is the number of the page on which they stand, `notes` are those to be written at its
    foot, and `comments` are the document's."""

    def __init__(self, body: Any, styles: Styles, comments: bool, object_at: Callable[[str], str]) -> None:
        """`comments`: they are put in. `object_at` gives the equation in the object at a path, "" if it is none."""
        self._styles, self._object_at = styles, object_at
        self.comments, self.page = Comments(comments), 1
        self.notes: list[str] = []
        self._marked = 0
        # What a comment is about has an end, and there it is read; without one it stands at its begin.
        self._ends = {end.get(name("office:name")) for end in body.iter(name("office:annotation-end"))}
        self._open: dict[str | None, Any] = {}

    def text(self, paragraph: Any) -> str:
        """A paragraph's text; a form feed stands where a page ends."""
        return self._text(paragraph, "", 0).strip(" ")

    def _text(self, parent: Any, before: str, depth: int) -> str:
        """The text in a paragraph, behind what stands `before` on its line."""
        text = parent.text or ""
        for child in parent.iterchildren("*"):
            text += self._child(child, (before + text)[-_CONTEXT:], depth) + (child.tail or "").replace("\n", " ")
        return text

    def _child(self, child: Any, before: str, depth: int) -> str:
        kind = _NAMES.get(child.tag)
        if kind == "text:s":
            return " " * min(whole(child.get(name("text:c")), 1), _WIDEST)
        if kind in ("text:tab", "text:line-break"):
            return "\t" if kind == "text:tab" else "\n"
        if kind == "text:soft-page-break":
            return "\f"
        if kind in ("text:tracked-changes", "text:ruby-text"):
            return ""
        if kind in ("office:annotation", "office:annotation-end"):
            return self._comment(child, kind, before)
        if kind == "text:note":
            return self._note(child, before)
        if kind == "draw:frame":
            return self._frame(child)
        if depth > _DEEPEST:
            return "".join(child.itertext())
        if kind == "text:span" and (how := self._styles.moved(child.get(name("text:style-name")))):
            inner = self._text(child, "", depth + 1)
            return raised(inner, before, child.tail or "") if how == "super" else lowered(inner, before)
        return self._text(child, before, depth + 1)

    def _comment(self, element: Any, kind: str, before: str) -> str:
        key = element.get(name("office:name"))
        if kind == "office:annotation" and key is not None and key in self._ends:
            self._open[key] = element
            return ""
        comment = self._open.pop(key, None) if kind == "office:annotation-end" else element
        if comment is None:
            return ""
        author = comment.findtext(name("dc:creator")) or ""
        text = " ".join(map(self.text, comment.iter(name("text:p"))))
        said = self.comments.at(self.page, author, text)
        return f"{' ' if said and before and not before[-1].isspace() else ''}{said}"

    def _note(self, note: Any, before: str) -> str:
        self._marked += 1
        mark = str(self._marked)
        body = note.find(name("text:note-body"))
        text = "" if body is None else " ".join(" ".join(map(self.text, body.iter(name("text:p")))).split())
        self.notes.append(f"[^{mark}]: {text}")
        return note_mark(mark, before)

    def _frame(self, frame: Any) -> str:
        box = frame.find(name("draw:text-box"))
        if box is not None:
            return "\n" + "\n".join(filter(None, map(self.text, box.iter(name("text:p"))))) + "\n"
        held = frame.find(name("draw:object"))
        if held is not None and (typed := self._equation(held)):
            return typed
        about = [frame.find(name(f"svg:{kind}")) for kind in ("desc", "title")]
        return next((text for one in about if one is not None and (text := description(one.text or ""))), "")

    def _equation(self, held: Any) -> str:
        inner = held.find(name("math:math"))
        if inner is not None:
            return equation(etree.tostring(inner, with_tail=False))
        path = held.get(name("xlink:href"), "")
        return self._object_at(path.removeprefix("./")) if path else ""
