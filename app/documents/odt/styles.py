"""What an OpenDocument text's styles say: small letters, page breaks, master pages with their headers and footers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from app.documents.odt.names import name

_DEEPEST = 20  # styles that are made from others


class Styles:
    """The styles of one document, of both its files."""

    def __init__(self, *roots: Any) -> None:
        """`roots`: of content.xml and styles.xml, as far as they are there."""
        self._styles = {
            style.get(name("style:name")): style for root in reversed(roots) for style in root.iter(name("style:style"))
        }
        self._pages = {page.get(name("style:name")): page for root in roots for page in _master_pages(root)}
        self._moved = dict(_moved(self._styles.values()))

    def moved(self, style: str | None) -> Literal["super", "sub"] | None:
        """Whether a style raises or lowers letters."""
        return self._moved.get(style)

    def starts_page(self, style: str | None) -> bool:
        """Whether what has this style begins a page."""
        return bool(self.master_page(style)) or self._property(style, "fo:break-before") == "page"

    def ends_page(self, style: str | None) -> bool:
        """Whether a page ends behind what has this style."""
        return self._property(style, "fo:break-after") == "page"

    def master_page(self, style: str | None) -> str:
        """The master page that begins with what has this style; "": none does."""
        found = self._styles.get(style)
        return "" if found is None else str(found.get(name("style:master-page-name"), ""))

    def is_numbered(self, style: str | None) -> bool:
        """Whether headings of this style have numbers: a style may switch them off."""
        return all(one.get(name("style:list-style-name")) != "" for one in self._chain(style))

    def margins(self, page: str | None, place: Literal["header", "footer"]) -> list[Any]:
        """The headers or footers that a master page shows, as elements; without a name those of the usual one."""
        master = self._pages.get(page or "Standard")
        kinds = (f"style:{place}", f"style:{place}-first", f"style:{place}-left")
        found = () if master is None else master.iterchildren(*map(name, kinds))
        return [one for one in found if one.get(name("style:display")) != "false"]

    def _chain(self, style: str | None) -> Iterator[Any]:
        for _ in range(_DEEPEST):
            found = self._styles.get(style)
            if found is None:
                return
            yield found
            style = found.get(name("style:parent-style-name"))

    def _property(self, style: str | None, short: str) -> str | None:
        for one in self._chain(style):
            for properties in one.iterchildren(name("style:paragraph-properties"), name("style:table-properties")):
                if (value := properties.get(name(short))) is not None:
                    return str(value)
        return None


def _master_pages(root: Any) -> Iterator[Any]:
    return iter(root.iter(name("style:master-page")))


def _moved(styles: Any) -> Iterator[tuple[str | None, Literal["super", "sub"]]]:
    """The styles that raise or lower letters."""
    for style in styles:
        for properties in style.iterchildren(name("style:text-properties")):
            position = properties.get(name("style:text-position"), "").split(" ")[0]
            if position.startswith(("super", "sub")):
                yield style.get(name("style:name")), "super" if position == "super" else "sub"
            elif position.rstrip("%").lstrip("-").isdigit() and int(position.rstrip("%")):
                yield style.get(name("style:name")), "sub" if position.startswith("-") else "super"
