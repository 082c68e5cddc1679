"""Rules to compare with beyond the window, in the model's own modules: each a way to place keys and queries.

The model is run with all tokens at position 0, so that its keys and queries come unturned, and a rule turns them: to
where it says that each part of the past lies. Parts are attended to apart and put together by the sums of their
exponentials, so that no rule makes a matrix of all scores. They are told apart from each other by what is right about
them, not by speed.

- NTK-aware scaling (bloc97 2023, reddit.com/r/LocalLLaMA/comments/14lz7j5), YaRN (Peng et al. 2023, arXiv 2309.00071)
- StreamingLLM with rolling positions (Xiao et al. 2023, arXiv 2309.17453)
- SelfExtend (Jin et al. 2024, arXiv 2401.01325)
- Cascading KV cache (Willette et al. 2024, arXiv 2406.17808): cascading.py
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from core.rotary import Rotary
from core.storage import GrowingTensor

from .facts import Scores

NAME = "benchmarks_length"
CHUNK = 512
SINKS = 4


class Part(NamedTuple):
    """What is attended to with one placing: keys and values `(1, heads, length, dim)`, keys unturned. keys_at,
    queries_at: positions, int64 `(length,)` and `(new,)`. allowed: bool `(new, length)`, None for all."""

    keys: Tensor
    values: Tensor
    keys_at: Tensor
    queries_at: Tensor
    allowed: Tensor | None = None


class Rule(Protocol):
    """A rule with what it keeps of one text, layer by layer."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention `(1, query_heads, new, dim)` of the newest tokens, unturned `query` and `key`."""


class Placed:
    """The base of rules that keep everything: they only say where it lies."""

    def __init__(self, rotary: Rotary, scale: float = 1.0) -> None:
        """`scale`: of all scores, besides the usual."""
        self.rotary, self.scale = rotary, scale
        self._held: dict[int, tuple[GrowingTensor, GrowingTensor]] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """As `Rule` says."""
        if layer in self._held:
            for held, states in zip(self._held[layer], (key, value), strict=True):
                held.append(states)
        else:
            self._held[layer] = GrowingTensor(key.contiguous()), GrowingTensor(value.contiguous())
        keys, values = (held.view for held in self._held[layer])
        parts = [part for part in self.parts(keys, values, query.shape[2]) if part.keys.shape[2]]
        return attention(query, parts, self.rotary, self.scale)

    def parts(self, keys: Tensor, values: Tensor, new: int) -> Iterator[Part]:
        """Everything at its own position, the `new` tokens last."""
        length = keys.shape[2]
        at = torch.arange(length)
        yield Part(keys[:, :, :-new], values[:, :, :-new], at[:-new], at[-new:])
        yield Part(keys[:, :, -new:], values[:, :, -new:], at[-new:], at[-new:], at[-new:, None] >= at[-new:])


class Rolling(Placed):
    """The first tokens and the newest, `window` in all, numbered anew: each query at most `window` from the first."""

    def __init__(self, rotary: Rotary, window: int) -> None:
        """`window`: how many tokens a query attends to, itself among them."""
        super().__init__(rotary)
        self.window = window

    def parts(self, keys: Tensor, values: Tensor, new: int) -> Iterator[Part]:
        """Sinks, and a band of the newest."""
        length, newest = keys.shape[2], self.window - SINKS
        queries = torch.arange(length - new, length)
        first = torch.arange(min(SINKS, length))
        placed = queries.clamp(max=self.window - 1)
        yield Part(keys[:, :, :SINKS], values[:, :, :SINKS], first, placed, queries[:, None] >= first)
        begin = max(SINKS, length - new - newest + 1)
        band = torch.arange(begin, length)
        apart = queries[:, None] - band
        yield Part(keys[:, :, begin:], values[:, :, begin:], band, queries, (apart >= 0) & (apart < newest))


