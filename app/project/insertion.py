"""Where in a draft a run writes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        """The same place after an edit, at one spot of the draft, that made it `text`.

        What is put within `replaced` goes with it, for a whole draft at its edges too. What else is put at an edge or
        over it stays: at the beginning it stands before what will be written, at the end behind it.
        """
        if self.whole:
            return replace(self, before="", replaced=text, after="")
        old = self.before + self.replaced + self.after
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
