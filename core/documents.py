"""Documents of a prompt that are read apart, each behind the same beginning and none of the others, and then placed.

So adding, removing or reordering them takes no new reading, and neither does another instruction before them. Where a
document is placed its keys are turned by the difference of positions (Prompt Cache, Gim et al. 2023, arXiv 2311.04934),
and its first tokens are computed again over all that stands before: read by themselves they draw the attention that a
text's first tokens draw, wherever they are put (EPIC's LegoLink, Hu et al. 2024, arXiv 2410.15332). A document does not
know of those before it, so that this is not quite the prompt read in one go (docs/experiments.md has the figures).

What a cache then holds depends on the prompt and on these documents alone, not on what was read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise

from transformers import PreTrainedModel

from .cache import PolicyCache, keeps_every_token
from .errors import InvalidParameterError, PolicyInactiveError
from .positions import positions_of
from .rotary import Rotary

AGAIN = 32
"""First tokens of a document that are computed again where it is placed: 16 are enough, 64 do no better (measured)."""

SHORTEST = 512
"""Tokens of a document that is worth reading apart; a shorter one is read in its place."""

TURNED = 8192
"""Keys that are turned at once."""


@dataclass(frozen=True)
class Document:
    """Tokens `start` up to `end` of a prompt, read apart behind the ids `behind`. read: gives the cache in which they
    are, or are to be read: it holds `behind` and the document, as far as these are known."""

    start: int
    end: int
    behind: tuple[int, ...]
    read: Callable[[], AbstractContextManager[PolicyCache]] = field(compare=False, repr=False)

    @property
    def length(self) -> int:
        """In tokens."""
        return self.end - self.start

    def place(self, cache: PolicyCache, own: PolicyCache, rotary: Rotary) -> None:
        """Put what `own` holds of it, but its first `AGAIN` tokens, behind what `cache` does, which ends with these."""
        first, end = len(self.behind) + AGAIN, len(self.behind) + self.length
        by = self.start - len(self.behind)
        for layer, other in zip(cache.policy_layers.values(), own.policy_layers.values(), strict=True):
            for buffer, read, turned in zip(layer.full, other.full, (True, False), strict=True):
                for begin in range(first, end, TURNED):
                    states = read.view[:, :, begin : min(end, begin + TURNED)]
                    buffer.append(rotary.shifted(states, by) if turned else states)
        cache.hold(own.token_ids[first:end])


def require_movable(model: PreTrainedModel) -> None:
    """Raise PolicyInactiveError if the model's keys cannot be moved from one place to another."""
    problem = None
    if keeps_every_token(model.config):
        try:
            positions_of(model).rotary()
            return
        except PolicyInactiveError as error:
            problem = error
    raise PolicyInactiveError(
        "documents-not-movable",
        "The keys of {model} cannot be moved to another place: that takes layers of full attention, all of whose "
        "keys are turned by one rotary embedding. Leave documents out, so that the prompt is read in one go.",
        model=model.config.model_type,
    ) from problem


def spans_to_place(
    spans: Sequence[tuple[int, int]], prefix_end: int, most: int, in_place: int | None
) -> list[tuple[int, int]]:
    """Which of the documents at `spans` of a prompt are read apart, and up to where: nothing behind `most` tokens, no
    short one, and not the one at `in_place`, where it was read.

    Raises InvalidParameterError if the spans are not in order, or not within the first `prefix_end` tokens.
    """
    ends = [0, *(position for span in spans for position in span), prefix_end]
    if any(len(span) != 2 for span in spans) or any(first > second for first, second in pairwise(ends)):
        raise InvalidParameterError(
            "documents-out-of-order",
            "documents is {documents}; it must be spans (start, end) of the prompt's first {tokens} tokens, one behind "
            "the other.",
            documents=str([tuple(span) for span in spans]),
            tokens=prefix_end,
        )
    clipped = [(start, min(end, most)) for start, end in spans]
    return [(start, end) for start, end in clipped if end - start >= SHORTEST and start != in_place]


def agreed(length: int, ours: Iterable[Document], theirs: Iterable[Document]) -> int:
    """How many of the first `length` tokens of two prompts, which are the same, are held alike in their caches: all, or
    those before the first document that only one of them has read apart, or that goes on beyond them."""
    mine, others = ({document.start: document for document in of if document.start < length} for of in (ours, theirs))
    for start in sorted({*mine, *others}):
        if mine.get(start) != others.get(start) or mine[start].end > length:
            return start
    return length


def resumed(held: int, total: int, tail: int, aligned: Callable[[int], int], documents: Sequence[Document] = ()) -> int:
    """How many of `held` tokens of a prompt of `total` to keep where the rest is to be read, so that nothing depends on
    how many are held: no piece of a document, and else all but `tail` of those up to the next or to the prompt's end.
    `aligned`: of so many tokens those that are, beyond the window, in whole blocks."""
    begin, end = 0, total
    for document in documents:
        if held <= document.start:
            end = document.start
            break
        if held < document.end:
            return document.start
        begin = document.end
    return held if held == end else max(begin, aligned(min(held, end - tail)))
