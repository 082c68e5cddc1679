"""The headers and footers of a Word document, section by section. ECMA-376, part 1, 17.10."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from docx.oxml.ns import qn

from app.documents.word.package import Package, Reference
from app.documents.word.styles import is_on, value
from app.documents.word.text import Inline, pieces

_BOX = qn("w:txbxContent")
_REFERENCES: dict[str, Literal["header", "footer"]] = {
    qn("w:headerReference"): "header",
    qn("w:footerReference"): "footer",
}


@dataclass(frozen=True, slots=True)
class Margins:
    """The headers and footers that begin with a section: those that the one before it has too are not among them."""

    headers: tuple[str, ...] = ()
    footers: tuple[str, ...] = ()


def margins(
    package: Package, references: Sequence[Reference], sections: Sequence[Any], inline: Inline
) -> Iterator[Margins]:
    """Those of each section, of which `sections` are the elements w:sectPr. Those that only have a page's number are
    left out, and those that Word does not show."""
    paths = {one.key: one.path for one in references if one.kind in ("header", "footer")}
    settings = next((one.path for one in references if one.kind == "settings"), None)
    even = settings is not None and bool(is_on(package.part(settings), "w:evenAndOddHeaders"))
    texts: dict[str, str] = {}
    known: dict[tuple[str, str], str] = {}  # a section has those of the one before it, unless it has its own
    before: set[tuple[str, str]] = set()
    for section in sections:
        for reference in section.iterchildren(*_REFERENCES):
            if (path := paths.get(reference.get(qn("r:id"), ""))) is not None:
                if path not in texts:
                    texts[path] = _text(package.part(path), inline)
                known[_REFERENCES[reference.tag], value(reference, "w:type") or "default"] = texts[path]
        shown = [*(["first"] if is_on(section, "w:titlePg") else []), "default", *(["even"] if even else [])]
        now = {
            (place, text): None
            for place in ("header", "footer")
            for kind in shown
            if (text := known.get((place, kind)))
        }
        begun = [found for found in now if found not in before]
        before = set(now)
        yield Margins(
            tuple(text for place, text in begun if place == "header"),
            tuple(text for place, text in begun if place == "footer"),
        )


def _text(part: Any, inline: Inline) -> str:
    """The text of a header or footer, on one line; "" if nothing but a page's number stands there."""
    paragraphs = (
        "".join(text for _, text in pieces(paragraph, inline))
        for paragraph in part.iter(qn("w:p"))
        if next(paragraph.iterancestors(_BOX), None) is None  # else it is among the pieces of another
    )
    text = " ".join(" ".join(paragraphs).split())
    return text if any(map(str.isalpha, text)) else ""
