"""Attention beyond the window as core/window.py says it, in plain loops, for tiny llama models and one sequence.

Keys are kept without a position and turned by the model's own rotary embedding, each time to the position at which they
are seen. Linear layers, norms and the index's codes are those of the model and of core; the rest is written out.
"""

import math

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from core.key_codes import KeyCodes
from core.old_keys import POOL, SINKS, directions, principal_basis
from core.window import Window


class ExtendedReference:
    def __init__(self, model: LlamaForCausalLM, window: Window) -> None:
        self.model, self.window = model, window
        config = model.config
        self.heads, self.group = config.num_key_value_heads, config.num_attention_heads // config.num_key_value_heads
        self.keys: list[list[Tensor]] = [[] for _ in model.model.layers]  # (heads, dim) of each position
        self.values: list[list[Tensor]] = [[] for _ in model.model.layers]
        self.held: list[list[list[int]]] = [[] for _ in model.model.layers]  # what each head chose last
        self.begin = [0] * len(self.held)  # of the local part then
        self.asked: list[Tensor] = [torch.empty(0)] * len(self.held)  # the last query
        self.length = 0

    def read(self, ids: list[int]) -> Tensor:
        """Logits `(vocabulary,)` after more of a prompt, block by block."""
        while ids:
            size = self.window.whole_blocks(self.length, 1)
            logits = self._forward(ids[:size], self.window.chosen)
            ids = ids[size:]
        return logits

    def settle(self, count: int) -> None:
        """Choose for the last token of a prompt alone."""
        for index, query in enumerate(self.asked):
            self._hold(index, query, self.length - 1, count)

    def decode(self, token_id: int, count: int | None) -> Tensor:
        """Logits after one more token that attends to `count` chosen positions, or to those of the step before."""
        return self._forward([token_id], count)

    @torch.no_grad()
    def _forward(self, ids: list[int], count: int | None) -> Tensor:
        hidden = self.model.model.embed_tokens(torch.tensor([ids]))
        for index, block in enumerate(self.model.model.layers):
            normed = block.input_layernorm(hidden)
            hidden = hidden + self._attention(index, block.self_attn, normed, count)
            hidden = hidden + block.mlp(block.post_attention_layernorm(hidden))
        self.length += len(ids)
        return self.model.lm_head(self.model.model.norm(hidden))[0, -1]

    def _attention(self, index: int, module: torch.nn.Module, hidden: Tensor, count: int | None) -> Tensor:
        new = hidden.shape[1]
        query, key, value = (
            part(hidden)[0].view(new, -1, module.head_dim) for part in (module.q_proj, module.k_proj, module.v_proj)
        )
        self.keys[index] += list(key)
        self.values[index] += list(value)
        self.asked[index] = query[-1:]
        beyond = self.length >= self.window.size
        if beyond and count is not None:
            self._hold(index, query, self.length, count)
        rows = []
        for place in range(new):
            position, row = self.length + place, []
            for head in range(self.heads):
                seen, most = [(j, j, False) for j in range(position + 1)], 0.0
                if beyond:
                    far, begin = self.held[index][head], self.begin[index]
                    first = begin + self.window.local - self.window.distance - len(far)
                    most = 0.0 if count is None else math.log(begin / (self.window.size - self.window.local))
                    seen = [(j, first + i, i >= SINKS) for i, j in enumerate(far)]
                    seen += [(j, j, False) for j in range(begin, position + 1)]
                row += self._attend(index, query[place], head, position, seen, most, module.scaling)
            rows.append(torch.cat(row))
        return module.o_proj(torch.stack(rows)[None])

    def _hold(self, index: int, query: Tensor, position: int, count: int) -> None:
        begin = self.begin[index] = self.window.start_of_block(position) - self.window.local
        self.held[index] = [self._choose(index, query, head, begin, count) for head in range(self.heads)]

    def _attend(
        self,
        index: int,
        query: Tensor,
        head: int,
        position: int,
        seen: list[tuple[int, int, bool]],
        most: float,
        scaling: float,
    ) -> list[Tensor]:
        """Of each query head in the group; seen: which position, where it stands, and whether it was chosen by its
        score: of these a query gets less, by `most` at most."""
        keys = torch.stack([self._turned(self.keys[index][j][head], at) for j, at, _ in seen])
        values = torch.stack([self.values[index][j][head] for j, _, _ in seen])
        chosen = torch.tensor([chosen for _, _, chosen in seen])
        outputs = []
        for one in query[head * self.group : (head + 1) * self.group]:
            scores = keys @ self._turned(one, position) * scaling
            if chosen.any():
                share = float(scores[chosen].softmax(0).max())  # of the one that stands out
                scores[chosen] -= min(max(math.log(self.window.peak / share), 0.0), most)
            outputs.append(scores.softmax(0) @ values)
        return outputs

    def _turned(self, vector: Tensor, position: int) -> Tensor:
        cos, sin = self.model.model.rotary_emb(vector[None, None], torch.tensor([[position]]))
        return apply_rotary_pos_emb(vector[None, None, None], vector[None, None, None], cos, sin)[0][0, 0, 0]

    def _choose(self, index: int, query: Tensor, head: int, old: int, count: int) -> list[int]:
        scaling = float(self.model.model.layers[index].self_attn.scaling)
        bare = torch.stack([self._scaled(key[head]) for key in self.keys[index][:old]])[None, None]
        first = self.window.size - self.window.local
        basis = principal_basis(bare[:, :, :first], directions(bare.shape[3]))[0, 0]
        codes = KeyCodes(bare[:, :, :first] @ basis, self.window.bits)
        codes.append(bare[:, :, first:] @ basis)
        scores = torch.full((old,), -torch.inf)
        for place in range(len(query) - 1, -1, -math.ceil(len(query) / self.window.asking)):
            for one in query[place, head * self.group : (head + 1) * self.group]:
                asked = self._turned(one, self.window.size // 2) @ basis
                found = codes.log_weights(asked.view(1, 1, 1, -1), scaling)[0, 0, 0]
                scores = torch.maximum(scores, found)
        near = POOL // 2
        pooled = [float(scores[max(0, j - near) : j + near + 1].max()) for j in range(old)]
        pooled[:SINKS] = [float("inf")] * SINKS
        return sorted(sorted(range(old), key=lambda j: (pooled[j], j))[-count:])

    def _scaled(self, key: Tensor) -> Tensor:
        """As it is at position 0, where some scalings make it longer."""
        return self._turned(key, 0)
