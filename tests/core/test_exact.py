"""Exact: the text of full attention, token for token, whatever is drafted."""

import itertools
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedModel, PreTrainedTokenizerFast

from core import (
    Dictation,
    Exact,
    FullAttention,
    InvalidParameterError,
    KeyIndex,
    Policy,
    PolicyCache,
    Quest,
    RefreshKV,
    StreamingLLM,
    TokenGenerated,
    TokenSelect,
    enable,
    stream_generate,
)
from core.drafting import FEW, Costs, LookUp, Odds
from core.policies.base import MOST_DRAFTED
from tests.core.architectures import make_model
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

DRAFTERS = [KeyIndex(budget=24, recent=4), RefreshKV(budget=24, stride=5), Quest(budget=24, page=4)]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model()


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return byte_tokenizer()


class Always(Costs):
    """As if a draft were free."""

    def best(self, odds: float, most: int, draft: float = 0.0) -> int:
        return most


def written(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, policy: Policy, **options: object) -> list[int]:
    prompt = (torch.arange(150) * 7 % 50 + 60).tolist()
    events = stream_generate(model, tokenizer, prompt, policy=policy, max_new_tokens=60, **options)  # type: ignore[arg-type]
    return [event.token_id for event in events if isinstance(event, TokenGenerated)]


@pytest.fixture(params=[True, False], ids=["always", "where it pays"])
def drafts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        monkeypatch.setattr("core.drafting.Costs", Always)
    return bool(request.param)


@pytest.mark.parametrize("drafter", DRAFTERS, ids=str)
@pytest.mark.parametrize("draft", [0, 1, 4])
@pytest.mark.parametrize("options", [{}, {"temperature": 0.9, "seed": 3}, {"temperature": 1.3, "top_p": 0.9, "seed": 8,
    "repetition_penalty": 1.2}], ids=["greedy", "sampled", "warped"])  # fmt: skip
def test_the_text_is_that_of_full_attention(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, drafter: Policy, draft: int, options: dict[str, float],
    drafts: bool,
) -> None:  # fmt: skip
    expected = written(model, tokenizer, FullAttention(), **options)
    assert written(model, tokenizer, Exact(drafter, draft=draft), **options) == expected


