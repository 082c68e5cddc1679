"""What all methods are given: the same weights in the forms they take, and the same prompt."""

from __future__ import annotations

from pathlib import Path

import torch
from gguf import GGUFReader
from transformers import AutoConfig, AutoTokenizer

from core.default_model import cache_folder, embedded_gguf, embedded_model
from core.quantization import has_native_bf16
from core.statement import Statement

from .protocol import Setup

DOCUMENT = Path(__file__).resolve().parent.parent / "assets" / "samples" / "lighthouses.md"


def prepare(longest: int, new_tokens: int) -> Setup:
    """The setup for contexts up to `longest`, without options. Fetches the embedded model if it is not there."""
    cache = cache_folder()
    folder = embedded_model(cache, _no_progress)
    gguf = embedded_gguf(cache, _no_progress)
    config = AutoConfig.from_pretrained(folder)
    head_values = config.num_key_value_heads * config.head_dim
    return Setup(
        folder=str(folder),
        gguf=str(gguf),
        gguf_bytes=sum(int(tensor.n_bytes) for tensor in GGUFReader(gguf).tensors),
        cache_values=2 * config.num_hidden_layers * head_values,
        compute_dtype="bfloat16" if has_native_bf16() else "float32",
        threads=torch.get_num_threads(),
        prompt=_prompt(folder, longest),
        new_tokens=new_tokens,
        options={},
    )


def _prompt(folder: Path, length: int) -> list[int]:
    """The first `length` tokens of the sample document, repeated."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    document: list[int] = tokenizer(DOCUMENT.read_text("utf-8"), verbose=False)["input_ids"]
    return (document * (length // len(document) + 1))[:length]


def _no_progress(what: Statement, done: int, total: int) -> None:
    """Fetching the model is not what is measured."""
