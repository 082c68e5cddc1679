"""Beyond the trained window: which rule of selection reads a long document best? (core/window.py has the one that won.)

    python -m benchmarks.prototypes.window --record FILE [--text policy] [--length 30208] [--read alone 4096/2048]

A document with 24 facts in it is read under a rule "local/K", in blocks; then its last 512 tokens and the facts are
asked for under others. Printed, and kept in FILE so that nothing is measured twice: negative log-likelihood of the last
256 tokens, as a block (whose selection sees all of its queries) and token by token; digits of the facts that are
right, by thirds of the depth. "alone" reads the last 7,500 tokens as they are.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import load_model
from core.default_model import cache_folder
from core.key_codes import KeyCodes

from ..quality.texts import TEXTS, token_ids
from ..writing.corpus import Library

WINDOW, SINKS, TAIL, SCORED, ALONE = 8192, 4, 512, 256, 7500
WORDS = re.findall(
    r"\w+",
    """amber birch cobalt delta ember falcon garnet harbor indigo jasper kelp lotus maple nectar onyx pearl quartz raven
    sable tulip umber velvet willow zephyr""",
)


@dataclass(frozen=True)
class Rule:
    """How a block attends beyond the window: to `chosen` positions, then `local` ones and itself.

    bits: of the codes that are scored, 0 for the keys themselves. every: which of a block's queries score. span:
    positions that are chosen together. ask: "own" queries of the block, or those "before" it. far: distance at which
    all is scored. last: layers in which nothing is chosen, from this one on (-1: none).
    """

    local: int = 4096
    chosen: int = 2048
    block: int = 512
    bits: int = 0
    every: int = 8
    pool: int = 7
    span: int = 1
    ask: str = "own"
    mean: bool = False
    far: int = 4096


def angles(positions: Tensor, theta: float, dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, float32 `(..., dim / 2)`."""
    turned = positions[..., None].float() / theta ** (torch.arange(0, dim, 2).float() / dim)
    return turned.cos(), turned.sin()


def rotated(states: Tensor, positions: Tensor, theta: float) -> Tensor:
    """`states` `(heads, n, dim)` moved by `positions`, `(n,)` or `(heads, n)`."""
    cos, sin = angles(positions, theta, states.shape[-1])
    first, second = states.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(states.dtype)


