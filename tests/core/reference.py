"""RefreshKV as section 3 of the paper reads, in plain Python: lists of positions, loops over heads, no cleverness.
With `lookahead`, `recent` and `bits` it is the library's default, which goes beyond the paper in what it keeps and in
what it chooses that from.

Slow and obvious, for tiny llama models and one sequence. The linear layers and norms are the model's own; attention,
selection, eviction and the schedule are written out here and share no code with `core`.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb


@dataclass
class LayerState:
    """`keys[h][p]`, `values[h][p]`: vectors of KV head h at position p; `small[h]`: positions, lowest rank first."""

    keys: list[list[list[float]]]
    values: list[list[list[float]]]
    small: list[list[int]] = field(default_factory=list)
    ranges: list[list[tuple[float, float]]] = field(default_factory=list)  # of each head and channel, in the prompt
    anchor: list[float] | None = None
    full_steps: int = 0
    partial_steps: int = 0


def softmax(scores: list[float]) -> list[float]:
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    return [weight / sum(weights) for weight in weights]


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a: list[float], b: list[float]) -> float:
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


class ReferenceDecoder:
    def __init__(
        self,
        model: LlamaForCausalLM,
        budget: int,
        stride: int,
        threshold: float | None = None,
        kernel: int = 7,
        lookahead: int = 0,
        recent: int = 0,
        bits: int = 0,
    ) -> None:
        self.model, self.budget, self.stride, self.threshold, self.kernel = model, budget, stride, threshold, kernel
        self.lookahead, self.recent, self.bits = lookahead, recent, bits
        heads = model.config.num_key_value_heads
        self.group = model.config.num_attention_heads // heads
        empty = [LayerState([[] for _ in range(heads)], [[] for _ in range(heads)]) for _ in model.model.layers]
        self.layers: list[LayerState] = empty
        self.length = 0
        self.decode_step = 0

    def prefill(self, token_ids: list[int]) -> Tensor:
        """Logits `(vocabulary,)` of the last prompt token, after which the small caches are chosen."""
        for index, token_id in enumerate(token_ids):
            logits = self._forward(token_id, "select" if index == len(token_ids) - 1 else "prompt")
        return logits

    def decode(self, token_id: int) -> Tensor:
        """Logits `(vocabulary,)` after one more token."""
        self.decode_step += 1
        return self._forward(token_id, "check" if self.decode_step % self.stride == 0 else "partial")

    @torch.no_grad()
    def _forward(self, token_id: int, mode: str) -> Tensor:
        inner = self.model.model
        hidden = inner.embed_tokens(torch.tensor([[token_id]]))
        rotary = inner.rotary_emb(hidden, torch.tensor([[self.length]]))
        for block, state in zip(inner.layers, self.layers, strict=True):
            normed = block.input_layernorm(hidden)
            hidden = hidden + self._attention(block.self_attn, state, normed, rotary, mode)
            hidden = hidden + block.mlp(block.post_attention_layernorm(hidden))
        self.length += 1
        return self.model.lm_head(inner.norm(hidden))[0, 0]

    def _attention(
        self, module: torch.nn.Module, state: LayerState, hidden: Tensor, rotary: tuple[Tensor, Tensor], mode: str
    ) -> Tensor:
        shape = (1, 1, -1, module.head_dim)
        query = module.q_proj(hidden).view(shape).transpose(1, 2)
        key = module.k_proj(hidden).view(shape).transpose(1, 2)
        value = module.v_proj(hidden).view(shape).transpose(1, 2)
        query, key = apply_rotary_pos_emb(query, key, *rotary)
        queries: list[list[float]] = query[0, :, 0].tolist()
        for head in range(len(state.keys)):
            state.keys[head].append(key[0, head, 0].tolist())
            state.values[head].append(value[0, head, 0].tolist())

        mean_query = [sum(column) / len(queries) for column in zip(*queries, strict=True)]
        full = mode != "partial"
        if mode == "check" and self.threshold is not None:
            full = not cosine(mean_query, state.anchor) > self.threshold
        if mode in ("check", "partial"):
            state.full_steps += full
            state.partial_steps += not full
        if full and mode != "prompt":
            state.anchor = mean_query
        outputs: list[float] = []
        chosen: list[list[int]] = []
        for head in range(len(state.keys)):
            group = queries[head * self.group : (head + 1) * self.group]
            renewed = mode == "check" and full and self.bits > 0
            if renewed:
                coded = self._coded_weights(group, state.keys[head], state.ranges[head], module.scaling)
                state.small[head] = self._select(coded, least_recent=1)
                positions = state.small[head]
            else:
                positions = list(range(self.length + 1)) if full else self._extended(state.small[head])
            weights = [self._weights(q, state.keys[head], positions, module.scaling) for q in group]
            for row in weights:
                vectors = [state.values[head][p] for p in positions]
                outputs += [dot(row, list(column)) for column in zip(*vectors, strict=True)]
            chosen.append(self._select(weights) if full and not renewed else positions)
        if mode == "select":
            channels = [zip(*keys, strict=True) for keys in state.keys]
            state.ranges = [[(min(values), max(values)) for values in head] for head in channels]
        if mode != "prompt":
            state.small = chosen
        return module.o_proj(torch.tensor(outputs, dtype=hidden.dtype).view(1, 1, -1))

    def _extended(self, small: list[int]) -> list[int]:
        """The small cache with the current token in it and, if it was full, the lowest-ranked token out of it."""
        kept = small[1:] if len(small) == self.budget else small
        return [*kept, self.length]

    def _weights(self, query: list[float], keys: list[list[float]], positions: list[int], scale: float) -> list[float]:
        return softmax([dot(query, keys[p]) * scale for p in positions])

    def _coded_weights(
        self, group: list[list[float]], keys: list[list[float]], ranges: list[tuple[float, float]], scale: float
    ) -> list[list[float]]:
        """The logarithms of what the queries would attend to if keys were what their codes say, and queries bytes."""
        levels = 2**self.bits - 1
        steps = [(high - low) / levels for low, high in ranges]
        codes = [
            [min(max(round((k - low) / step), 0), levels) for k, (low, _), step in zip(key, ranges, steps, strict=True)]
            for key in keys
        ]
        rows = []
        for query in group:
            stepped = [q * step for q, step in zip(query, steps, strict=True)]
            unit = max(map(abs, stepped)) / 127
            rounded = [round(value / unit) for value in stepped]
            rows.append([math.log(weight) for weight in softmax([dot(rounded, code) * unit * scale for code in codes])])
        return rows

    def _select(self, weights: list[list[float]], least_recent: int = 0) -> list[int]:
        """Max over the group, max over the window and what came before, the newest and top K by (score, position),
        ascending."""
        scores = [max(column) for column in zip(*weights, strict=True)]
        reach = self.kernel // 2
        pooled = [max(scores[max(0, p - reach) : p + reach + 1]) for p in range(len(scores))]
        ahead = [max(pooled[max(0, p - self.lookahead) : p + 1]) for p in range(len(scores))]
        count = max(least_recent, min(self.recent, min(self.budget, len(scores)) // 2))
        newest = range(len(scores) - count, len(scores))
        ranked = sorted(range(len(scores)), key=lambda p: (p in newest, 0 if p in newest else ahead[p], p))
        return ranked[-self.budget :]
