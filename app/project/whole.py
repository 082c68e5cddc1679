"""A text about the whole of documents: sections along their chapters, each from its own parts.

Small models invent when they write about a document in their own words (docs/benchmarks.md): for them the sentences are
the documents' own, chosen for what they say, with the page of each. Larger models write each section themselves, held
to the names and numbers of its parts, and the pages that support it are named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import PurePath
from types import MappingProxyType

from app.prompt.request import WriteRequest
from app.prompt.sections import gap, parse_outline
from app.prompt.tasks import TOKENS_PER_WORD, split_columns
from app.reading.plan import MOST_PARTS, NO_CHOICES, Choices, Plan, PlannedSection, plan
from app.reading.reading import Reading, Saying
from app.reading.support import Sources, SourceText, supported
from app.text.citations import cited
from app.text.endings import to_last_sentence

WHOLE_TASKS = ("summary", "report", "essay", "notes", "outline")
"""Those that can be written section by section along the chapters."""

HEADED = ("report", "notes", "outline")
"""Those of them whose sections have headings."""

ANSWER_WORDS = 180
"""Of the answer to a question in the documents' sentences."""

SMALL = 1_000_000_000
"""Weights of a model below which it does not write in its own words by itself. Measured with 135 million only."""

TITLE_CHARACTERS = 80

