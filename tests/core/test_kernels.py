"""The compiled operations against torch's, in float64 where rounding is judged."""

import platform
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core import grouped, int4, kernels
from core.grouped import Terms, grouped_attention
from core.key_codes import KeyCodes
from core.places import Coded, Small, place
from core.selection import gather_into, gather_positions, pool_scores, pooled_scores, top_positions
from tests.core.rows import decode_rows, queries, rounding

pytestmark = pytest.mark.usefixtures("built_kernels", "one_thread")


@pytest.mark.parametrize("outputs", [1, 16, 67, 200])
@pytest.mark.parametrize("rows", [1, 5])
def test_int4_linear(outputs: int, rows: int) -> None:
    torch.manual_seed(0)
    stored, scale = int4.quantize(torch.randn(outputs, 96))
    x = torch.randn(rows, 96)
    x[:, 7] *= 300  # an outlier costs its own group precision, not the row
    out = torch.ops.refreshkv.int4_linear(x, stored, scale)
    expected = x.double() @ int4.dense(stored, scale).double().T
    assert (out - expected).abs().max() <= 2**-12 * expected.abs().max()


@pytest.mark.parametrize("outputs", [1, 6, 129])
def test_int8_linear(outputs: int) -> None:
    torch.manual_seed(0)
    weight = torch.randint(-127, 128, (outputs, 64), dtype=torch.int8)
    scale = torch.rand(outputs).bfloat16()
    x = torch.randn(2, 64)
    expected = (x.double() @ weight.double().T) * scale.double()
    out = torch.ops.refreshkv.int8_linear(x, weight, scale)
    assert (out - expected).abs().max() <= 2**-13 * expected.abs().max()


def test_the_largest_sums_do_not_overflow() -> None:
    weight = torch.full((4, 32), -127, dtype=torch.int8)
    out = torch.ops.refreshkv.int8_linear(torch.ones(1, 32), weight, torch.ones(4).bfloat16())
    assert torch.allclose(out, torch.full((1, 4), -127.0 * 32))
    zero = torch.ops.refreshkv.int8_linear(torch.zeros(1, 32), weight, torch.ones(4).bfloat16())
    assert torch.equal(zero, torch.zeros(1, 4))


def test_int4_dense() -> None:
    torch.manual_seed(0)
    stored, scale = int4.quantize(torch.randn(33, 64))
    assert torch.allclose(torch.ops.refreshkv.int4_dense(stored, scale), int4.dense(stored, scale), atol=1e-6)


def states(heads: int, length: int, dim: int, dtype: torch.dtype) -> Tensor:
    """A view into a larger storage, as the full cache is."""
    return torch.randn(1, heads, length + 5, dim).to(dtype)[:, :, :length]


def reference(query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
    grouped = query.double().view(1, keys.shape[1], -1, query.shape[-1])
    weights = (grouped @ keys.double().transpose(-1, -2) * scaling).softmax(-1)
    return (weights @ values.double()).view(1, 1, query.shape[1], -1), weights


@pytest.mark.parametrize("length", [1, 127, 128, 129, 700])
@pytest.mark.parametrize(("heads", "group"), [(1, 1), (2, 2), (3, 3), (1, 4), (2, 7)])
@pytest.mark.parametrize(("dim", "value_dim"), [(64, 64), (24, 80), (10, 3)])
def test_decode_attention(length: int, heads: int, group: int, dim: int, value_dim: int) -> None:
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.bfloat16):
        query = queries(1, heads * group, 1, dim)
        keys, values = states(heads, length, dim, dtype), states(heads, length, value_dim, dtype)
        out, weights = torch.ops.refreshkv.decode_attention(query, keys, values, 0.5)
        expected_out, expected_weights = reference(query, keys, values, 0.5)
        assert (out - expected_out).abs().max() < rounding(values)
        assert (weights - expected_weights).abs().max() < 1e-5


