"""The document type that markup declares, with entities of its own, which parsers of HTML do not know."""

from __future__ import annotations

import re

_DOCTYPE = re.compile(
    r"""<!DOCTYPE[^>\[]*+(?:\[(?P<subset>(?:"[^"]*+"|'[^']*+'|<!--.*?-->|[^\]"'])*+)\]\s*+)?>""",
    re.IGNORECASE | re.DOTALL,
)
_BROKEN = re.compile(r"<!DOCTYPE[^>\[]*+\[.*?\]\s*>", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(r"""<!ENTITY\s+([\w.-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>""")
_NESTED = re.compile(r"[<%]|&(?!#)")
_LONGEST_VALUE, _MOST_PUT_IN = 1_000, 200_000


def without_doctype(markup: str) -> str:
    """The markup without its document type, and with the entities that this declares as plain texts put in.

    Entities that refer to files or to other entities are left as they are, and so is what would grow out of bounds.
    """
    found = _DOCTYPE.search(markup, 0, 200_000) or _BROKEN.search(markup, 0, 200_000)
    if not found:
        return markup
    body = markup[: found.start()] + markup[found.end() :]
    values = {
        match[1]: match[2] or match[3] or ""
        for match in _ENTITY.finditer(found[0])
        if not _NESTED.search(match[2] or match[3] or "") and len(match[2] or match[3] or "") <= _LONGEST_VALUE
    }
    if not values:
        return body
    room = _MOST_PUT_IN

    def put_in(match: re.Match[str]) -> str:
        nonlocal room
        value = values.get(match[1])
        if value is None or room < len(value):
            return match[0]
        room -= len(value)
        return value

    return re.sub(r"&([\w.-]+);", put_in, body)
