"""Every method in every architecture: batches, padding, beams, chunks, turns, and tokens that are taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from functools import cache

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from core import PolicyCache, enable
from core.policies import METHODS, Policy
from tests.core.architectures import make_model

pytestmark = [pytest.mark.usefixtures("one_thread", "built_kernels")]

NAMES = ("llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text", "phi3", "gpt_oss", "deepseek_v3")
KINDS = ("llama", "gemma2", "gpt_oss", "deepseek_v3")
"""Of each kind of attention one: plain; with softcapping; with sinks; of latents. Two with sliding layers between."""
EVERYTHING = 1000
TINY = {"stride": 3, "window": 4, "recent": 4, "page": 4, "sinks": 2, "dense_layers": 1, "floor": 0, "similarity": 1.0}
"""Parameters as methods have them, small enough for prompts of some 40 tokens; in which each row of a batch decides for
itself."""

LENGTHS = (40, 24)  # of two rows; the padding is a number of whole pages, which begin at absolute positions
STEPS = 7
IDS = torch.randint(2, 96, (2, 80), generator=torch.Generator().manual_seed(3))


def each(names: Iterable[str]) -> list[object]:
    """Of these architectures llama alone where there is little time."""
    return [pytest.param(name, marks=() if name == "llama" else pytest.mark.slow) for name in names]


def of_budget(method: type[Policy], budget: float | int) -> Policy:
    """The method with `TINY` parameters, as far as it has them."""
    own = {field.name for field in fields(method)}  # type: ignore[arg-type]
    given = {"budget": budget, **TINY}
    return method(**{name: value for name, value in given.items() if name in own})


@pytest.fixture(params=METHODS.values(), ids=METHODS)
def method(request: pytest.FixtureRequest) -> type[Policy]:
    return request.param  # type: ignore[no-any-return]


@cache
def stock(name: str) -> PreTrainedModel:
    return make_model(name)


@cache
def enabled(name: str) -> PreTrainedModel:
    return enable(make_model(name))


def padded(lengths: Iterable[int] = LENGTHS) -> tuple[Tensor, Tensor]:
    """Prompts of these lengths, and their mask."""
    ids = IDS[:, : max(lengths)].clone()
    mask = torch.ones_like(ids)
    for row, length in enumerate(lengths):
        ids[row, : ids.shape[1] - length] = 0
        mask[row, : ids.shape[1] - length] = 0
    return ids, mask


class Run:
    """A model that is told its tokens, with a cache; every forward gives the last logits `(batch, vocabulary)`."""

    def __init__(self, model: PreTrainedModel, kept: PolicyCache | DynamicCache, mask: Tensor | None = None) -> None:
        self.model, self.kept, self.mask = model, kept, mask
        self.done = 0

    @torch.no_grad()
    def forward(self, ids: Tensor) -> Tensor:
        options = {}
        if self.mask is not None:
            start, end = self.done, self.done + ids.shape[1]
            more = self.mask.new_ones(self.mask.shape[0], max(0, end - self.mask.shape[1]))
            self.mask = torch.cat([self.mask, more], dim=1)
            positions = (self.mask[:, :end].cumsum(-1) - 1).clamp(min=0)[:, start:]
            options = {"attention_mask": self.mask[:, :end], "position_ids": positions}
        self.done += ids.shape[1]
        return self.model(ids, cache=self.kept, use_cache=True, **options).logits[:, -1]

    def prefill(self, ids: Tensor, chunk: int) -> Tensor:
        assert isinstance(self.kept, PolicyCache)
        pieces = ids.split(chunk, dim=1)
        for index, piece in enumerate(pieces):
            with self.kept.prefill(last=index == len(pieces) - 1):
                logits = self.forward(piece)
        return logits

    def decode(self, ids: Tensor) -> Tensor:
        return torch.stack([self.forward(ids[:, i : i + 1]) for i in range(ids.shape[1])])

    def take_back(self, tokens: int) -> None:
        self.kept.crop(-tokens)
        self.done -= tokens


def start(name: str, policy: Policy, mask: Tensor | None = None) -> Run:
    model = enabled(name)
    return Run(model, PolicyCache(model.config, policy), mask)


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=5e-4, rtol=1e-3)


@cache
def expected_turns(name: str, mask: bool) -> tuple[Tensor, ...]:
    model = stock(name)
    return turns(Run(model, DynamicCache(config=model.config), padded()[1] if mask else None), None)


def turns(run: Run, chunk: int | None) -> tuple[Tensor, ...]:
    """Two turns of two rows on one cache."""
    prompt = padded()[0] if run.mask is not None else IDS[:, : LENGTHS[0]]
    outputs = []
    for begin in (0, 50):
        ids = prompt if begin == 0 else IDS[:, 50:59]
        outputs.append(run.forward(ids) if chunk is None else run.prefill(ids, chunk))
        outputs.append(run.decode(IDS[:, begin + 10 : begin + 10 + STEPS]))
    return tuple(outputs)


@pytest.mark.parametrize(("name", "mask"), [*((name, True) for name in NAMES), ("llama", False)])
def test_with_room_for_everything_turns_in_chunks_are_the_stock_models(
    name: str, method: type[Policy], mask: bool
) -> None:
    run = start(name, of_budget(method, EVERYTHING), padded()[1] if mask else None)
    for actual, expected in zip(turns(run, 13), expected_turns(name, mask), strict=True):
        assert_close(actual, expected)


OPTIONS = {
    "beams": {"num_beams": 3},
    "chunks": {"prefill_chunk_size": 13},
    "lookup": {"prompt_lookup_num_tokens": 4},
    "assisted": {"assistant_model": None},
}


@cache
def assistant() -> PreTrainedModel:
    model = make_model("qwen2")
    model.generation_config.num_assistant_tokens = 3
    return model


def text(model: PreTrainedModel, ids: Tensor, kept: PolicyCache | None, name: str = "", new: int = 8) -> list[int]:
    options = dict(OPTIONS.get(name, {}))
    if "assistant_model" in options:
        options["assistant_model"] = assistant()
    options |= {"attention_mask": torch.ones_like(ids), "do_sample": False, "max_new_tokens": new}
    return model.generate(ids, cache=kept, **options)[0].tolist()


@cache
def expected_text(name: str, options: str) -> list[int]:
    return text(stock(name), IDS[:1, :14].repeat(1, 2), None, "beams" if options == "beams" else "")


@pytest.mark.parametrize("name", each(KINDS))
@pytest.mark.parametrize("options", OPTIONS)
def test_with_room_for_everything_text_is_the_stock_models(name: str, method: type[Policy], options: str) -> None:
    kept = PolicyCache(enabled(name).config, of_budget(method, EVERYTHING))
    actual = text(enabled(name), IDS[:1, :14].repeat(1, 2), kept, options)
    assert actual == expected_text(name, options)


@pytest.mark.parametrize("options", ["chunks", "lookup"])
def test_a_small_cache_writes_the_same_text_with_these_options(method: type[Policy], options: str) -> None:
    """In a prompt without repetitions nothing is looked up at first. Where something is, or an assistant drafts, the
    first forward holds prompt and draft together, and the small cache is then chosen anew by one full step."""
    ids = torch.arange(2, 42)[None]
    kept, plain = (PolicyCache(enabled("llama").config, of_budget(method, 8)) for _ in range(2))
    assert text(enabled("llama"), ids, kept, options, 20) == text(enabled("llama"), ids, plain, "", 20)
    if options == "lookup" and kept.policy.capacity(1) is not None:
        verified, decoded = (list(each.policy_layers.values()) for each in (kept, plain))
        counts = [(layer.full_steps, layer.partial_steps) for layer in verified if layer.kept.sizes]
        assert counts == [(layer.full_steps, layer.partial_steps) for layer in decoded if layer.kept.sizes]


def test_after_the_first_draft_of_an_assistant_the_small_cache_is_chosen_by_one_full_step(method: type[Policy]) -> None:
    policy = of_budget(method, 8)
    kept = PolicyCache(enabled("llama").config, policy)
    text(enabled("llama"), IDS[:1, :30], kept, "assisted", 12)
    for layer in kept.policy_layers.values():
        if layer.small is not None:
            refreshes = sum(policy.is_check_step(step) for step in range(2, layer.decode_step + 1))
            assert layer.full_steps == 1 + refreshes


BUDGETS = [pytest.param(12, id="tokens"), pytest.param(0.4, id="fraction")]


@pytest.mark.parametrize("name", each(KINDS))
@pytest.mark.parametrize("budget", BUDGETS)
def test_a_row_of_a_batch_is_that_row_alone(name: str, method: type[Policy], budget: float | int) -> None:
    """Beside a row of another length. Not so by nature: a similarity by which the rows of a batch decide together
    (RefreshKV's threshold, TokenSelect's below 1); and pages, which begin at absolute positions, so that padding of
    no whole number of pages, or a K of each row's own that is none, parts them otherwise (Quest)."""
    if method.__name__ == "Quest" and budget == 0.4:
        pytest.skip("rows of other K read parts of pages")
    policy = of_budget(method, budget)
    ids, mask = padded()
    batch = start(name, policy, mask)
    together = [batch.forward(ids)[None], batch.decode(IDS[:, 40 : 40 + STEPS])]
    for row, length in enumerate(LENGTHS):
        alone = start(name, policy)
        assert_close(together[0][:, row], alone.forward(IDS[row : row + 1, 40 - length : 40])[:, :])
        assert_close(together[1][:, row], alone.decode(IDS[row : row + 1, 40 : 40 + STEPS])[:, 0])


