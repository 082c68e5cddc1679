"""Attention of a sample in training (paper, continued pretraining): the first L tokens attend to all before them, and
those that follow to the small cache chosen at L and to one another.

Two dense pieces, causal attention of L tokens and attention of the rest over K keys and their own, in place of a mask
over both. What a token sees is what it would see if it was decoded after L prompt tokens by the same policy, with no
refresh; the choice has no gradient. A sample may have several such continuations of one text, each behind an L of its
own, laid one behind the other after the longest. Shapes as in grouped.py; `steps` are the tokens of a continuation, and
rows are padded at their ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from ..cache import PolicyCache
from ..errors import InvalidParameterError, PolicyInactiveError
from ..grouped import Terms, attention_weights, grouped_attention
from ..policies import Observation, Policy

CONTINUATION_KEY = "continuation"
"""Keyword of a model's forward, which hands it on to the attention function."""


class Place(NamedTuple):
    """A continuation: of which row, behind how many of its tokens (L), and where in the row its own begin."""

    row: int
    prompt: int
    begin: int


class Continuation:
    """Of one forward: where in its rows prompts end and tokens continue them, and by which policy each layer chooses
    its small cache."""

    def __init__(self, policies: Mapping[int, Policy], prompts: Sequence[Sequence[int]], steps: int) -> None:
        """`policies` by layer index, as `policies_of` gives them; `prompts` are the L of each row's continuations, the
        greatest first, which stand in this order behind the first L tokens."""
        self.policies, self.steps = policies, steps
        self.longest = max(row[0] for row in prompts)
        self.places = [
            Place(number, prompt, row[0] + index * steps)
            for number, row in enumerate(prompts)
            for index, prompt in enumerate(row)
        ]
        self._reached: set[int] = set()

    def policy_of(self, module: nn.Module) -> Policy | None:
        """That of an attention module's layer; None if it is no layer with full attention."""
        index = getattr(module, "layer_idx", None)
        policy = None if index is None else self.policies.get(index)
        if policy is not None and index is not None:
            self._reached.add(index)
        return policy

    def require_reached(self) -> None:
        """Raise PolicyInactiveError unless every layer with a policy has attended by it."""
        if missing := sorted(set(self.policies) - self._reached):
            raise PolicyInactiveError(
                "training-not-attended",
                "{count} of {layers} layers, {first} among them, did not attend by {policy}: this architecture does "
                "not hand the keyword arguments of its forward on to its attention. Train it with ordinary attention "
                "(policy=None, --attention full), or a model built like llama, qwen or mistral.",
                count=len(missing),
                layers=len(self.policies),
                first=missing[0],
                policy=type(self.policies[missing[0]]).__name__,
            )


def policies_of(config: PreTrainedConfig, policy: Policy) -> dict[int, Policy]:
    """The policy of each layer with full attention, by index, for a model with this `config` that is to be trained.

    Raises PolicyInactiveError as PolicyCache does, InvalidParameterError if the policy has no small cache that is the
    same whatever the tokens behind the prompt attend to.
    """
    policies = {index: layer.policy for index, layer in PolicyCache(config, policy).policy_layers.items()}
    for one in (policy, *policies.values()):
        if one.reads_all or one.make_index() or one.make_evictor() or one.sums_attention:
            raise InvalidParameterError(
                "training-without-small-cache",
                "{policy} has no small cache that is chosen once at the end of a prompt, which is what is trained for. "
                "Train with RefreshKV.paper() (or StreamingLLM, SnapKV), or with ordinary attention (policy=None, "
                "--attention full).",
                policy=type(one).__name__,
            )
    return policies


class _Chosen(NamedTuple):
    positions: Tensor
    """int64 `(places, heads, slots)`, ascending by rank; each place's are the last."""
    counts: tuple[int, ...]
    """How many are each place's."""


