"""Prompt -> token ids: a string, chat messages, or ids as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from .errors import ContextOverflowError, InvalidParameterError

Message: TypeAlias = Mapping[str, str]
Prompt: TypeAlias = str | Tensor | Sequence[Message]


def encode_prompt(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> Tensor:
    """Token ids, int64 `(1, length)`, length >= 1.

    A string is tokenized as it is and ids pass through. Chat messages go through the tokenizer's chat template, with
    the header of the answer added, or if the last one is the assistant's, left open to be continued.

    Raises InvalidParameterError for anything else, an empty prompt or more than one row.
    """
    ids: Any
    if isinstance(prompt, Tensor):
        ids = prompt
    elif isinstance(prompt, str):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    else:
        messages = [dict(message) for message in prompt]
        continues = bool(messages) and messages[-1]["role"] == "assistant"
        encoded: Any = tokenizer.apply_chat_template(
            messages, add_generation_prompt=not continues, continue_final_message=continues, return_tensors="pt"
        )
        ids = encoded["input_ids"]
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


def require_room(config: PreTrainedConfig, prompt_tokens: int, max_new_tokens: int) -> None:
    """Raise ContextOverflowError if prompt and output do not fit into the model's window."""
    window = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    if window is None:
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
