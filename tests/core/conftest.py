"""Fixtures of the decoder's tests."""

from collections.abc import Iterator

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tests.core.tiny import byte_tokenizer, tiny_model


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads cost more than they bring with tiny models, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(one_thread: None) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A tiny enabled model and its byte tokenizer."""
    return tiny_model(), byte_tokenizer()
