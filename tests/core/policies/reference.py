"""Each method's rule in plain Python: lists of positions, loops over heads, no cleverness.

Slow and obvious, for tiny llama models and one sequence. The linear layers and norms are the model's own; attention,
and what each method attends to, are written out here from the papers and share no code with `core`.
"""

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from tests.core.reference import cosine, dot, softmax

Rows = list[list[float]]


def slots(budget: float | int, length: int) -> int:
    return budget if isinstance(budget, int) else max(1, int(budget * length))


def largest(scores: dict[int, float], count: int) -> list[int]:
    """The keys of the `count` largest."""
    return sorted(scores, key=lambda key: scores[key])[max(0, len(scores) - count) :]


class Rule:
    """What one layer of a method attends to. `keys[h][p]`: of KV head h at position p; `prompt[t][q][p]`: how much
    token t of the prompt attended to p <= t with query head q. `held[h]`: what the method holds, or read last."""

    def __init__(self, layer: int, layers: int, heads: int, group: int) -> None:
        self.layer, self.layers, self.heads, self.group = layer, layers, heads, group
        self.keys: list[Rows] = [[] for _ in range(heads)]
        self.values: list[Rows] = [[] for _ in range(heads)]
        self.prompt: list[Rows] = []
        self.held: list[list[int]] = []
        self.full_steps = self.partial_steps = 0

    @property
    def length(self) -> int:
        return len(self.keys[0])

    def is_full(self) -> bool:
        """Whether a decode step of this layer attends to everything."""
        return False

    def finish(self, queries: Rows, scale: float) -> None:
        """The prompt is over; `queries[q]` are those of its last token."""

    def attend(self, queries: Rows, scale: float) -> None:
        """Set `held` to what the newest token, which is among the keys, attends to."""

    def observe(self, weights: Rows) -> None:
        """The newest token attended to `held` so: one list for each query head."""

    def of_head(self, head: int) -> range:
        """The query heads that share a KV head."""
        return range(head * self.group, (head + 1) * self.group)


class StreamingLLM(Rule):
    """The first `sinks` tokens and the newest, K in all."""

    def __init__(self, *shape: int, budget: float | int, sinks: int = 4) -> None:
        super().__init__(*shape)
        self.budget, self.sinks = budget, sinks

    def finish(self, queries: Rows, scale: float) -> None:
        self.size = max(self.sinks + 1, slots(self.budget, self.length))
        self.attend(queries, scale)

    def attend(self, queries: Rows, scale: float) -> None:
        window = self.size - self.sinks
        kept = [p for p in range(self.length) if p < self.sinks or p >= self.length - window]
        self.held = [kept for _ in range(self.heads)]


class SnapKV(Rule):
    """Section 3: of the prompt the window, and what its queries attend to by pooled votes; all that comes after."""

    def __init__(self, *shape: int, budget: float | int, window: int = 32, pool_kernel_size: int = 5) -> None:
        super().__init__(*shape)
        self.budget, self.window, self.kernel = budget, window, pool_kernel_size

    def finish(self, queries: Rows, scale: float) -> None:
        size = max(self.window, slots(self.budget, self.length))
        window = min(self.window, self.length)
        before = self.length - window
        self.held = []
        for head in range(self.heads):
            votes = dict.fromkeys(range(before), 0.0)
            for query_head in self.of_head(head):
                mean = [sum(row[query_head][p] for row in self.prompt[-window:]) / window for p in range(before)]
                reach = self.kernel // 2
                for p in range(before):  # beyond the ends there are zeros
                    near = mean[max(0, p - reach) : p + reach + 1]
                    votes[p] += sum(near) / self.kernel / self.group
            self.held.append([*largest(votes, size - window), *range(before, self.length)])

    def attend(self, queries: Rows, scale: float) -> None:
        self.held = [[*kept, self.length - 1] for kept in self.held]


