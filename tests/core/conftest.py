"""Fixtures of the decoder's tests."""

from collections.abc import Callable

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core import kernels
from tests.core.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on there are no kernels."""
    return lambda: monkeypatch.setattr(kernels, "available", lambda: False)


@pytest.fixture
def tiny(one_thread: None) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A tiny enabled model and its byte tokenizer."""
    return tiny_model(), byte_tokenizer()
