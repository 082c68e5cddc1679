"""Beyond the trained window: what a decode step could attend to, so that more of the facts are found?

    python -m benchmarks.prototypes.lookup FOLDER [--text policy] [--length 30208] [--rules share=0.5,stands=0.2,...]

A manual of Debian's with 48 facts in it is read by the rule of core/window.py. Each fact is asked for behind the
document, two others with their answers before the question; the question is read as a part of a prompt, and each token
of the answer chooses for itself, by a rule: `share`, the query attends to the fewest of the chosen that hold such a
share of what they all get, and to `keep` of the chosen around each, where one of them has a share of `stands`; `near`,
it attends to so many near positions alone there; `bonus`, added to the chosen there; `count`, chosen; `behind` and
`ahead`, how far scores are pooled; `many`, so many of the queries before choose too, with scores lowered by 1.
Printed: the share of the digits that are right, their negative log-likelihood, and with `--tail` that of so many of the
document's last tokens, one by one. FOLDER keeps what was read.
"""

from __future__ import annotations

import argparse
import math
import random
import re
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d, pad
from transformers import PreTrainedModel

from core import FullAttention, PolicyCache, Snapshot, load_model
from core.extension import Extension, together
from core.grouped import Terms, attention_scores
from core.key_codes import choose_positions
from core.old_keys import SINKS
from core.rotary import Rotary
from core.selection import gather_positions

from ..length.facts import DIGITS, WORDS, Scores, beginning, encoded, text, thirds
from ..length.readers import Ours

MORE = re.findall(
    r"\w+",
    """anchor basil cedar dahlia eagle fennel ginger hazel iris juniper kiwi lemon magnet nutmeg olive pepper quince
    rose silver thyme urchin violet walnut yarrow""",
)
ROOM, REMEMBERED, AT_ONCE = 512, 16, 64


@dataclass(frozen=True)
class Rule:
    """See above; as it is by default."""

    share: float = 1.0
    stands: float = 0.5
    keep: int = 15
    near: int = 0
    bonus: float = 0.0
    count: int = 0
    behind: int = 3
    ahead: int = 3
    many: int = 0

    @classmethod
    def of(cls, written: str) -> Rule:
        """As written on the command line; "-" is the rule as it is."""
        parts = dict(part.split("=") for part in written.split(",")) if written != "-" else {}
        default = cls()
        return cls(**{f.name: type(getattr(default, f.name))(parts[f.name]) for f in fields(cls) if f.name in parts})