def test_a_query_of_many_digits_is_rounded_at_most_to_its_keys() -> None:
    torch.manual_seed(0)
    query, keys, values = (
        torch.randn(1, 6, 1, 64),
        states(2, 700, 64, torch.bfloat16),
        states(2, 700, 64, torch.bfloat16),
    )
    out, weights = torch.ops.refreshkv.decode_attention(query, keys, values, 0.3)
    expected_out, expected_weights = reference(query, keys, values, 0.3)
    furthest = 2**-8 * 0.3 * (query.abs().view(1, 2, 3, 64) @ keys.float().abs().transpose(-1, -2)).max().item()
    assert (weights / expected_weights).log().abs().max() < 2 * furthest
    assert (out - expected_out).abs().max() < 2**-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_partial_step_writes_the_token_into_both_caches_and_attends_to_the_small_one(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    query, key, value = queries(1, 4, 1, 16), torch.randn(1, 2, 1, 16), torch.randn(1, 2, 1, 16)
    full = [torch.randn(1, 2, 40, 16).to(dtype) for _ in range(2)]
    small = [torch.randn(1, 2, 9, 16).to(dtype) for _ in range(2)]
    before = [tensor.clone() for tensor in (*full, *small)]
    at = place(30, *full, small=Small(*small, slot=3, slots=8))
    out = decode_rows(query, key, value, [at], 0.25, dtype)
    for tensor, old, new, index in zip((*full, *small), before, (key, value) * 2, (30, 30, 3, 3), strict=True):
        old[:, :, index] = new[:, :, 0].to(dtype)
        assert torch.equal(tensor, old)
    expected, _ = reference(query, small[0][:, :, :8], small[1][:, :, :8], 0.25)
    assert (out - expected).abs().max() < rounding(small[1])


@pytest.mark.parametrize("with_weights", [True, False])
def test_a_full_step_writes_the_token_and_attends_to_the_full_cache(with_weights: bool) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(1, 6, 1, 16), torch.randn(1, 2, 1, 16), torch.randn(1, 2, 1, 16)
    full = [torch.randn(1, 2, 300, 16) for _ in range(2)]
    small = [torch.randn(1, 2, 4, 16) for _ in range(2)]
    untouched = [tensor.clone() for tensor in small]
    weights = torch.full((2, 3, 300 if with_weights else 0), -1.0)
    at = place(200, *full, weights=weights if with_weights else None)
    out = decode_rows(query, key, value, [at], 0.25, torch.float32)
    assert torch.equal(full[0][:, :, 200], key[:, :, 0])
    assert torch.equal(full[1][:, :, 200], value[:, :, 0])
    assert all(torch.equal(tensor, old) for tensor, old in zip(small, untouched, strict=True))
    expected, expected_weights = reference(query, full[0][:, :, :201], full[1][:, :, :201], 0.25)
    assert (out - expected).abs().max() < 1e-5
    if with_weights:
        assert (weights[..., :201] - expected_weights[0]).abs().max() < 1e-5
        assert (weights[..., 201:] == -1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("length", [100, 127, 300])  # the rows' ends lie in one piece of the cache, or in two
def test_rows_beside_one_another_are_what_they_are_alone(dtype: torch.dtype, length: int) -> None:
    torch.manual_seed(0)
    new = [torch.randn(7, heads, 1, 16) for heads in (6, 2, 2)]
    filled = [torch.randn(1, 2, 340, 16).to(dtype) for _ in range(4)]

    def step(rows: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """Four tokens of one cache, two of which leave their weights; one over a small cache; two by codes."""
        full, small, other = ([tensor.clone() for tensor in filled[:2]] for _ in range(3))
        weights = torch.zeros(2, 2, 3, 340)
        codes, told = KeyCodes(other[0][:, :, :length], 3), torch.zeros(2, 2, 20, dtype=torch.long)
        codes.reserve(340)
        places = [place(length + i, *full, weights=weights[i] if i < 2 else None) for i in range(4)]
        places.append(place(200, *filled[2:], small=Small(*small, slot=3, slots=90)))
        places += [place(length + i, *other, coded=Coded(codes, 4, (20, 11), told[i])) for i in range(2)]
        parts = [
            decode_rows(*(states[first : last + 1] for states in new), places[first : last + 1], 0.25, dtype)
            for first, last in zip(rows, (*(row - 1 for row in rows[1:]), 6), strict=True)
        ]
        codes.extend(2)
        return torch.cat(parts), [*full, *small, *other, weights, told, codes.levels()]

    together, alone = step([0]), step(range(7))
    for ours, expected in zip((together[0], *together[1]), (alone[0], *alone[1]), strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("rows", range(1, 9))
def test_linears_of_several_rows_are_those_of_each(rows: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(rows, 96)
    weight, scale = int4.quantize(torch.randn(67, 96))
    for bits in (4, 8):
        if bits == 8:
            weight, scale = torch.randint(-127, 128, (67, 96), dtype=torch.int8), torch.rand(67).bfloat16()
        operation = getattr(torch.ops.refreshkv, f"int{bits}_linear")
        each = torch.cat([operation(row, weight, scale) for row in x.split(1)])
        assert torch.equal(operation(x, weight, scale), each)


@pytest.mark.parametrize("count", [1, 9, 200, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gather_into(dtype: torch.dtype, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    source = torch.randn(2, 3, 340, 20).to(dtype)[:, :, 3:335]
    positions = torch.stack([torch.randperm(332)[:count] for _ in range(6)]).view(2, 3, count)
    fast, slow = (torch.zeros(2, 3, count + 3, 20, dtype=dtype) for _ in range(2))
    gather_into([fast[:, :, :count]], [source], [positions])
    monkeypatch.setattr(kernels, "available", lambda: False)
    gather_into([slow[:, :, :count]], [source], [positions])
    assert torch.equal(fast, slow)
    assert torch.equal(fast[1, 2, 0], source[1, 2, positions[1, 2, 0]])
    assert (fast[:, :, count:] == 0).all()


def test_gather_into_fills_several_at_once() -> None:
    torch.manual_seed(0)
    sources = [torch.randn(1, 2, 50, 8), torch.randn(1, 2, 70, 8)]
    positions = [torch.stack([torch.randperm(50)[:count] for _ in range(2)])[None] for count in (9, 30)]
    outs = [torch.zeros(1, 2, 9, 8), torch.zeros(1, 2, 30, 8)]
    gather_into(outs, sources, positions)
    for out, source, chosen in zip(outs, sources, positions, strict=True):
        assert torch.equal(out, gather_positions(source, chosen))


@pytest.mark.parametrize("size", [1, 3, 7, 31])
@pytest.mark.parametrize("group", [1, 3])
def test_pooled_scores(size: int, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weights = torch.rand(4, 2, group, 130)[..., :117]  # as the room for them is longer than the context
    fast = pooled_scores(weights, size)
    monkeypatch.setattr(kernels, "available", lambda: False)
    assert torch.equal(fast, pooled_scores(weights, size))
    assert fast[3, 1, 60] == weights[3, 1, :, 60 - size // 2 : 61 + size // 2].max()


@pytest.mark.parametrize("length", [0, 1, 2, 500])
@pytest.mark.parametrize("held", [True, False])
def test_linears_are_the_same_on_several_threads(length: int, held: bool) -> None:
    torch.manual_seed(0)
    stored, scale = int4.quantize(torch.randn(16 * length, 64)) if length else int4.quantize(torch.randn(1, 64))
    x = torch.randn(1, 64)
    alone = torch.ops.refreshkv.int4_linear(x, stored, scale)
    torch.set_num_threads(3)  # the fixture takes it back
    with kernels.own_threads() if held else nullcontext():
        assert torch.get_num_threads() == (1 if held else 3)
        for _ in range(200):
            assert torch.equal(torch.ops.refreshkv.int4_linear(x, stored, scale), alone)
    assert torch.get_num_threads() == 3


def test_callers_in_several_threads_do_not_meet() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(2)
    stored, scale = int4.quantize(torch.randn(640, 64))
    rows = torch.randn(8, 1, 64)
    expected = [torch.ops.refreshkv.int4_linear(x, stored, scale) for x in rows]

    def right(x: Tensor, wanted: Tensor) -> bool:
        with kernels.own_threads():
            return all(torch.equal(torch.ops.refreshkv.int4_linear(x, stored, scale), wanted) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(right, rows, expected))


@pytest.mark.parametrize("count", [1, 100, 999, 1000])
@pytest.mark.parametrize("spread", [0, 1, 8], ids=["all alike", "near", "wide"])
def test_top_positions(spread: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    scores = pool_scores((spread * torch.randn(2, 3, 1000)).softmax(-1), 7)  # pooling makes ties
    chosen = top_positions(scores, count)
    monkeypatch.setattr(kernels, "available", lambda: False)
    assert torch.equal(chosen, top_positions(scores, count))
    order = sorted(range(1000), key=lambda position: (scores[1, 2, position].item(), position))
    assert chosen[1, 2].tolist() == order[-count:]


def test_attention_uses_the_kernel_and_agrees_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    query = torch.randn(1, 6, 1, 32)
    keys, values = states(2, 50, 32, torch.float32), states(2, 50, 32, torch.float32)
    fast = grouped_attention(query, keys, values, None, Terms(0.2))
    monkeypatch.setattr(kernels, "available", lambda: False)
    slow = grouped_attention(query, keys, values, None, Terms(0.2))
    for ours, expected in zip(fast, slow, strict=True):
        assert ours.shape == expected.shape
        assert torch.allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "terms", "masked"),
    [
        ((1, 6, 2, 32), Terms(0.2), False),
        ((1, 6, 1, 32), Terms(0.2, softcap=30.0), False),
        ((1, 6, 1, 32), Terms(0.2), True),
    ],
)
def test_what_the_kernel_does_not_know_goes_through_torch(shape: tuple[int, ...], terms: Terms, masked: bool) -> None:
    mask = torch.ones(1, 1, 1, 1, 50, dtype=torch.bool) if masked else None
    keys = states(2, 50, 32, torch.float32)
    assert not grouped._fits_kernel(torch.randn(shape), keys, keys, mask, terms)


def test_keys_that_lie_head_within_position() -> None:
    torch.manual_seed(0)
    query = torch.randn(1, 6, 1, 32)
    keys, values = (torch.randn(1, 50, 2, 32).transpose(1, 2) for _ in range(2))
    ours = grouped_attention(query, keys, values, None, Terms(0.2))
    expected = grouped_attention(query, keys.contiguous(), values.contiguous(), None, Terms(0.2))
    for one, other in zip(ours, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    gathered, wanted = torch.zeros(1, 2, 9, 32), torch.zeros(1, 2, 9, 32)
    positions = torch.stack([torch.randperm(50)[:9] for _ in range(2)])[None]
    gather_into([gathered], [keys], [positions])
    gather_into([wanted], [keys.contiguous()], [positions])
    assert torch.equal(gathered, wanted)


def test_a_changed_source_is_built_anew() -> None:
    folder = kernels.SOURCE.parent
    assert set(kernels.SOURCES) == {path for path in folder.iterdir() if path.suffix in {".cpp", ".h"}}


def test_a_machine_without_a_compiler_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kernels, "available", lambda: False)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(kernels.shutil, "which", lambda name: None)
    assert kernels.load(tmp_path) is False
    assert "no C++ compiler" in caplog.text


def test_a_compiler_that_fails_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kernels, "available", lambda: False)
    monkeypatch.setenv("CXX", "/bin/false")
    assert kernels.load(tmp_path) is False
    assert "could not be built" in caplog.text
    assert list((tmp_path / "kernels").glob("*.so")) == []


def test_a_damaged_library_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_commands", lambda built: [["cp", sys.executable, str(built)]])
    loaded: list[bytes] = []

    def load_library(path: Path) -> None:
        loaded.append(path.read_bytes()[:4])
        if not loaded[-1]:
            raise OSError("file too short")

    monkeypatch.setattr(torch.ops, "load_library", load_library)
    kernels._load(tmp_path, None)
    (library,) = tmp_path.glob("*.so")
    library.write_bytes(b"")
    kernels._load(tmp_path, None)
    assert loaded == [b"\x7fELF", b"", b"\x7fELF"]


def test_loading_leaves_the_processor_state_alone() -> None:
    # The mark of a library linked with -ffast-math: numbers below 1e-38 become zero everywhere.
    assert torch.tensor(1e-40) * 0.5 > 0
    assert 5e-324 > 0.0


@pytest.mark.slow
@pytest.mark.skipif(
    kernels.compiler() is None or platform.machine() not in ("x86_64", "AMD64"), reason="not built here"
)
@pytest.mark.parametrize("march", ["x86-64", "x86-64-v3", "x86-64-v4"])
def test_other_processors_build_them(march: str, tmp_path: Path) -> None:
    compiling, _ = kernels._commands(tmp_path / "decode.so")
    other = [f"-march={march}" if part == "-march=native" else part for part in compiling]
    assert f"-march={march}" in other
    done = subprocess.run([*other, "-fsyntax-only"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
