"""What can be asked of the model: templates with the person's words, and the length, tone, language and audience.

Pure text. `messages` sends an instruction with the documents, `sections` goes on with a task of several requests,
`passages` asks for a change of a marked passage, and `app.export.table_check` checks a table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from app.say.errors import EmptyField, PromptError
from app.say.wording import Message

NamedLength: TypeAlias = Literal["short", "medium", "long"]
Length: TypeAlias = NamedLength | int

LENGTHS: tuple[NamedLength, ...] = get_args(NamedLength)
_OFFERED = Message("short, medium, long")
TONES = ("neutral", "formal", "plain", "lively", "academic")
"""The tones on offer; any other word is taken too."""

NOTE = "Say in one or two sentences what this text says, using only the text above."
"""Asked of each part of a long document, by itself."""

NOTE_TOKENS = 90
"""The most of an answer to that."""

TOKENS_PER_WORD = 1.5
"""English takes about 1.3 in the vocabularies of common models; the rest is so that an answer is not cut off."""

FOREIGN_FACTOR = 2
"""Other languages take about twice the tokens for the same text in a small model's mostly English vocabulary."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the answer is to be: what is left empty adds nothing to the instruction.

    `length` is a name, whose words are the task's own, or a number of words. `tone`, `language` and `audience` are
    as the person typed them; without a language the model writes in the document's.
    """

    length: Length | None = None
    tone: str = ""
    language: str = ""
    audience: str = ""

    def __post_init__(self) -> None:
        """Raises PromptError if the length is neither a name nor at least one word."""
        known = self.length >= 1 if isinstance(self.length, int) else self.length in (None, *LENGTHS)
        if not known:
            raise PromptError("The length is “{}”. Choose {}, or write a number of words: 800.", self.length, _OFFERED)

    @property
    def english(self) -> bool:
        """Whether it is English, or, as most documents, may be."""
        return _line(self.language).casefold() in ("", "en", "english")


def parse_length(typed: str) -> Length | None:
    """ "medium", "800", "1,200 words" or nothing. Raises PromptError for anything else."""
    text = typed.strip().casefold()
    for name in LENGTHS:
        if text == name:
            return name
    number = re.fullmatch(r"(\d{1,3}(?:[,. ]\d{3})+|\d{1,7})(?:\s*words?)?", text)
    if text and (not number or not (words := int(re.sub(r"\D", "", number[1])))):
        raise PromptError("The length is “{}”. Choose {}, or write a number of words: 800.", typed, _OFFERED)
    return words if text else None


@dataclass(frozen=True, slots=True)
class Task:
    """Something to ask for. `template` is the request, in which `{detail}` may stand for the person's own words.

    title: in English; `key` names it in every language. asks: what the person's words are. focus: a sentence with
    `{detail}` that is added if there are such words. default: stands in for empty words; None means that they are
    required. words: of a short, a medium and a long answer. begins: how every answer begins in English; begins_foreign
    the same without words, for other languages. prose: its length in words, tone and audience can be chosen.
    makes_table: the words are columns. in_sections: after the answer `app.prompt.sections` goes on.
    """

    key: str
    title: str
    template: str
    asks: str
    words: tuple[int, int, int]
    focus: str = ""
    default: str | None = ""
    begins: str = ""
    begins_foreign: str = ""
    prose: bool = True
    makes_table: bool = False
    in_sections: bool = False

    def instruction(self, detail: str = "", shape: Shape | None = None) -> str:
        """The request with the person's words in it. Raises PromptError if they are required and missing."""
        detail, shape = detail.strip(), shape or Shape()
        if not detail and self.default is None:
            raise EmptyField(self.title, self.asks)
        parts = [self.template.format(detail=detail or self.default)]
        if detail and self.focus:
            parts.append(_sentence(self.focus.format(detail=detail)))
        return " ".join([*parts, *self.wishes(shape)]).strip()

    def opening(self, detail: str = "", shape: Shape | None = None) -> str:
        """The beginning of the answer, to be used as the draft: the head of a table whose columns are named, else
        `begins`.

        Asked for a table, a small model often writes a list; with the head before it, it writes rows. Asked for a
        report, it often ends after a sentence; after a title and a heading it writes at length. English words there
        make it write English, so another language gets the marks alone.
        """
        columns = split_columns(detail) if self.makes_table else ()
        if columns:
            return f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n|"
        return self.begins if shape is None or shape.english else self.begins_foreign

    def max_new_tokens(self, shape: Shape | None = None) -> int:
        """How many tokens the answer may take: a suggestion, a multiple of 16."""
        shape = shape or Shape()
        tokens = self.word_count(shape) * TOKENS_PER_WORD * (1 if shape.english else FOREIGN_FACTOR)
        return 16 * math.ceil(tokens / 16)

    def word_count(self, shape: Shape) -> int:
        """Words of the answer; of one whose length is not chosen, those of a medium one."""
        if isinstance(shape.length, int):
            return shape.length
        return self.words[LENGTHS.index(shape.length or "medium")]

    def wishes(self, shape: Shape, words: int | None = None) -> list[str]:
        """One sentence for each field of `shape` that is set and means something here; `words`: of a part of the text
        instead of all."""
        tone, language, audience = _line(shape.tone), _line(shape.language), _line(shape.audience)
        wishes = [
            (self.prose and (words or shape.length), f"Write about {words or self.word_count(shape)} words."),
            (self.prose and tone, f"The tone is {tone}."),
            (self.prose and audience, f"The readers are {audience}."),
            (language, f"Write in {language}."),
        ]
        return [_sentence(wish.rstrip(".")) for wanted, wish in wishes if wanted]


