"""Notes of a web page or a chapter: which links are marks of notes, and which elements are the notes."""

from __future__ import annotations

import re

from bs4 import Tag

_LABEL = re.compile(r"[\[(]?\s*(?:note\s+)?([\w*†‡§]{1,5})\s*[\])]?\.?", re.IGNORECASE)
_BRACKETED = re.compile(r"\s*\[\w{1,4}\]\s*")
_NAMED = re.compile(r"noteref|footnote-?ref|fnref|doc-noteref", re.IGNORECASE)
_MARK_ELEMENTS = ("sup", "small")
_IS_NOTE = re.compile(r"(?:foot|end|rear)note|doc-(?:foot|end)note")
_NUMBER = re.compile(r"\s*[\[(]?(\d{1,4}|[*†‡])[\])]?[.:]?\s")


class Notes:
    """`marks` gives for a link or the raised text that holds it, by identity, the name of the note that it leads to;
    `targets` for an element's id the name of the note which begins there; `back` are links from a note to its mark."""

    def __init__(self, root: Tag) -> None:
        """A mark leads forward, to what stands behind it: so a link back is none."""
        self.marks: dict[int, str] = {}
        self.targets: dict[str, str] = {}
        self.back: set[int] = set()
        self.elsewhere: dict[int, str] = {}
        seen: set[str] = set()
        links: list[tuple[Tag, str, str, bool]] = []
        for tag in root.find_all(True):
            if tag.name == "a" and (found := _link(tag)):
                links.append((tag, *found, found[0] in seen))
            seen.update(filter(None, (str(tag.get("id", "")), str(tag.get("name", "")) if tag.name == "a" else "")))
        for tag, target, label, backward in links:
            if not target:
                self.elsewhere[id(_whole(tag))] = label
            elif backward:
                self.back.add(id(_whole(tag)))
            elif target in seen:
                self.targets.setdefault(target, label)
                self.marks[id(_whole(tag))] = label

    def begins(self, tag: Tag) -> str:
        """The name of the note that begins with `tag`, "" if none does."""
        if _IS_NOTE.fullmatch(str(tag.get("epub:type", "")) or str(tag.get("role", ""))):
            named = self.targets.get(str(tag.get("id", "")), "")
            return named or (found[1] if (found := _NUMBER.match(tag.get_text()[:12] + " ")) else "")
        if not self.targets:
            return ""
        return self.targets.get(str(tag.get("id", "")), "") or (
            self.targets.get(str(tag.get("name", "")), "") if tag.name == "a" else ""
        )


def _link(tag: Tag) -> tuple[str, str] | None:
    """Where a link leads within this page ("" to another) and the name of the note, if it has the form of a mark."""
    target = str(tag.get("href", ""))
    if len(target) < 2 or "#" not in target:
        return None
    text = tag.get_text()
    label = _LABEL.fullmatch(text.strip()) if len(text) < 40 else None
    if label is None:
        return None
    named = _NAMED.search(" ".join(str(tag.get(name, "")) for name in ("epub:type", "role", "class", "rel")))
    raised = _whole(tag) is not tag or tag.find(_MARK_ELEMENTS[0])
    if not target.startswith("#"):
        return ("", label[1]) if named or raised else None
    return (target[1:], label[1]) if named or raised or _BRACKETED.fullmatch(text) else None


def _whole(tag: Tag) -> Tag:
    """The raised text that holds nothing but the link, or the link itself."""
    parent = tag.parent
    while isinstance(parent, Tag) and parent.name in ("span", "b", "i", "em") and parent.get_text() == tag.get_text():
        parent = parent.parent
    return parent if isinstance(parent, Tag) and parent.name in _MARK_ELEMENTS and _only(parent, tag) else tag


def _only(parent: Tag, link: Tag) -> bool:
    return len(parent.get_text().strip()) <= len(link.get_text().strip()) + 2
