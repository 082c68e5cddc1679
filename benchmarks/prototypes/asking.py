"""Beyond the trained window: layers whose tokens choose one by one what they attend to, by a rule of many settings."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d, pad

from core.extension import Extension
from core.grouped import Terms, attention_scores
from core.key_codes import choose_positions
from core.old_keys import SINKS, OldKeys
from core.rotary import Rotary
from core.selection import gather_positions
from core.window import Window

REMEMBERED = 16
NEVER = -1e30
LEAST, MOST = 64, 3584
"""Of a head that chooses by `held`."""


@dataclass(frozen=True)
class Rule:
    """As it is by default; lookup.py says what each is."""

    share: float = 1.0
    stands: float = 0.5
    keep: int = 15
    near: int = 0
    bonus: float = 0.0
    count: int = 0
    behind: int = 3
    ahead: int = 3
    many: int = 0
    group: int = 1
    divided: float = 0.0
    distance: int = 0
    span: int = 1
    summed: int = 0
    held: float = 0.0
    flat: int = 0
    counts: str = ""

    @classmethod
    def of(cls, written: str) -> Rule:
        """As written on the command line; "-" is the rule as it is."""
        parts = dict(part.split("=") for part in written.split(",")) if written != "-" else {}
        default = cls()
        assert parts.keys() <= {f.name for f in fields(cls)}, written
        return cls(**{f.name: type(getattr(default, f.name))(parts[f.name]) for f in fields(cls) if f.name in parts})

    def count_of(self, depth: float, usual: int) -> int:
        """How many a layer chooses that is so deep, 0 to below 1."""
        counts = [int(count) for count in re.findall(r"\d+", self.counts)]
        return counts[int(depth * len(counts))] if counts else self.count or usual


class Asking(Extension):
    """A layer's state whose newest tokens choose one by one, by `rule`, while there is one."""

    rule: Rule | None = None
    before: Tensor | None = None

    def __init__(self, window: Window, depth: float) -> None:
        """depth: of the layer, 0 to below 1."""
        super().__init__(window)
        self.depth = depth
        self.numbers: list[float] = []
        """How many a head chose in the mean, of every token."""

    def _block(self, query: Tensor, keys: Tensor, values: Tensor, terms: Terms, rotary: Rotary) -> Tensor:
        length, new, half = keys.shape[2], query.shape[2], self.window.size // 2
        start = length - new
        placed = rotary.moved(query, half - torch.arange(start, length))
        history = placed if self.before is None else torch.cat([self.before, placed], dim=2)
        self.before = history[:, :, -REMEMBERED:].clone()
        if self.rule is None:
            return super()._block(query, keys, values, terms, rotary)
        begin = self.window.start_of_block(start) - self.window.local
        index, near_values = self._index(keys, begin, rotary), values[:, :, begin:].float()
        near = attention_scores(query, keys[:, :, begin:], terms.scaling)
        parts = []
        for token in range(new):
            end, seen = history.shape[2] - new + token + 1, start - begin + token + 1
            asking = history[:, :, max(0, end - 1 - self.rule.many) : end]
            chosen = self._chosen(self.rule, index, asking, terms.scaling)
            self.numbers.append(float((chosen >= 0).sum(-1).float().mean()))
            own = query[:, :, token : token + 1]
            far = self._far(self.rule, own, chosen, keys, begin, terms.scaling, rotary)
            weights, there = self._weights(self.rule, far, near[:, :, :, token, :seen], begin), chosen.clamp(min=0)
            far_weights, near_weights = weights.split([chosen.shape[2], seen], dim=-1)
            output = far_weights @ gather_positions(values, there).float() + near_weights @ near_values[:, :, :seen]
            parts.append(output.flatten(1, 2).unsqueeze(1))
        return torch.cat(parts, dim=1).to(query.dtype)

    def _chosen(self, rule: Rule, index: OldKeys, asking: Tensor, scaling: float) -> Tensor:
        """The positions `(1, heads, count)` that are chosen, ascending, then -1 for none."""
        by_head = asking.float().unflatten(1, (index.basis.shape[1], -1)).transpose(2, 3) @ index.basis.unsqueeze(2)
        own, others = (part.flatten(1, 3).unsqueeze(2) for part in (by_head[:, :, -1:], by_head[:, :, :-1]))
        scores = index.codes.scores(own, scaling)
        if asking.shape[2] > 1:
            scores = torch.maximum(scores, index.codes.scores(others, scaling) - 1)
        count = rule.count_of(self.depth, self.window.chosen)
        if rule.span > 1:
            return spans(scores, rule.span, count // rule.span, summed=bool(rule.summed))
        scores = max_pool1d(pad(scores, (rule.ahead, rule.behind), value=NEVER), rule.ahead + rule.behind + 1, stride=1)
        scores[:, :, :SINKS] = torch.inf
        if not rule.held:
            return choose_positions(scores, count, recent=0)
        weights = index.codes.log_weights(own, scaling).exp().mean(2)
        needed = (weights.sort(-1, descending=True).values.cumsum(-1) < rule.held).sum(-1) + 1
        numbers = torch.where(needed > count, rule.flat, count) if rule.flat else needed.clamp(LEAST, MOST)
        return choose_positions(scores, numbers, recent=0)

    def _far(
        self, rule: Rule, query: Tensor, chosen: Tensor, keys: Tensor, begin: int, scaling: float, rotary: Rotary
    ) -> Tensor:
        """The scores `(1, heads, group, count)` of what a token has chosen of the first `begin`, where it stands."""
        end, there = begin + self.window.local - (rule.distance or self.window.distance), chosen.clamp(min=0)
        moved = rotary.moved(gather_positions(keys, there), places(rule, chosen, begin, end) - there)
        return attention_scores(query, moved, scaling)[:, :, :, 0].masked_fill((chosen < 0).unsqueeze(2), NEVER)

    def _weights(self, rule: Rule, far: Tensor, near: Tensor, begin: int) -> Tensor:
        """Of a token, of what is far and near, each scores `(1, heads, group, count)`."""
        old = far[..., SINKS:]
        stands = standing(old, rule.stands)
        damping = self.window.damping(begin).of(old).unsqueeze(-1)
        if rule.share < 1:
            weights, order = old.softmax(-1).sort(-1, descending=True)
            held = (weights.cumsum(-1) - weights < rule.share).float()
            kept = torch.zeros_like(old).scatter(-1, order, held)
            kept = max_pool1d(kept[0], rule.keep, stride=1, padding=rule.keep // 2)[None]
            old = old.masked_fill((kept == 0) & stands, NEVER)
        old = old - damping + rule.bonus * stands
        if rule.near:
            farther = torch.arange(near.shape[3]) < near.shape[3] - rule.near
            near = near.masked_fill(farther & stands, NEVER)
        return torch.cat([far[..., :SINKS], old, near], dim=-1).softmax(-1)


def spans(scores: Tensor, size: int, count: int, *, summed: bool) -> Tensor:
    """The positions `(1, heads, count * size)` of the spans of a fixed grid with the highest scores, the largest in it
    or, if `summed`, that of the sum, and the first; ascending."""
    length = scores.shape[2]
    parts = pad(scores, (0, -length % size), value=NEVER).unflatten(2, (-1, size))
    whole = parts.logsumexp(-1) if summed else parts.amax(-1)
    whole[:, :, 0] = torch.inf
    best = choose_positions(whole.contiguous(), count, recent=0)
    every = (best.unsqueeze(-1) * size + torch.arange(size)).flatten(2)
    return every.masked_fill(every >= length, -1)


def places(rule: Rule, chosen: Tensor, begin: int, end: int) -> Tensor:
    """Where what is `chosen` of the first `begin` positions is to stand, the last of it before `end`: `(1, heads,
    count)`. Side by side, `rule.group` at a position, or each as far as it is, divided by `rule.divided`."""
    if rule.divided:
        back = ((begin - 1 - chosen) / rule.divided).floor().long()
    else:
        held = (chosen >= 0).sum(-1, keepdim=True)
        back = (held - 1 - torch.arange(chosen.shape[2])).clamp(min=0) // rule.group
    return end - 1 - back


def standing(old: Tensor, share: float) -> Tensor:
    """Of scores `(..., count)`, whether one has such a share of what they all get: bool `(..., 1)`."""
    return old.logsumexp(-1, keepdim=True) - old.amax(-1, keepdim=True) + math.log(max(share, 1e-9)) <= 0
