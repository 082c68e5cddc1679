"""The operations that read a prompt, against torch's in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core import int4
from core.grouped import Damped, Damping, Terms, chunk_attention, is_plain_chunk

pytestmark = pytest.mark.usefixtures("built_kernels", "one_thread")


def states(heads: int, length: int, dim: int, dtype: torch.dtype) -> Tensor:
    """A view into a larger storage, as the full cache is."""
    return torch.randn(1, heads, length + 5, dim).to(dtype)[:, :, :length]


def causal_attention(
    query: Tensor, keys: Tensor, values: Tensor, scaling: float, damped: Damped | None = None
) -> Tensor:
    group, new, length = query.shape[1] // keys.shape[1], query.shape[2], keys.shape[2]
    keys, values = (each.double().repeat_interleave(group, dim=1) for each in (keys, values))
    later = ~torch.ones(new, length, dtype=torch.bool).tril(length - new)
    scores = (query.double() @ keys.transpose(-1, -2) * scaling).masked_fill(later, -torch.inf)
    if damped is not None and damped.first < damped.last:
        some = scores[..., damped.first : damped.last]
        stands_out = some.softmax(-1).amax(-1, keepdim=True)
        some -= (damped.damping.peak / stands_out).log().clamp(0, damped.damping.most)
    return (scores.softmax(-1) @ values).transpose(1, 2)


@pytest.mark.parametrize(("new", "length"), [(1, 1), (1, 300), (15, 15), (64, 64), (100, 333), (130, 257)])
@pytest.mark.parametrize(("heads", "group"), [(1, 1), (3, 3), (2, 7)])
@pytest.mark.parametrize(("dim", "value_dim"), [(64, 64), (10, 3), (24, 80)])
def test_prompt_attention(new: int, length: int, heads: int, group: int, dim: int, value_dim: int) -> None:
    torch.manual_seed(0)
    for stored in (torch.float32, torch.bfloat16):
        for dtype in (torch.float32, torch.bfloat16):
            query = torch.randn(1, new, heads * group, dim).to(dtype).transpose(1, 2) * 3
            keys, values = states(heads, length, dim, stored), states(heads, length, value_dim, stored)
            assert is_plain_chunk(query, keys, values, Terms(dim**-0.5))
            out = chunk_attention(query, keys, values, dim**-0.5)
            expected = causal_attention(query, keys, values, dim**-0.5)
            assert (out.dtype, out.shape) == (dtype, expected.shape)
            tolerance = 1e-5 if dtype == torch.float32 else 2**-7
            assert (out - expected).abs().max() <= tolerance * expected.abs().max()


def test_prompt_attention_of_scores_far_apart() -> None:
    torch.manual_seed(0)
    query, keys, values = (
        states(3, 70, 64, torch.float32),
        states(3, 400, 64, torch.float32),
        states(3, 400, 64, torch.float32),
    )
    keys[:, :, 250] *= 400  # in the second block of keys, so that what was summed before is worth nothing
    keys[:, :, 10] *= -400
    out = chunk_attention(query, keys, values, 1.0)
    expected = causal_attention(query, keys, values, 1.0)
    assert (out - expected).abs().max() <= 2e-4 * expected.abs().max()


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("peak", [1e-3, 0.2, 1e9])
@pytest.mark.parametrize(
    ("first", "last", "most"), [(0, 0, 1.0), (4, 200, 1.5), (0, 333, 2.0), (130, 140, 9.0), (0, 1, 0.5)]
)
def test_a_query_gets_less_of_some_of_the_past_where_none_of_it_stands_out(
    first: int, last: int, most: float, peak: float, compiled: bool, without_kernels: Callable[[], None]
) -> None:
    torch.manual_seed(0)
    query, keys, values = (states(heads, 400, 64, torch.float32) for heads in (6, 2, 2))
    query, damped = query[:, :, -67:] * 3, Damped(first, last, Damping(most, peak))
    if not compiled:
        without_kernels()
    out = chunk_attention(query, keys, values, 0.125, damped)
    expected = causal_attention(query, keys, values, 0.125, damped)
    assert (out - expected).abs().max() <= 1e-5 * expected.abs().max()
    if peak == 1e-3:
        plain = chunk_attention(query, keys, values, 0.125)
        assert (out - plain).abs().max() <= 1e-5 * plain.abs().max()


def test_a_token_attends_alike_in_chunks_of_any_size() -> None:
    torch.manual_seed(0)
    query, keys, values = (states(heads, 200, 64, torch.bfloat16) for heads in (6, 2, 2))
    whole = chunk_attention(query, keys, values, 0.125)
    for start, end in ((0, 1), (1, 90), (90, 91), (91, 200)):
        piece = chunk_attention(query[:, :, start:end], keys[:, :, :end], values[:, :, :end], 0.125)
        assert (piece - whole[:, start:end]).abs().max() <= 2**-7 * whole.abs().max()


def rounded(x: Tensor) -> Tensor:
    """Activations as the kernels round them: 255 levels around the middle of each group."""
    groups = x.float().unflatten(-1, (-1, int4.GROUP_SIZE))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    middle = ((low + high) / 2).bfloat16().float()
    step = (torch.maximum(high - middle, middle - low) / 127).clamp(min=1e-30)
    return (((groups - middle) / step).round() * step + middle).flatten(-2).double()


@pytest.mark.parametrize(("inputs", "outputs"), [(32, 16), (96, 70), (1600, 48)])
@pytest.mark.parametrize("rows", [1, 7, 200])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_int4_prompt_linear(inputs: int, outputs: int, rows: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    stored, scale = int4.quantize(torch.randn(outputs, inputs))
    x = torch.randn(rows, inputs) + 3 * torch.randn(inputs)  # groups away from zero
    x[:, 7] *= 300  # an outlier costs its own group precision, not the row
    x[:, :32] = x[:, :1]  # a group of equal numbers is kept
    x[0] = 0
    out = torch.ops.refreshkv.int4_prompt_linear(x.to(dtype), stored, scale)
    expected = rounded(x.to(dtype)) @ int4.dense(stored, scale).double().T
    assert out.dtype == dtype
    tolerance = 2**-11 if dtype == torch.float32 else 2**-8
    assert (out - expected).abs().max() <= tolerance * expected.abs().max()


def test_a_row_is_multiplied_alike_whatever_rows_are_beside_it() -> None:
    torch.manual_seed(0)
    stored, scale = int4.quantize(torch.randn(48, 64))
    x = torch.randn(300, 64)
    whole = torch.ops.refreshkv.int4_prompt_linear(x, stored, scale)
    for start, end in ((0, 1), (1, 100), (99, 300)):
        assert torch.equal(torch.ops.refreshkv.int4_prompt_linear(x[start:end], stored, scale), whole[start:end])
