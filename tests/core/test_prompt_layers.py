"""A prompt through the operations for it, against the model's own modules with the weights written out."""

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedModel

from core import FullAttention, KeyIndex, PolicyCache, RefreshKV, kernels, stream_generate
from core.policies import H2O, Policy
from core.prompt_layers import read_prompt
from core.quantization import quantize_int4
from core.steps import forward
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("built_kernels", "one_thread")

IDS = torch.arange(70).view(1, -1) * 3 % 256


def quantized(dtype: torch.dtype = torch.float32, **overrides: object) -> PreTrainedModel:
    sizes = {"hidden_size": 128, "intermediate_size": 96, "num_attention_heads": 2, "num_key_value_heads": 1}
    model = tiny_model(**{**sizes, **overrides}).to(dtype)
    quantize_int4(model)
    return model


def prefill(model: PreTrainedModel, policy: Policy, *sizes: int) -> tuple[Tensor, PolicyCache]:
    cache, start = PolicyCache(model.config, policy), 0
    logits = torch.empty(0)
    for size in sizes:
        with cache.prefill(last=start + size == sum(sizes)):
            logits = forward(model, IDS[:, start : start + size], cache)
        start += size
    return logits.float(), cache


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_equals_the_modules(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    model = quantized(dtype)
    found, cache = prefill(model, FullAttention(), 40, 30)
    with monkeypatch.context() as without:
        without.setattr(kernels, "available", lambda: False)
        expected, plain = prefill(model.float(), FullAttention(), 70)
    assert (found - expected).norm() <= 0.04 * expected.norm()
    for ours, theirs in zip(cache.policy_layers.values(), plain.policy_layers.values(), strict=True):
        for of_ours, of_theirs in ((ours.keys, theirs.keys), (ours.values, theirs.values)):
            assert of_ours is not None
            assert of_theirs is not None
            assert of_ours.dtype == dtype
            assert (of_ours - of_theirs).norm() <= 0.04 * of_theirs.norm()


def test_chunks_of_any_size_give_the_same() -> None:
    model = quantized()
    whole, cache = prefill(model, FullAttention(), 70)
    pieces, other = prefill(model, FullAttention(), 9, 33, 28)
    assert (whole - pieces).abs().max() <= 1e-4 * whole.abs().max()
    for ours, theirs in zip(cache.policy_layers.values(), other.policy_layers.values(), strict=True):
        assert ours.keys is not None
        assert theirs.keys is not None
        assert (ours.keys - theirs.keys).abs().max() <= 1e-4 * ours.keys.abs().max()


@pytest.mark.parametrize("policy", [FullAttention(), RefreshKV(budget=20), KeyIndex(budget=40)])
def test_a_text_does_not_depend_on_what_was_held_of_its_prompt_or_how_it_was_cut(policy: Policy) -> None:
    model, seen = quantized(), []

    class Recorder(LogitsProcessor):
        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            seen.append(scores.clone())
            return scores

    def written(chunk: int, cache: PolicyCache) -> Tensor:
        seen.clear()
        options = {"max_new_tokens": 4, "prefill_chunk": chunk, "logits_processors": [Recorder()]}
        list(stream_generate(model, byte_tokenizer(), IDS, cache=cache, **options))
        return torch.cat(seen)

    cache = PolicyCache(model.config, policy)
    whole = written(70, cache)
    again = written(70, cache)  # all but the last token could be held
    cut = written(33, PolicyCache(model.config, policy))  # in 33, 33 and 4 it would go another way
    for other in (again, cut):
        assert (whole - other).abs().max() <= 1e-4 * whole.abs().max()


@pytest.mark.parametrize("policy", [RefreshKV(budget=20), KeyIndex(budget=40), H2O(budget=20)])
def test_methods_choose_from_it(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    model = quantized()
    _, cache = prefill(model, policy, 40, 30)
    monkeypatch.setattr("core.steps.read_prompt", lambda *_: None)
    _, plain = prefill(model, policy, 40, 30)
    ours, theirs = cache.kept(), plain.kept()
    assert ours.sum() == theirs.sum() > 0
    assert abs(ours - theirs).sum() <= 0.3 * theirs.sum()  # what is nearly as good may take another's place


def test_it_is_for_prompts_of_such_models_alone() -> None:
    if not torch.ops.refreshkv.has_byte_products():
        pytest.skip("this processor multiplies no bytes")
    model = quantized()

    def reads(ids: Tensor = IDS, *, prompt: bool = True) -> bool:
        cache = PolicyCache(model.config, FullAttention())
        with torch.no_grad():
            if not prompt:
                return read_prompt(model, ids, cache) is not None
            with cache.prefill(last=True):
                found = read_prompt(model, ids, cache)
        assert found is not None or cache.get_seq_length() == 0
        return found is not None

    assert reads()
    assert not reads(prompt=False)
    assert not reads(IDS[:, :8])
    assert not reads(IDS.repeat(2, 1))
    handle = model.model.layers[0].mlp.register_forward_hook(lambda *_: None)
    assert not reads()
    handle.remove()
    assert reads()
    model = quantized(num_attention_heads=4)  # heads of 32
    assert not reads()
    model = tiny_model(hidden_size=128, num_attention_heads=2, num_key_value_heads=1)  # linears as they are
    assert not reads()


def test_a_failed_forward_leaves_the_cache_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model = quantized()
    _, cache = prefill(model, FullAttention(), 20)

    def fails(*_: object) -> Tensor:
        raise KeyboardInterrupt

    monkeypatch.setattr(model.lm_head, "forward", fails)
    with pytest.raises(KeyboardInterrupt), cache.prefill(last=True):
        forward(model, IDS[:, 20:], cache)
    assert cache.get_seq_length() == 20
