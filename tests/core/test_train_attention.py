"""Samples in training attend as the policy decodes: against a plain mask with gradients, and against decoding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core import (
    H2O,
    Exact,
    FullAttention,
    InvalidParameterError,
    KeyIndex,
    Policy,
    PolicyCache,
    PolicyInactiveError,
    RefreshKV,
    SnapKV,
    StreamingLLM,
)
from core.grouped import Terms
from core.policies import Observation
from core.train.attention import CONTINUATION_KEY, Continuation, continued_attention, policies_of
from tests.core.tiny import tiny_model

POLICIES = [
    RefreshKV.paper(1 / 8, stride=100),
    RefreshKV.paper(9, stride=100),
    RefreshKV.paper(500, stride=100),
    RefreshKV(1 / 4, stride=100, floor=0),
    StreamingLLM(1 / 4),
    SnapKV(1 / 4, window=8),
]


def seen_by_slots(policy: Policy, chosen: list[int], prompt: int, steps: int) -> list[set[int]]:
    """What each token behind a prompt attends to: slots that are overwritten one after the other, as a list."""
    capacity = policy.capacity(prompt)
    assert capacity is not None
    pinned = min(policy.pinned, len(chosen))
    slots = [*chosen[len(chosen) - pinned :], *chosen[: len(chosen) - pinned]]
    overwritten, seen = 0, []
    for position in range(prompt, prompt + steps):
        if policy.grows or len(slots) < capacity:
            slots.append(position)
        else:
            slots[pinned + overwritten % max(1, capacity - pinned)] = position
            overwritten += 1
        seen.append(set(slots))
    return seen


def plain_attention(
    policy: Policy, prompts: list[int], steps: int, query: Tensor, key: Tensor, value: Tensor
) -> Tensor:
    """By a mask over all, float64, one row and head at a time: `(batch, length, query_heads, dim)`."""
    group = query.shape[1] // key.shape[1]
    scaling = query.shape[-1] ** -0.5
    length = max(prompts) + steps
    rows = []
    for row, prompt in enumerate(prompts):
        end = prompt + steps
        q, k, v = query[row, :, :end], key[row, :, :end], value[row, :, :end]
        scores = q @ k.repeat_interleave(group, 0).transpose(-1, -2) * scaling
        causal = torch.ones(end, end, dtype=torch.bool).tril()
        weights = scores[:, :prompt, :prompt].masked_fill(~causal[:prompt, :prompt], -torch.inf).softmax(-1).detach()
        weights = weights.float().unflatten(0, (key.shape[1], group))
        recent = weights[None, :, :, prompt - min(policy.queries, prompt) :]
        seen = Observation(weights[None, :, :, -1], recent=recent if policy.queries > 1 else None)
        capacity = policy.capacity(prompt)
        assert capacity is not None
        chosen = policy.choose(seen, min(capacity, prompt))[0]
        allowed = causal.repeat(query.shape[1], 1, 1)
        for head in range(query.shape[1]):
            for step, places in enumerate(seen_by_slots(policy, chosen[head // group].tolist(), prompt, steps)):
                allowed[head, prompt + step] = False
                allowed[head, prompt + step, list(places)] = True
        output = scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ v.repeat_interleave(group, 0)
        rows.append(torch.cat([output, output.new_zeros(query.shape[1], length - end, query.shape[-1])], dim=1))
    return torch.stack(rows).transpose(1, 2)


@given(st.sampled_from(POLICIES), st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 14))
def test_a_sample_attends_as_by_a_plain_mask_with_its_gradients(policy: Policy, prompts: list[int], steps: int) -> None:
    torch.manual_seed(len(prompts) * 1000 + prompts[0] + steps)
    length = max(prompts) + steps
    states = [torch.randn(len(prompts), heads, length, 8, dtype=torch.float64) for heads in (4, 2, 2)]
    wanted = torch.randn(len(prompts), length, 4, 8, dtype=torch.float64)
    for row, prompt in enumerate(prompts):
        wanted[row, prompt + steps :] = 0  # padding means nothing
    found, module = [], torch.nn.Module()
    module.num_key_value_groups = 2
    for attend in (
        lambda q, k, v: continued_attention(
            module, policy, Continuation({}, [[prompt] for prompt in prompts], steps), q, k, v, Terms(8**-0.5), 0.0
        ),
        lambda q, k, v: plain_attention(policy, prompts, steps, q, k, v),
    ):
        leaves = [state.clone().requires_grad_() for state in states]
        loss = (attend(*leaves) * wanted).sum()
        loss.backward()
        found.append([loss.detach(), *(leaf.grad for leaf in leaves)])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)


def continued_losses(model: PreTrainedModel, policy: Policy, ids: Tensor, prompt: int) -> Tensor:
    continuation = Continuation(policies_of(model.config, policy), [[prompt]] * ids.shape[0], ids.shape[1] - prompt)
    logits = model(input_ids=ids, use_cache=False, **{CONTINUATION_KEY: continuation}).logits
    continuation.require_reached()
    return torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@torch.no_grad()
def test_the_loss_of_a_sample_is_that_of_decoding_it(
    policy: Policy, tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast]
) -> None:
    model, prompt, steps = tiny[0], 61, 20
    ids = torch.randint(0, 256, (1, prompt + steps), generator=torch.Generator().manual_seed(3))
    cache = PolicyCache(model.config, policy)
    with cache.prefill(last=True):
        logits = [model(input_ids=ids[:, :prompt], cache=cache).logits]
    logits += [model(input_ids=token, cache=cache).logits for token in ids[:, prompt:].split(1, dim=1)]
    assert {layer.partial_steps for layer in cache.policy_layers.values()} == {steps}
    decoded = torch.nn.functional.cross_entropy(torch.cat(logits, dim=1)[0, :-1], ids[0, 1:], reduction="none")
    torch.testing.assert_close(continued_losses(model, policy, ids, prompt)[0], decoded, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_rows_of_several_lengths_are_as_alone(tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    model, policy, steps, prompts = tiny[0], RefreshKV.paper(1 / 4), 12, [50, 31]
    policies = policies_of(model.config, policy)
    ids = torch.randint(0, 256, (2, max(prompts) + steps), generator=torch.Generator().manual_seed(4))
    together = model(
        input_ids=ids,
        use_cache=False,
        **{CONTINUATION_KEY: Continuation(policies, [[prompt] for prompt in prompts], steps)},
    ).logits
    for row, prompt in enumerate(prompts):
        alone = Continuation(policies, [[prompt]], steps)
        own = model(input_ids=ids[row : row + 1, : prompt + steps], use_cache=False, **{CONTINUATION_KEY: alone}).logits
        torch.testing.assert_close(together[row, : prompt + steps], own[0], rtol=1e-4, atol=1e-4)


def test_continuations_of_one_text_are_as_samples_of_their_own_with_their_gradients(
    tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast],
) -> None:
    model, policy, steps, prompts = tiny[0], RefreshKV.paper(1 / 4), 12, [50, 31, 50, 44]
    policies = policies_of(model.config, policy)
    text = torch.randint(0, 256, (1, 50 + steps), generator=torch.Generator().manual_seed(4))
    positions = torch.cat([torch.arange(50), *(prompt + torch.arange(steps) for prompt in prompts)])[None]
    several = Continuation(policies, [prompts], steps)
    ids = text[:, positions[0]]
    together = model(input_ids=ids, position_ids=positions, use_cache=False, **{CONTINUATION_KEY: several}).logits[0]
    wanted = torch.randn(len(prompts), steps, together.shape[-1], generator=torch.Generator().manual_seed(5))
    (together[50:].view_as(wanted) * wanted).sum().backward()
    found = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    for index, prompt in enumerate(prompts):
        alone = Continuation(policies, [[prompt]], steps)
        own = model(input_ids=text[:, : prompt + steps], use_cache=False, **{CONTINUATION_KEY: alone}).logits[0]
        begin = 50 + index * steps
        torch.testing.assert_close(together[begin : begin + steps], own[prompt:], rtol=1e-4, atol=1e-4)
        (own[prompt:] * wanted[index]).sum().backward()
    for parameter, grad in zip(model.parameters(), found, strict=True):
        torch.testing.assert_close(grad, parameter.grad, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_layers_with_a_sliding_window_attend_as_ever_and_softcaps_are_kept(one_thread: None) -> None:
    from transformers import AutoModelForCausalLM, Gemma2Config

    from core import enable

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=260, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, sliding_window=16, attn_logit_softcapping=2.0, max_position_embeddings=256,
    )  # fmt: skip
    model = enable(AutoModelForCausalLM.from_config(config).float().eval())
    policy, prompt = RefreshKV.paper(1 / 8, stride=100), 61
    assert list(policies_of(model.config, policy)) == [1]
    ids = torch.randint(0, 256, (1, prompt + 10), generator=torch.Generator().manual_seed(5))
    cache = PolicyCache(model.config, policy)
    with cache.prefill(last=True):
        logits = [model(input_ids=ids[:, :prompt], cache=cache).logits]
    logits += [model(input_ids=token, cache=cache).logits for token in ids[:, prompt:].split(1, dim=1)]
    decoded = torch.nn.functional.cross_entropy(torch.cat(logits, dim=1)[0, :-1], ids[0, 1:], reduction="none")
    torch.testing.assert_close(continued_losses(model, policy, ids, prompt)[0], decoded, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "policy", [FullAttention(), KeyIndex(), H2O(), Exact()], ids=lambda policy: type(policy).__name__
)
def test_a_policy_without_a_small_cache_cannot_be_trained_for(policy: Policy) -> None:
    with pytest.raises(InvalidParameterError, match=r"no small cache.*RefreshKV\.paper\(\)") as caught:
        policies_of(tiny_model().config, policy)
    assert caught.value.code == "training-without-small-cache"


def test_a_model_that_keeps_the_keyword_to_itself_is_refused() -> None:
    policies = policies_of(tiny_model().config, RefreshKV.paper())
    with pytest.raises(PolicyInactiveError, match=r"3 of 3 layers, 0 among them"):
        Continuation(policies, [[8]], 4).require_reached()
