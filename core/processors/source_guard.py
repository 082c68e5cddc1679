"""Names and numbers that come from the documents: a logits processor that leaves no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..lowering import Lowering
from .automaton import Automaton, State
from .continuation import Continuation
from .vocabulary import Branch, Vocabulary, decoded
from .words import Place, Word, guarded_words


class SourceGuard(Lowering):
    """Holds what looks like a fact to the sources: numbers, names, e-mail addresses, URLs, paths and identifiers.

    A word with a capital, a digit, one of `@ / _ \\` or a full stop inside can only be written if it is one of the
    sources', in the same spelling and as a whole: "1984" allows neither "19" nor "19845", "3" and "5" do not allow
    "3.5". Possessives, plurals and parts of compounds are as `words.allowed_words` says. At the begin of a sentence, of
    a line or of a quotation a capital is free if the word is *ordinary*: in the sources in lower case, or one token of
    the vocabulary with the space before it. Free are also "I", "A", and the numbers of list items. What a text says
    with these words is not checked. A text that is cut off by its length may end within a word.

    A token, or an end token, is always left. What may follow is found once for each state of the text and kept, of all
    tokens or of those it is asked about; most steps are in a few states. One row at a time. It works for one run after
    another: where the ids it sees do not continue those of the step before, it reads their end anew.

    Put it before processors that leave only a few tokens, such as `ContextContrast`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase | Vocabulary, sources: Sequence[str]) -> None:
        """`sources`: the documents as the model was given them, the instruction, the draft. `tokenizer`: its
        `Vocabulary` saves reading it again, which takes far longer than the rest."""
        self.vocabulary = tokenizer if isinstance(tokenizer, Vocabulary) else Vocabulary(tokenizer)
        self._automaton = Automaton(sources, self.vocabulary)
        self._continuation = Continuation()
        self._state, self._begun = State(Place.LINE, ""), b""
        self._masks: dict[tuple[State, bytes], Tensor] = {}
        self._judged = defaultdict[tuple[State, bytes], dict[int, bool]](dict)
        self._ranges: dict[tuple[int, int, State], list[tuple[int, int]]] = {}
        self._outside: dict[State, list[tuple[int, int]]] = {}

    def follow(self, input_ids: Tensor) -> None:
        """Read what is new of `input_ids` `(1, length)`."""
        token = self._continuation.new_token(input_ids)
        if token is None:
            held, whole = self.vocabulary.tail(input_ids[0].tolist())
            self._state, self._begun = State(Place.LINE if whole else Place.WITHIN, ""), b""
            self._read(held)
        else:
            self._read(self.vocabulary.bytes_of(token) or b"")  # a special token adds nothing

    def lower(self, scores: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        """`scores` `(1, vocabulary)`, -inf where a token may not follow; or `(1, n)` of `tokens` alone."""
        if tokens is not None:
            banned = [not may_follow for may_follow in self._judge(tokens)]
            return scores.masked_fill(scores.new_tensor([banned]).bool(), -torch.inf) if any(banned) else scores
        mask = self._fitted(self.allowed_tokens(), scores)
        guarded = torch.where(mask, scores, -torch.inf)
        if guarded.max() > -torch.inf:
            return guarded
        # Another processor left only tokens that may not follow.
        return torch.where(mask, torch.zeros_like(scores), -torch.inf)

    def invented(self, text: str) -> list[Word]:
        """The words of a text, which begins a line, that this guard would not have written."""
        complete = self._automaton.is_complete
        return [word for word in guarded_words(text) if not complete(word.place, word.text)]

    def allowed_tokens(self) -> Tensor:
        """Which tokens may follow the text read so far, bool `(len(vocabulary),)`."""
        key = self._state, self._begun
        if key not in self._masks:
            self._masks[key] = self._find_tokens(*key)
        return self._masks[key]

    def _judge(self, tokens: Sequence[int]) -> list[bool]:
        """Which of some tokens may follow the text read so far, but for a special one that does where no other may."""
        key = self._state, self._begun
        judged = self._judged[key]
        for token in tokens:
            if token not in judged:
                judged[token] = self._may_follow(token, *key)
        return [judged[token] for token in tokens]

    def _may_follow(self, token: int, state: State, begun: bytes) -> bool:
        held = self.vocabulary.bytes_of(token)
        if held is None:
            return token < len(self.vocabulary) and self._may_end(state, begun)
        part = decoded(begun + held) if held else None
        return part is not None and self._may_add(state, *part)

    def _may_end(self, state: State, begun: bytes) -> bool:
        return not begun and self._automaton.between(state) is not None

    def _read(self, held: bytes) -> None:
        held = self._begun + held
        text, self._begun = decoded(held) or (held.decode("utf-8", "replace"), b"")
        self._state = self._automaton.read(text, self._state)

    def _fitted(self, mask: Tensor, scores: Tensor) -> Tensor:
        """`mask` on the device and for the width of `scores`: a model may have rows that stand for no token."""
        missing = scores.shape[-1] - len(mask)
        if missing or mask.device != scores.device:
            mask = torch.nn.functional.pad(mask, (0, missing)).to(scores.device)
            self._masks[self._state, self._begun] = mask
        return mask

    def _find_tokens(self, state: State, begun: bytes) -> Tensor:
        vocabulary = self.vocabulary
        found = np.zeros(len(vocabulary), dtype=np.bool_)
        if not begun:
            edges = np.zeros(len(vocabulary.texts) + 1, dtype=np.int64)
            ranges = np.array(self._ranges_of(state), dtype=np.int64).reshape(-1, 2)
            np.add.at(edges, ranges[:, 0], 1)
            np.add.at(edges, ranges[:, 1], -1)
            found[vocabulary.ids[edges.cumsum()[:-1] > 0]] = True
            pieces = vocabulary.beginnings
        else:
            parts = ((token, decoded(begun + held)) for token, held in vocabulary.fragments)
            pieces = [(token, *part) for token, part in parts if part is not None]
        for token, text, rest in pieces:
            found[token] = self._may_add(state, text, rest)
        if self._may_end(state, begun) or not found.any():
            found[vocabulary.special] = True
        return torch.from_numpy(found)

    def _ranges_of(self, state: State) -> list[tuple[int, int]]:
        """The ranges of sorted tokens that may be written in `state`."""
        between = self._automaton.between(state)
        inside = self._through(self.vocabulary.inside, 0, state)
        if between is None or state.place is Place.LINE:  # where a ")" may end the number of a list
            return inside + self._through(self.vocabulary.outside, 0, state)
        if between not in self._outside:
            self._outside[between] = self._through(self.vocabulary.outside, 0, between)
        return inside + self._outside[between]

    def _through(self, branches: Iterable[Branch], depth: int, state: State) -> list[tuple[int, int]]:
        """The ranges of tokens of `branches` that may be written in `state`, when `depth` characters are written."""
        ranges = []
        for character, low, inner, high in branches:
            following = self._automaton.step(state, character)
            if following is not None:
                ranges.append((low, inner))
                if inner < high:
                    ranges += self._follow(inner, high, depth + 1, following)
        return ranges

    def _follow(self, low: int, high: int, depth: int, state: State) -> list[tuple[int, int]]:
        """The same of the sorted tokens from `low` to `high`, which agree in their first `depth` characters."""
        if self._automaton.is_free(state) and self.vocabulary.only_small_letters(low, high, depth):
            return [(low, high)]
        if self._automaton.only_ordinary(state):
            return [(at, at + 1) for at in range(low, high) if self._may_end_word(state, at, depth)]
        key = low, depth, state
        if key in self._ranges:
            return self._ranges[key]
        ranges = self._through(self.vocabulary.branches(low, high, depth), depth, state)
        if not state.run or state.place is Place.START:  # those of a word under way are hardly met again
            self._ranges[key] = ranges
        return ranges

    def _may_end_word(self, state: State, at: int, depth: int) -> bool:
        """Whether the sorted token `at`, of which `depth` characters are written, may go on in an `only_ordinary`
        state."""
        letters = self.vocabulary.texts[at][depth:]
        if self.vocabulary.only_small_letters(at, at + 1, depth):
            return self._automaton.may_go_on(state, letters)
        return self._automaton.follow(state, letters) is not None

    def _may_add(self, state: State, text: str, begun: bytes) -> bool:
        """Whether `text` and then a character whose UTF-8 begins with `begun` may be written in `state`."""
        following = self._automaton.follow(state, text)
        if following is None or not begun:
            return following is not None
        return self._automaton.may_begin(following, begun, self.vocabulary.completions(begun))
