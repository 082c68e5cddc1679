"""Fixtures shared by all tests."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import kernels
from core.default_model import cache_folder
from core.loading import load_model

settings.register_profile("any machine", deadline=None)  # a busy one takes its time
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def built_kernels() -> None:
    """The compiled CPU operations, built into the user's cache folder the first time."""
    if not kernels.load(cache_folder()):
        pytest.skip("this machine has no C++ compiler")


@pytest.fixture(scope="session")
def smollm2() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The embedded model in NF4 and its tokenizer; fetched into the user's cache folder the first time."""
    return load_model("smollm2-135m", quantization="nf4")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads cost more than they bring with tiny models, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