def continued_attention(
    module: nn.Module,
    policy: Policy,
    continuation: Continuation,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    terms: Terms,
    dropout: float,
) -> Tensor:
    """The output `(batch, length, query_heads, value_dim)` of whole samples. What stands at padding means nothing."""
    longest, steps, length, device = continuation.longest, continuation.steps, query.shape[2], query.device
    output = _causal(module, query[:, :, :longest], key[:, :, :longest], value[:, :, :longest], terms, dropout)
    prompts = [place.prompt for place in continuation.places]
    rows = torch.tensor([place.row for place in continuation.places], device=device)[:, None]
    begins = torch.tensor([place.begin for place in continuation.places], device=device)[:, None]
    places = begins + torch.arange(steps, device=device)
    chosen = _chosen(policy, continuation.places, query, key, terms)
    seen = torch.cat([chosen.positions, places[:, None].expand(-1, key.shape[1], -1)], dim=-1)
    heads = torch.arange(key.shape[1], device=device)[:, None]
    mask = continued_mask(policy, prompts, chosen.counts, chosen.positions.shape[-1], steps).to(device)
    continued, _ = grouped_attention(
        query.transpose(1, 2)[rows, places].transpose(1, 2),
        key[rows[:, None], heads, seen],
        value[rows[:, None], heads, seen],
        mask[:, None, None],
        terms,
    )
    whole = pad(output, (0, 0, 0, 0, 0, length - longest))
    return whole.index_put((rows, places), continued.to(whole.dtype))


def _causal(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, terms: Terms, dropout: float) -> Tensor:
    if not terms.plain:  # softcaps and sinks are not known to torch's fused attention
        return grouped_attention(query, key, value, None, terms)[0]
    output: Tensor = sdpa_attention_forward(
        module, query, key, value, None, dropout=dropout, scaling=terms.scaling, is_causal=True
    )[0]
    return output


@torch.no_grad()
def _chosen(policy: Policy, places: Sequence[Place], query: Tensor, key: Tensor, terms: Terms) -> _Chosen:
    """What the last token of each prompt chooses, as at the end of a prefill."""
    found = []
    for row, prompt, _ in places:
        asked = query[row : row + 1, :, max(0, prompt - policy.queries) : prompt]
        weights = attention_weights(asked, key[row : row + 1, :, :prompt], None, terms)
        seen = Observation(weights[:, :, :, -1], recent=weights if policy.queries > 1 else None)
        found.append(policy.choose(seen, min(_slots(policy, prompt), prompt)))
    most = max(one.shape[-1] for one in found)
    positions = torch.cat([pad(one, (most - one.shape[-1], 0)) for one in found])
    return _Chosen(positions, tuple(one.shape[-1] for one in found))


def continued_mask(policy: Policy, prompts: Sequence[int], counts: Sequence[int], slots: int, steps: int) -> Tensor:
    """Which slots, and which of one another, the tokens behind `prompts` attend to: bool `(prompts, steps, slots and
    steps)`. Of the slots each one's own are the last `counts`, ascending by rank.

    A new token takes a free slot while there is one, then that of the lowest rank, and so on through the new ones
    (storage.SmallCache): seen in the order of ranks and then of arrival, what is attended to is a window of K.
    """
    capacity = torch.tensor([_slots(policy, prompt) for prompt in prompts])[:, None, None]
    count = torch.tensor(counts)[:, None, None]
    step = torch.arange(steps)[None, :, None]
    place = torch.arange(slots + steps)[None, None]
    rank = place - slots + count  # in its own order
    first_pinned = (count - policy.pinned).clamp(min=0)
    pinned = (rank >= first_pinned) & (place < slots)
    rank = torch.where(place < slots, rank, rank - (count - first_pinned))
    room = (capacity - (count - first_pinned)).clamp(min=1)
    newest = first_pinned + step
    within = (rank >= 0) & (rank <= newest)
    return pinned | (within if policy.grows else within & (rank > newest - room))


def _slots(policy: Policy, prompt: int) -> int:
    capacity = policy.capacity(prompt)
    assert capacity is not None
    return capacity