def split_columns(detail: str) -> tuple[str, ...]:
    """The columns of a table, typed with commas between them, without the bars that would end a cell."""
    return tuple(column.replace("|", "/") for column in (_line(part) for part in detail.split(",")) if column)


def columns_asked(fields: Mapping[str, object]) -> tuple[str, ...] | None:
    """The columns that the page's fields ask for, none if any will do; None if they ask for no table."""
    task = TASKS.get(str(fields.get("task")))
    return split_columns(str(fields.get("detail") or "")) if task and task.makes_table else None


def _line(text: str) -> str:
    """What was typed into a small field, on one line."""
    return " ".join(text.split())


def _sentence(text: str) -> str:
    """`text` with a full stop, unless it has a sign at its end already."""
    return text if text[-1:] in tuple(".!?:;…。！？") else f"{text}."


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.key: task
        for task in (
            Task(
                "summary",
                "Summary",
                "Write a summary of the document above: its main points and results, in plain prose, without adding "
                "anything that is not in it.",
                asks="What to pay attention to",
                words=(100, 250, 500),
                focus="Pay attention above all to this: {detail}",
            ),
            Task(
                "report",
                "Report",
                "Write a detailed report about the document above in Markdown: a title, an introduction, a section "
                "with a heading for each main subject with its facts and figures, and a conclusion.",
                asks="What the report is about",
                words=(400, 1000, 2000),
                focus="The report is about this: {detail}",
                begins="# Report\n\n## Introduction\n\n",
                begins_foreign="#",
            ),
            Task(
                "essay",
                "Essay",
                "Write an essay on the document above: a title, then paragraphs of connected prose that follow one "
                "thought from a question to an answer and support it with facts from the document. No lists.",
                asks="The essay's question or thesis",
                words=(350, 800, 1600),
                focus="Its subject is this: {detail}",
                begins="#",
                begins_foreign="#",
            ),
            Task(
                "notes",
                "Study notes",
                "Write study notes on the document above in Markdown: under “Key points” a list of what to remember, "
                "with names, dates and figures; under “Terms” each important term with its meaning; under “Questions” "
                "questions to test oneself with, each with its answer.",
                asks="What to learn",
                words=(200, 400, 800),
                focus="The notes are for learning this: {detail}",
                begins="## Key points\n\n-",
                begins_foreign="#",
            ),
            Task(
                "outline",
                "Outline, then sections",
                "Write a detailed text about the document above in sections, each under its heading, in full "
                "paragraphs of prose with the document's facts and figures. An outline with the headings stands before "
                "them.",
                asks="What the text is about",
                words=(400, 1000, 2400),
                focus="The text is about this: {detail}",
                # After "1." alone a small model lists sentences; after a first heading, headings.
                begins="## Outline\n\n1. Introduction\n2.",
                begins_foreign="1.",
                in_sections=True,
            ),
            Task(
                "table",
                "Extract a table",
                "Extract a Markdown table from the document above with these columns: {detail}. One row for each item, "
                "with the values as the document gives them; leave a cell empty where it gives none. Write only "
                "the table.",
                asks="Columns, separated by commas",
                words=(250, 680, 1360),
                default="the ones that suit the document",
                prose=False,
                makes_table=True,
            ),
            Task(
                "continue",
                "Continue my draft",
                "Write a text about the document above, in full sentences and in one consistent style.",
                asks="What the text is about",
                words=(100, 340, 680),
                focus="The text is about this: {detail}",
            ),
            Task(
                "free",
                "My own instruction",
                "{detail}",
                asks="Instruction",
                words=(100, 340, 1000),
                default=None,
            ),
        )
    }
)
"""The tasks on offer by key, in the order in which they are shown."""
