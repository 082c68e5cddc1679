"""Documents, instruction and draft -> the prompt's token ids, and where each page and token stands in them.

The one place where the app meets a tokenizer. Knows nothing of models or Gradio.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from app.documents import Document, Page
from app.prompt.marks import PageMark
from app.prompt.messages import WORD_JOINER, Passage, Source, build_messages, document_span
from app.prompt.window import Budget, SourceTokens


@dataclass(frozen=True)
class Places:
    """Where the tokens of the documents stand in their pages; int32 arrays, one value a token.

    page: the page's index in the prompt, -1 for what stands between pages. start, end: the token's characters in the
    text of that page, `end` not included; 0 where there is none. documents: for each page of the prompt, the index of
    its document.
    """

    page: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    documents: tuple[int, ...]


@dataclass(frozen=True)
class Composed:
    """A prompt ready for the decoder.

    token_ids: int64 `(1, length)`. pieces: the text of each token from `document_start` to the end of the documents.
    document_end: tokens up to the end of the documents, without those that what follows can change: blanks at the end,
    and a token that reaches into the instruction. pages: where each page begins, in tokens. page_tokens: tokens of each
    page, in the same order. sources: the same by source, with the mark before each page but the first. draft_tokens:
    tokens of the draft, at the prompt's end. places: where in the pages the tokens of `pieces` stand. documents: of
    each source the first token, which says its name, and the one behind its last.
    """

    token_ids: Tensor
    pieces: tuple[str, ...]
    document_start: int
    document_end: int
    pages: tuple[PageMark, ...]
    page_tokens: tuple[int, ...]
    sources: tuple[SourceTokens, ...]
    draft_tokens: int
    places: Places
    documents: tuple[tuple[int, int], ...]

    @property
    def prompt_tokens(self) -> int:
        """Length of the whole prompt."""
        return int(self.token_ids.shape[1])

    @property
    def document_tokens(self) -> int:
        """Tokens from the first page's first to the last page's last, page marks included."""
        return len(self.pieces)

    def budget(self, output: int, window: int) -> Budget:
        """What the prompt takes of a model's `window`, with an answer of `output` tokens."""
        instruction = self.prompt_tokens - self.document_tokens - self.draft_tokens
        return Budget(self.sources, instruction, self.draft_tokens, output, window)


class TokenCounts:
    """Tokens of pages and of sources, each counted once, however often somebody asks. Belongs to a session."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._counts: dict[tuple[str, int], int] = {}
        self._sources: tuple[tuple[object, tuple[SourceTokens, ...]], ...] = ()

    def of(self, tokenizer: PreTrainedTokenizerBase, document: Document, pages: Sequence[Page]) -> tuple[int, ...]:
        """Tokens of each of the document's `pages`. Always the same `tokenizer`."""
        for page in pages:
            if (document.digest, page.number) not in self._counts:
                self._counts[document.digest, page.number] = count_tokens(tokenizer, page.text)
        return tuple(self._counts[document.digest, page.number] for page in pages)

    def budget(
        self, tokenizer: PreTrainedTokenizerBase, sources: Sequence[Source], instruction: str, draft: str, output: int,
        window: int,
    ) -> Budget:  # fmt: skip
        """That of the prompt that `compose` would make, without dividing the same sources into tokens again, nor those
        that were asked about before them: of long documents all, and what is sent."""
        chosen = tuple((source.document.name, source.pages) for source in sources)
        known = self._sources  # of which another thread may put others in the place
        latest = next((entry for entry in known if entry[0] == chosen), None)
        latest = latest or (chosen, compose(tokenizer, sources, "…").sources)
        self._sources = (*[entry for entry in known if entry[0] != chosen][-1:], latest)
        # What stands before the first page is none of the sources', so it is counted before a short one; its ends are
        # those of all pages, since a token may reach over them.
        ends = f"{sources[0].pages[0].text[:1]}…{sources[-1].pages[-1].text[-8:]}" if sources else ""
        head = [Source(source.document, (replace(source.pages[0], text=ends),)) for source in sources[:1]]
        composed = compose(tokenizer, head, instruction, draft)
        return replace(composed.budget(output, window), sources=latest[1])


