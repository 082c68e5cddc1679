"""Which models' decode steps are one operation, and that it is for bfloat16 as well; test_graph.py has the rest."""

import pytest
import torch
from transformers import PreTrainedModel

from core import FullAttention, KeyIndex, PolicyCache, RefreshKV
from core.llama_step import LlamaStep
from core.policies import Policy
from core.quantization import quantize_int4
from core.steps import Modules, forward
from tests.core.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("built_kernels", "one_thread")

DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}


def quantized(dtype: torch.dtype = torch.float32, **overrides: object) -> PreTrainedModel:
    model = tiny_model(**{"hidden_size": 128, "intermediate_size": 96, **overrides}).to(dtype)
    quantize_int4(model)
    return model


@pytest.mark.parametrize("policy", [FullAttention(), RefreshKV(budget=20, stride=3), KeyIndex(budget=40)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_logits_are_the_modules(dtype: torch.dtype, policy: Policy) -> None:
    model = quantized(dtype)
    step = LlamaStep.of(model)
    assert step is not None
    caches = [PolicyCache(model.config, policy) for _ in range(2)]
    for cache in caches:
        with cache.prefill(last=True):
            forward(model, torch.arange(70)[None], cache)
    for token in range(100, 106):
        found = step.step(torch.tensor([[token]]), caches[0])
        expected = Modules(model).step(torch.tensor([[token]]), caches[1]).float()
        assert found is not None
        assert found.dtype == torch.float32
        assert (found - expected).norm() <= (1e-3 if dtype == torch.float32 else 0.1) * expected.norm()


def test_it_is_for_such_models_alone() -> None:
    assert LlamaStep.of(quantized()) is not None
    assert LlamaStep.of(quantized(hidden_size=64)) is None  # heads of 16
    assert LlamaStep.of(quantized(rope_parameters=DYNAMIC)) is None
    assert LlamaStep.of(quantized(attention_bias=True)) is None
    assert LlamaStep.of(tiny_model(hidden_size=128)) is None  # linears as they are
