"""An index of the keys in 2 to 4 bits a channel: scored with the query at hand, it says which positions to attend to.

Every channel of a KV head has a range, that of its keys in the prompt. A code is the key's place in it,
`round((k - lo) / step)` with `step = (hi - lo) / (2**bits - 1)`; keys to come are clamped to the same range. What a
query head makes of position j is then `q . (lo + step * code_j)`: a constant, which no softmax sees, and
`(q * step) . code_j`. The first factor is rounded to a signed byte with one scale for the head, so that the second term
is an integer product. On the embedded model's keys (3,000 tokens, all layers) that moves a logit by 0.05 where 4 bits
move it by 0.53, 3 bits by 1.2 and 2 bits by 3.0 (root mean squares).

Shapes: keys `(batch, heads, length, dim)`, query `(batch, query_heads, 1, dim)`, where `heads` are KV heads and
`group = query_heads / heads`. On a CPU the kernels do the work (kernels/key_codes.h, key_scores.h, key_index.h); the
functions in torch below are what they are tested against, and what runs without them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from . import kernels
from .parallel import Processes
from .selection import gather_positions, ordered_bits
from .storage import GrowingTensor

TILE = 16
"""Positions whose codes lie side by side, as in kernels/key_codes.h."""
SPAN = 32
"""Channels whose codes share bytes; a key is filled up to whole spans."""
LARGEST_LEVEL = 127.0
SLICE = 8192
"""Positions whose codes are unpacked at once, a multiple of TILE."""
NEVER = -(1 << 31)
"""Below every float as an integer: the rank of what is not to be chosen."""
THRESHOLD_BITS = 13
"""A threshold that heads share, as such an integer, ends in so many zero bits (kernels/key_index.h)."""
FINE_BITS = 9
COARSE = 1 << 32 - THRESHOLD_BITS - FINE_BITS
"""Thresholds that are looked at first, each with 2**FINE_BITS behind it."""


class KeyCodes:
    """The codes of one layer's keys. They grow in blocks as the full cache does (storage.GrowingTensor)."""

    def __init__(self, keys: Tensor, bits: int = 4, valid: Tensor | None = None) -> None:
        """Code the keys of a prompt, which set the ranges.

        `keys`: `(batch, heads, length, dim)`, length at least 1, of any floating dtype; `bits`: 2, 3 or 4; `valid`:
        bool `(batch, 1 or heads, length)`, positions that are False (padding) have no say in the ranges.
        """
        assert bits in {2, 3, 4}
        batch, heads, _, self.dim = keys.shape
        self.bits = bits
        self.length = 0
        self.ranges = _ranges(keys, bits, valid)
        """lo, step and 1 / step of every channel: float32 `(batch, heads, 3, dim)`."""
        width = -(-self.dim // SPAN) * SPAN * bits // 8
        self._codes = GrowingTensor(keys.new_empty(batch, heads, 0, width, dtype=torch.uint8))
        self.append(keys)

    @property
    def codes(self) -> Tensor:
        """The storage `(batch, heads, capacity, bytes)`, uint8, in whole tiles; `packed` says what is where."""
        return self._codes.storage

    @property
    def nbytes(self) -> int:
        """Bytes of codes, reserved room included, and of the ranges."""
        return self._codes.nbytes + self.ranges.nbytes

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` positions, so that the storage does not move until they are there."""
        self._codes.reserve(capacity)

    def append(self, keys: Tensor) -> None:
        """Code the keys of new tokens `(batch, heads, new, dim)`."""
        start = self.length
        self.extend(keys.shape[2])
        if fits_kernel(keys):
            torch.ops.refreshkv.append_key_codes(keys, self.codes, self.ranges, start)
            return
        positions = torch.arange(start, self.length, device=keys.device)
        tiles = self._tiles(self.codes)
        tiles[:, :, positions // TILE, positions % TILE] = packed(encode(keys, self.ranges, self.bits), self.bits)

    def extend(self, count: int) -> None:
        """Count `count` more positions as coded; `decode_rows_attention` writes their codes itself."""
        self.length += count
        self._codes.extend(-(-self.length // TILE) * TILE - self._codes.length)

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on; the ranges stay."""
        self.length = min(self.length, length)
        self._codes.truncate(-(-self.length // TILE) * TILE)

    def map_batch(self, function: Callable[[Tensor], Tensor]) -> None:
        """Apply `function` to the batch dimension of every tensor (beams)."""
        self._codes.map_batch(lambda codes: function(codes).contiguous())
        self.ranges = function(self.ranges).contiguous()

    def levels(self) -> Tensor:
        """The codes `(batch, heads, length, dim)`, uint8."""
        return self._unpacked(0, self.length)

    def log_weights(self, query: Tensor, scaling: float, valid: Tensor | None = None) -> Tensor:
        """Approximate log-probabilities of attention, float32 `(batch, heads, group, length)`.

        `valid`: bool `(batch, 1 or heads, length)`; positions that are False take no part and get -inf.
        """
        if valid is None and fits_kernel(query):
            rows = query.float().contiguous()
            weights: Tensor = torch.ops.refreshkv.key_code_log_weights(
                rows, self.codes, self.ranges, self.length, scaling
            )
            return weights
        levels, factors = rounded_query(query, self.ranges[:, :, 1], scaling)
        starts = range(0, self.length, SLICE)
        slices = (self._unpacked(start, min(self.length, start + SLICE)).float() for start in starts)
        logits = torch.cat([levels @ codes.transpose(2, 3) for codes in slices], dim=3) * factors
        if valid is not None:
            logits = logits.masked_fill(~valid.unsqueeze(2), -torch.inf)
        return logits - logits.logsumexp(dim=3, keepdim=True)

    def scores(self, query: Tensor, scaling: float, valid: Tensor | None = None) -> Tensor:
        """The largest of `log_weights` in each group: float32 `(batch, heads, length)`."""
        if valid is None and fits_kernel(query):
            rows = query.float().contiguous()
            scores: Tensor = torch.ops.refreshkv.key_code_scores(rows, self.codes, self.ranges, self.length, scaling)
            return scores
        return self.log_weights(query, scaling, valid).amax(dim=2)

    def _tiles(self, codes: Tensor) -> Tensor:
        """Codes of whole tiles as a view `(batch, heads, tiles, TILE, spans, bits, 4)`: a key's bytes come last."""
        batch, heads = codes.shape[:2]
        spans = codes.shape[3] * 8 // self.bits // SPAN
        return codes.view(batch, heads, -1, spans, self.bits, TILE, 4).permute(0, 1, 2, 5, 3, 4, 6)

    def _unpacked(self, start: int, end: int) -> Tensor:
        whole = self.codes[:, :, start : -(-end // TILE) * TILE].contiguous()
        return unpacked(self._tiles(whole).flatten(2, 3), self.bits)[:, :, : end - start, : self.dim]


def encode(keys: Tensor, ranges: Tensor, bits: int) -> Tensor:
    """The codes `(batch, heads, length, dim)`, uint8, of keys by their channels' `KeyCodes.ranges`."""
    low, _, inverse = ranges.unsqueeze(3).unbind(2)
    return ((keys.float() - low) * inverse).round().clamp(0, 2**bits - 1).to(torch.uint8)


def packed(codes: Tensor, bits: int) -> Tensor:
    """Codes `(batch, heads, length, dim)` as they are stored: uint8 `(batch, heads, length, spans, bits, 4)`.

    A span is 32 channels, in eight fours. Byte i of a four belongs to its channel i. Four bits: byte v of the stored
    ones holds fours 2v and 2v + 1 in its halves. Two bits: fours 4v to 4v + 3 in its quarters. Three bits: fours 2v and
    2v + 1 in bits 0-2 and 3-5; bits 6 and 7 of bytes 0 and 2 are the upper two of fours 6 and 7, those of byte 1 their
    lowest.
    """
    codes = pad(codes, (0, -codes.shape[3] % SPAN))
    fours = codes.unflatten(3, (-1, SPAN // 4, 4)).unbind(4)
    if bits == 2:
        parts = [fours[v] | fours[v + 1] << 2 | fours[v + 2] << 4 | fours[v + 3] << 6 for v in (0, 4)]
    elif bits == 4:
        parts = [fours[v] | fours[v + 1] << 4 for v in (0, 2, 4, 6)]
    else:
        rest = (fours[6] >> 1 << 6, (fours[6] & 1) << 6 | (fours[7] & 1) << 7, fours[7] >> 1 << 6)
        parts = [fours[v] | fours[v + 1] << 3 | rest[v // 2] for v in (0, 2, 4)]
    return torch.stack(parts, dim=4)


def unpacked(stored: Tensor, bits: int) -> Tensor:
    """What `packed` packed, with the channels that fill up the last span."""
    parts = stored.unbind(4)
    if bits == 2:
        fours = [part >> shift & 3 for part in parts for shift in (0, 2, 4, 6)]
    elif bits == 4:
        fours = [part >> shift & 15 for part in parts for shift in (0, 4)]
    else:
        fours = [part >> shift & 7 for part in parts for shift in (0, 3)]
        fours += [part >> 6 << 1 | parts[1] >> shift & 1 for part, shift in ((parts[0], 6), (parts[2], 7))]
    return torch.stack(fours, dim=4).flatten(3)


def rounded_query(query: Tensor, steps: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
    """The query as signed bytes for codes with `steps` `(batch, heads, dim)`, and what makes logits of the products.

    Returns float32 `(batch, heads, group, dim)` of whole numbers from -127 to 127, and `(batch, heads, group, 1)`.
    """
    stepped = query.float().reshape(*steps.shape[:2], -1, query.shape[3]) * steps.unsqueeze(2)
    largest = stepped.abs().amax(dim=3, keepdim=True)
    inverse = torch.where(largest > 0, LARGEST_LEVEL / largest, 0.0)
    return (stepped * inverse).round(), largest * (scaling / LARGEST_LEVEL)


def choose_positions(
    scores: Tensor, count: int | Tensor, recent: int, spread: int = 1, others: Processes | None = None
) -> Tensor:
    """The `count` positions with the highest scores, of equal ones the later, with the last `recent` always among them.

    `scores`: float32 `(batch, heads, length)`; -inf is never chosen. `count`: at least 1, for all, or int64
    `(batch, heads)` for each; with a `spread` above 1 the heads share theirs as `shared_counts` says, and `recent` is
    no more than any; `others`: the processes that have other heads of the layer. Returns int64
    `(batch, heads, largest count)`, ascending, -1 where a head has fewer.
    """
    batch, heads, length = scores.shape
    counts = torch.as_tensor(count, device=scores.device).expand(batch, heads).clamp(1, length)
    alone = spread == 1 or others is None
    if alone and fits_kernel(scores) and not torch.isneginf(scores).any():
        own = counts.contiguous()
        chosen: Tensor = torch.ops.refreshkv.choose_positions(scores.contiguous(), own, recent, spread)
        return chosen
    positions = torch.arange(length, device=scores.device)
    ordered = ordered_bits(scores).masked_fill(positions >= length - recent, 0x7FFFFFFF)
    ordered = ordered.masked_fill(scores.isneginf(), NEVER)
    if spread > 1:
        counts = shared_counts(ordered, counts, recent, spread, others)
    keys, ranked = (ordered << 32 | positions).topk(int(counts.max()))
    held = (torch.arange(ranked.shape[2], device=scores.device) < counts[..., None]) & (keys >> 32 > NEVER)
    ascending = ranked.masked_fill(~held, length).sort(dim=2).values
    return ascending.masked_fill(ascending == length, -1)


def shared_counts(ordered: Tensor, counts: Tensor, recent: int, spread: int, others: Processes | None = None) -> Tensor:
    """How many positions each head chooses where those of a layer share their `counts`, int64 `(batch, heads)`: as many
    as are above one threshold, the lowest with which they are no more in all; a `spread`-th of its count at least, and
    the `recent` ones, and `spread` times it at most.

    `ordered`: int64 `(batch, heads, length)`, scores as integers, NEVER where nothing is to be chosen. So a head that
    attends to much gets what one does not need that has found all in a few positions. `others`: the processes that have
    other heads of the layer, whose counts are in the sum.
    """
    least = (counts // spread).clamp(min=recent).unsqueeze(2)
    most = (counts * spread).clamp(max=ordered.shape[2]).unsqueeze(2)
    total = counts.sum(dim=1, keepdim=True)
    if others is not None:
        total = others.summed(total)

    def too_many(above: Tensor) -> Tensor:
        """By how many of the lowest thresholds more would be chosen than `total`: int64 `(batch, 1, 1)`. above: of each
        threshold how many of a head's are above, `(batch, heads, thresholds)`."""
        chosen = above.clamp(least, most).sum(dim=1)
        return ((chosen if others is None else others.summed(chosen)) > total).sum(dim=1).view(-1, 1, 1)

    # Of 2**19 thresholds first 1,024 are looked at, then the 512 between two of those.
    places = (ordered >> THRESHOLD_BITS) - (NEVER >> THRESHOLD_BITS)
    parts, fine = places >> FINE_BITS, places & (1 << FINE_BITS) - 1
    above = _above(parts, torch.ones_like(parts), COARSE)
    part = too_many(above).clamp(min=1) - 1
    beyond = pad(above, (0, 1)).gather(2, (part + 1).expand(-1, above.shape[1], 1))
    above = beyond + _above(fine, (parts == part).long(), 1 << FINE_BITS)[:, :, 1:]
    place = too_many(above).expand(-1, above.shape[1], 1)
    return torch.cat([above, beyond], dim=2).gather(2, place).clamp(least, most)[:, :, 0]


def _above(places: Tensor, counted: Tensor, size: int) -> Tensor:
    """How many of the `counted` are at each of `size` places or higher: int64 `(batch, heads, size)`."""
    there = places.new_zeros(*places.shape[:2], size).scatter_add_(2, places, counted)
    return there.flip(2).cumsum(dim=2).flip(2)


def chosen_attention(query: Tensor, keys: Tensor, values: Tensor, chosen: Tensor, scaling: float) -> Tensor:
    """Attention of one query token to the positions `chosen` `(batch, heads, count)`, of which -1 is none, in place.

    Returns `(batch, 1, query_heads, value_dim)` in the query's dtype.
    """
    if _fits_attention(query, keys, values):
        rows = query.float().contiguous()
        output: Tensor = torch.ops.refreshkv.chosen_attention(rows, keys, values, chosen.contiguous(), scaling)
        return output.to(query.dtype)
    near_keys, near_values = (gather_positions(states, chosen.clamp(min=0)) for states in (keys, values))
    grouped = (query * scaling).reshape(*keys.shape[:2], -1, query.shape[3])
    logits = (grouped @ near_keys.to(query.dtype).transpose(2, 3)).float()
    weights = logits.masked_fill((chosen < 0).unsqueeze(2), torch.finfo(logits.dtype).min).softmax(dim=3)
    attended = weights.to(query.dtype) @ near_values.to(query.dtype)
    return attended.flatten(1, 2).unsqueeze(1)


def indexed_attention(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    codes: KeyCodes,
    count: int | Tensor,
    recent: int,
    scaling: float,
    valid: Tensor | None = None,
    spread: int = 1,
    others: Processes | None = None,
) -> tuple[Tensor, Tensor]:
    """Attention of one query token to the `count` positions that the codes find for it, the last `recent` among them.

    `keys`, `values`: all of them, `(batch, heads, length, dim)`, in the codes' order; `valid` as in `KeyCodes.scores`,
    `spread` and `others` as in `choose_positions`. Returns `(batch, 1, query_heads, value_dim)` in the query's dtype
    and the positions, as `choose_positions` does.
    """
    alone = spread == 1 or others is None
    if alone and valid is None and _fits_attention(query, keys, values):
        counts = torch.as_tensor(count).expand(keys.shape[1]).contiguous()
        rows = query.float().contiguous()
        output, chosen = torch.ops.refreshkv.indexed_attention(
            rows, keys, values, codes.codes, codes.ranges, counts, recent, spread, scaling
        )
        return output.to(query.dtype), chosen
    chosen = choose_positions(codes.scores(query, scaling, valid), count, recent, spread, others)
    return chosen_attention(query, keys, values, chosen, scaling), chosen


def _ranges(keys: Tensor, bits: int, valid: Tensor | None) -> Tensor:
    """lo, step and 1 / step of every channel: float32 `(batch, heads, 3, dim)`; where nothing varies, 0 for both."""
    low, high = keys, keys
    if valid is not None:
        low, high = (keys.masked_fill(~valid.unsqueeze(3), bound) for bound in (torch.inf, -torch.inf))
    lo, hi = low.amin(dim=2).float(), high.amax(dim=2).float()
    step = (hi - lo) / (2**bits - 1)
    varies = step > torch.finfo(torch.float32).tiny
    return torch.stack([lo, torch.where(varies, step, 0.0), torch.where(varies, 1 / step, 0.0)], dim=2)


def fits_kernel(states: Tensor) -> bool:
    """Whether the kernels can read `states`."""
    plain = states.dtype in (torch.float32, torch.bfloat16) and states.stride(-1) == 1
    return plain and states.device.type == "cpu" and kernels.available()


def _fits_attention(query: Tensor, keys: Tensor, values: Tensor) -> bool:
    rows = all(fits_kernel(states) and states.stride(2) == states.shape[3] for states in (keys, values))
    return rows and fits_kernel(query) and query.shape[0] == 1 and keys.dtype == values.dtype
