"""Where in a draft a run writes, and what it has written there. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.text.spans import changed


@dataclass(frozen=True)
class InsertionPoint:
    """Where is written: `before` and `after` stay, and what was between them (`replaced`) goes.

    `seam`: what parts the text that is written from `after`, if that begins with a word. `touched`: whether the person
    has changed the end of `before` since the prompt was made.
    """

    before: str
    replaced: str
    after: str
    seam: str = ""
    touched: bool = False

    @property
    def text(self) -> str:
        """The draft without what is written."""
        return self.before + self.replaced + self.after

    @property
    def rest(self) -> str:
        """All that follows what is written."""
        return self.seam + self.after

    @property
    def whole(self) -> bool:
        """Whether what is written takes the place of a whole draft."""
        return bool(self.replaced.strip()) and not (self.before + self.after).strip()

    @property
    def lead(self) -> str:
        """What parts the text that is written from what the person has put before it meanwhile: a paragraph's end."""
        if not (self.touched and self.before.strip()):
            return ""
        return "\n" * max(0, 2 - len(self.before) + len(self.before.rstrip("\n")))

    def edited(self, text: str) -> InsertionPoint:
        """The same place after an edit, at one spot of the draft, that made it `text`; or none, if it is that already.

        What is put within `replaced` goes with it, for a whole draft at its edges too. What else is put at an edge or
        over it stays: at the beginning it stands before what will be written, at the end behind it.
        """
        old = self.text
        if text == old:
            return self
        if self.whole:
            return replace(self, before="", replaced=text, after="")
        first, last = len(self.before), len(self.before + self.replaced)
        start, end = changed(old, text)
        shift = len(text) - len(old)
        stop = end - shift  # old[start:stop] has become text[start:end]
        if stop <= first:
            begin, finish = first + shift, last + shift
        elif start >= last:
            begin, finish = first, last
        elif stop <= last:
            begin, finish = end if start < first else first, last + shift
        else:
            begin, finish = (end, end) if start < first else (first, start)
        return InsertionPoint(
            text[:begin], text[begin:finish], text[finish:], self.seam, self.touched or start <= first <= stop
        )


@dataclass(eq=False)
class Insertion:
    """What is written into a draft, by one run or by several in a row, at a point that moves with the draft's edits.

    proposes: what is written is shown as a proposal for what is at the point, and the draft stays until that is
    accepted. `text` is all so far, `empty` while the model has added nothing to the openings.
    """

    point: InsertionPoint
    proposes: bool = False
    text: str = ""
    empty: bool = True
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def draft(self) -> str:
        """The whole draft as it is now."""
        point = self.point
        return point.before + self.text + point.rest

    @property
    def start(self) -> int:
        """Characters of the draft before what is written."""
        return len(self.point.before)

    @property
    def end(self) -> int:
        """Characters of the draft up to where the next word comes."""
        return self.start + len(self.text)

    @property
    def changes(self) -> bool:
        """Whether there is something to propose: words, and others than stand there."""
        return self.text.strip() not in ("", self.point.replaced.strip())

    def loses(self, text: str) -> bool:
        """Whether an edit that makes the draft `text` is in what the model has begun to write over."""
        begun = not (self.proposes or self.empty)
        return begun and self.point.edited(text).replaced != self.point.replaced

    def first(self, text: str) -> str:
        """The model's first words, without the blanks that stand before them already: the prompt ends before those that
        the person typed, so the model brings them again."""
        point = self.point
        if self.text or not (point.lead or point.before[-1:] in (" ", "\t")):
            return text
        return text.lstrip(None if point.lead else " \t")

    def write(self, text: str) -> None:
        """Put words of the model at the end."""
        if self.empty and text:
            self.text = self.point.lead + self.text
            self.empty = False
        self.text += text

    def close(self, clean: Callable[[str], str]) -> None:
        """No more is written: `clean` it, and let no blank be doubled before what follows."""
        self.text = clean(self.text)
        if self.proposes:
            return
        if self.point.rest[:1].isspace():
            self.text = self.text.rstrip()
        elif self.point.rest:  # a line ends without blanks
            self.text = re.sub(r"[ \t]+(?=\n\s*\Z)", "", self.text)