_QUESTION = re.compile(
    r"\s*(?:how|what|when|where|why|which|who|whom|whose|is|are|do|does|did|can|could|should|must|may|has|have)\b|"
    r".*[?？]\s*\Z|.*(?:か|ますか|ですか)[。．]?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class SectionText:
    """What is asked for one section: `opening` stands before its words, `stops` end it. dictated: its text, if that is
    the documents' own. noted: the parts of which the instruction has notes. start: what the model goes on from, if that
    is not the opening."""

    opening: str
    instruction: str
    words: int
    stops: tuple[str, ...]
    dictated: str = ""
    noted: tuple[int, ...] = ()
    start: str = ""

    @property
    def tokens(self) -> int:
        """The most that a model writes of it."""
        return round(self.words * TOKENS_PER_WORD)


def is_question(request: WriteRequest) -> bool:
    """Whether an instruction in free words asks something that the documents may answer."""
    return request.task == "free" and _QUESTION.match(request.detail) is not None


def names_columns(request: WriteRequest) -> bool:
    """Whether a table is asked for whose columns are known."""
    return request.kind.makes_table and bool(split_columns(request.detail))


def is_about_all(request: WriteRequest) -> bool:
    """Whether a text about the whole of documents is asked for, which can be written in parts."""
    return request.task in WHOLE_TASKS or names_columns(request)


def whole_plan(
    reading: Reading, request: WriteRequest, before: str, choices: Choices = NO_CHOICES, most: int = MOST_PARTS, *,
    notes: bool = False,
) -> Plan:  # fmt: skip
    """Of a text from its beginning; below an outline of the person's, which `before` ends with, its sections. See
    `plan`."""
    words = min(request.kind.word_count(request.shape), round(request.max_new_tokens / TOKENS_PER_WORD))
    words = min(words, ANSWER_WORDS) if request.task == "free" else words
    outline = [section.title for section in parse_outline(before)] if request.task == "outline" else []
    asks, headed = is_question(request), request.task in HEADED
    return plan(reading, request.detail, words, outline, choices, most=most, notes=notes, asks=asks, headed=headed)


def section_text(
    whole: Plan, section: PlannedSection, request: WriteRequest, before: str, *, quotes: bool,
    notes: Mapping[str, str] = MappingProxyType({}),
) -> SectionText:  # fmt: skip
    """A section of the plan, after a draft that ends with `before`. notes: on parts, by their digests."""
    opening = gap(before) if before.strip() else _title(whole, request)
    listed = request.task == "notes"
    if request.task in HEADED:
        opening += f"## {section.heading}\n\n"
    dictated = _quoted(whole.reading, section, listed=listed) if quotes else ""
    opening += "- " if listed and not quotes else ""
    noted = tuple(number for number in section.notes if not quotes and notes.get(whole.reading.digest(number)))
    instruction = _with_notes(whole.reading, noted, notes) + _instruction(section, request)
    return SectionText(opening, instruction, section.words, ("\n#",), dictated, noted)


def tidied(reading: Reading, parts: Sequence[int], text: str, *, within: bool = False) -> str:
    """What a model wrote from these parts: up to its last finished sentence, with the pages that support it named at
    the end of each paragraph. within: it goes on from words, so that blanks before it stay."""
    lead = text[: len(text) - len(text.lstrip())] if within else ""
    sources = sources_of_parts(reading, parts)
    return lead + "\n\n".join(
        _with_pages(reading, sources, paragraph) for paragraph in to_last_sentence(text.lstrip()).split("\n\n")
    )


def sources_of_parts(reading: Reading, parts: Sequence[int]) -> Sources:
    """What these parts say, to be held against."""
    return Sources([text for number in parts for text in texts_of_part(reading, number)])


def texts_of_part(reading: Reading, number: int) -> list[SourceText]:
    """The part of that number, page by page."""
    part = reading.parts[number]
    return [SourceText(part.document, extract.place.page, extract.text) for extract in part.extracts(reading.documents)]


def _with_pages(reading: Reading, sources: Sources, paragraph: str) -> str:
    found = [support.source[0] for _, _, support in supported(paragraph, sources).sentences if support.kind != "none"]
    for document in sorted({sentence.document for sentence in found}, reverse=True):
        pages = {sentence.page for sentence in found if sentence.document == document}
        paragraph = cited(paragraph, *reference(reading, document, pages))
    return paragraph


def _quoted(reading: Reading, section: PlannedSection, *, listed: bool) -> str:
    """The section in the documents' sentences, a paragraph of each passage; lines are listed."""
    text = ""
    for sayings in section.sayings:
        for saying, sentence in zip(sayings, _sentences(reading, sayings), strict=True):
            in_list = listed or saying.line
            between = "\n" if in_list else "\n\n" if saying.apart else " "
            text += (between if text else "") + ("- " if in_list else "") + sentence
    return text


def _sentences(reading: Reading, sayings: Sequence[Saying]) -> list[str]:
    """Their texts; the last of those of a passage that are from one page names it."""
    passages = accumulate(saying.apart and not saying.line for saying in sayings)
    found: list[str] = []
    for (_, document, page), group in groupby(
        zip(passages, sayings, strict=True), key=lambda each: (each[0], each[1].document, each[1].page)
    ):
        texts = [saying.text for _, saying in group]
        found += [*texts[:-1], cited(texts[-1], *reference(reading, document, [page]))]
    return found


def reference(reading: Reading, document: int, pages: Collection[int]) -> tuple[Collection[int], str]:
    """Pages and name as they are to be cited; no pages of a document that has only one."""
    whole = reading.documents[document]
    name = reading.names[document] if len(reading.documents) > 1 else ""
    return (pages if len(whole.pages) > 1 else ()), name


def _title(whole: Plan, request: WriteRequest) -> str:
    """What stands before the first section."""
    if request.task in ("summary", "notes", "free"):
        return ""
    names = ", ".join(dict.fromkeys(PurePath(document.name).stem for document in whole.reading.documents))
    asked = " ".join(request.detail.split()) if whole.found else ""
    title = f"# {asked if 0 < len(asked) <= TITLE_CHARACTERS else names}\n\n"
    if request.task == "outline":
        headings = "\n".join(f"{number}. {each.heading}" for number, each in enumerate(whole.sections, 1))
        title += f"## Outline\n\n{headings}\n\n---\n\n"
    return title


def _with_notes(reading: Reading, numbers: Sequence[int], notes: Mapping[str, str]) -> str:
    """What stands before the instruction: notes on further parts, each with its pages."""
    if not numbers:
        return ""
    lines = []
    for number in numbers:
        part = reading.parts[number]
        lines.append(f"- {cited(notes[reading.digest(number)], *reference(reading, part.document, part.pages))}")
    return "\n".join(["Notes on what else the chapter says:", *lines, "", ""])


def _instruction(section: PlannedSection, request: WriteRequest) -> str:
    form = "as a list of key points" if request.task == "notes" else "in plain prose"
    asked = f"Write about “{section.heading}” {form}, using only the text above."
    return " ".join([asked, *request.kind.wishes(request.shape, section.words)])