class H2O(Rule):
    """Algorithm 1: half of K the newest tokens, half those that received most attention from all tokens so far."""

    def __init__(self, *shape: int, budget: float | int) -> None:
        super().__init__(*shape)
        self.budget = budget

    def finish(self, queries: Rows, scale: float) -> None:
        self.size = max(2, slots(self.budget, self.length))
        self.received = [dict.fromkeys(range(self.length), 0.0) for _ in range(self.heads)]
        for row in self.prompt:
            for head in range(self.heads):
                for query_head in self.of_head(head):
                    for p, weight in enumerate(row[query_head]):
                        self.received[head][p] += weight
        recent = self.size - self.size // 2
        self.held = []
        for head in range(self.heads):
            older = {p: self.received[head][p] for p in range(max(0, self.length - recent))}
            kept = largest(older, self.size // 2)
            self.held.append([*kept, *range(max(0, self.length - recent), self.length)])

    def attend(self, queries: Rows, scale: float) -> None:
        newest = self.length - 1
        recent = self.size - self.size // 2
        for head, kept in enumerate(self.held):
            if len(kept) == self.size:
                older = [p for p in kept if p <= newest - recent]
                kept.remove(min(older, key=lambda p, head=head: self.received[head][p]))
            kept.append(newest)
            self.received[head][newest] = 0.0

    def observe(self, weights: Rows) -> None:
        for head, kept in enumerate(self.held):
            for query_head in self.of_head(head):
                for p, weight in zip(kept, weights[query_head], strict=True):
                    self.received[head][p] += weight


class TOVA(Rule):
    """Section 3.2: what the newest token attends to least goes, by the mean over all heads of the layer."""

    def __init__(self, *shape: int, budget: float | int) -> None:
        super().__init__(*shape)
        self.budget = budget

    def mean(self, rows: Rows, positions: list[int]) -> dict[int, float]:
        return {p: sum(column) / len(rows) for p, *column in zip(positions, *rows, strict=True)}

    def finish(self, queries: Rows, scale: float) -> None:
        self.size = max(2, slots(self.budget, self.length))
        self.scores = self.mean(self.prompt[-1], list(range(self.length)))
        older = {p: score for p, score in self.scores.items() if p < self.length - 1}
        self.held = [[*largest(older, self.size - 1), self.length - 1]] * self.heads

    def attend(self, queries: Rows, scale: float) -> None:
        kept = list(self.held[0])
        newest = self.length - 1
        if len(kept) == self.size:
            kept.remove(min((p for p in kept if p < newest - 1), key=lambda p: self.scores[p], default=newest - 1))
        self.held = [[*kept, newest]] * self.heads

    def observe(self, weights: Rows) -> None:
        self.scores = self.mean(weights, self.held[0])


class Quest(Rule):
    """Section 3.3: the pages with the highest bound on a score, and the newest page; the first layers attend fully."""

    def __init__(
        self, *shape: int, budget: float | int, page: int = 16, dense_layers: int = 2, stride: int = 10
    ) -> None:
        super().__init__(*shape)
        self.budget, self.page, self.dense = budget, page, min(dense_layers, self.layers - 1)

    def is_full(self) -> bool:
        return self.layer < self.dense

    def finish(self, queries: Rows, scale: float) -> None:
        self.size = max(2 * self.page, slots(self.budget, self.length))

    def attend(self, queries: Rows, scale: float) -> None:
        newest = (self.length - 1) // self.page
        rest = list(range(newest * self.page, self.length))
        wanted = (min(self.size, self.length) - len(rest)) // self.page
        self.held = []
        for head in range(self.heads):
            bounds = {}
            for page in range(newest):
                keys = self.keys[head][page * self.page : (page + 1) * self.page]
                bounds[page] = max(self.bound(queries[query_head], keys) for query_head in self.of_head(head))
            pages = largest(bounds, wanted)
            self.held.append([p for page in pages for p in range(page * self.page, (page + 1) * self.page)] + rest)

    @staticmethod
    def bound(query: list[float], keys: Rows) -> float:
        return sum(max(q * min(c), q * max(c)) for q, c in zip(query, zip(*keys, strict=True), strict=True))


class TokenSelect(Rule):
    """Section 4: sinks, recent tokens and those with most votes of all heads; chosen anew when the query changed."""

    def __init__(
        self,
        *shape: int,
        budget: float | int,
        sinks: int = 4,
        recent: int = 32,
        similarity: float = 0.9,
        stride: int = 10,
    ) -> None:
        super().__init__(*shape)
        self.budget, self.sinks, self.recent, self.similarity = budget, sinks, recent, similarity
        self.choices = 0

    def finish(self, queries: Rows, scale: float) -> None:
        self.size = max(self.sinks + self.recent + 1, slots(self.budget, self.length))
        self.choose(queries, scale)

    def attend(self, queries: Rows, scale: float) -> None:
        if not cosine(self.mean(queries), self.query) > self.similarity:
            self.choose(queries, scale)
        recent = range(self.begin, self.length)
        self.held = [[*self.chosen, *recent]] * self.heads

    def choose(self, queries: Rows, scale: float) -> None:
        self.choices += 1
        self.query = self.mean(queries)
        votes = dict.fromkeys(range(self.length), 0.0)
        for query_head, query in enumerate(queries):
            keys = self.keys[query_head // self.group]
            for p, weight in enumerate(softmax([dot(query, key) * scale for key in keys])):
                votes[p] += weight
        self.begin = min(self.length, max(self.sinks, self.length - self.recent))
        sinks = list(range(min(self.sinks, self.length)))
        between = {p: votes[p] for p in range(len(sinks), self.begin)}
        count = min(self.size, self.length) - len(sinks) - (self.length - self.begin)
        self.chosen = sinks + largest(between, count)

    @staticmethod
    def mean(queries: Rows) -> list[float]:
        return [sum(column) / len(queries) for column in zip(*queries, strict=True)]


class PlainDecoder:
    """A llama that decodes by a rule, one token at a time."""

    def __init__(self, model: LlamaForCausalLM, rule: type[Rule], **parameters: object) -> None:
        self.model = model
        heads = model.config.num_key_value_heads
        group = model.config.num_attention_heads // heads
        layers = len(model.model.layers)
        self.layers = [rule(layer, layers, heads, group, **parameters) for layer in range(layers)]

    def prefill(self, token_ids: list[int]) -> Tensor:
        """Logits `(vocabulary,)` of the last token of the prompt."""
        for index, token_id in enumerate(token_ids):
            logits = self._forward(token_id, "last" if index == len(token_ids) - 1 else "prompt")
        return logits

    def decode(self, token_id: int) -> Tensor:
        """Logits `(vocabulary,)` after one more token."""
        return self._forward(token_id, "decode")

    @torch.no_grad()
    def _forward(self, token_id: int, mode: str) -> Tensor:
        inner = self.model.model
        hidden = inner.embed_tokens(torch.tensor([[token_id]]))
        rotary = inner.rotary_emb(hidden, torch.tensor([[self.layers[0].length]]))
        for block, rule in zip(inner.layers, self.layers, strict=True):
            normed = block.input_layernorm(hidden)
            hidden = hidden + self._attention(block.self_attn, rule, normed, rotary, mode)
            hidden = hidden + block.mlp(block.post_attention_layernorm(hidden))
        return self.model.lm_head(inner.norm(hidden))[0, 0]

    def _attention(
        self, module: torch.nn.Module, rule: Rule, hidden: Tensor, rotary: tuple[Tensor, Tensor], mode: str
    ) -> Tensor:
        shape = (1, 1, -1, module.head_dim)
        query, key, value = (
            projection(hidden).view(shape).transpose(1, 2)
            for projection in (module.q_proj, module.k_proj, module.v_proj)
        )
        query, key = apply_rotary_pos_emb(query, key, *rotary)
        queries: Rows = query[0, :, 0].tolist()
        for head in range(rule.heads):
            rule.keys[head].append(key[0, head, 0].tolist())
            rule.values[head].append(value[0, head, 0].tolist())

        everything = [list(range(rule.length))] * rule.heads
        full = mode != "decode" or rule.is_full()
        if not full:
            rule.attend(queries, module.scaling)
        attended = everything if full else rule.held
        rows = []
        outputs: list[float] = []
        for query_head, vector in enumerate(queries):
            head = query_head // rule.group
            positions = attended[head]
            weights = softmax([dot(vector, rule.keys[head][p]) * module.scaling for p in positions])
            columns = zip(*(rule.values[head][p] for p in positions), strict=True)
            outputs += [dot(weights, list(column)) for column in columns]
            rows.append(weights)
        if mode == "decode":
            rule.full_steps += full
            rule.partial_steps += not full
            if not full:
                rule.observe(rows)
        else:
            rule.prompt.append(rows)
            if mode == "last":
                rule.finish(queries, module.scaling)
        return module.o_proj(torch.tensor(outputs, dtype=hidden.dtype).view(1, 1, -1))