class SelfExtend(Placed):
    """Neighbours at their own positions, what is farther in groups of one position each."""

    def __init__(self, rotary: Rotary, neighbours: int = 1024, group: int = 8) -> None:
        """As the paper names them."""
        super().__init__(rotary)
        self.neighbours, self.group = neighbours, group

    def parts(self, keys: Tensor, values: Tensor, new: int) -> Iterator[Part]:
        """What is far for all queries, what is for some, and what is near for some."""
        length = keys.shape[2]
        at = torch.arange(length)
        queries = at[-new:]
        grouped = queries // self.group + self.neighbours - self.neighbours // self.group
        far = max(0, length - new - self.neighbours + 1)
        yield Part(keys[:, :, :far], values[:, :, :far], at[:far] // self.group, grouped)
        some = at[far:]
        apart = queries[:, None] - some
        here = keys[:, :, far:], values[:, :, far:]
        if length > self.neighbours:
            yield Part(*here, some // self.group, grouped, apart >= self.neighbours)
        yield Part(*here, some, queries, (apart >= 0) & (apart < self.neighbours))


def attention(query: Tensor, parts: list[Part], rotary: Rotary, scale: float) -> Tensor:
    """Attention `(1, query_heads, new, dim)` to all parts together, of unturned queries."""
    outputs, sums = [], []
    for part in parts:
        output, total = _attended(rotary.moved(query, part.queries_at), part, rotary, scale)
        outputs.append(output.float())
        sums.append(total)
    weights = torch.stack(sums).softmax(0)[..., None]
    whole: Tensor = (torch.stack(outputs) * weights).sum(0).to(query.dtype).unflatten(2, (-1, query.shape[2]))
    return whole.flatten(1, 2)


def _attended(query: Tensor, part: Part, rotary: Rotary, scale: float) -> tuple[Tensor, Tensor]:
    """Attention to one part, `(1, heads, group * new, dim)`, and the logarithm of the sum of its exponentials,
    `(1, heads, group * new)`: -1e30 or so of a query to which nothing of it is allowed."""
    heads = part.keys.shape[1]
    group = query.shape[1] // heads
    rows = query.unflatten(1, (heads, group)).flatten(2, 3)
    mask = None
    if part.allowed is not None:
        none = torch.zeros(part.allowed.shape, dtype=query.dtype)
        mask = none.masked_fill_(~part.allowed, -1e30).repeat(group, 1)[None, None]
    output, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        rows,
        rotary.moved(part.keys, part.keys_at),
        part.values.contiguous(),
        attn_mask=mask,
        scale=scale * query.shape[-1] ** -0.5,
    )
    return output, total


class Control:
    """A `Reader` by a rule. newest: of the first piece that is read only so many last tokens, None for all."""

    def __init__(self, model: PreTrainedModel, rule: Rule, newest: int | None = None) -> None:
        """Sets the model's attention function."""
        AttentionInterface.register(NAME, _attention_function)
        model.set_attn_implementation(NAME)
        self._model, self._rule, self._newest = model, rule, newest
        self._last = torch.empty(0)

    def read(self, ids: Tensor) -> None:
        """As `Reader` says."""
        if self._newest is not None:
            ids, self._newest = ids[-self._newest :], None
        for piece in ids.split(CHUNK):
            self._last = self._forward(piece, 1)[-1:]

    def score(self, ids: Tensor) -> Scores:
        """As `Reader` says."""
        rows = [self._last]
        for piece in ids.split(CHUNK):
            rows.append(self._forward(piece, len(piece)))
        logits = torch.cat(rows)
        self._last = logits[-1:]
        return Scores.of(logits[:-1], ids)

    @torch.no_grad()
    def _forward(self, ids: Tensor, keep: int) -> Tensor:
        nowhere = torch.zeros(1, len(ids), dtype=torch.long)
        found = self._model(ids[None], position_ids=nowhere, use_cache=False, logits_to_keep=keep, rule=self._rule)
        logits: Tensor = found.logits[0]
        return logits


def _attention_function(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, rule: Rule, **kwargs: Any
) -> tuple[Tensor, None]:
    """transformers' seam. There is no mask: each rule has its own."""
    return rule.attend(int(module.layer_idx), query, key, value).transpose(1, 2), None  # type: ignore[arg-type]


def rotary_of(model: PreTrainedModel, **parameters: Any) -> tuple[Rotary, float]:
    """How a llama model turns its keys with these `rope_parameters` in place of its own, and what they multiply scores
    with."""
    config = type(model.config).from_dict(model.config.to_dict())
    settings = config.rope_parameters = {**model.config.rope_parameters, **parameters}
    if settings["rope_type"] == "default":
        half = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
        return Rotary(settings["rope_theta"] ** -half, interleaved=False), 1.0
    frequencies, factor = ROPE_INIT_FUNCTIONS[settings["rope_type"]](config, torch.device("cpu"))
    return Rotary(frequencies, interleaved=False), factor**2


def ntk(theta: float, dim: int, factor: float) -> dict[str, Any]:
    """`rope_parameters` of a base by which the slowest channel is turned `factor` times slower."""
    return {"rope_type": "default", "rope_theta": theta * factor ** (dim / (dim - 2))}


def yarn(window: int, factor: float) -> dict[str, Any]:
    """`rope_parameters` of YaRN."""
    return {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": window}
