"""Rules beyond the window beside plain references, and what is made of records."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from benchmarks.length.cascading import Cascading, Held, _better
from benchmarks.length.controls import CHUNK, Control, Placed, Rolling, Rule, SelfExtend, ntk, rotary_of, yarn
from benchmarks.length.facts import DIGITS, Scores, _between, found, thirds
from benchmarks.length.readers import Ours
from benchmarks.length.report import figures, table
from benchmarks.length.rows import ROWS, factor, rows_named
from benchmarks.quality.record import Record
from core import FullAttention, KeyIndex, PolicyCache, enable

WINDOW, LENGTH = 64, 48


@pytest.fixture
def model(one_thread: None) -> PreTrainedModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=WINDOW,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        initializer_range=0.2,
    )
    return LlamaForCausalLM(config).eval()


def ids(length: int = LENGTH) -> Tensor:
    return torch.randint(97, (length,), generator=torch.Generator().manual_seed(1))


def stock(model: PreTrainedModel, tokens: Tensor) -> Tensor:
    """The logits behind each token."""
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return model(tokens[None]).logits[0]


def scored(model: PreTrainedModel, rule: Rule, tokens: Tensor, read: int = 20, **options: int) -> Tensor:
    control = Control(model, rule, **options)
    control.read(tokens[:read])
    return control.score(tokens[read:]).likelihood


def expected(model: PreTrainedModel, tokens: Tensor, read: int = 20) -> Tensor:
    return Scores.of(stock(model, tokens)[read - 1 : -1], tokens[read:]).likelihood


def test_within_its_window_each_rule_is_the_model_itself(model: PreTrainedModel) -> None:
    tokens = ids()
    rotary, scale = rotary_of(model)
    rules = (
        Placed(rotary, scale),
        Rolling(rotary, WINDOW),
        SelfExtend(rotary, neighbours=LENGTH),
        Cascading(rotary, size=16),
    )
    for rule in rules:
        torch.testing.assert_close(scored(model, rule, tokens), expected(model, tokens), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("parameters", [ntk(10_000.0, 16, 4), yarn(WINDOW, 4.0)])
def test_scaled_positions_are_those_of_transformers(model: PreTrainedModel, parameters: dict[str, object]) -> None:
    tokens, plain = ids(200), model.config.rope_parameters
    ours = scored(model, Placed(*rotary_of(model, **parameters)), tokens)
    config = type(model.config).from_dict(model.config.to_dict() | {"rope_parameters": {**plain, **parameters}})
    scaled = LlamaForCausalLM(config).eval()
    scaled.load_state_dict(model.state_dict())
    torch.testing.assert_close(ours, expected(scaled, tokens), rtol=1e-3, atol=1e-3)


def reference(
    query: Tensor, keys: Tensor, values: Tensor, distances: Tensor, rotary: object, allowed: Tensor
) -> Tensor:
    """Attention of one head, query `(new, dim)`, with any distances `(new, length)` from the keys."""
    rows = []
    for row, apart in zip(query, distances, strict=True):
        turned = rotary.moved(keys[None, None], -apart)[0, 0]  # type: ignore[attr-defined]
        rows.append(turned @ row * row.shape[-1] ** -0.5)
    return torch.stack(rows).masked_fill(~allowed, -torch.inf).softmax(-1) @ values


@pytest.mark.parametrize("kind", ["rolling", "self-extend"])
def test_a_rule_beyond_its_window_beside_distances_written_out(model: PreTrainedModel, kind: str) -> None:
    rotary, _ = rotary_of(model)
    query, keys, values = torch.randn(3, 1, 1, 40, 16, generator=torch.Generator().manual_seed(2))
    at = torch.arange(40)
    apart = at[:, None] - at
    if kind == "rolling":
        rule: Placed = Rolling(rotary, 16)
        sinks = at < 4
        allowed = (apart >= 0) & (sinks | (apart < 12))
        distances = torch.where(sinks, at[:, None].clamp(max=15) - at, apart)
    else:
        rule = SelfExtend(rotary, neighbours=8, group=4)
        allowed = apart >= 0
        distances = torch.where(apart < 8, apart, at[:, None] // 4 + 8 - 8 // 4 - at // 4)
    pieces = [slice(0, 15), slice(15, 32), slice(32, 40)]
    ours = torch.cat([rule.attend(0, query[:, :, p], keys[:, :, p], values[:, :, p]) for p in pieces], dim=2)
    plain = reference(query[0, 0], keys[0, 0], values[0, 0], distances, rotary, allowed)
    torch.testing.assert_close(ours[0, 0], plain, rtol=1e-4, atol=1e-4)


def test_cascades_keep_the_newest_and_ever_sparser_older_tokens(model: PreTrainedModel) -> None:
    rule = Cascading(rotary_of(model)[0], size=8, caches=3)
    for start in range(0, 120, 4):
        states = torch.arange(start, start + 4.0).view(1, 1, 4, 1).expand(-1, 2, -1, 16)
        rule.attend(0, torch.zeros(1, 4, 4, 16), states, states)
    kept = [held.values[0, 0, :, 0].tolist() for held in rule._layers[0]]
    assert kept[0] == [0, 1, 2, 3]
    assert kept[1][-1] == 119
    assert [len(one) for one in kept[1:]] == pytest.approx([8, 8, 8], abs=1)
    everything = [position for one in reversed(kept[1:]) for position in one]
    assert everything == sorted(set(everything))
    assert [one[-1] - one[0] for one in kept[1:]] == sorted(one[-1] - one[0] for one in kept[1:])


def test_of_two_neighbours_the_one_that_received_more_stays() -> None:
    keys = torch.arange(4.0).view(1, 1, 4, 1)
    better = _better(Held(keys, keys + 10, torch.tensor([[[0.3, 0.1, 0.2, 0.4]]])))
    assert better.keys.flatten().tolist() == [0, 3]
    assert better.values.flatten().tolist() == [10, 13]


def test_the_newest_tokens_alone(model: PreTrainedModel) -> None:
    tokens = ids()
    alone = scored(model, Placed(rotary_of(model)[0]), tokens, newest=12)
    torch.testing.assert_close(alone, expected(model, tokens[8:], read=12), rtol=1e-4, atol=1e-4)


def test_this_decoder_reads_on_behind_what_it_scored(model: PreTrainedModel) -> None:
    tokens = ids()
    whole = stock(model, tokens)
    enable(model)
    reader = Ours(model, PolicyCache(model.config, FullAttention(), "extend"))
    for start in (0, 20):
        reader.read(tokens[start : start + 12])
        rows, asked = whole[start + 11 : start + 19], tokens[start + 12 : start + 20]
        torch.testing.assert_close(
            reader.score(asked).likelihood, Scores.of(rows, asked).likelihood, rtol=1e-4, atol=1e-4
        )
    other = Ours(model, reader.cache.with_policy(KeyIndex(budget=1024)))
    other.read(tokens[:40])
    torch.testing.assert_close(
        other.score(tokens[40:]).likelihood, Scores.of(whole[39:-1], tokens[40:]).likelihood, rtol=1e-4, atol=1e-4
    )


def test_facts_stand_in_order_before_the_end() -> None:
    said = [torch.tensor([-1, -1]), torch.tensor([-2, -2])]
    document = _between(torch.arange(1000), said)
    assert len(document) == 1004
    assert document[document >= 0].tolist() == list(range(1000))
    assert [document.tolist().index(mark) for mark in (-1, -2)] == [244, 490]


class Tokens:
    """A tokenizer of characters, and a reader to which every answer is known but for one digit."""

    def __call__(self, text: str) -> dict[str, list[int]]:
        return {"input_ids": [ord(character) for character in text]}

    def read(self, ids: Tensor) -> None:
        self.asked = "".join(map(chr, ids.tolist()))

    def score(self, ids: Tensor) -> Scores:
        best = ids.clone()
        if "birch" in self.asked:
            best[-1] += 1
        return Scores(torch.zeros(len(ids)), best)


def test_look_up_counts_digits_in_the_order_of_the_facts() -> None:
    facts = [("amber", 1234), ("birch", 5678), ("cobalt", 9012)]
    tokens = Tokens()
    shares = found(tokens, tokens, facts)  # type: ignore[arg-type]
    assert shares == [1, 1 - 1 / DIGITS, 1]
    assert thirds(shares) == shares


def test_a_row_runs_where_it_differs_from_another() -> None:
    rows = {row.name: row for row in ROWS}
    assert rows["transformers, bfloat16"].runs_at(7000, 8192)
    assert not rows["the same, YaRN"].runs_at(7000, 8192)
    assert rows["the same, YaRN"].runs_at(16_000, 8192)
    assert not rows["the same, YaRN"].runs_at(64_000, 8192)
    assert rows["FullAttention"].runs_at(188_000, 8192)
    assert [factor(length, 8192) for length in (1024, 7000, 8192, 16_000, 32_000)] == [1, 1, 2, 2, 4]


def test_rows_are_asked_for_by_name_or_by_a_part_of_it() -> None:
    assert [row.name for row in rows_named(["llama.cpp, Q4_1", "RefreshKV"])] == [
        "llama.cpp, Q4_1",
        "RefreshKV, budget 1,024",
    ]
    assert [row.name for row in rows_named(["YaRN"])] == ["the same, YaRN", "llama.cpp, Q4_1, YaRN"]
    assert rows_named([""]) == list(ROWS)
    assert not rows_named(["no such"])


def test_the_table_has_medians_and_says_why_there_is_nothing(tmp_path: Path) -> None:
    times = Record(tmp_path / "times.jsonl", ("method", "length", "turn"))
    scores = Record(tmp_path / "scores.jsonl", ("method", "length"))
    for turn, seconds in enumerate((4, 2, 3)):
        run = {"first_token_seconds": seconds, "decode_rate": 10 * seconds, "peak_mb": 500 + seconds}
        times.add({"method": "FullAttention", "length": 3000, "turn": turn} | run)
    times.add({"method": "llama.cpp, Q4_1", "length": 3000, "turn": 0, "error": "too | long"})
    scores.add({"method": "FullAttention", "length": 3000, "nll": 2.5, "found": [1.0, 0.5, 0.0]})
    text = table(ROWS, figures(times, scores), "How.")
    assert "| 3,000 | FullAttention | 1,000 | 3.0 | 30.0 | 502 | 2.500 | 1.00 / 0.50 / 0.00 (0.50) | 3 |" in text
    assert "| 3,000 | llama.cpp, Q4_1 (not measured: too \\| long) |" in text
    assert "llama.cpp, Q4_1, self-extend (not measured: its server" in text


def test_a_chunk_fits_what_positions_the_cascades_leave() -> None:
    size = (8192 - CHUNK - 4) // 4 - 1
    assert 4 + 4 * (size + 1) + CHUNK <= 8192