class Reader:
    """A model of llama's form that holds a document; keys as they are without rotation and at their positions."""

    def __init__(self, model: PreTrainedModel, room: int) -> None:
        """Nothing read."""
        config: Any = model.config
        self.model, self.inner, self.theta = model, model.model, config.rope_parameters["rope_theta"]
        self.heads, self.dim = config.num_key_value_heads, config.head_dim
        self.query_heads = config.num_attention_heads
        shape = (config.num_hidden_layers, self.heads, room, self.dim)
        self.bare, self.keys, self.values = (torch.empty(shape, dtype=torch.bfloat16) for _ in range(3))
        self.before: list[Tensor | None] = [None] * config.num_hidden_layers
        self.codes: dict[tuple[int, int], KeyCodes] = {}
        self.length = 0

    def forward(self, ids: Tensor, rule: Rule | None, last: int = 1) -> Tensor:
        """Log-probabilities `(last, vocabulary)` of more tokens `(n,)`; without a rule everything is attended to."""
        parts = []
        while len(ids):
            step = len(ids) if rule is None else rule.block - (self.length - WINDOW) % rule.block
            step = min(step, WINDOW - self.length) if self.length < WINDOW else step
            parts.append(self._block(ids[: min(step, 512)], rule))
            ids = ids[min(step, 512) :]
        hidden = torch.cat(parts)[-last:]
        logits: Tensor = self.model.lm_head(self.inner.norm(hidden)).float()
        return logits.log_softmax(-1)

    def _block(self, ids: Tensor, rule: Rule | None) -> Tensor:
        new, start = len(ids), self.length
        hidden: Tensor = self.inner.embed_tokens(ids)[None]
        positions = torch.arange(start, start + new)
        for index, layer in enumerate(self.inner.layers):
            normed, module = layer.input_layernorm(hidden), layer.self_attn
            query, key, value = (
                projection(normed)[0].view(new, -1, self.dim).transpose(0, 1)
                for projection in (module.q_proj, module.k_proj, module.v_proj)
            )
            self.bare[index, :, start : start + new] = key
            self.keys[index, :, start : start + new] = rotated(key, positions, self.theta)
            self.values[index, :, start : start + new] = value
            output = self._attend(index, query, positions, rule).transpose(0, 1).reshape(1, new, -1)
            hidden = hidden + module.o_proj(output.to(hidden.dtype))
            hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        self.length += new
        return hidden[0]

    def _attend(self, index: int, query: Tensor, positions: Tensor, rule: Rule | None) -> Tensor:
        start, new = int(positions[0]), len(positions)
        turned = rotated(query, positions, self.theta)
        begin = 0
        parts = []
        if rule is not None and start >= WINDOW:
            first = WINDOW + (start - WINDOW) // rule.block * rule.block
            begin = first - rule.local
            before = None if rule.ask == "own" else self.before[index]
            chosen = self.choose(index, query if before is None else before, begin, rule)
            count = chosen.shape[1]
            moved = torch.arange(begin - count, begin) - chosen
            keys = rotated(gathered(self.keys[index], chosen), moved, self.theta)
            parts.append(attention(turned, keys, gathered(self.values[index], chosen)))
            if first + rule.block <= start + new:
                self.before[index] = query[:, -64:]
        if start > begin:
            parts.append(attention(turned, self.keys[index, :, begin:start], self.values[index, :, begin:start]))
        own = slice(start, start + new)
        parts.append(attention(turned, self.keys[index, :, own], self.values[index, :, own], causal=True))
        shares = torch.stack([lse for _, lse in parts]).softmax(0).unsqueeze(-1)
        return (shares * torch.stack([output for output, _ in parts]).float()).sum(0)

    def choose(self, index: int, query: Tensor, old: int, rule: Rule) -> Tensor:
        """Positions `(heads, count)` below `old`, ascending."""
        asking = query[:, (query.shape[1] - 1) % rule.every :: rule.every]
        placed = rotated(asking, torch.full((asking.shape[1],), rule.far), self.theta)
        grouped = placed.reshape(self.heads, -1, self.dim)
        if rule.bits:
            codes = self._codes(index, rule.bits, old)
            codes.truncate(old)
            logs = codes.log_weights(grouped.reshape(1, -1, 1, self.dim), self.dim**-0.5)[0]
        else:
            logs = (grouped @ self.bare[index, :, :old].transpose(1, 2)).float() * self.dim**-0.5
            logs = logs - logs.logsumexp(-1, keepdim=True)
        scores = logs.exp().mean(1) if rule.mean else logs.amax(1)
        if rule.pool > 1:
            scores = max_pool1d(scores[None], rule.pool, 1, rule.pool // 2)[0]
        scores[:, :SINKS] = 9
        count = min(rule.chosen, old)
        if rule.span == 1:
            return scores.topk(count).indices.sort(-1).values
        spans = scores[:, : old // rule.span * rule.span].unflatten(1, (-1, rule.span)).amax(-1)
        best: Tensor = spans.topk(count // rule.span).indices.sort(-1).values
        return (best[:, :, None] * rule.span + torch.arange(rule.span)).flatten(1)

    def _codes(self, index: int, bits: int, old: int) -> KeyCodes:
        if (index, bits) not in self.codes:
            self.codes[index, bits] = KeyCodes(self.bare[index : index + 1, :, :old], bits)
        codes = self.codes[index, bits]
        if codes.length < old:
            codes.append(self.bare[index : index + 1, :, codes.length : old])
        return codes


def gathered(states: Tensor, chosen: Tensor) -> Tensor:
    """`(heads, count, dim)`."""
    return states[torch.arange(len(states))[:, None], chosen]


def attention(query: Tensor, keys: Tensor, values: Tensor, *, causal: bool = False) -> tuple[Tensor, Tensor]:
    """Output `(query_heads, n, dim)` and log-sum-exp `(query_heads, n)`."""
    heads, new = query.shape[:2]
    if causal:
        keys, values = (states.repeat_interleave(heads // len(keys), dim=0) for states in (keys, values))
    else:
        query = query.reshape(len(keys), -1, query.shape[-1])
        if new == 1:  # the fused one is slow with so few
            scores = (query @ keys.transpose(1, 2)).float() * query.shape[-1] ** -0.5
            lse = scores.logsumexp(-1)
            weights = (scores - lse.unsqueeze(-1)).exp().to(values.dtype)
            return (weights @ values).reshape(heads, new, -1), lse.reshape(heads, new)
    output, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query[None], keys[None], values[None], 0.0, causal
    )
    return output.reshape(heads, new, -1), lse.reshape(heads, new)


# --- what is read and asked ------------------------------------------------------------------------------------------


def document(name: str, tokenizer: PreTrainedTokenizerBase, length: int) -> tuple[Tensor, list[tuple[str, int]]]:
    """`length` tokens of a text, with facts evenly over all but the last `TAIL`; and the facts in their order."""
    text = next(text for text in TEXTS if text.name == name)
    filler = token_ids(text, tokenizer, Library(cache_folder() / "benchmarks" / "documents"))
    drawn = random.Random(length)
    facts = [(word, drawn.randint(1000, 9999)) for word in drawn.sample(WORDS, len(WORDS))]
    said = [encoded(tokenizer, f"\n\nThe code of {word} is {code}.\n\n") for word, code in facts]
    stretch = (length - TAIL - sum(map(len, said))) // len(said)
    parts, begin = [], len(filler) // 20
    for sentence in said:
        parts += [filler[begin : begin + stretch], sentence]
        begin += stretch
    parts.append(filler[begin : begin + length - sum(map(len, parts))])
    ids = torch.cat(parts)
    assert len(ids) == length, "the text is too short"
    return ids, facts


def encoded(tokenizer: PreTrainedTokenizerBase, text: str) -> Tensor:
    """`(tokens,)`."""
    return torch.tensor(tokenizer(text)["input_ids"])


def end_of_text(reader: Reader, ids: Tensor, rule: Rule | None, *, by_token: bool) -> float:
    """NLL of the last tokens."""
    reader.length -= TAIL
    if by_token:
        reader.forward(ids[-TAIL : -SCORED - 1], rule)
        rows = torch.cat([reader.forward(token, rule) for token in ids[-SCORED - 1 :].split(1)])
    else:
        rows = reader.forward(ids[-TAIL:], rule, SCORED + 1)
    return float(-rows[:-1].gather(1, ids[-SCORED:, None]).mean())


def looked_up(
    reader: Reader, tokenizer: PreTrainedTokenizerBase, facts: list[tuple[str, int]], rule: Rule | None
) -> list[float]:
    """Of each fact, the share of its digits that are right, teacher-forced token by token."""
    length, found = reader.length, []
    for word, code in facts:
        answer = encoded(tokenizer, f" {code}")
        rows = [reader.forward(encoded(tokenizer, f"\n\nThe code of {word} is"), rule)]
        rows += [reader.forward(token, rule) for token in answer[:-1].split(1)]
        digits = (torch.cat(rows).argmax(-1) == answer)[-4:]
        found.append(float(digits.float().mean()))
        reader.length = length
    return found


def tails(base: Rule) -> Iterator[Rule]:
    """Rules under which the end is read again."""
    yield base
    yield replace(base, bits=3)
    yield replace(base, local=1024, chosen=3072)
    yield replace(base, local=6144, chosen=1024)
    yield replace(base, chosen=1024)
    yield replace(base, chosen=3072)
    yield replace(base, every=32)
    yield replace(base, block=128)
    yield replace(base, block=128, ask="before")
    yield replace(base, far=1024)
    yield replace(base, pool=15)
    yield replace(base, span=16)
    yield replace(base, mean=True)
    yield replace(base, bits=4)


class Record:
    """Lines of JSON, of which none is measured twice."""

    def __init__(self, path: Path) -> None:
        """What is there stays."""
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._keys = {json.loads(line)["key"] for line in lines}

    def __contains__(self, key: str) -> bool:
        """Whether it was measured."""
        return key in self._keys

    def add(self, key: str, **found: Any) -> None:
        """Kept and printed."""
        self._keys.add(key)
        with self._path.open("a") as file:
            file.write(json.dumps({"key": key, **found}) + "\n")
        thirds = found.get("lookup", [])
        shares = " / ".join(f"{fmean(thirds[part : part + 8]):.2f}" for part in range(0, len(thirds), 8))
        print(
            f"{key}  block {found['block']:.3f}  token {found['token']:.3f}  {shares}  {found['seconds']:.0f} s",
            flush=True,
        )


def _rule(name: str) -> Rule:
    local, chosen = name.split("/")
    return Rule(int(local), int(chosen))


def short(rule: Rule) -> str:
    """What differs from the default."""
    default = asdict(Rule(rule.local, rule.chosen))
    rest = [f"{name}={value}" for name, value in asdict(rule).items() if value != default[name]]
    return re.sub(r" $", "", f"{rule.local}/{rule.chosen} {' '.join(rest)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--text", default="policy")
    parser.add_argument("--length", type=int, default=30208)
    parser.add_argument("--read", nargs="+", default=["alone", "4096/2048"], metavar="LOCAL/K")
    parser.add_argument("--tails", action="store_true")
    asked = parser.parse_args()
    torch.set_grad_enabled(False)
    record = Record(asked.record)
    model, tokenizer = load_model(quantization="none")
    ids, facts = document(asked.text, tokenizer, asked.length)
    for name in asked.read:
        base = None if name == "alone" else _rule(name)
        read = ids[-ALONE:] if base is None else ids
        whole = f"{asked.text} {asked.length} read {name}: "
        rules = [base] if base is None or not asked.tails else list(tails(base))
        if all(whole + (short(rule) if rule else "stock") in record for rule in rules):
            continue
        started = perf_counter()
        reader = Reader(model, len(read) + 64)
        reader.forward(read, base)
        seconds = perf_counter() - started
        print(f"{whole}{seconds:.0f} s", flush=True)
        for rule in rules:
            if (key := whole + (short(rule) if rule else "stock")) in record:
                continue
            block = end_of_text(reader, ids, rule, by_token=False)
            token = end_of_text(reader, ids, rule, by_token=True) if rule in (None, base) else float("nan")
            reader.length -= TAIL
            reader.forward(ids[-TAIL:], rule)
            found = looked_up(reader, tokenizer, facts, rule)
            record.add(key, block=block, token=token, lookup=found, seconds=seconds)


if __name__ == "__main__":
    main()
