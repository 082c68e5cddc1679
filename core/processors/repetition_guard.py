"""Against loops: a logits processor that makes it ever less likely to go on repeating."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..errors import InvalidParameterError
from ..lowering import Lowering
from .continuation import Continuation
from .vocabulary import Vocabulary
from .words import kind_of

LONGEST = 50
"""Tokens of a repeat beyond which the penalty grows no more."""


class RepetitionGuard(Lowering):
    """DRY ("don't repeat yourself"): what would continue a repeat loses `multiplier * base ** (n - allowed_length)`.

    n is the length in tokens of the longest end of the text that stood before, followed by that token; up to
    `allowed_length - 1` nothing is lost. The rule is p-e-w's for text-generation-webui
    (https://github.com/oobabooga/text-generation-webui/pull/5677), also in llama.cpp and koboldcpp, whose defaults are
    0.8, 1.75 and 2. Here short repeats are free, since the names of a document recur, and longer ones cost more at
    once.

    Counted are generated tokens, not the documents, so that quoting is free. No repeat reaches across a token with one
    of the `breakers`: a quotation or a line is compared by itself. Words are never broken: a token that may go on with
    a word, beginning with a letter, a digit or a sign, loses nothing. One row at a time. Where the ids it sees do not
    continue those of the step before, it begins anew.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase | Vocabulary,
        multiplier: float = 2.0,
        base: float = 1.75,
        allowed_length: int = 3,
        breakers: Sequence[str] = ("\n", '"', "“", "”", "*"),
        draft_tokens: int = 0,
    ) -> None:
        """`multiplier`: logits, before the temperature. `draft_tokens`: how many tokens at the end of the prompt count
        as generated. Raises InvalidParameterError."""
        if multiplier < 0 or base < 1 or allowed_length < 1 or draft_tokens < 0:
            raise InvalidParameterError(
                "repetition-out-of-range",
                "multiplier is {multiplier}, base {base}, allowed_length {allowed_length} and draft_tokens "
                "{draft_tokens}; base and allowed_length must be 1 or more, the others 0 or more.",
                multiplier=multiplier,
                base=base,
                allowed_length=allowed_length,
                draft_tokens=draft_tokens,
            )
        vocabulary = tokenizer if isinstance(tokenizer, Vocabulary) else Vocabulary(tokenizer)
        self._multiplier, self._base, self._allowed_length = multiplier, base, allowed_length
        self._draft_tokens = draft_tokens
        tokens = list(zip(vocabulary.ids.tolist(), vocabulary.texts, strict=True))
        self._breakers = {token for token, text in tokens if any(sign in text for sign in breakers)}
        self._breakers.update(vocabulary.special)
        self._inside_words = {token for token, text in tokens if kind_of(text[0]) in "ULDSM"}
        self._continuation = Continuation()
        self._tokens: list[int] = []
        self._places: dict[int, list[int]] = {}
        self._lost: dict[int, float] = {}

    def follow(self, input_ids: Tensor) -> None:
        """Take in `input_ids` `(1, length)` and find what would go on with a repeat."""
        token = self._continuation.new_token(input_ids)
        if token is None:
            self._tokens, self._places = [], {}
        draft = input_ids[0, max(0, input_ids.shape[1] - self._draft_tokens) :].tolist()
        for new in draft if token is None else [token]:
            self._places.setdefault(new, []).append(len(self._tokens))
            self._tokens.append(new)
        self._lost = self._penalties()

    def lower(self, scores: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        """`scores` `(1, vocabulary)`, lower where a repeat would go on; or `(1, n)` of `tokens` alone."""
        if not self._lost:
            return scores
        if tokens is not None:
            return scores - scores.new_tensor([self._lost.get(token, 0.0) for token in tokens])
        scores = scores.clone()
        scores[0, list(self._lost)] -= scores.new_tensor(list(self._lost.values()))
        return scores

    def _penalties(self) -> dict[int, float]:
        """What each token that would continue a repeat loses."""
        lengths: dict[int, int] = {}
        tokens = self._tokens
        for place in self._places.get(tokens[-1], ())[:-1] if tokens else ():
            following = tokens[place + 1]
            if following not in self._inside_words and following not in self._breakers:
                lengths[following] = max(lengths.get(following, 0), self._repeated(place))
        return {
            token: self._multiplier * self._base ** (length - self._allowed_length)
            for token, length in lengths.items()
            if length >= self._allowed_length
        }

    def _repeated(self, place: int) -> int:
        """How many tokens that end at `place` are those that the text ends with."""
        tokens, length = self._tokens, 0
        while length < min(LONGEST, place + 1) and tokens[place - length] == tokens[-1 - length]:
            if tokens[place - length] in self._breakers:
                break
            length += 1
        return length
