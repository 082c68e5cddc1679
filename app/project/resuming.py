"""What is left to write of a text about whole documents, and how a section goes on within which the draft ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from app.project.whole import HEADED, SectionText, sources_of_parts
from app.prompt.request import WriteRequest
from app.prompt.sections import gap, heading_key
from app.reading.plan import Plan, PlannedSection
from app.reading.support import Sources, supported
from app.text.citations import has_sentence, page_references, without_citations
from app.text.endings import is_ended

LEAST_SAID = 16
"""Characters of a section's text by which it is known at the end of a draft, where it has no heading."""

LEAST_WORDS = 40
"""That the model writes to end a section."""

LOOKED_AT = 3
"""Paragraphs from the end of a draft, of which one tells the section that was written last."""

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Begun:
    """A section that was stopped: what stands of it at the end of the draft, its heading too if it has one."""

    section: PlannedSection
    head: str
    said: str = ""

    def rest(self, text: SectionText, before: str) -> SectionText:
        """The section's text without what stands at the end of `before`; what is `dictated` begins with that."""
        opening = "" if self.said else gap(before)
        start = f"{self.head}\n\n{self.said}" if self.head else self.said
        if text.dictated:
            return replace(text, opening=opening, dictated=text.dictated[len(self.said) :], start=start)
        words = max(LEAST_WORDS, text.words - len(self.said.split()))
        return replace(text, opening=opening, words=words, start=start)


def unwritten(whole: Plan, before: str) -> Plan:
    """What is left to write after a draft that ends with `before`: the sections of which it has neither the heading nor
    a sentence."""
    lines = Counter(line.strip() for line in before.splitlines())
    left: list[PlannedSection] = []
    for section in whole.sections:
        heading = f"## {section.heading}"
        sentences = (saying.text for sayings in section.sayings for saying in sayings)
        if lines[heading]:  # several sections may be called the same
            lines[heading] -= 1
        elif not any(has_sentence(before, sentence) for sentence in sentences):
            left.append(section)
    return replace(whole, sections=tuple(left))


def after_last(whole: Plan, before: str) -> Plan:
    """The same of a text in the model's own words without headings: the sections behind the last one whose parts say
    what a paragraph at the end of the draft says."""
    reading = whole.reading

    @cache
    def sources(parts: tuple[int, ...]) -> Sources:
        return sources_of_parts(reading, parts)

    def said_in(section: PlannedSection, paragraph: str) -> int:
        """How many of its sentences the section's parts support; 0 if it names pages, and none of theirs."""
        named = {reference.page for reference in page_references(paragraph)}
        pages = {page for number in section.parts for page in reading.parts[number].pages}
        if named and not named & pages:
            return 0
        return supported(without_citations(paragraph), sources(section.parts)).supported

    paragraphs = [each for each in before.split("\n\n") if is_ended(each) and not each.startswith("#")]
    for paragraph in reversed(paragraphs[-LOOKED_AT:]):
        counts = [said_in(section, paragraph) for section in whole.sections]
        if any(counts):
            return replace(whole, sections=whole.sections[counts.index(max(counts)) + 1 :])
    return whole


def begun_quoted(sections: Sequence[PlannedSection], texts: Sequence[str], before: str) -> Begun | None:
    """The section within whose dictated text the draft ends; None if it ends with all of it, or within none."""
    ended = before.rstrip()
    for section, text in zip(sections, texts, strict=True):
        head = f"## {section.heading}"
        at = ended.rfind(head)
        said = _beginning(text, ended) if at < 0 else ended[at + len(head) :].lstrip()
        if (said or at >= 0) and text.startswith(said) and len(said) < len(text.rstrip()):
            return Begun(section, "" if at < 0 else head, said)
    return None


def _beginning(text: str, before: str) -> str:
    """That of a text with which `before` ends; nothing if it is too short to be told."""
    tail = before[-LEAST_SAID:]
    at = text.find(tail) if len(tail) == LEAST_SAID else -1
    while at >= 0 and not before.endswith(text[: at + LEAST_SAID]):
        at = text.find(tail, at + 1)
    return text[: at + LEAST_SAID] if at >= 0 else ""


def begun_by_model(whole: Plan, left: Sequence[PlannedSection], request: WriteRequest, before: str) -> Begun | None:
    """The section in the model's own words that the draft ends within: that of the last heading, or the first of those
    that are `left`, if the last sentence has no end."""
    if request.task not in HEADED:
        *_, said = before.rstrip().split("\n\n")
        unended = said and not is_ended(said) and not said.startswith("#")
        return Begun(left[0], "", said) if left and unended else None
    headings = list(_HEADING.finditer(before))
    if not headings:
        return None
    last = headings[-1]
    key = heading_key(last[1])
    section = next((each for each in whole.sections if heading_key(each.heading) == key), None)
    said = before[last.end() :].strip()
    if section is None or (said and (is_ended(said) or request.task == "notes")):  # whose points need no full stop
        return None
    return Begun(section, last[0], said)