@pytest.mark.parametrize("drafter", DRAFTERS, ids=str)
def test_drafts_are_verified_several_at_once(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, drafter: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What drafts by everything is always right: five tokens a step of the model."""
    monkeypatch.setattr("core.drafting.Costs", Always)
    monkeypatch.setattr(LookUp, "draft", lambda *_: [])
    forwards = list[int]()

    def counted(_: object, arguments: object, keywords: dict[str, Tensor]) -> None:
        if keywords["cache"].policy == policy:
            forwards.append(keywords["input_ids"].shape[1])

    policy = Exact(type(drafter)(budget=400), draft=4)  # type: ignore[call-arg]
    with_hook = model.register_forward_pre_hook(counted, with_kwargs=True)
    try:
        written(model, tokenizer, policy)
    finally:
        with_hook.remove()
    # The prompt; where a small cache is refreshed one step that it is chosen from; then what is left, by five.
    first = [150, 1] if isinstance(drafter, RefreshKV) else [150]
    assert forwards == [*first, *[5] * len(forwards[len(first) :])]
    assert len(forwards) - len(first) == pytest.approx((60 - len(first)) / 5, abs=1)


def test_a_run_that_is_closed_leaves_a_cache_that_goes_on(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.drafting.Costs", Always)
    prompt = (torch.arange(150) * 7 % 50 + 60).tolist()
    expected = written(model, tokenizer, FullAttention())
    policy = Exact(KeyIndex(budget=24, recent=4))
    for stop in (1, 2, 3, 7, 20):
        cache = PolicyCache(model.config, policy)
        events = stream_generate(model, tokenizer, prompt, cache=cache, max_new_tokens=60)
        tokens = (event.token_id for event in events if isinstance(event, TokenGenerated))
        begun = list(itertools.islice(tokens, stop))
        events.close()  # type: ignore[attr-defined]
        assert cache.token_ids == prompt + begun[:-1]
        assert cache.get_seq_length() == len(cache.token_ids)
        rest = stream_generate(model, tokenizer, prompt + begun, cache=cache, max_new_tokens=60 - stop)
        assert begun + [event.token_id for event in rest if isinstance(event, TokenGenerated)] == expected


@pytest.mark.parametrize("drafter", [*DRAFTERS, TokenSelect(budget=24)], ids=str)
def test_a_run_that_is_interrupted_anywhere_leaves_a_cache_that_goes_on(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, drafter: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two layers of a draft or of a verification."""
    monkeypatch.setattr("core.drafting.Costs", Always)
    prompt = (torch.arange(150) * 7 % 50 + 60).tolist()
    expected = written(model, tokenizer, FullAttention())
    interrupted = 0
    for when in itertools.count(1, 3):
        cache, begun, forwards = PolicyCache(model.config, Exact(drafter)), list[int](), itertools.count()

        def interrupt(*_: object, forwards: "itertools.count[int]" = forwards, when: int = when) -> None:
            if next(forwards) == when:
                raise KeyboardInterrupt

        hook = model.model.layers[1].mlp.register_forward_pre_hook(interrupt)
        try:
            for event in stream_generate(model, tokenizer, prompt, cache=cache, max_new_tokens=60):
                begun += [event.token_id] if isinstance(event, TokenGenerated) else []
            break
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            hook.remove()
        assert cache.get_seq_length() == len(cache.token_ids)
        rest = stream_generate(model, tokenizer, prompt + begun, cache=cache, max_new_tokens=60 - len(begun))
        assert begun + [event.token_id for event in rest if isinstance(event, TokenGenerated)] == expected
    assert interrupted > 5


@dataclass(frozen=True)
class Mixed(Policy):
    """Another method in each of three layers."""

    first: int

    def capacity(self, prompt_length: int) -> int:
        return 20

    def for_layer(self, layer: int, layers: int) -> Policy:
        own = (RefreshKV(budget=20), FullAttention(), RefreshKV(budget=11), KeyIndex(budget=40))
        return own[(self.first + layer) % 4]


@pytest.mark.parametrize("first", range(4))
def test_layers_may_draft_each_by_a_method_of_its_own(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.drafting.Costs", Always)
    assert written(model, tokenizer, Exact(Mixed(first))) == written(model, tokenizer, FullAttention())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deepseek_v3", "gemma2", "gpt2", "qwen3_next", "llama4_text"])
@pytest.mark.parametrize("drafter", [KeyIndex(budget=24, recent=4), RefreshKV(budget=24)], ids=str)
def test_what_cannot_be_verified_or_drafted_is_decoded_one_by_one(
    tokenizer: PreTrainedTokenizerFast, name: str, drafter: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Latent attention, windows, positions that are learned, recurrent layers, chunks."""
    monkeypatch.setattr("core.drafting.Costs", Always)
    other = enable(make_model(name))
    prompt, forwards = (torch.arange(150) * 7 % 50 + 20).tolist(), list[int]()

    def tokens(policy: Policy) -> list[int]:
        events = stream_generate(other, tokenizer, prompt, policy=policy, max_new_tokens=20)
        return [event.token_id for event in events if isinstance(event, TokenGenerated)]

    expected = tokens(FullAttention())
    hook = other.register_forward_pre_hook(
        lambda _, arguments, keywords: forwards.append(keywords["input_ids"].shape[1]), with_kwargs=True
    )
    try:
        assert tokens(Exact(drafter)) == expected
    finally:
        hook.remove()
    if name in ("gemma2", "qwen3_next", "llama4_text"):  # nothing is drafted in vain
        assert forwards == [150, *[1] * 19]


@pytest.mark.slow
@pytest.mark.parametrize("left", [5, MOST_DRAFTED + 5])
def test_nothing_is_drafted_beyond_the_window(
    tokenizer: PreTrainedTokenizerFast, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model whose positions are learned: there is none behind it."""
    monkeypatch.setattr("core.drafting.Costs", Always)
    other = enable(make_model("gpt2"))
    prompt = (torch.arange(512 - left) * 7 % 50 + 20).tolist()

    def tokens(policy: Policy, *processors: LogitsProcessor) -> list[int]:
        options = {"policy": policy, "max_new_tokens": left, "logits_processors": processors}
        events = stream_generate(other, tokenizer, prompt, **options)  # type: ignore[arg-type]
        return [event.token_id for event in events if isinstance(event, TokenGenerated)]

    assert tokens(Exact(KeyIndex(budget=24, recent=4))) == tokens(FullAttention())
    assert tokens(FullAttention(), Dictation(range(40, 80), end=95)) == [*range(40, 40 + left)]


class Follows(LogitsProcessor):
    """Keeps a record of what it has seen, as a guard does, and forbids what came twice before."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.seen.append(tuple(input_ids[0, 150:].tolist()))
        counts = torch.bincount(input_ids[0, 150:], minlength=scores.shape[-1])
        return scores.masked_fill(counts > 1, -torch.inf)


def test_processors_see_the_text_alone(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.drafting.Costs", Always)
    ours, theirs = Follows(), Follows()
    policy = Exact(KeyIndex(budget=24, recent=4))
    assert written(model, tokenizer, policy, logits_processors=[ours]) == written(
        model, tokenizer, FullAttention(), logits_processors=[theirs]
    )
    assert ours.seen == theirs.seen


def test_what_followed_the_same_tokens_is_looked_up() -> None:
    costs = Always()
    looked_up = LookUp()
    ids = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1, 2, 3, 4]])
    assert looked_up.draft(ids, costs) == [5, 6, 7, 8, 9, 10, 11]
    assert looked_up.draft(torch.cat([ids, torch.tensor([[99]])], dim=1), costs) == []
    again = torch.cat([ids, torch.tensor([[99, 3, 4, 5, 6]])], dim=1)
    assert looked_up.draft(again, costs) == [7, 8, 9, 10, 11, 12, 13]


def test_the_longest_match_is_followed_and_of_equal_ones_the_latest() -> None:
    ids = torch.tensor([[1, 2, 3, 20, 9, 3, 30, 9, 3, 31, 7, 2, 3]])
    assert LookUp().draft(ids, Always())[:1] == [20]  # 2, 3 stood there, and 3 alone later
    assert LookUp().draft(torch.cat([ids, torch.tensor([[40, 9, 3]])], dim=1), Always())[:2] == [31, 7]


def test_what_turns_in_a_circle_is_drafted_round_it() -> None:
    assert LookUp().draft(torch.tensor([[8, 1, 2, 3, 1, 2, 3]]), Always()) == [1, 2, 3, 1, 2, 3, 1]
    assert LookUp().draft(torch.tensor([[5, 5]]), Always()) == [5] * 7


def test_what_is_not_drafted_is_learned_from() -> None:
    costs, looked_up = Costs(), LookUp()
    costs.learn(1, 1.0)
    for _ in range(FEW):
        costs.learn(2, 1.6)  # dear: a match alone is not enough
    text = [1, 2, 3, 4, 5, 6]
    ids = torch.tensor([text + text[:4]])
    drafted = list[list[int]]()
    for token in [*text[4:], *text * 8]:
        drafted.append(looked_up.draft(ids, costs))
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    assert drafted[0] == []
    assert drafted[-1][0] == int(ids[0, -1])  # what came


def test_what_a_step_takes_is_the_median_of_some_and_goes_on_from_there() -> None:
    costs = Costs()
    assert costs.of(3) == costs.step == 0.0
    costs.learn(1, 1.0)
    assert [costs.of(tokens) for tokens in (1, 2, 8)] == [1.0, 1.125, 1.875]
    for seconds in (9.0, 9.0, *[1.5] * (FEW - 2)):
        assert costs.of(3) == 1.25  # so few say nothing
        costs.learn(3, seconds)
    assert [costs.of(tokens) for tokens in (2, 3, 5)] == [1.125, 1.5, 2.0]


def test_what_does_not_pay_pauses_and_is_tried_again() -> None:
    odds, costs = Odds(0.7), Costs()
    costs.learn(1, 1.0)
    for _ in range(FEW):
        costs.learn(2, 1.25)
    assert costs.best(odds.value, 7) > 1
    for _ in range(10):
        odds.learn(0, 4)
    assert costs.best(odds.value, 7) == 0
    odds.pass_by(600)
    assert costs.best(odds.value, 7) > 0


@pytest.mark.parametrize(
    ("odds", "draft", "expected"), [(1.0, 0.0, 7), (0.9, 0.0, 7), (0.5, 0.0, 1), (0.1, 0.0, 0), (0.9, 0.8, 0)]
)
def test_as_much_is_drafted_as_pays(odds: float, draft: float, expected: int) -> None:
    costs = Costs()
    assert costs.best(odds, 7, draft) == 0  # nothing is known
    costs.learn(1, 1.0)
    for _ in range(FEW):
        costs.learn(2, 1.2)
    paces = {count: sum(odds**place for place in range(count + 1)) / (1 + count * (0.2 + draft)) for count in range(8)}
    best = max(paces, key=lambda count: paces[count])
    assert costs.best(odds, 7, draft) == (best if paces[best] > 1.03 else 0) == expected


def test_no_more_is_drafted_than_a_step_verifies() -> None:
    assert Exact(draft=MOST_DRAFTED).drafting.most == 7
    with pytest.raises(InvalidParameterError, match="draft is 8; it must be at most 7"):
        Exact(draft=8)


@pytest.mark.parametrize("policy", [FullAttention(), StreamingLLM(), "RefreshKV"])
def test_what_cannot_draft_is_refused(policy: Policy) -> None:
    with pytest.raises(InvalidParameterError, match="takes a method with a small cache or an index"):
        Exact(policy)
