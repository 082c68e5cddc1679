"""Beyond the trained window: against the plain reference, whatever the forwards; and what is refused."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import replace

import psutil
import pytest
import torch
from transformers import PreTrainedModel

from core import (
    METHODS,
    CacheMismatchError,
    CacheRefreshed,
    ContextOverflowError,
    Exact,
    FullAttention,
    InvalidParameterError,
    KeyIndex,
    Policy,
    PolicyCache,
    PolicyInactiveError,
    RefreshKV,
    Snapshot,
    TokenGenerated,
    enable,
    stream_generate,
)
from core.old_keys import SCORED
from core.positions import positions_of
from core.steps import forward
from core.window import Window
from tests.core.architectures import make_model
from tests.core.extended import ExtendedReference
from tests.core.tiny import byte_tokenizer, tiny_model

SIZE = 64
LENGTH = 150
POLICIES = [
    FullAttention(),
    KeyIndex(budget=8, recent=1),
    RefreshKV(budget=8, stride=4),
    Exact(RefreshKV(budget=8, stride=4)),
]
ROTARY = {
    "default": None,
    "linear": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
        "rope_theta": 10000.0,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": 10000.0},
}


@pytest.fixture(autouse=True)
def small_and_busy(one_thread: None) -> None:
    """All models here are tiny."""


def model_with(rotary: str = "default", **settings: object) -> PreTrainedModel:
    parameters = ROTARY[rotary]
    scaled = {} if parameters is None else {"rope_parameters": parameters}
    return tiny_model(max_position_embeddings=SIZE, **scaled, **settings)


def tokens(count: int = LENGTH, seed: int = 1) -> list[int]:
    return torch.randint(0, 256, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def extended(model: PreTrainedModel, policy: Policy) -> PolicyCache:
    return PolicyCache(model.config, policy, window="extend")


def read(model: PreTrainedModel, cache: PolicyCache, ids: Sequence[int], sizes: Sequence[int] = ()) -> torch.Tensor:
    """The logits after `ids`, forwarded in pieces of these sizes, the rest at once."""
    pieces = torch.tensor([ids]).split([*sizes, len(ids) - sum(sizes)], dim=1)
    for index, piece in enumerate(pieces):
        with cache.prefill(last=index == len(pieces) - 1):
            logits = forward(model, piece, cache)
    return logits[0]


def written(
    model: PreTrainedModel, policy: Policy, ids: Sequence[int] = tuple(tokens()), **options: typing.Any
) -> list[int]:
    events = stream_generate(
        model, byte_tokenizer(), list(ids), policy=policy, window="extend", max_new_tokens=16, **options
    )
    return [event.token_id for event in events if isinstance(event, TokenGenerated)]


@pytest.mark.parametrize("rotary", ROTARY)
def test_a_prompt_and_full_attention_equal_the_reference(rotary: str) -> None:
    model, ids = model_with(rotary), tokens()
    cache, reference = extended(model, FullAttention()), ExtendedReference(model, Window.of(SIZE))
    torch.testing.assert_close(read(model, cache, ids), reference.read(ids), rtol=1e-3, atol=1e-4)
    for token in tokens(6, seed=2):
        expected = reference.decode(token, Window.of(SIZE).chosen)
        torch.testing.assert_close(forward(model, torch.tensor([[token]]), cache)[0], expected, rtol=1e-3, atol=1e-4)


def test_a_few_queries_of_a_block_score(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(Window.of(SIZE), asking=2)
    monkeypatch.setattr(Window, "of", lambda size: few)
    test_a_prompt_and_full_attention_equal_the_reference("default")


@pytest.mark.slow
def test_the_kernels_choose_the_same(built_kernels: None) -> None:
    test_a_prompt_and_full_attention_equal_the_reference("default")


@pytest.mark.parametrize("count", [5, 4, 2])
def test_an_index_attends_to_so_many_that_are_not_local(count: int) -> None:
    model, ids = model_with(), tokens()
    cache, reference = extended(model, KeyIndex(budget=count, recent=1)), ExtendedReference(model, Window.of(SIZE))
    read(model, cache, ids)
    reference.read(ids)
    for token in tokens(6, seed=2):
        logits = forward(model, torch.tensor([[token]]), cache)[0]
        torch.testing.assert_close(logits, reference.decode(token, count), rtol=1e-3, atol=1e-4)
    local = len(ids) + 6 - (Window.of(SIZE).start_of_block(len(ids) + 5) - Window.of(SIZE).local)
    assert cache.kept().sum() == 3 * 2 * (count + local)


def test_a_small_cache_holds_what_the_last_full_step_attended_to() -> None:
    model, ids, room = model_with(), tokens(), Window.of(SIZE).room
    cache, reference = extended(model, RefreshKV(budget=1000, stride=3)), ExtendedReference(model, Window.of(SIZE))
    read(model, cache, ids)
    reference.read(ids)
    reference.settle(room)
    kinds = []
    for step, token in enumerate(tokens(8, seed=2), 1):
        expected = reference.decode(token, None if step % 3 else room)
        torch.testing.assert_close(forward(model, torch.tensor([[token]]), cache)[0], expected, rtol=1e-3, atol=1e-4)
        kinds.append(cache.full_layers())
    assert kinds == [0, 0, 3, 0, 0, 3, 0, 0]


@pytest.mark.parametrize("drafts", [KeyIndex(budget=8, recent=1), RefreshKV(budget=8, stride=4)])
@pytest.mark.parametrize("length", [40, 55, LENGTH])  # the text stays within the window, crosses its end, is beyond it
def test_exact_is_full_attention(drafts: Policy, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drafting.Costs.best", lambda costs, odds, most, draft=0.0: most)
    model, ids = model_with(), (tokens(10) * 20)[:length]
    assert written(model, Exact(drafts), ids) == written(model, FullAttention(), ids)
    sampled = {"temperature": 1.0, "seed": 3}
    assert written(model, Exact(drafts), ids, **sampled) == written(model, FullAttention(), ids, **sampled)


def test_a_small_cache_that_is_chosen_at_every_step_changes_nothing() -> None:
    model = model_with()
    assert written(model, RefreshKV(budget=8, stride=1)) == written(model, FullAttention())


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("chunk", [1, 7, 64, 100])
def test_the_size_of_a_forward_changes_nothing(policy: Policy, chunk: int) -> None:
    model = model_with()
    assert written(model, policy, prefill_chunk=chunk) == written(model, policy, prefill_chunk=LENGTH)


@pytest.mark.parametrize("policy", POLICIES)
def test_transformers_generates_the_same(policy: Policy) -> None:
    model, ids = model_with(), tokens()
    found = model.generate(torch.tensor([ids]), cache=extended(model, policy), max_new_tokens=16, do_sample=False)
    assert found[0, LENGTH:].tolist() == written(model, policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_within_the_window_nothing_changes(policy: Policy) -> None:
    model, ids = model_with(), tokens(40)
    events = stream_generate(model, byte_tokenizer(), ids, policy=policy, max_new_tokens=16)
    plain = [event.token_id for event in events if isinstance(event, TokenGenerated)]
    assert written(model, policy, ids) == plain


@pytest.mark.parametrize("policy", POLICIES)
def test_an_answer_may_go_on_beyond_the_window(policy: Policy) -> None:
    model, ids = model_with(), tokens(55)
    cache = extended(model, policy)
    assert len(written(model, policy, ids, cache=cache)) == 16
    assert cache.get_seq_length() == 55 + 15 > SIZE
    # What was decoded is what it would be read as, with a block of one query each.
    reference = ExtendedReference(model, Window.of(SIZE))
    if isinstance(policy, FullAttention | Exact):
        for token in cache.token_ids:
            expected = reference.decode(token, Window.of(SIZE).chosen)
        assert written(model, policy, ids, cache=cache)[-1] == int(expected.argmax())


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shared", [30, 100, 141, 149])
def test_a_cache_is_continued_as_if_all_were_read_anew(policy: Policy, shared: int) -> None:
    model, ids = model_with(), tokens()
    cache = extended(model, policy)
    written(model, policy, [*ids[:shared], *tokens(20, seed=3)], cache=cache)
    assert written(model, policy, ids, cache=cache) == written(model, policy)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_snapshot_and_another_policy_go_on_beyond_the_window(policy: Policy) -> None:
    model, ids = model_with(), tokens()
    cache = extended(model, FullAttention())
    written(model, FullAttention(), ids, cache=cache)
    restored = Snapshot.take(cache, 120).restore(model.config, policy, window="extend")
    assert written(model, policy, ids, cache=restored) == written(model, policy)
    assert written(model, policy, ids, cache=cache.with_policy(policy)) == written(model, policy)


@pytest.mark.parametrize("size", [2, 16, 39])
@pytest.mark.parametrize("policy", [FullAttention(), RefreshKV(budget=1), RefreshKV(budget=4, stride=2)])
def test_windows_and_budgets_of_a_few_tokens(policy: Policy, size: int) -> None:
    model = tiny_model(max_position_embeddings=size)
    assert len(written(model, policy)) == 16


def test_room_that_was_asked_for_is_the_index_s_too() -> None:
    model = model_with()
    cache = extended(model, FullAttention())
    cache.reserve(4000)
    read(model, cache, tokens())
    for layer in cache.policy_layers.values():
        assert layer.extension is not None
        assert layer.extension.index is not None
        assert layer.extension.index.codes.codes.shape[2] >= 4000 - Window.of(SIZE).local


def test_a_decoded_token_can_be_taken_back() -> None:
    model, ids = model_with(), tokens()
    cache = extended(model, FullAttention())
    read(model, cache, ids)
    first = forward(model, torch.tensor([[5]]), cache)
    cache.crop(-1)
    torch.testing.assert_close(forward(model, torch.tensor([[5]]), cache), first)


def test_refreshes_tell_positions_of_the_text() -> None:
    model = model_with()
    for policy in POLICIES[1:3]:
        events = stream_generate(model, byte_tokenizer(), tokens(), policy=policy, window="extend", max_new_tokens=9)
        refreshed = [event for event in events if isinstance(event, CacheRefreshed)]
        assert [event.reason for event in refreshed][:2] == ["prefill", "stride"][: len(refreshed)]
        assert refreshed[0].kept.shape == (LENGTH,)
        assert refreshed[0].kept[-1] > 0
        assert 0 < (refreshed[0].kept > 0).sum() < LENGTH


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qwen3", "phi3", "glm4", "gemma2", "gemma3_text", "granite", "gpt_oss", "mixtral"])
def test_other_architectures_move_their_keys_as_they_turn_them(name: str) -> None:
    """Neighbours within a block, which stand where they are, and forwards of other sizes agree."""
    model = enable(make_model(name))
    model.config.max_position_embeddings = SIZE
    assert positions_of(model).rotary().frequencies.shape[0] <= 4
    ids = torch.tensor(tokens(130)) % 90 + 3
    outputs = []
    for sizes in ((), (64, 36)):
        cache = extended(model, FullAttention())
        outputs.append(read(model, cache, ids.tolist(), sizes))
    torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-3)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rotary", "code"),
    [
        ({"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}, "rotary-by-length"),
        (
            {
                "rope_type": "longrope",
                "short_factor": [1.0] * 4,
                "long_factor": [2.0] * 4,
                "factor": 2.0,
                "original_max_position_embeddings": 32,
                "rope_theta": 10000.0,
            },
            "rotary-by-length",
        ),
    ],
)
def test_angles_that_depend_on_the_length(rotary: dict[str, object], code: str) -> None:
    model = tiny_model(max_position_embeddings=SIZE, rope_parameters=rotary)
    with pytest.raises(PolicyInactiveError, match=rotary["rope_type"]) as refused:  # type: ignore[call-overload]
        written(model, FullAttention())
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gpt2", "model-not-extendable"),
        ("opt", "model-not-extendable"),
        ("deepseek_v3", "model-not-extendable"),
        ("smollm3", "model-without-rotary-positions"),
        ("cohere2", "model-without-rotary-positions"),
    ],
)
def test_models_without_one_rotary_embedding(name: str, code: str) -> None:
    model = enable(make_model(name))
    with pytest.raises(PolicyInactiveError) as refused:
        stream_generate(model, byte_tokenizer(), [5, 6], policy=FullAttention(), window="extend")
    assert refused.value.code == code


@pytest.mark.parametrize("method", [method for method in METHODS.values() if not method.extends])
def test_methods_that_cannot_go_on(method: type[Policy]) -> None:
    with pytest.raises(PolicyInactiveError, match=f"{method.__name__} cannot") as refused:
        PolicyCache(model_with().config, method(), window="extend")
    assert refused.value.code == "policy-within-the-window"


def test_what_is_no_window() -> None:
    wrong: typing.Any = "slide"
    with pytest.raises(InvalidParameterError, match="'slide'"):
        PolicyCache(model_with().config, FullAttention(), window=wrong)


def test_a_cache_of_another_window() -> None:
    model = model_with()
    with pytest.raises(CacheMismatchError, match="window=None, and window='extend'"):
        written(model, FullAttention(), cache=PolicyCache(model.config, FullAttention()))


def test_a_batch_is_refused_only_beyond(one_thread: None) -> None:
    model, cache = model_with(), extended(model_with(), FullAttention())
    model.generate(torch.tensor([tokens(20)] * 2), cache=cache, max_new_tokens=4)
    with pytest.raises(InvalidParameterError, match="2 rows"):
        model.generate(torch.tensor([tokens()] * 2), cache=extended(model, FullAttention()), max_new_tokens=4)
    padded = torch.tensor([[0] * 10 + [1] * (LENGTH - 10)])
    with pytest.raises(InvalidParameterError, match="padding"):
        model.generate(
            torch.tensor([tokens()]), attention_mask=padded, cache=extended(model, FullAttention()), max_new_tokens=4
        )


def test_too_little_memory_is_said_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_with()
    free = psutil.virtual_memory()._replace(available=2 * SCORED + 200_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(ContextOverflowError, match=r"2150 tokens and 16 .* GB are free\. Shorten") as refused:
        written(model, FullAttention(), tokens(2150))
    assert refused.value.code == "memory-exceeded"
    assert written(model, FullAttention(), tokens(int(refused.value.values["fitting"])))
