"""RepetitionGuard against a naive reference."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import InvalidParameterError, RepetitionGuard
from core.processors import Vocabulary
from core.processors.repetition_guard import LONGEST
from tests.core.tiny import END, byte_tokenizer

VOCABULARY = Vocabulary(byte_tokenizer())
TOKENS = {byte: token for token, held in enumerate(VOCABULARY.token_bytes) if held for byte in [held.decode("latin-1")]}


def ids(text: str) -> list[int]:
    return [TOKENS[character] for character in text]


def lost(guard: RepetitionGuard, prompt: str, text: str) -> dict[str, float]:
    """What the guard takes off each character after `text`, generated after `prompt` token by token."""
    tokens = [END, *ids(prompt)]
    scores = guard(torch.tensor([tokens]), torch.zeros(1, 260))
    for token in ids(text):
        tokens.append(token)
        scores = guard(torch.tensor([tokens]), torch.zeros(1, 260))
    names = {token: character for character, token in TOKENS.items()}
    return {names[token]: -float(scores[0, token]) for token in scores[0].nonzero().flatten().tolist()}


def naive(text: str, multiplier: float, base: float, allowed: int) -> dict[str, float]:
    """For each sign the longest end of the text, without a break, that stood before it."""
    found = {}
    for sign in set(text) - set('\n"*') - {c for c in text if c.isalnum()}:
        for length in range(min(LONGEST, len(text)), allowed - 1, -1):
            end = text[len(text) - length :]
            if not set(end) & set('\n"*') and end + sign in text:
                found[sign] = multiplier * base ** (length - allowed)
                break
    return found


@given(st.text('ab .;\n"', max_size=80), st.integers(1, 4), st.sampled_from([1.0, 1.75]))
def test_it_is_the_naive_rule(text: str, allowed: int, base: float) -> None:
    guard = RepetitionGuard(VOCABULARY, multiplier=0.5, base=base, allowed_length=allowed)
    assert lost(guard, "a b. " * 5, text) == pytest.approx(naive(text, 0.5, base, allowed), rel=1e-5)


@given(st.text('ab .;\n"', max_size=40))
def test_a_draft_counts_as_generated(text: str) -> None:
    guard = RepetitionGuard(VOCABULARY, draft_tokens=5)
    assert lost(guard, ";;; a;b;", text) == pytest.approx(naive(" a;b;"[-5:] + text, 2.0, 1.75, 3), rel=1e-5)


def test_a_long_repeat_is_worth_a_finite_number() -> None:
    assert lost(RepetitionGuard(VOCABULARY), "", ";" * (LONGEST + 20))[";"] == pytest.approx(
        2 * 1.75 ** (LONGEST - 3), rel=1e-5
    )


def test_a_second_run_begins_anew() -> None:
    guard = RepetitionGuard(VOCABULARY)
    assert lost(guard, "", "a; b; a;") == {}
    assert lost(guard, "", "a; b; a; b") != {}
    assert lost(guard, "", "a;") == {}


def test_scores_are_not_changed_in_place() -> None:
    guard = RepetitionGuard(VOCABULARY, draft_tokens=99)
    scores = torch.zeros(1, 260)
    assert guard(torch.tensor([ids(";;;;;;;;;")]), scores).any()
    assert not scores.any()


@pytest.mark.parametrize(
    "wrong", [{"multiplier": -1.0}, {"base": 0.5}, {"allowed_length": 0}, {"draft_tokens": -1}], ids=str
)
def test_values_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidParameterError):
        RepetitionGuard(VOCABULARY, **wrong)  # type: ignore[arg-type]
