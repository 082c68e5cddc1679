"""The index of keys in a few bits: its reference against arithmetic spelt out, its kernels against the reference."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core import kernels
from core.key_codes import (
    KeyCodes,
    choose_positions,
    chosen_attention,
    encode,
    indexed_attention,
    packed,
    rounded_query,
    unpacked,
)
from core.places import Coded, Small, place
from core.policies.base import Scoring
from core.selection import gather_positions
from tests.core.rows import decode_rows, queries, rounding

pytestmark = pytest.mark.usefixtures("built_kernels", "one_thread")
BITS = pytest.mark.parametrize("bits", [2, 3, 4])
WAYS = pytest.mark.parametrize("compiled", [True, False], ids=["kernels", "torch"])


def keys_like(batch: int, heads: int, length: int, dim: int) -> Tensor:
    """Keys of unlike channels, in bfloat16, as a view into a larger storage."""
    torch.manual_seed(0)
    states = torch.randn(batch, heads, length + 5, dim) * (1 + 5 * torch.rand(heads, 1, dim)) + torch.randn(dim)
    return states.bfloat16()[:, :, :length]


def exact_log_weights(query: Tensor, codes: KeyCodes, scaling: float) -> Tensor:
    """In float64 from the codes and the rounded query."""
    levels, _ = rounded_query(query, codes.ranges[:, :, 1], scaling)
    stepped = query.float().reshape(levels.shape) * codes.ranges[:, :, 1].unsqueeze(2)
    whole = levels.double() @ codes.levels().double().transpose(2, 3)
    return (whole * stepped.abs().amax(3, keepdim=True).double() / 127 * scaling).log_softmax(3)


@BITS
@pytest.mark.parametrize("dim", [1, 32, 64, 80])
def test_codes_are_unpacked_as_they_were_packed(bits: int, dim: int) -> None:
    torch.manual_seed(0)
    codes = torch.randint(0, 2**bits, (2, 3, 5, dim), dtype=torch.uint8)
    stored = packed(codes, bits)
    assert stored.shape == (2, 3, 5, -(-dim // 32), bits, 4)  # so many bits a channel
    assert torch.equal(unpacked(stored, bits)[..., :dim], codes)


@BITS
def test_a_code_is_the_nearest_of_the_range(bits: int) -> None:
    keys = keys_like(2, 3, 50, 24)
    codes = KeyCodes(keys, bits)
    lo, hi = keys.float().amin(2, keepdim=True), keys.float().amax(2, keepdim=True)
    expected = ((keys.float() - lo) / (hi - lo) * (2**bits - 1)).round()
    assert (codes.levels() == expected).float().mean() > 0.999  # a tie may go either way
    assert codes.levels().amin() == 0
    assert codes.levels().amax() == 2**bits - 1


@BITS
@WAYS
def test_new_tokens_are_clamped_to_the_ranges_of_the_prompt(
    bits: int, compiled: bool, without_kernels: Callable[[], None]
) -> None:
    if not compiled:
        without_kernels()
    keys = keys_like(1, 2, 20, 40)
    codes = KeyCodes(keys, bits)
    ranges, before = codes.ranges.clone(), codes.levels()
    codes.append(keys[:, :, :1] * 0 + 1e4)
    codes.append(keys[:, :, :1] * 0 - 1e4)
    assert torch.equal(codes.ranges, ranges)
    assert torch.equal(codes.levels()[:, :, :20], before)
    assert (codes.levels()[:, :, 20] == 2**bits - 1).all()
    assert (codes.levels()[:, :, 21] == 0).all()


@WAYS
def test_a_channel_without_a_range_is_coded_0(compiled: bool, without_kernels: Callable[[], None]) -> None:
    if not compiled:
        without_kernels()
    codes = KeyCodes(torch.ones(1, 1, 4, 32), 2)
    codes.append(torch.full((1, 1, 1, 32), 3.0))
    assert (codes.levels() == 0).all()
    weights = codes.log_weights(torch.ones(1, 1, 1, 32), 0.5).exp()
    assert torch.allclose(weights, torch.full((1, 1, 1, 5), 0.2))


@BITS
@pytest.mark.parametrize("dim", [24, 64, 96])
def test_the_kernel_codes_as_the_reference(bits: int, dim: int, without_kernels: Callable[[], None]) -> None:
    keys = keys_like(2, 3, 300, dim)
    fast = KeyCodes(keys[:, :, :270], bits)
    fast.append(keys[:, :, 270:271])
    fast.append(keys[:, :, 271:])
    without_kernels()
    slow = KeyCodes(keys[:, :, :270], bits)
    slow.append(keys[:, :, 270:271])
    slow.append(keys[:, :, 271:])
    assert fast.length == slow.length == 300
    assert torch.equal(fast.levels(), slow.levels())
    assert torch.equal(fast.levels()[:, :, 270:], encode(keys[:, :, 270:], fast.ranges, bits))


@BITS
@WAYS
@pytest.mark.parametrize(("heads", "group"), [(1, 1), (2, 2), (3, 3), (1, 4), (1, 7)])
@pytest.mark.parametrize(("length", "dim"), [(1, 64), (16, 24), (700, 96)])
def test_log_weights_are_those_of_the_codes(
    bits: int, compiled: bool, heads: int, group: int, length: int, dim: int, without_kernels: Callable[[], None]
) -> None:
    codes = KeyCodes(keys_like(2, heads, length, dim), bits)
    query = torch.randn(2, heads * group, 1, dim)
    if not compiled:
        without_kernels()
    weights, scores = codes.log_weights(query, 0.3), codes.scores(query, 0.3)
    expected = exact_log_weights(query, codes, 0.3)
    assert weights.shape == (2, heads, group, length)
    assert (weights - expected).abs().max() < 1e-4
    assert (scores - expected.amax(2)).abs().max() < 1e-4


def test_the_largest_products_do_not_overflow() -> None:
    keys = torch.stack([torch.zeros(256), torch.ones(256)])[None, None]
    for bits in (2, 3, 4):
        weights = KeyCodes(keys, bits).log_weights(
            torch.stack([torch.ones(256), -torch.ones(256)])[None, :, None], 0.01
        )
        expected = torch.tensor([[-2.56, 0.0], [2.56, 0.0]]).log_softmax(1)
        assert torch.allclose(weights[0, 0], expected, atol=1e-4)


def test_more_bits_come_closer_to_the_keys() -> None:
    keys, query = keys_like(1, 3, 500, 64), torch.randn(1, 9, 1, 64)
    grouped = query.view(1, 3, 3, 64)
    exact = (grouped @ keys.float().transpose(2, 3) * 0.05).log_softmax(3)
    errors = [(KeyCodes(keys, bits).log_weights(query, 0.05) - exact).abs().mean() for bits in (2, 3, 4)]
    assert errors[2] < errors[1] / 1.8 < errors[0] / 3.6
    assert errors[2] < 0.3


def test_padding_has_no_say() -> None:
    keys = keys_like(2, 2, 40, 32)
    keys[1, :, :7] = 1000
    valid = torch.ones(2, 1, 40, dtype=torch.bool)
    valid[1, :, :7] = False
    query = torch.randn(2, 4, 1, 32)
    codes, alone = KeyCodes(keys, 4, valid), KeyCodes(keys[1:, :, 7:], 4)
    assert torch.equal(codes.ranges[1:], alone.ranges)
    weights = codes.log_weights(query, 0.2, valid)
    assert weights[1, :, :, :7].isneginf().all()
    assert torch.allclose(weights[1:, :, :, 7:], alone.log_weights(query[1:], 0.2), atol=1e-4)
    chosen = choose_positions(codes.scores(query, 0.2, valid), 36, 4)
    assert (chosen[1, :, :33] == torch.arange(7, 40)).all()
    assert (chosen[1, :, 33:] == -1).all()
    assert chosen[0].shape == (2, 36)
    assert (chosen[0] >= 0).all()


def test_truncated_and_coded_again() -> None:
    keys, others = keys_like(1, 2, 100, 64), keys_like(1, 2, 130, 64).flip(2)
    codes = KeyCodes(keys, 3)
    whole = codes.levels()
    codes.truncate(37)
    assert torch.equal(codes.levels(), whole[:, :, :37])
    codes.append(others)
    assert codes.length == 167
    assert torch.equal(codes.levels()[:, :, :37], whole[:, :, :37])
    assert torch.equal(codes.levels()[:, :, 37:], encode(others, codes.ranges, 3))


def test_room_that_was_reserved_stays_where_it_is() -> None:
    codes = KeyCodes(keys_like(1, 1, 5, 32), 4)
    codes.reserve(1000)
    place = codes.codes.data_ptr()
    codes.append(keys_like(1, 1, 990, 32))
    assert codes.codes.data_ptr() == place
    assert codes.nbytes == 1024 * 16 + 3 * 32 * 4


def test_beams() -> None:
    keys = keys_like(3, 2, 60, 32)
    codes, order = KeyCodes(keys, 2), torch.tensor([2, 2, 0])
    codes.map_batch(lambda states: states.index_select(0, order))
    codes.append(keys[order][:, :, :1])
    expected = KeyCodes(keys[order], 2)
    expected.append(keys[order][:, :, :1])
    assert torch.equal(codes.levels(), expected.levels())
    query = torch.randn(3, 4, 1, 32)
    assert torch.equal(codes.scores(query, 0.2), expected.scores(query, 0.2))


def by_sorting(scores: Tensor, count: int, recent: int) -> list[int]:
    """Of one row."""
    length = len(scores)
    ranked = sorted(range(length), key=lambda j: (torch.inf if j >= length - recent else scores[j].item(), j))
    return sorted(ranked[-count:])


@WAYS
@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0, 30.0], ids=["all alike", "near", "some", "wide"])
@pytest.mark.parametrize(("count", "recent"), [(1, 0), (1, 5), (40, 32), (200, 0), (999, 3), (1000, 32), (2000, 7)])
def test_choice(compiled: bool, spread: float, count: int, recent: int, without_kernels: Callable[[], None]) -> None:
    if not compiled:
        without_kernels()
    torch.manual_seed(0)
    scores = (spread * torch.randn(2, 2, 1000)).round(decimals=2) + 0.0  # with ties, and one zero
    chosen = choose_positions(scores, count, recent)
    assert chosen.shape == (2, 2, min(count, 1000))
    assert chosen.dtype == torch.int64
    for row, rows in zip(chosen.flatten(0, 1), scores.flatten(0, 1), strict=True):
        assert row.tolist() == by_sorting(rows, count, recent)


@WAYS
def test_choice_of_unlike_counts(compiled: bool, without_kernels: Callable[[], None]) -> None:
    if not compiled:
        without_kernels()
    scores = torch.tensor([[[5.0, 1, 4, 2, 3], [1, 2, 3, 4, 5]]]).log()
    chosen = choose_positions(scores, torch.tensor([[2, 4]]), 1)
    assert chosen.tolist() == [[[0, 4, -1, -1], [1, 2, 3, 4]]]


def by_threshold(scores: Tensor, count: int, recent: int, spread: int) -> list[int]:
    """How many positions each of the heads `(heads, length)` gets: every score is tried as a threshold."""
    heads, length = scores.shape
    rows = [[torch.inf if j >= length - recent else score for j, score in enumerate(row.tolist())] for row in scores]
    for threshold in sorted({score for row in rows for score in row}):
        found = [sum(score >= threshold for score in row) for row in rows]
        counts = [min(max(many, recent, count // spread), count * spread, length) for many in found]
        if sum(counts) <= heads * count:
            return counts
    raise AssertionError("the recent ones alone are too many")


@WAYS
@pytest.mark.parametrize("spread", [2, 4, 1000])
@pytest.mark.parametrize(
    ("length", "count", "recent"), [(700, 60, 8), (700, 9, 8), (50, 50, 8), (3, 1, 1), (700, 300, 1)]
)
def test_heads_share_their_counts(
    compiled: bool, spread: int, length: int, count: int, recent: int, without_kernels: Callable[[], None]
) -> None:
    if not compiled:
        without_kernels()
    torch.manual_seed(0)
    widths = torch.tensor([0.5, 3.0, 8.0])[:, None]  # attention that is flat, and attention that is sharp
    scores = (widths * torch.randn(2, 3, length)).log_softmax(2)
    scores = (scores * 64).round() / 64  # thresholds tell them apart
    chosen = choose_positions(scores, count, recent, spread)
    for row, rows in zip(chosen, scores, strict=True):
        counts = by_threshold(rows, count, recent, spread)
        assert [(head >= 0).sum().item() for head in row] == counts
        assert len(set(counts)) > 1 or count == length or count == 1
        for head, own, many in zip(row, rows, counts, strict=True):
            assert head[:many].tolist() == by_sorting(own, many, recent)


@pytest.mark.parametrize("length", [1, 33, 700])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("dim", "value_dim"), [(64, 64), (24, 80), (10, 3)])
def test_chosen_attention(
    length: int, dtype: torch.dtype, dim: int, value_dim: int, without_kernels: Callable[[], None]
) -> None:
    torch.manual_seed(0)
    query = queries(1, 6, 1, dim)
    keys, values = (torch.randn(1, 2, length + 3, size).to(dtype)[:, :, :length] for size in (dim, value_dim))
    scores = torch.randn(1, 2, length)
    chosen = choose_positions(scores, torch.tensor([[length // 2, length // 3]]), 2)
    output = chosen_attention(query, keys, values, chosen, 0.25)
    for head in range(2):
        held = chosen[0, head][chosen[0, head] >= 0]
        near_keys, near_values = keys[0, head, held].double(), values[0, head, held].double()
        weights = (query[0, 3 * head : 3 * head + 3, 0].double() @ near_keys.T * 0.25).softmax(1)
        assert (output[0, 0, 3 * head : 3 * head + 3] - weights @ near_values).abs().max() < rounding(values)
    without_kernels()
    assert torch.allclose(output, chosen_attention(query, keys, values, chosen, 0.25), atol=rounding(values))


@BITS
@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize("length", [20, 1000])
def test_indexed_attention_is_scores_choice_and_attention(
    bits: int, length: int, spread: int, without_kernels: Callable[[], None]
) -> None:
    keys, values = keys_like(1, 2, length, 64), torch.randn(1, 2, length, 64).bfloat16()
    query, codes = queries(1, 6, 1, 64), KeyCodes(keys, bits)
    output, chosen = indexed_attention(query, keys, values, codes, 100, 16, 0.0625, spread=spread)
    assert torch.equal(chosen, choose_positions(codes.scores(query, 0.0625), 100, 16, spread))
    assert torch.equal(output, chosen_attention(query, keys, values, chosen, 0.0625))
    without_kernels()
    slow, by_torch = indexed_attention(query, keys, values, codes, 100, 16, 0.0625, spread=spread)
    assert torch.equal(chosen, by_torch)
    assert torch.allclose(output, slow, atol=rounding(values))


def test_a_batch_takes_the_way_of_its_rows() -> None:
    keys, values = keys_like(2, 2, 90, 32), torch.randn(2, 2, 90, 32).bfloat16()
    query, codes = queries(2, 4, 1, 32), KeyCodes(keys, 4)
    output, chosen = indexed_attention(query, keys, values, codes, 20, 4, 0.125)
    for row in range(2):
        alone = KeyCodes(keys[row : row + 1], 4)
        one = slice(row, row + 1)
        expected, positions = indexed_attention(query[one], keys[one], values[one], alone, 20, 4, 0.125)
        assert torch.equal(chosen[one], positions)
        assert torch.allclose(output[one], expected, atol=rounding(values))


@BITS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("room", "spread"), [(0, 1), (50, 1), (60, 1), (150, 3)])
def test_a_step_writes_the_token_chooses_and_attends(bits: int, dtype: torch.dtype, room: int, spread: int) -> None:
    length = 300
    keys, values = (keys_like(1, 2, length + 40, 64).to(dtype).contiguous() for _ in range(2))
    key, value, query = torch.randn(1, 2, 1, 64), torch.randn(1, 2, 1, 64), torch.randn(1, 6, 1, 64)
    codes, expected_codes = (KeyCodes(keys[:, :, :length], bits) for _ in range(2))
    codes.reserve(length + 40)
    codes.extend(1)
    full = [keys.clone(), values.clone()]
    chosen = torch.full((2, room), 7)
    at = place(length, *full, coded=Coded(codes, 16, (50, 31), chosen, spread))
    output = decode_rows(query, key, value, [at], 0.05, dtype)
    for tensor, old, new in zip(full, (keys, values), (key, value), strict=True):
        old[:, :, length] = new[:, :, 0].to(dtype)
        assert torch.equal(tensor, old)
    expected_codes.append(keys[:, :, length : length + 1])
    assert torch.equal(codes.levels(), expected_codes.levels())
    counts, attended = torch.tensor([50, 31]), (keys[:, :, : length + 1], values[:, :, : length + 1])
    expected, positions = indexed_attention(query, *attended, expected_codes, counts, 16, 0.05, spread=spread)
    assert torch.equal(output, expected)
    if room:
        assert torch.equal(chosen[:, : positions.shape[2]], positions[0])
        assert (chosen[:, positions.shape[2] :] == -1).all()


@BITS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rule", [(1, 0, 1), (1, 6, 32), (7, 0, 3), (5, 700, 200)], ids=str)
@pytest.mark.parametrize("count", [1, 50, 300])
def test_a_step_fills_a_small_cache_by_rank_and_attends_to_it(
    bits: int, dtype: torch.dtype, rule: tuple[int, int, int], count: int
) -> None:
    length, coded = 300, 291  # the codes of the last tokens are missing
    keys, values = (keys_like(1, 2, length + 40, 64).to(dtype).contiguous() for _ in range(2))
    key, value, query = torch.randn(1, 2, 1, 64), torch.randn(1, 2, 1, 64), torch.randn(1, 6, 1, 64)
    scoring = Scoring(bits, *rule)
    codes, expected_codes = (KeyCodes(keys[:, :, :coded], bits) for _ in range(2))
    codes.reserve(length + 40)
    small = Small(*(torch.zeros(1, 2, count + 5, 64, dtype=dtype) for _ in range(2)), -1, count)
    held = torch.full((2, count + 5), 7)
    radius, ahead = scoring.pool_kernel_size // 2, scoring.pool_kernel_size // 2 + scoring.lookahead
    chosen = Coded(codes, scoring.newest(count), (count, count), held, behind=radius, ahead=ahead)
    output = decode_rows(query, key, value, [place(length, keys, values, small=small, coded=chosen)], 0.05, dtype)
    assert torch.equal(keys[:, :, length], key[:, :, 0].to(dtype))
    attended = keys[:, :, : length + 1], values[:, :, : length + 1]
    expected_codes.append(keys[:, :, coded : length + 1])
    codes.extend(length + 1 - coded)
    assert torch.equal(codes.levels(), expected_codes.levels())
    positions = scoring.choose(codes.scores(query, 0.05), count, None)
    assert torch.equal(held[:, :count], positions[0])
    assert (held[:, count:] == 7).all()
    for storage, states in zip((small.keys, small.values), attended, strict=True):
        assert torch.equal(storage[:, :, :count], gather_positions(states, positions))
    expected = torch.ops.refreshkv.decode_attention(
        query, *(part[:, :, :count].contiguous() for part in small[:2]), 0.05
    )
    assert torch.equal(output, expected[0])


def test_the_same_on_several_threads() -> None:
    keys, values = keys_like(1, 3, 3000, 64), torch.randn(1, 3, 3000, 64).bfloat16()
    query, codes = torch.randn(1, 9, 1, 64), KeyCodes(keys, 3)
    alone = indexed_attention(query, keys, values, codes, 375, 32, 0.05, spread=4)
    torch.set_num_threads(3)  # the fixture takes it back
    with kernels.own_threads():
        for _ in range(50):
            again = indexed_attention(query, keys, values, codes, 375, 32, 0.05, spread=4)
            assert all(torch.equal(*pair) for pair in zip(again, alone, strict=True))
