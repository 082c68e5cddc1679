"""Documents and an instruction become chat messages, and pages are found again in the rendered prompt.

Pure text in, text out: tokens are counted elsewhere. The documents come before everything that changes between two
requests, so that the next request finds them in the model's cache as the longest common beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.documents import Document, Page
from app.say.errors import PromptError
from app.say.wording import Message

WORD_JOINER = "\u2060"
"""Invisible, and unlike U+200B not turned into a blank by the normalisers of common tokenizers."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document and those of its pages that are to be read. parts: what a person has chosen for parts of it ("full",
    "note" or "none") by the places at which they begin ("12:0": page and offset)."""

    document: Document
    pages: tuple[Page, ...]
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A page's text in a rendered prompt: characters `start` up to, not including, `end`; from `begin` on with the mark
    of the page, and before a document's first page its name."""

    document: str
    page: int
    label: str | None
    begin: int
    start: int
    end: int


def neutralise(text: str, special_tokens: Iterable[str]) -> str:
    """`text` with a word joiner inside every special token, so that none acts as one; it looks the same.

    The joiner follows the first character of each occurrence, overlapping ones included. A special token of a single
    character cannot be broken up and is left alone.
    """
    tokens = [re.escape(token) for token in special_tokens if len(token) > 1]
    if not tokens:
        return text
    return re.sub(f"(?={'|'.join(tokens)}).", lambda match: match[0] + WORD_JOINER, text, flags=re.DOTALL)


def trim_draft(draft: str) -> str:
    """The draft as the model continues it, without blanks at its end.

    Words carry the blank before them in their own token, so after a blank a model falters. Whoever shows the
    continuation after the draft as typed leaves out the blank that it begins with, or it is there twice.
    """
    return draft.rstrip(" \t")


def build_messages(
    sources: Sequence[Source], instruction: str, draft: str = "", special_tokens: Iterable[str] = ()
) -> list[dict[str, str]]:
    """Chat messages: one of the user, with the documents first and the instruction last; then the draft, if any.

    The draft is the beginning of the *assistant's* message, not a part of the user's. A small instruct model asked to
    "continue this" retells it, starts anew or chats; one that finds its own answer half written has no choice but to
    go on in its words. And what it adds is then exactly where the next request needs it: after accepting a
    continuation and asking for more, the cache already holds documents, instruction and the whole draft. If the last
    message is the assistant's, render with `continue_final_message=True` instead of `add_generation_prompt=True`.

    `special_tokens` are made harmless in everything that comes from the person (`tokenizer.get_added_vocab()` has
    all of them). Raises PromptError if there are neither documents nor an instruction nor a draft.
    """
    tokens = tuple(special_tokens)
    body, _ = _body(sources, tokens)
    content = "\n\n".join(part for part in (body, neutralise(instruction.strip(), tokens)) if part)
    draft = neutralise(trim_draft(draft), tokens)
    if not content and not draft.strip():
        raise PromptError("There is nothing to send. Add a document, or write an instruction.")
    messages = [{"role": "user", "content": content}]
    if draft.strip():
        messages.append({"role": "assistant", "content": draft})
    return messages


def document_span(rendered: str, sources: Sequence[Source], special_tokens: Iterable[str] = ()) -> list[Passage]:
    """Where each page stands in `rendered`, the prompt after the chat template, in the order of `sources`.

    Exact even if a page's text occurs elsewhere too, since the documents are looked for as one piece. `sources` and
    `special_tokens` must be those given to `build_messages`. Raises PromptError if a chat template altered the text.
    """
    body, passages = _body(sources, tuple(special_tokens))
    offset = rendered.find(body)
    if offset < 0:
        lost = next((p for p in passages if body[p.start : p.end] not in rendered), None)
        where = Message("page {} of {}", lost.page, lost.document) if lost else Message("what stands between the pages")
        raise PromptError(
            "The chat template altered the text of the documents ({} is not in the prompt as it was given), so that "
            "pages cannot be shown on the map. Use a chat template that leaves messages as they are.",
            where,
        )
    return [Passage(p.document, p.page, p.label, p.begin + offset, p.start + offset, p.end + offset) for p in passages]


def _body(sources: Sequence[Source], tokens: tuple[str, ...]) -> tuple[str, list[Passage]]:
    """All sources as one text, and where in it the pages stand."""
    parts: list[str] = []
    passages: list[Passage] = []
    length = 0

    def add(text: str) -> None:
        nonlocal length
        parts.append(text)
        length += len(text)

    for source in sources:
        name = source.document.name
        add("\n\n" if parts else "")
        begin = length
        add(f"Document: {neutralise(' '.join(name.split()), tokens)}")
        for page in source.pages:
            add(f"\n\n{neutralise(_marker(page), tokens)}\n")
            start = length
            add(neutralise(page.text, tokens))
            passages.append(Passage(name, page.number, page.label, begin, start, length))
            begin = length
    return "".join(parts), passages


def _marker(page: Page) -> str:
    """ "[Page 3]"; with its label where that differs, since a reader may ask for either."""
    if page.label in (None, str(page.number)):
        return f"[Page {page.number}]"
    return f"[Page {page.number}, labelled {page.label}]"
