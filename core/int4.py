"""Weights in 4 bits for CPUs: 16 even levels between the smallest and the largest weight of each group of 32.

The levels are those of GGUF's Q4_1, so a model that comes as Q4_1 (the embedded one) loses next to nothing, where NF4
rounds it a second time. Weight = level * step + minimum. A weight `(outputs, inputs)` is stored in blocks of 16 outputs
(zeros fill the last one up) and groups of 32 inputs, in the order in which processors multiply: uint8
`(blocks, groups, 4, 16, 4)`, in which byte [p, o, i] holds the levels of output o for input 4p + i in its low half and
for input 16 + 4p + i in its high half, and bfloat16 `(blocks, groups, 2, 16)`, the steps and the minima.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import kernels
from .selection import has_gradient

GROUP_SIZE, BLOCK_SIZE = 32, 16
KERNEL_ROWS = 8
"""Up to so many rows are rounded to 16 bits, above to 8 (kernels/prompt_linears.h says how); where the processor does
not multiply bytes, the weight of many rows is written out in float32 first."""


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round a weight `(outputs, inputs)`, inputs a multiple of 32: returns (weight, scale) as stored."""
    filled = F.pad(weight.detach().float(), (0, 0, 0, -weight.shape[0] % BLOCK_SIZE))
    groups = filled.unflatten(1, (-1, GROUP_SIZE)).unflatten(0, (-1, BLOCK_SIZE)).transpose(1, 2)
    # Step and minimum are rounded before they are used, so that their own rounding does not end up in the weights. A
    # group of equal weights keeps a step that can be divided by.
    smallest, largest = groups.amin(-1), groups.amax(-1)
    minimum = smallest.to(torch.bfloat16)
    step = ((largest - minimum.float()) / 15).clamp(min=1e-12).to(torch.bfloat16)
    levels = ((groups - minimum.float().unsqueeze(-1)) / step.float().unsqueeze(-1)).round().clamp(0, 15)
    low, high = levels.to(torch.uint8).unflatten(-1, (2, 4, 4)).unbind(3)
    return (low | (high << 4)).transpose(2, 3).contiguous(), torch.stack([step, minimum], dim=2)


def dense(weight: Tensor, scale: Tensor) -> Tensor:
    """The float32 weight `(outputs, inputs)` that is stored as `weight` and `scale`, with the outputs that fill up."""
    packed = weight.transpose(2, 3)
    levels = torch.stack([packed & 15, packed >> 4], dim=3).flatten(3)
    step, minimum = scale.float().unsqueeze(-1).unbind(2)
    return (levels * step + minimum).transpose(1, 2).flatten(2).flatten(0, 1)


def reads_many_rows(x: Tensor) -> bool:
    """Whether the kernels multiply many rows like `x` with 4-bit weights."""
    kept = x.dtype in (torch.float32, torch.bfloat16) and x.device.type == "cpu" and not has_gradient(x)
    return kept and kernels.available() and torch.ops.refreshkv.has_byte_products()


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
        """`(..., inputs)` -> `(..., outputs)` in x's dtype. In the kernels x is rounded on the way in."""
        if not kernels.available():
            out = F.linear(x, dense(self.weight, self.scale).to(x.dtype))
        elif x.numel() <= KERNEL_ROWS * self.in_features:
            out = kernels.linear(torch.ops.refreshkv.int4_linear, x, self.weight, self.scale)
        elif reads_many_rows(x):
            rows = torch.ops.refreshkv.int4_prompt_linear(x.contiguous(), self.weight, self.scale)
            out = rows.view(*x.shape[:-1], -1)
        else:
            out = F.linear(x, torch.ops.refreshkv.int4_dense(self.weight, self.scale).to(x.dtype))
        out = out[..., : self.out_features]
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        """The sizes, as `nn.Linear` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
