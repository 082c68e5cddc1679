"""Documents, instruction and draft -> the prompt's token ids, and where each page and token stands in them.

The one place where the app meets a tokenizer. Knows nothing of models or Gradio.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from app.prompts import Passage, Source, build_messages, document_span
from app.view import PageMark


@dataclass(frozen=True)
class Composed:
    """A prompt ready for the decoder.

    token_ids: int64 `(1, length)`. pieces: the text of each token from `document_start` to the end of the documents.
    document_end: tokens up to the end of the documents, without those that what follows can change: blanks at the end,
    and a token that reaches into the instruction. pages: where each page begins, in tokens. page_tokens: tokens of each
    page, in the same order.
    """

    token_ids: Tensor
    pieces: tuple[str, ...]
    document_start: int
    document_end: int
    pages: tuple[PageMark, ...]
    page_tokens: tuple[int, ...]

    @property
    def prompt_tokens(self) -> int:
        """Length of the whole prompt."""
        return int(self.token_ids.shape[1])

    @property
    def document_tokens(self) -> int:
        """Tokens from the first page's first to the last page's last, page marks included."""
        return len(self.pieces)


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
    return Composed(
        torch.tensor([encoded["input_ids"]]),
        tuple(_pieces(rendered, offsets[first:last])),
        first,
        bisect_right([end for _, end in offsets], _text_end(rendered, passages[-1])) if passages else 0,
        marks,
        tuple(bisect_left(starts, p.end) - bisect_left(starts, p.start) for p in passages),
    )


def count_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    """Tokens of `text` by itself."""
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


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


def _token_range(passages: Sequence[Passage], starts: Sequence[int]) -> tuple[int, int]:
    if not passages:
        return 0, 0
    return bisect_left(starts, passages[0].start), bisect_left(starts, passages[-1].end)


def _pieces(rendered: str, offsets: Sequence[tuple[int, int]]) -> list[str]:
    """Each token's text; a character that several tokens share goes to the first of them."""
    pieces, done = [], offsets[0][0] if offsets else 0
    for start, end in offsets:
        pieces.append(rendered[max(start, done) : end])
        done = max(done, end)
    return pieces
