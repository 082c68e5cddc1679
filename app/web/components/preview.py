"""The rendered draft as a Gradio component: a static template, its style and scripts, and the messages it is sent.

The page asks while the preview is open, with the event `look`: {serial} of the message that it holds, 0 for none. The
answer is what changed since, a splice of blocks:

    {serial, base, at, cut, blocks: [[lines, node], ...]}

From block `at` on `cut` of them go and `blocks` come, in the list that the page had from the message `base`; if that is
0, in an empty one. A block has its lines of the draft up to the next block, and a node (see preview_nodes), of which
the page makes elements: no text of a draft is ever HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from app.export.blocks import Block, placed
from app.settings import ASSETS
from app.text.citations import PageReference
from app.text.spans import shared_start
from app.web.components import MessageView
from app.web.components.preview_nodes import Mark, NodeMaker, Page

_HEADING = re.compile(r"#{1,6}[ \t]")
_FENCE = re.compile(r"(`{3,}|~{3,})(.*)")
_NESTED_FENCE = re.compile(r"^[ \t>*+.)\d-]+(?:`{3,}|~{3,})", re.MULTILINE)


class DraftPreview(MessageView):
    """One whose messages are those of a `Preview`."""

    folder = ASSETS / "preview"


class Preview:
    """What one page was sent of its draft. Sections that are as they were are not parsed again: 100,000 characters take
    some tenths of a second."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self.serial = 0
        self._sent: list[str] = []
        self._parsed: dict[str, tuple[tuple[int, Block], ...]] = {}

    def update(
        self, draft: str, marks: Sequence[tuple[int, Mark]], find: Callable[[PageReference], Page | None], known: int
    ) -> str:
        """The message for a page that holds the one `known`. `marks`: each with where in the draft its sentence begins,
        in order; `find` as in NodeMaker."""
        base = self.serial if known == self.serial else 0
        sent = self._sent if base else []
        made = list(self._made(draft, marks, find))
        at = shared_start(sent, made)
        tail = shared_start(sent[at:][::-1], made[at:][::-1])
        self.serial, self._sent = self.serial + 1, made
        blocks = ",".join(made[at : len(made) - tail])
        head = json.dumps({"serial": self.serial, "base": base, "at": at, "cut": len(sent) - at - tail})
        return f'{head[:-1]}, "blocks": [{blocks}]}}'

    def _made(
        self, draft: str, marks: Sequence[tuple[int, Mark]], find: Callable[[PageReference], Page | None]
    ) -> Iterator[str]:
        maker, parsed = NodeMaker(find), dict[str, tuple[tuple[int, Block], ...]]()
        blocks, line = list[tuple[int, Block]](), 0
        for section in split_sections(draft):
            if section not in parsed:
                parsed[section] = self._parsed.get(section) or placed(section)
            blocks += [(line + first, block) for first, block in parsed[section]]
            line += section.count("\n")
        self._parsed = parsed
        lines, at, counted = [(draft.count("\n", 0, start), mark) for start, mark in marks], 0, 0
        for number, (_, block) in enumerate(blocks):
            stop = blocks[number + 1][0] if number + 1 < len(blocks) else line + 1
            first = at
            while at < len(lines) and lines[at][0] < stop:
                at += 1
            node = maker.node(block, [mark for _, mark in lines[first:at]])
            yield json.dumps([stop - counted, node], ensure_ascii=False, separators=(",", ":"))
            counted = stop


def split_sections(draft: str) -> list[str]:
    """A draft cut before headings: its sections are parsed one by one to what the whole is parsed to. One in which a
    fence of code stands within something else is not cut."""
    if "\r" in draft or _NESTED_FENCE.search(draft):
        return [draft]
    sections, fence = [""], ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", draft):
        if mark := _FENCE.match(line):
            fence = _fenced(fence, mark[1], mark[2])
        if not fence and _HEADING.match(line):
            sections.append("")
        sections[-1] += line
    return [section for section in sections if section]


def _fenced(fence: str, mark: str, rest: str) -> str:
    """The fence that is open after a line of that mark, where `fence` was open before."""
    if fence:
        return "" if mark.startswith(fence) and not rest.strip() else fence
    return "" if mark[0] == "`" and "`" in rest else mark