def last_tokens(tokenizer: PreTrainedTokenizerBase, text: str, most: int) -> str:
    """The end of `text`, at most so many tokens, from where a sentence or line begins, or else a word."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(offsets) <= most:
        return text
    end = text[offsets[-most][0] :]
    begins = re.search(r"(?<=[.!?\n。！？])\s*(?=\S)", end[: len(end) // 2]) or re.search(r"(?<=\s)(?=\S)", end)
    return end[begins.end() :] if begins else end


def compose(
    tokenizer: PreTrainedTokenizerBase, sources: Sequence[Source], instruction: str, draft: str = ""
) -> Composed:
    """Build the prompt from `sources`, `instruction` and the `draft` to be continued.

    Raises PromptError if there is nothing to send or the chat template alters the documents.
    """
    special = tuple(tokenizer.get_added_vocab())
    messages = build_messages(sources, instruction, draft, special)
    rendered = _render(tokenizer, messages)
    encoded = tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=True)
    offsets: list[tuple[int, int]] = encoded["offset_mapping"]
    passages = document_span(rendered, sources, special)
    starts = [start for start, _ in offsets]
    marks = tuple(PageMark(p.document, p.page, p.label, bisect_left(starts, p.start)) for p in passages)
    first, last = _token_range(passages, starts)
    ends = [bisect_left(starts, p.end) for p in passages]
    draft_start = _draft_start(rendered, messages)
    documents = _documents(rendered, passages, sources, starts, [end for _, end in offsets])
    return Composed(
        torch.tensor([encoded["input_ids"]]),
        tuple(_pieces(rendered, offsets[first:last])),
        first,
        documents[-1][1] if documents else 0,
        marks,
        tuple(end - mark.position for end, mark in zip(ends, marks, strict=True)),
        _source_tokens(sources, [end - begin for begin, end in pairwise([first, *ends])]),
        len(starts) - bisect_left(starts, draft_start),
        _places(rendered, passages, sources, offsets[first:last]),
        documents,
    )


def count_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    """Tokens of `text` by itself; what looks like a special token is text too."""
    return len(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> str:
    """The prompt as text: through the chat template, or for a model without one the messages' text in a row."""
    if not tokenizer.chat_template:
        return "\n\n".join(message["content"] for message in messages)
    continues = messages[-1]["role"] == "assistant"
    rendered = tokenizer.apply_chat_template(
        [dict(message) for message in messages],
        tokenize=False,
        add_generation_prompt=not continues,
        continue_final_message=continues,
    )
    return str(rendered)


def _text_end(rendered: str, passage: Passage) -> int:
    """Where the text of a passage ends, without the blanks after it."""
    return passage.start + len(rendered[passage.start : passage.end].rstrip())


def _documents(
    rendered: str, passages: Sequence[Passage], sources: Sequence[Source], starts: Sequence[int], ends: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """The first token of each source and the one behind its last: no token that reaches into what follows it. starts,
    ends: of all tokens in `rendered`."""
    left, found = iter(passages), []
    for source in sources:
        pages = list(islice(left, len(source.pages)))
        if pages:
            end = bisect_right(ends, _text_end(rendered, pages[-1]))
            found.append((min(end, bisect_left(starts, pages[0].begin)), end))
    return tuple(found)


def _draft_start(rendered: str, messages: Sequence[Mapping[str, str]]) -> int:
    """Where the draft begins in `rendered`, which ends with it; the end if there is none."""
    last = messages[-1]
    start = rendered.rfind(last["content"]) if last["role"] == "assistant" else -1
    return start if start >= 0 else len(rendered)


def _source_tokens(sources: Sequence[Source], tokens: Sequence[int]) -> tuple[SourceTokens, ...]:
    """`tokens`, those of all pages in a row, by source."""
    left = iter(tokens)
    return tuple(
        SourceTokens(
            source.document.name,
            tuple(page.number for page in source.pages),
            tuple(islice(left, len(source.pages))),
        )
        for source in sources
    )


def _token_range(passages: Sequence[Passage], starts: Sequence[int]) -> tuple[int, int]:
    if not passages:
        return 0, 0
    return bisect_left(starts, passages[0].start), bisect_left(starts, passages[-1].end)


def _places(
    rendered: str, passages: Sequence[Passage], sources: Sequence[Source], offsets: Sequence[tuple[int, int]]
) -> Places:
    """Each token of the documents by the page in which it begins."""
    starts, ends = np.array(offsets, np.int32).reshape(-1, 2).T
    page = np.full(len(starts), -1, np.int32)
    start, end = np.zeros_like(page), np.zeros_like(page)
    pages = [page for source in sources for page in source.pages]
    for index, (passage, each) in enumerate(zip(passages, pages, strict=True)):
        inside = slice(*np.searchsorted(starts, (passage.start, passage.end)))
        page[inside] = index
        typed = each.begin + _as_typed(rendered[passage.start : passage.end], each.text)
        start[inside] = typed[starts[inside] - passage.start]
        end[inside] = typed[np.minimum(ends[inside], passage.end) - passage.start]
    documents = tuple(index for index, source in enumerate(sources) for _ in source.pages)
    return Places(page, start, end, documents)


def _as_typed(sent: str, text: str) -> NDArray[np.int32]:
    """For each character of a page as it was sent, and its end, where it stands in the page's own text."""
    if len(sent) == len(text):
        return np.arange(len(sent) + 1, dtype=np.int32)
    typed = [0]
    for character in sent:
        at = typed[-1]
        added = character == WORD_JOINER and text[at : at + 1] != WORD_JOINER
        typed.append(at if added else at + 1)
    return np.array(typed, np.int32)


def _pieces(rendered: str, offsets: Sequence[tuple[int, int]]) -> list[str]:
    """Each token's text; a character that several tokens share goes to the first of them."""
    pieces, done = [], offsets[0][0] if offsets else 0
    for start, end in offsets:
        pieces.append(rendered[max(start, done) : end])
        done = max(done, end)
    return pieces
