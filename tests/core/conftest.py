"""Fixtures of the decoder's tests."""

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.core.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def tiny(one_thread: None) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A tiny enabled model and its byte tokenizer."""
    return tiny_model(), byte_tokenizer()
