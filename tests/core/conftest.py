"""Fixtures of the decoder's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core import kernels, prefix_parts
from tests.core.kept_parts import PART, Opened
from tests.core.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on there are no kernels."""
    return lambda: monkeypatch.setattr(kernels, "available", lambda: False)


@pytest.fixture
def tiny(one_thread: None) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A tiny enabled model and its byte tokenizer."""
    return tiny_model(), byte_tokenizer()


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of prefixes on disk."""
    monkeypatch.setattr(prefix_parts, "PART_TOKENS", PART)


@pytest.fixture
def opened(tmp_path: Path, short_parts: None) -> Iterator[Opened]:
    """Makes caches that keep what they read in one folder."""
    opened = Opened(tmp_path)
    yield opened
    opened.close()
