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