class Asking(Extension):
    """A layer's state whose newest tokens choose one by one, by `rule`, while there is one."""

    rule: Rule | None = None
    before: Tensor | None = None

    def _block(self, query: Tensor, keys: Tensor, values: Tensor, terms: Terms, rotary: Rotary) -> Tensor:
        length, new, half = keys.shape[2], query.shape[2], self.window.size // 2
        start = length - new
        placed = rotary.moved(query, half - torch.arange(start, length))
        history = placed if self.before is None else torch.cat([self.before, placed], dim=2)
        self.before = history[:, :, -REMEMBERED:].clone()
        if self.rule is None:
            return super()._block(query, keys, values, terms, rotary)
        begin = self.window.start_of_block(start) - self.window.local
        parts = []
        for token in range(new):
            end = history.shape[2] - new + token + 1
            asking = history[:, :, max(0, end - 1 - self.rule.many) : end]
            seen = [states[:, :, : start + token + 1] for states in (keys, values)]
            own = query[:, :, token : token + 1]
            parts.append(self._token(self.rule, own, asking, seen[0], seen[1], begin, terms, rotary))
        return torch.cat(parts, dim=1).to(query.dtype)

    def _token(
        self,
        rule: Rule,
        query: Tensor,
        asking: Tensor,
        keys: Tensor,
        values: Tensor,
        begin: int,
        terms: Terms,
        rotary: Rotary,
    ) -> Tensor:
        heads = keys.shape[1]
        index = self._index(keys, begin, rotary)
        by_head = asking.unflatten(1, (heads, -1))
        scores = index.scores(by_head[:, :, :, -1], terms.scaling)
        if asking.shape[2] > 1:
            scores = torch.maximum(scores, index.scores(by_head[:, :, :, :-1].flatten(2, 3), terms.scaling) - 1)
        scores = max_pool1d(pad(scores, (rule.ahead, rule.behind), value=-1e30), rule.ahead + rule.behind + 1, stride=1)
        scores[:, :, :SINKS] = torch.inf
        chosen = choose_positions(scores, min(rule.count or self.window.chosen, begin), recent=0)
        moved = rotary.moved(gather_positions(keys, chosen), together(chosen, begin + self.window.closer))
        far = attention_scores(query, moved, terms.scaling)[:, :, :, 0]
        near = attention_scores(query, keys[:, :, begin:], terms.scaling)[:, :, :, 0]
        sinks, old = far[..., :SINKS], far[..., SINKS:]
        spread = old.logsumexp(-1, keepdim=True) - old.amax(-1, keepdim=True)
        stands = spread + math.log(rule.stands) <= 0
        damping = self.window.damping(begin).of(old).unsqueeze(-1)
        if rule.share < 1:
            weights, order = old.softmax(-1).sort(-1, descending=True)
            held = (weights.cumsum(-1) - weights < rule.share).float()
            kept = torch.zeros_like(old).scatter(-1, order, held)
            kept = max_pool1d(kept[0], rule.keep, stride=1, padding=rule.keep // 2)[None]
            old = old.masked_fill((kept == 0) & stands, -torch.inf)
        old = old - damping + rule.bonus * stands
        if rule.near:
            farther = torch.arange(near.shape[3]) < near.shape[3] - rule.near
            near = near.masked_fill(farther & stands, -torch.inf)
        seen = torch.cat([gather_positions(values, chosen), values[:, :, begin:]], dim=2).float()
        return (torch.cat([sinks, old, near], dim=-1).softmax(-1) @ seen).flatten(1, 2).unsqueeze(1)


def choosing(cache: PolicyCache, rule: Rule | None) -> None:
    """By which rule the next tokens choose."""
    for layer in cache.policy_layers.values():
        assert isinstance(layer.extension, Asking)
        layer.extension.rule = rule


def rows(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, keep: int) -> Tensor:
    """The last logits of `ids`, which follow in `cache`."""
    with cache.prefill(last=False), torch.no_grad():
        logits: Tensor = model(input_ids=ids[None], cache=cache, logits_to_keep=keep).logits[0]
    cache.token_ids += ids.tolist()
    cache.prefilled = len(cache.token_ids)
    return logits


def read(model: PreTrainedModel, ids: Tensor, file: Path) -> PolicyCache:
    """A cache that has read `ids`, kept in `file`, whose layers choose by a rule."""
    if file.exists():
        cache = Snapshot.read(file).restore(model.config, FullAttention(), room=len(ids) + ROOM, window="extend")
    else:
        cache = PolicyCache(model.config, FullAttention(), "extend")
        cache.reserve(len(ids) + ROOM)
        Ours(model, cache).read(ids)
        Snapshot.take(cache, len(ids)).save(file)
    assert cache.window is not None
    for layer in cache.policy_layers.values():
        layer.extension = Asking(cache.window)
    return cache


def answered(
    model: PreTrainedModel, cache: PolicyCache, rule: Rule, question: Tensor, answer: Tensor
) -> tuple[float, float]:
    """Of the digits that end `answer`, asked for by `question`: the share that is right, and their negative
    log-likelihood."""
    choosing(cache, None)
    first = rows(model, cache, question, 1)
    choosing(cache, rule)
    scores = Scores.of(torch.cat([first, rows(model, cache, answer[:-1], len(answer) - 1)]), answer)
    return float((scores.best == answer)[-DIGITS:].float().mean()), -float(scores.likelihood[-DIGITS:].mean())


def end_of(model: PreTrainedModel, cache: PolicyCache, ids: Tensor, tail: int) -> float:
    """Negative log-likelihood of the last `tail` of `ids`, which `cache` has read, one by one."""
    cache.truncate(len(ids) - tail)
    likelihood = []
    for piece in ids[-tail:].split(AT_ONCE):
        next_ids = ids[len(cache.token_ids) + 1 :][: len(piece)]
        likelihood.append(Scores.of(rows(model, cache, piece, len(piece))[: len(next_ids)], next_ids).likelihood)
    return -float(torch.cat(likelihood).mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--text", default="policy")
    parser.add_argument("--length", type=int, default=30208)
    parser.add_argument("--rules", nargs="*", default=["-"])
    parser.add_argument("--apart", type=int, default=1, help="ask for every so many facts")
    parser.add_argument("--tail", type=int, default=0)
    asked = parser.parse_args()
    model, tokenizer = load_model(quantization="int4")
    ids, said = beginning(text(tokenizer, asked.text), tokenizer, asked.length, WORDS + MORE)
    cache = read(model, ids, asked.folder / f"{asked.text}-{asked.length}.safetensors")
    order = random.Random(0).sample(said, len(said))
    for name in asked.rules:
        rule, found = Rule.of(name), dict[str, tuple[float, float]]()
        for index in range(0, len(order), asked.apart):
            before = "".join(f"\n\nThe code of {word} is {code}" for word, code in (order[index - 2], order[index - 1]))
            word, code = order[index]
            question = encoded(tokenizer, f"{before}\n\nThe code of {word} is")
            cache.truncate(len(ids))
            found[word] = answered(model, cache, rule, question, encoded(tokenizer, f" {code}"))
        right, nll = zip(*(found[word] for word, _ in said if word in found), strict=True)
        tail = f"; the end {end_of(model, cache, ids, asked.tail):.3f}" if asked.tail else ""
        shares = " / ".join(f"{share:.2f}" for share in thirds(list(right)))
        row = f"{asked.text} {asked.length} {name}: {fmean(right):.3f} of {len(right)} facts ({shares})"
        print(f"{row}, {fmean(nll):.3f} a digit{tail}", flush=True)


if __name__ == "__main__":
    main()
