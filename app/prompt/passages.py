"""A marked passage of the draft: the instruction to rewrite, expand or shorten it, and the answer made ready to stand
in its place. Pure text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.say.errors import PromptError

BEFORE_CHARACTERS = 600
AFTER_CHARACTERS = 300
"""How much of the draft around the passage is shown to the model at most."""

_QUOTES = (('"""', '"""'), ('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("»", "«"), ("「", "」"), ("'", "'"))
_ANNOUNCEMENT = re.compile(
    r"(?:#+[ \t]+|\*\*)?"
    r"(?:(?:sure|certainly|of course|okay|ok)\b[^\n:]{0,80}[,.!][ \t]*)?"
    r"(?:(?:here(?:'s|’s| is| are)|below is|this is)\b[^\n:]{0,120}:"
    r"|(?:the )?(?:new|rewritten|revised|expanded|shortened|shorter|longer|edited|updated|final)? ?"
    r"(?:passage|text|version|paragraph|sentence)(?: is)?:"
    r"|(?:sure|certainly|of course)[^\n:]{0,80}[:!][ \t]*(?=\n))"
    r"(?:\*\*)?[ \t]*\n*",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"^[(\[]?(?:note(?: that)?\b|i hope\b|let me know\b|i(?:'ve|’ve| have) (?:re|made|kept|tried|expanded|shortened)"
    r"|(?:in )?this (?:new |rewritten |revised |expanded |shortened )(?:passage|version|text)\b"
    r"|rewrite the (?:text|passage)\b|the original (?:text|passage)\b|this (?:rephrasing|rewrite)\b"
    r"|feel free\b|would you like\b|is there anything\b)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class PassageTask:
    """Something to do with a passage. title: in English; `key` names it in every language. growth: how long the new
    passage may become, as a multiple of the old one."""

    key: str
    title: str
    request: str
    growth: float


PASSAGE_TASKS: Mapping[str, PassageTask] = MappingProxyType(
    {
        task.key: task
        for task in (
            PassageTask("rewrite", "Rewrite", "Rewrite the text in other words while preserving its meaning.", 1.5),
            PassageTask(
                "expand",
                "Expand",
                "Rewrite the text in more detail, at twice its length, while preserving its meaning.",
                3,
            ),
            PassageTask(
                "shorten", "Shorten", "Rewrite the text to make it more concise while preserving its core meaning.", 1
            ),
        )
    }
)
"""What can be done with a passage, by key, in the order in which it is shown."""


def passage_instruction(kind: str, passage: str, before: str = "", after: str = "", wish: str = "") -> str:
    """The instruction to do `kind` (a key of PASSAGE_TASKS) with `passage`, which stands between `before` and `after`.

    `wish` is the person's own, such as "more formal". Raises PromptError if the passage is empty.
    """
    if not passage.strip():
        raise PromptError("Nothing is marked. Mark the words in the draft that are to be changed.")
    # Found with the embedded model (135M) on one passage of two sentences, in some fifteen arrangements:
    # - The request stands last, with "Write only the new text": between context and text it is often written out too.
    # - The draft as the assistant's beginning, which is best for continuing, is worst here: the model goes on with the
    #   story. So is an opening of the passage's first words: the passage is copied.
    # - Context is tolerated if it is called that and stands first; labelled "before" and "after", or put last, its
    #   sentences end up in the answer. None at all is the safest for so small a model.
    # - Send it without the documents and with full attention: with documents it writes about those, and an eighth of
    #   so short a prompt is too little to see the passage by. Greedy keeps to the passage best.
    wish = " ".join(wish.split())
    request = PASSAGE_TASKS[kind].request + (f" Make it {wish}." if wish else "")
    context = " […] ".join(part for part in (_end(before), _beginning(after)) if part)
    parts = [f"Context, not to be rewritten:\n{context}"] if context else []
    parts += [f"Text:\n{passage.strip()}", f"{request} Write only the new text."]
    return "\n\n".join(parts)


def passage_max_new_tokens(kind: str, passage_tokens: int) -> int:
    """How many tokens the new passage may take, if the old one takes `passage_tokens`: a multiple of 16, from 64 on."""
    return max(64, 16 * math.ceil(PASSAGE_TASKS[kind].growth * passage_tokens / 16))


def clean_passage(answer: str, passage: str) -> str:
    """The new passage alone: `answer` without what a model puts around it, between the blanks of `passage`.

    Taken off are code fences, a line that announces ("Here is the rewritten passage:"), a last paragraph of remarks,
    and quotation marks around the whole, each unless `passage` has it too. Empty if nothing is left: then there is
    nothing to put in the passage's place.
    """
    old, text = passage.strip(), answer.strip()
    before = None
    while text != before:  # a fence inside of quotation marks, an announcement inside of a fence
        before = text
        text = _without_fence(text, old)
        text = _without_announcement(text, old)
        text = _without_remarks(text, old)
        text = _without_quotes(text, old)
    if not text:
        return ""
    start = len(passage) - len(passage.lstrip())
    return passage[:start] + text + passage[start + len(old) :]


def _without_fence(text: str, old: str) -> str:
    if "```" in old or not text.startswith("```"):
        return text
    lines = text.split("\n")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == "```"), len(lines))
    return "\n".join(lines[1:end]).strip()


def _without_announcement(text: str, old: str) -> str:
    """`text` without a first line that says what comes, unless the old passage begins with one like it."""
    match = _ANNOUNCEMENT.match(text)
    return text[match.end() :].strip() if match and not _ANNOUNCEMENT.match(old) else text


def _without_remarks(text: str, old: str) -> str:
    """`text` without a last paragraph that speaks to the person, unless the old passage has one."""
    kept, gap, last = text.rpartition("\n\n")
    return kept.strip() if gap and _REMARK.match(last) and not _REMARK.search(old) else text


def _without_quotes(text: str, old: str) -> str:
    """`text` without the quotation marks around all of it; those of "A" and "B" are not around all of it."""
    for opening, closing in _QUOTES:
        if text.startswith(opening) and not old.startswith(opening):
            inner = text[len(opening) :].removesuffix(closing)
            # The closing one is missing if the model was stopped.
            if opening not in inner and closing not in inner:
                return inner.strip()
    return text


def _end(text: str) -> str:
    """The last whole words of `text`, at most BEFORE_CHARACTERS."""
    text = text.strip()
    return text if len(text) <= BEFORE_CHARACTERS else re.sub(r"^\S*\s+", "", text[-BEFORE_CHARACTERS:])


def _beginning(text: str) -> str:
    """The first whole words of `text`, at most AFTER_CHARACTERS."""
    text = text.strip()
    return text if len(text) <= AFTER_CHARACTERS else re.sub(r"\s+\S*$", "", text[:AFTER_CHARACTERS])
