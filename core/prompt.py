"""Prompt -> token ids: a string, chat messages, or ids as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from .errors import ContextOverflowError, InvalidParameterError

Message: TypeAlias = Mapping[str, str]
Prompt: TypeAlias = str | Tensor | Sequence[int] | Sequence[Message]


LARGEST_ID = 2**63 - 1
"""What a tensor of ids holds."""


def encode_prompt(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> Tensor:
    """Token ids, int64 `(1, length)`, length >= 1.

    A string is tokenized as it is and ids, a tensor `(1, length)` or a list of whole numbers, pass through. Chat
    messages go through the tokenizer's chat template, with the header of the answer added, or if the last one is the
    assistant's, left open to be continued.

    Raises InvalidParameterError for anything else, an empty prompt, more than one row, or messages that the tokenizer
    has no template for.
    """
    ids: Any
    if isinstance(prompt, str):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    elif isinstance(prompt, Tensor):
        ids = prompt
    else:
        items = _items(prompt)
        numbers = all(isinstance(item, Integral) and not isinstance(item, bool) for item in items)
        ids = _row(items) if numbers else _templated(tokenizer, items)
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise InvalidParameterError(
            "prompt-not-whole-numbers",
            "The prompt is a tensor of {dtype}; token ids are whole numbers. Pass int64 ids of shape (1, length).",
            dtype=str(ids.dtype),
        )
    if ids.ndim != 2 or ids.shape[0] != 1:
        raise InvalidParameterError(
            "prompt-not-one-row",
            "The prompt's ids have shape {shape}; streaming takes one prompt, (1, length). For a batch use "
            "model.generate(..., past_key_values=PolicyCache(...)).",
            shape=str(tuple(ids.shape)),
        )
    if ids.shape[1] == 0:
        raise InvalidParameterError("prompt-empty", "The prompt has 0 tokens; give at least one.")
    token_ids: Tensor = ids.to(torch.long)
    return token_ids


def _row(ids: list[Any]) -> Tensor:
    if outside := [token_id for token_id in ids if not -LARGEST_ID <= token_id <= LARGEST_ID]:
        raise InvalidParameterError(
            "id-outside-any-vocabulary",
            "The prompt has the token id {token_id}, which no model knows. Encode the prompt with the tokenizer that "
            "belongs to the model.",
            token_id=int(outside[0]),
        )
    return torch.tensor([ids], dtype=torch.long)


def _items(prompt: object) -> list[Any]:
    """The ids or messages of a prompt that is neither text nor a tensor."""
    if not isinstance(prompt, Iterable) or isinstance(prompt, Mapping | bytes | bytearray):
        raise InvalidParameterError(
            "prompt-of-another-kind",
            "The prompt is of type {kind}; pass a string, token ids (a tensor (1, length) or a list of whole numbers), "
            "or a list of chat messages.",
            kind=type(prompt).__name__,
        )
    return list(prompt)


def _templated(tokenizer: PreTrainedTokenizerBase, items: list[Any]) -> Tensor:
    for index, item in enumerate(items):
        if isinstance(item, str):
            raise InvalidParameterError(
                "prompt-list-of-strings",
                "The prompt is a list with the string {item!r} in it; streaming takes one text. Join the strings, or "
                "call it once for each.",
                item=item[:60],
            )
        if not isinstance(item, Mapping):
            raise InvalidParameterError(
                "prompt-items-of-another-kind",
                "Item {index} of the prompt is of type {kind}; a list holds either whole numbers (token ids) or chat "
                "messages with the keys 'role' and 'content'.",
                index=index,
                kind=type(item).__name__,
            )
        if not isinstance(item.get("role"), str) or item.get("content") is None:
            raise InvalidParameterError(
                "message-incomplete",
                "Message {index} of the prompt has the keys {keys}; each needs a 'role' (system, user or assistant) "
                "and a 'content', neither of them None.",
                index=index,
                keys=", ".join(map(repr, item)) or "–",
            )
    messages = [dict(item) for item in items]
    continues = messages[-1]["role"] == "assistant"
    try:
        encoded: Any = tokenizer.apply_chat_template(
            messages, add_generation_prompt=not continues, continue_final_message=continues, return_tensors="pt"
        )
    except Exception as error:  # templates are programs and raise what they like
        raise InvalidParameterError(
            "template-refused",
            "The tokenizer's chat template did not take the messages: {reason}. Pass messages as the model expects "
            "them, or the text of the prompt as a string.",
            reason=" ".join(str(error).split()).rstrip(".") or type(error).__name__,
        ) from error
    ids: Tensor = encoded["input_ids"]
    return ids


def require_known(model: PreTrainedModel, token_ids: Tensor) -> None:
    """Raise InvalidParameterError if one of `token_ids` `(1, length)` is none of the model's."""
    embeddings: Any = model.get_input_embeddings()
    size: int = embeddings.weight.shape[0]
    unknown = (token_ids[0] < 0) | (token_ids[0] >= size)
    if unknown.any():
        position = int(unknown.nonzero()[0])
        raise InvalidParameterError(
            "ids-outside-vocabulary",
            "The prompt has the token id {token_id} at position {position}, and the model knows 0 to {last}. Encode "
            "the prompt with the tokenizer that belongs to the model.",
            token_id=int(token_ids[0, position]),
            position=position,
            last=size - 1,
        )


def window_of(config: PreTrainedConfig) -> int | None:
    """The tokens that a model can attend to, prompt and answer together; None if its configuration does not say."""
    window: int | None = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    return window


def require_room(config: PreTrainedConfig, prompt_tokens: int, max_new_tokens: int) -> None:
    """Raise ContextOverflowError if prompt and output do not fit into the model's window."""
    if (window := window_of(config)) is None:
        return
    if (excess := prompt_tokens + max_new_tokens - window) > 0:
        raise ContextOverflowError(
            "window-exceeded",
            "The prompt has {prompt_tokens} tokens and {max_new_tokens} are to be generated, but the model's window is "
            "{window}: {excess} too many. Shorten the prompt or lower max_new_tokens.",
            prompt_tokens=prompt_tokens,
            max_new_tokens=max_new_tokens,
            window=window,
            excess=excess,
        )