@pytest.mark.parametrize("name", each(KINDS))
@pytest.mark.parametrize("rows", ["one", "two"])
def test_a_prompt_in_chunks_is_a_prompt(name: str, method: type[Policy], rows: str) -> None:
    """Whether it is said to be one, or comes as forwards of several tokens and a last one of a single token."""
    ids, mask = (IDS[:1, :40], None) if rows == "one" else padded()
    whole, said, unsaid = (start(name, of_budget(method, 0.3), mask) for _ in range(3))
    expected = whole.forward(ids)
    assert_close(said.prefill(ids, 9), expected)
    for piece in ids.split(13, dim=1):
        last = unsaid.forward(piece)
    assert_close(last, expected)
    held = [layer.kept.held() for layer in whole.kept.policy_layers.values()]
    for run in (said, unsaid):
        for ours, layer in zip(held, run.kept.policy_layers.values(), strict=True):
            theirs = layer.kept.held()
            assert (ours is None) == (theirs is None)
            assert ours is None or sorted(ours.tolist()) == sorted(theirs.tolist())
    more = IDS[: ids.shape[0], 40 : 40 + STEPS]
    expected = whole.decode(more)
    assert_close(said.decode(more), expected)
    assert_close(unsaid.decode(more), expected)


@pytest.mark.parametrize("name", each(KINDS))
def test_tokens_verified_are_decoded_and_those_refused_had_not_come(name: str, method: type[Policy]) -> None:
    plain, verified = (start(name, of_budget(method, 12)) for _ in range(2))
    for run in (plain, verified):
        run.forward(IDS[:1, :40])
    verified.kept.activate_past_recording()
    at = 40
    for right, wrong in ((1, 3), (3, 0), (2, 1), (1, 5), (4, 0), (2, 2)):
        drafted = torch.cat([IDS[:1, at : at + right], IDS[1:, at : at + wrong]], dim=1)
        logits = verified.forward(drafted)
        expected = plain.decode(IDS[:1, at : at + right])
        if wrong:
            verified.take_back(wrong)
        else:
            assert_close(logits, expected[-1])
        at += right
        for ours, theirs in zip(plain.kept.policy_layers.values(), verified.kept.policy_layers.values(), strict=True):
            if ours.policy.capacity(1) is not None:  # else there is nothing to verify one by one
                assert (ours.full_steps, ours.partial_steps) == (theirs.full_steps, theirs.partial_steps)
            assert ours.small is None or torch.equal(ours.small.positions, theirs.small.positions)
    assert_close(verified.decode(IDS[:1, at : at + STEPS]), plain.decode(IDS[:1, at : at + STEPS]))


