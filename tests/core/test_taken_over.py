"""Two generations with one cache, and other things that are refused or understood rather than done wrong in silence."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core import (
    CacheMismatchError,
    Event,
    FullAttention,
    InvalidParameterError,
    KeyIndex,
    Policy,
    PolicyCache,
    PrefixCache,
    RefreshKV,
    SnapKV,
    StreamingLLM,
    TokenGenerated,
    TokenSelect,
    generate,
    stream_generate,
)
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

IDS = torch.randint(0, 256, (60,), generator=torch.Generator().manual_seed(1)).tolist()


def events(cache: PolicyCache, ids: list[int] = IDS) -> Iterator[Event]:
    return stream_generate(tiny_model(), byte_tokenizer(), ids, cache=cache, max_new_tokens=8)


def tokens(found: Iterator[Event]) -> list[int]:
    return [event.token_id for event in found if isinstance(event, TokenGenerated)]


@pytest.mark.parametrize("policy", [FullAttention(), KeyIndex(budget=8), RefreshKV(budget=8)])
@pytest.mark.parametrize("begun", [0, 1, 4])
def test_the_later_generation_has_the_cache_and_the_earlier_is_told(policy: Policy, begun: int) -> None:
    cache = PolicyCache(tiny_model().config, policy)
    first = events(cache)
    for _ in range(begun):
        next(first)
    second = events(cache, IDS[:40])
    with pytest.raises(CacheMismatchError, match="Another generation has begun with this cache") as refused:
        list(first)
    assert refused.value.code == "cache-taken-over"
    assert tokens(second) == tokens(events(PolicyCache(tiny_model().config, policy), IDS[:40]))


def test_one_that_was_stopped_is_gone_on_with() -> None:
    cache = PolicyCache(tiny_model().config, FullAttention())
    first = events(cache)
    for _ in range(4):
        next(first)
    again = tokens(events(cache))
    assert again == tokens(events(PolicyCache(tiny_model().config, FullAttention())))


@pytest.mark.parametrize("policy", [SnapKV(budget=16), SnapKV(budget=1 / 4)])
def test_what_is_kept_does_not_depend_on_what_was_known(policy: Policy) -> None:
    prefixes, kept = PrefixCache(tiny_model(), 10**8), []
    for ids in ([*IDS[:50], 7, 8, 9], [*IDS[:50], 1, 2, 3], [*IDS[:50], 7, 8, 9]):
        with prefixes.use(ids, 50, policy) as cache:
            text = tokens(events(cache, ids))
            kept.append((text, cache.kept().tolist()))
    assert kept[0] == kept[2]


def test_one_stop_string_is_one() -> None:
    def written(stops: object) -> str:
        return generate(tiny_model(), byte_tokenizer(), IDS, max_new_tokens=24, stop_strings=stops)  # type: ignore[arg-type]

    whole = written(())
    stop = whole[3:5]
    assert written(stop) == written([stop]) == whole[: whole.index(stop)]
    for wrong in (None, [5], [b"a"], 5):
        with pytest.raises(InvalidParameterError, match="it must be a string or a list of strings") as refused:
            written(wrong)
        assert refused.value.code == "stop-strings-of-another-kind"


def test_numbers_of_numpy() -> None:
    cache = PolicyCache(tiny_model().config, StreamingLLM(budget=np.int64(20), sinks=np.int64(8)))  # type: ignore[arg-type]
    assert tokens(events(cache)) == tokens(events(PolicyCache(tiny_model().config, StreamingLLM(budget=20, sinks=8))))


@pytest.mark.parametrize("wrong", ["8", [1], 1.5, float("nan"), True])
def test_what_is_no_cosine(wrong: object) -> None:
    with pytest.raises(InvalidParameterError, match="between -1 and 1"):
        RefreshKV(similarity_threshold=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="between -1 and 1"):
        TokenSelect(similarity=wrong)  # type: ignore[arg-type]


def test_less_than_nothing_is_not_kept() -> None:
    cache = PolicyCache(tiny_model().config, FullAttention())
    list(events(cache))
    with pytest.raises(InvalidParameterError, match=r"length is -1"):
        cache.truncate(-1)
    assert len(cache.token_ids) == cache.get_seq_length() > 0


@pytest.mark.parametrize("wrong", [None, ["x"], lambda *_: 0])
def test_what_are_no_logits_processors(wrong: object) -> None:
    with pytest.raises(InvalidParameterError, match="a list of logits processors") as refused:
        generate(tiny_model(), byte_tokenizer(), IDS, logits_processors=wrong)  # type: ignore[arg-type]
    assert refused.value.code == "processors-of-another-kind"


@pytest.mark.parametrize("name", ["top_p", "top_k", "min_p", "repetition_penalty"])
@pytest.mark.parametrize("wrong", [None, True, "a", [1]])
def test_what_is_no_number_to_sample_by(name: str, wrong: object) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} is ") as refused:
        generate(tiny_model(), byte_tokenizer(), IDS, **{name: wrong})  # type: ignore[arg-type]
    assert refused.value.code == "sampling-not-a-number"


def test_an_id_that_no_tensor_holds() -> None:
    with pytest.raises(InvalidParameterError, match=str(2**63)) as refused:
        generate(tiny_model(), byte_tokenizer(), [5, 2**63])
    assert refused.value.code == "id-outside-any-vocabulary"
