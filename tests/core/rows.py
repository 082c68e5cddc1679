"""The operation of a compiled step's layer, called by itself."""

from collections.abc import Sequence

import torch
from torch import Tensor


def decode_rows(
    query: Tensor, key: Tensor, value: Tensor, places: Sequence[list[int]], scaling: float, dtype: torch.dtype
) -> Tensor:
    """`decode_rows_attention` of one row or more, with caches in `dtype`."""
    output: Tensor = torch.ops.refreshkv.decode_rows_attention(
        query, key, value, torch.tensor(places), scaling, dtype.itemsize
    )
    return output


def queries(*shape: int) -> Tensor:
    """Random ones with so few digits that bfloat16 holds them, times a power of two as well."""
    return torch.randn(*shape).bfloat16().float()


def rounding(values: Tensor) -> float:
    """How far from exact attention to `values` a kernel's may be: it may round exponentials to bfloat16 beside that."""
    return 1e-5 if values.dtype == torch.float32 else 2**-8 * values.abs().max().item()