@pytest.mark.parametrize("name", each(KINDS))
@pytest.mark.parametrize("rows", ["one", "two"])
def test_what_was_evicted_is_never_attended_to_again(name: str, method: type[Policy], rows: str) -> None:
    """Neither in later turns nor after tokens are taken back: what stands in its place changes nothing."""
    policy = of_budget(method, 0.3)
    if not policy.evicts:
        pytest.skip("evicts nothing")
    ids, mask = (IDS[:1, :40], None) if rows == "one" else padded()
    clean, spoiled = (start(name, policy, mask) for _ in range(2))

    def both(call: str, ids: Tensor) -> None:
        assert_close(getattr(spoiled, call)(ids), getattr(clean, call)(ids))

    both("forward", ids)
    for turn in range(3):
        more = IDS[: ids.shape[0], turn * 20 :]
        both("decode", more[:, :5])
        assert spoil(spoiled.kept) > 0
        both("decode", more[:, 5:9])
        for run in (clean, spoiled) if name not in ("gemma2", "gemma3_text", "gpt_oss") else ():
            run.take_back(3)
        both("decode", more[:, 6:8])
        assert spoil(spoiled.kept) > 0
        both("forward", more[:, 10:16])


def spoil(kept: PolicyCache) -> int:
    """Overwrite what no small cache holds with numbers that nothing survives; returns how many vectors."""
    spoiled = 0
    for layer in kept.policy_layers.values():
        held = layer.small.positions
        gone = torch.ones(*held.shape[:2], layer.get_seq_length(), dtype=torch.bool)
        used = True if layer.small.valid is None else layer.small.valid.expand_as(held)
        gone.scatter_(-1, held, ~torch.as_tensor(used).expand_as(held))
        for states in (layer.keys, layer.values):  # latents belong to all heads
            states[gone if states.shape[1] == gone.shape[1] else gone.all(dim=1, keepdim=True)] = 1e9
        spoiled += int(gone.sum())
    return spoiled
