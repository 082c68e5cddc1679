"""Fixtures shared by all tests."""

import pytest
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.loading import load_model


@pytest.fixture(scope="session")
def smollm2() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The embedded model in NF4 and its tokenizer; fetched into the user's cache folder the first time."""
    return load_model("smollm2-135m", quantization="nf4")
