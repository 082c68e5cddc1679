"""What documents support of a text that the model wrote, and a draft without the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.fuzz import ratio

from app.prompt.messages import Source
from app.reading.support import Kind, Reason, Sources, SourceText, supported
from app.reading.terms import asked, terms
from app.text.citations import without_citations
from app.text.diff import matched_sentences

LEAST_SAID = 0.8
"""Of the terms of a sentence, that one in its place has too."""

JOINING = frozenset(terms("after also although because before both but during each for hence if into just so than then "
                          "thus through until when where which while who with within"))  # fmt: skip
"""Terms that may come beside those of a passage: they join what is said."""

_MARK = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])?[ \t]*")


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence of a text, and whether the documents say it.

    `document` and `page`: where the passage begins that says it, or that speaks of the same and differs; empty and None
    without one. `reason`: why a sentence without support has none.
    """

    text: str
    kind: Kind
    document: str = ""
    page: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True)
class SupportReport:
    """The sentences of a text, in its order, and how many rows of a table were left out since no document says them."""

    sentences: tuple[Judged, ...]
    rows_left_out: int = 0

    @property
    def unsupported(self) -> tuple[Judged, ...]:
        """Those without support."""
        return tuple(found for found in self.sentences if found.kind == "none")

    def within(self, draft: str) -> SupportReport:
        """Of those sentences the ones that a draft still has."""
        return replace(self, sentences=tuple(found for found in self.sentences if found.text in draft))

    def places(self, draft: str, start: int = 0) -> Iterator[tuple[int, Judged]]:
        """Where the sentences begin in a draft that has them from `start` on; those that it does not have are passed
        over."""
        for found in self.sentences:
            at = draft.find(found.text, start)
            if at >= 0:
                yield at, found
                start = at + len(found.text)


def support_of(text: str, sources: Iterable[Source], rows_left_out: int = 0) -> SupportReport | None:
    """Of `text` by all pages of `sources`, each once; None if there are none, or no sentence to judge and no row was
    left out."""
    pages = {(source.document.name, page.number, page.begin): page.text for source in sources for page in source.pages}
    if not pages:
        return None
    names = list(dict.fromkeys(name for name, _, _ in pages))
    texts = sorted((names.index(name), number, begin) for name, number, begin in pages)
    index = Sources([SourceText(at, number, pages[names[at], number, begin]) for at, number, begin in texts])
    judged = []
    for start, end, support in supported(without_citations(text), index).sentences:
        reason = support.reason or "unlike" if support.kind == "none" else None
        first = support.source[0] if support.source else None
        name, page = (names[first.document], first.page) if first else ("", None)
        judged.append(Judged(text[start:end], support.kind, name, page, reason))
    return SupportReport(tuple(judged), rows_left_out) if judged or rows_left_out else None


def says_the_same(passage: str) -> Callable[[str], bool]:
    """Whether each sentence of another text says what `passage` says, as far as can be seen."""
    sources = Sources([SourceText(0, 1, passage)])
    return lambda text: all(support.kind != "none" for _, _, support in supported(text, sources).sentences)


def as_far_as_said(passage: str, text: str) -> str:
    """`passage` with those sentences of `text` in the place of its own that say the same, as far as can be seen: they
    are supported, are like no other sentence of the passage more, and bring no word of meaning and lose hardly any,
    since a small model puts together what does not belong together."""
    holds, pairs = says_the_same(passage), matched_sentences(passage, text)
    own = [old for old, _ in pairs if old.strip()]

    def kept(old: str, new: str) -> bool:
        had, has = Counter(asked(old)), Counter(term for term in asked(new) if term not in JOINING)
        return (
            has <= had
            and has.total() >= LEAST_SAID * had.total()
            and ratio(old, new) >= max(ratio(other, new) for other in own)
            and holds(new)
        )

    return "".join(
        old[: len(old) - len(old.lstrip())] + new.strip() if old.strip() and new.strip() and kept(old, new) else old
        for old, new in pairs
    )


def without(draft: str, sentences: Sequence[str]) -> str:
    """`draft` without these sentences, each where it stands last, and without a line that is left with nothing but the
    mark of a list."""
    for sentence in sentences:
        at = draft.rfind(sentence)
        if at >= 0:
            draft = _cut(draft, at, at + len(sentence))
    return draft


def _cut(draft: str, start: int, end: int) -> str:
    before, after = draft[:start], draft[end:]
    line = before[before.rfind("\n") + 1 :]
    rest = after.partition("\n")[0]
    if _MARK.fullmatch(line) and not rest.strip():
        before, after = before[: len(before) - len(line)], after[len(rest) + 1 :]
        return before + (after.lstrip("\n") if before.endswith("\n\n") or not before else after)
    if not line.strip() or line[-1].isspace():
        after = after.lstrip(" \t")
    return (before if after.strip("\n")[:1] and rest.strip() else before.rstrip(" \t")) + after
