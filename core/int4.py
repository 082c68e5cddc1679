"""Weights in 4 bits for CPUs: 16 even levels between the smallest and the largest weight of each group of 32.

The levels are those of GGUF's Q4_1, so a model that comes as Q4_1 (the embedded one) loses next to nothing, where NF4
rounds it a second time. A weight `(outputs, inputs)` is stored as uint8 `(outputs, inputs / 2)`, in which byte i of a
group of 16 holds weight i in its low and weight i + 16 in its high half, and bfloat16 `(outputs, inputs / 32, 2)`, the
step and the minimum of each group: weight = level * step + minimum.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import kernels

GROUP_SIZE = 32
KERNEL_ROWS = 8
"""Up to so many rows are multiplied with the 4-bit weight, above it is written out in float32 first."""


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round a weight `(outputs, inputs)`, inputs a multiple of 32: returns (weight, scale) as stored."""
    groups = weight.detach().float().unflatten(1, (-1, GROUP_SIZE))
    # Step and minimum are rounded before they are used, so that their own rounding does not end up in the weights. A
    # group of equal weights keeps a step that can be divided by.
    smallest, largest = groups.amin(-1), groups.amax(-1)
    minimum = smallest.to(torch.bfloat16)
    step = ((largest - minimum.float()) / 15).clamp(min=1e-12).to(torch.bfloat16)
    levels = ((groups - minimum.float().unsqueeze(-1)) / step.float().unsqueeze(-1)).round().clamp(0, 15)
    low, high = levels.to(torch.uint8).chunk(2, dim=-1)
    return (low | (high << 4)).flatten(1), torch.stack([step, minimum], dim=-1)


def dense(weight: Tensor, scale: Tensor) -> Tensor:
    """The float32 weight `(outputs, inputs)` that is stored as `weight` and `scale`."""
    halves = weight.unflatten(1, (-1, GROUP_SIZE // 2))
    levels = torch.cat([halves & 15, halves >> 4], dim=-1).float()
    return (levels * scale[..., :1].float() + scale[..., 1:].float()).flatten(1)


class Int4Linear(nn.Module):
    """A linear with a 4-bit weight, for CPUs."""

    weight: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        """Round the weight of `linear`, whose inputs are a multiple of 32."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight, scale = quantize(linear.weight)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """`(..., inputs)` -> `(..., outputs)` in x's dtype. Few rows are rounded to 16 bits on the way in."""
        if not kernels.available():
            out = F.linear(x, dense(self.weight, self.scale).to(x.dtype))
        elif x.numel() <= KERNEL_ROWS * self.in_features:
            out = kernels.linear(torch.ops.refreshkv.int4_linear, x, self.weight, self.scale)
        else:
            out = F.linear(x, torch.ops.refreshkv.int4_dense(self.weight, self.scale).to(x.dtype))
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        """The sizes, as `nn.Linear` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
