"""Fixtures shared by all tests.

The process that hands the tests out to others reads this file before it starts them, and they wait for it: what takes
seconds to import is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# How long an example takes says nothing on a machine that is busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("busy"), max_examples=40, derandomize=True)
settings.register_profile("fast", settings.get_profile("busy"), max_examples=20)
settings.load_profile("busy")

BROWSER = Path(__file__).parent / "browser"
MARKED_BY_FIXTURE = {"smollm2": "model", "graphs": "slow", "served": "slow"}
"""What a test that uses a fixture needs, directly or through others: `graphs` compiles, `served` serves the page."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by their folder and by what they use; what cannot be seen so is marked where it stands."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        for fixture in fixtures & MARKED_BY_FIXTURE.keys():
            item.add_marker(MARKED_BY_FIXTURE[fixture])
        if BROWSER in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def built_kernels() -> None:
    """The compiled CPU operations, built into the user's cache folder the first time."""
    from core import kernels
    from core.default_model import cache_folder

    if not kernels.load(cache_folder()):
        assert kernels.compiler() is None, "the kernels cannot be built"
        pytest.skip("this machine has no C++ compiler")


@pytest.fixture(scope="session")
def smollm2() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The embedded model in NF4 and its tokenizer; fetched into the user's cache folder the first time."""
    from core.loading import load_model

    return load_model("smollm2-135m", quantization="nf4")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads cost more than they bring with tiny models, above all on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
