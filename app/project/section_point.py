"""Where a section of a draft stands, to be written again. Pure."""

from __future__ import annotations

import re

from app.project.insertion import InsertionPoint
from app.prompt.sections import heading_key

_HEADING = re.compile(r"^(#{1,2}) (.*)$", re.MULTILINE)


def section_point(draft: str, heading: str) -> InsertionPoint | None:
    """From the first heading of the second level that is called so up to the next of that level or above; None if there
    is none. What parts it from the next stays."""
    found = list(_HEADING.finditer(draft))
    for index, line in enumerate(found):
        if line[1] == "##" and heading_key(line[2]) == heading_key(heading):
            end = found[index + 1].start() if index + 1 < len(found) else len(draft)
            end = line.start() + len(draft[line.start() : end].rstrip())
            return InsertionPoint(draft[: line.start()], draft[line.start() : end], draft[end:])
    return None


def sections_in(draft: str) -> frozenset[str]:
    """The keys (`heading_key`) of all that `section_point` finds."""
    return frozenset(heading_key(line[2]) for line in _HEADING.finditer(draft) if line[1] == "##")
