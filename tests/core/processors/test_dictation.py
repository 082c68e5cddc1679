"""Dictation: exactly the given tokens are written, whatever the model would choose."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import (
    CacheRefreshed,
    Dictation,
    FullAttention,
    GenerationFinished,
    Policy,
    RefreshKV,
    TokenGenerated,
    stream_generate,
)
from tests.core.processors.tokenizers import byte_level, unigram
from tests.core.tiny import END, byte_tokenizer, tiny_model

TOKENIZER = byte_tokenizer()
PROMPT = "The keeper lit the lamp at dusk and wrote the hour in his book."
TEXT = "Größe: the fog came in over 12 reefs."


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model()


def tokens_of(text: str) -> list[int]:
    return list(TOKENIZER(text, add_special_tokens=False)["input_ids"])


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 9), st.integers(1, 12))
def test_one_token_is_left_at_each_step_and_after_them_the_end(tokens: list[int], end: int, steps: int) -> None:
    dictation = Dictation(tokens, end)
    for step in range(steps):
        before = torch.randn(1, 10)
        given_scores = before.clone()
        scores = dictation(torch.zeros(1, 3 + step, dtype=torch.int64), given_scores)
        (left,) = torch.isfinite(scores[0]).nonzero().flatten().tolist()
        assert left == (tokens[step] if step < len(tokens) else end)
        assert scores.shape == before.shape
        assert torch.equal(given_scores, before)


def test_a_token_is_taken_when_it_is_asked_for() -> None:
    taken: list[int] = []

    def tokens() -> Iterator[int]:
        for token in (5, 3, 7):
            taken.append(token)
            yield token

    dictation = Dictation(tokens(), 0)
    ids, scores = torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 9)
    assert taken == []
    for expected in ([5], [5, 3], [5, 3, 7], [5, 3, 7]):
        dictation(ids, scores)
        assert taken == expected


@pytest.mark.parametrize("policy", [FullAttention(), RefreshKV(16, 5)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 1.0, "seed": 3},
        {"temperature": 0.7, "top_p": 0.9, "min_p": 0.1, "top_k": 4, "repetition_penalty": 1.3, "seed": 3},
        {"repetition_penalty": 1.3},
    ],
)
def test_exactly_the_given_text_is_generated_then_the_end(
    model: PreTrainedModel, policy: Policy, options: dict[str, Any]
) -> None:
    tokens = tokens_of(TEXT)
    events = list(
        stream_generate(
            model, TOKENIZER, PROMPT, policy=policy, max_new_tokens=200,
            logits_processors=[Dictation(iter(tokens), END)], **options,
        )
    )  # fmt: skip
    written = [event for event in events if isinstance(event, TokenGenerated)]
    assert [event.token_id for event in written] == [*tokens, END]
    assert "".join(event.text for event in written) == TEXT
    finished = events[-1]
    assert isinstance(finished, GenerationFinished)
    assert (finished.reason, finished.text) == ("end_token", TEXT)


def test_the_small_cache_is_refreshed_while_a_text_is_given(model: PreTrainedModel) -> None:
    """What the model attends to is known although it chooses nothing."""

    def refreshes(dictated: bool) -> list[int]:
        processors = [Dictation(tokens_of(TEXT), END)] if dictated else []
        events = stream_generate(
            model, TOKENIZER, PROMPT, policy=RefreshKV(16, 5), max_new_tokens=len(tokens_of(TEXT)) + 1,
            logits_processors=processors,
        )  # fmt: skip
        return [event.step for event in events if isinstance(event, CacheRefreshed)]

    assert refreshes(dictated=True) == refreshes(dictated=False) != []


@pytest.mark.parametrize("make", [byte_level, unigram])
def test_the_text_of_the_tokens_is_the_given_one(make: Any) -> None:
    tokenizer: PreTrainedTokenizerBase = make()
    text = "The Debian Policy Manual was written in 1996 (p. 3)."
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    model = tiny_model(vocab_size=max(260, len(tokenizer)), eos_token_id=tokenizer.eos_token_id)
    events = list(
        stream_generate(
            model, tokenizer, torch.tensor([tokens]), max_new_tokens=len(tokens) + 1,
            logits_processors=[Dictation(tokens, tokenizer.eos_token_id)],
        )
    )  # fmt: skip
    assert isinstance(events[-1], GenerationFinished)
    assert events[-1].text == text


def test_what_comes_is_told_and_does_not_go() -> None:
    dictation = Dictation(iter([5, 6, 7]), end=9)
    scores = torch.zeros(1, 10)
    assert dictation.upcoming(2) == [5, 6]
    assert dictation.upcoming(7) == [5, 6, 7]
    assert [int(dictation(torch.zeros(1, 1), scores).argmax()) for _ in range(3)] == [5, 6, 7]
    assert dictation.upcoming(3) == [9]
    assert [int(dictation(torch.zeros(1, 1), scores).argmax()) for _ in range(2)] == [9, 9]
