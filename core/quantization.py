"""How the weights of a model are stored and multiplied: bitsandbytes' settings, and linears for CPUs.

Knows nothing of where a model comes from. Two kinds of CPU are told apart by `has_native_bf16`.

With bfloat16 instructions (AVX512-BF16, AMX) everything runs in bfloat16: NF4 in bitsandbytes' own linears, int8 in
`Int8Linear`.

Without them (AVX2 and older) bfloat16 activations are slow: measured on two AVX2 cores, a 576→1,536 linear over 512
rows takes 55 ms in bfloat16 and 7.3 ms in float32, and attention is 5 to 9 times slower. bitsandbytes' 4-bit linear
unpacks its weight on every call: 1.1 ms for one row against 0.1 ms for a dense one. So activations and KV cache are
float32 there, weights are stored dense as bfloat16 (for NF4 after bitsandbytes has rounded them to its 16 levels per
block), and `BFloat16Linear` picks the faster of two ways to multiply by the number of rows. SmolLM2-135M there, ms per
decode step at a context of 64 and prefill tokens/s: NF4 34 and 471, int8 33 and 486, unquantized 34 and 554; for
comparison plain float32 52 and 560, plain bfloat16 33 and 84, bitsandbytes' NF4 126 and 470.

The weights of the modules here are buffers, not parameters: they are never trained, and `model.dtype`, which
transformers takes from a model's first floating-point parameter, is then the one of the activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import kernels
from .int4 import GROUP_SIZE, Int4Linear

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig, PreTrainedModel

Quantization: TypeAlias = Literal["nf4", "int4", "int8", "none"]
"""The linears' weights: 4-bit NormalFloat in blocks of 64, 16 even levels in groups of 32 (int4.py), 8-bit integers, or
as they come. Of these only int4 quantizes the output head, to 8 bits."""

BLOCK_SIZE = 1 << 21
"""Weights are converted so many at a time (8 MB in float32): the block stays in the processor's cache and its memory is
used again. The 576→49,152 head over 64 rows takes 34 ms so, against 82 ms in one piece."""

BFLOAT16_ROWS = 3
BFLOAT16_ROWS_LARGE = 8
"""Up to so many rows the weight is read as bfloat16, above it is converted to float32 first; converting a weight larger
than a block takes long. Measured, bfloat16 against converting: 576→1,536 with 1 row 100 / 134 µs, 3 rows 275 / 280 µs,
4 rows 363 / 271 µs, 512 rows 54 / 7.5 ms; 2,048→8,192 with 1 row 1.7 / 3.8 ms, 8 rows 13 / 36 ms."""

INT8_ROWS = 16
"""The same for torch's int8 operation. Measured, int8 against converting: 576→1,536 with 1 row 44 / 138 µs, 8 rows
174 / 343 µs, 16 rows 337 / 408 µs, 32 rows 663 / 624 µs; 2,048→8,192 with 1 row 0.6 ms, 16 rows 6.9 ms."""


def has_native_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def bitsandbytes_config(
    quantization: Literal["nf4", "int8"],
    compute_dtype: torch.dtype = torch.bfloat16,
    spared: Sequence[str] | None = None,
) -> BitsAndBytesConfig:
    """bitsandbytes' settings for `from_pretrained`; its linears compute in `compute_dtype` (NF4 only).

    `spared`: names of linears that stay dense; None for the output head alone.
    """
    from transformers import BitsAndBytesConfig

    skipped = None if spared is None else list(spared)
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        llm_int8_skip_modules=skipped,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=compute_dtype,
        bnb_4bit_use_double_quant=True,
    )


def nf4_rounded(weight: Tensor) -> Tensor:
    """`weight` after bitsandbytes' NF4 with double quantization, dense again: same shape and dtype."""
    from bitsandbytes import functional as bnb

    # In one row: on AVX512 its way back misplaces the blocks of rows that are no multiple of 64 (bitsandbytes 0.50).
    row = weight.reshape(1, -1)
    packed, state = bnb.quantize_4bit(row, blocksize=64, compress_statistics=True, quant_type="nf4")
    dense: Tensor = bnb.dequantize_4bit(packed, state)
    return dense.to(weight.dtype).view_as(weight)


def spared_from_nf4(model: PreTrainedModel) -> list[str] | None:
    """The linears of `model` that bitsandbytes' 4-bit kernels for AVX512 do not take, and its output head, by name;
    None if they take all. They want inputs in multiples of 64 and outputs in multiples of 32 (bitsandbytes 0.50)."""
    from transformers.quantizers.base import get_keys_to_not_convert

    linears = [(name, module) for name, module in model.named_modules() if type(module) is nn.Linear]
    odd = [name for name, module in linears if module.in_features % 64 or module.out_features % 32]
    heads: list[str] = get_keys_to_not_convert(model)
    return [*odd, *heads] if set(odd) - set(heads) else None


def blockwise_linear(x: Tensor, weight: Tensor) -> Tensor:
    """`x @ weight.T` computed in x's dtype: `(..., inputs)`, `(outputs, inputs)` of any dtype → `(..., outputs)`."""
    outputs = max(1, BLOCK_SIZE // weight.shape[1])
    if weight.shape[0] <= outputs:
        return F.linear(x, weight.to(x.dtype))
    return torch.cat([F.linear(x, block.to(x.dtype)) for block in weight.split(outputs)], dim=-1)


class BFloat16Linear(nn.Module):
    """A linear stored as bfloat16 `(outputs, inputs)`, for float32 activations on CPUs without bfloat16 units."""

    weight: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        """Take over the weights of `linear`, which is converted as well: a tied weight keeps its one storage."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        linear.weight.data = linear.weight.data.to(torch.bfloat16)
        self.register_buffer("weight", linear.weight.detach())
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """`(..., inputs)` → `(..., outputs)` in x's dtype. Few rows are rounded to bfloat16 on the way in and out."""
        few = BFLOAT16_ROWS if self.weight.numel() <= BLOCK_SIZE else BFLOAT16_ROWS_LARGE
        if x.numel() <= few * self.in_features:
            out = F.linear(x.to(self.weight.dtype), self.weight).to(x.dtype)
        else:
            out = blockwise_linear(x, self.weight)
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        """The sizes, as `nn.Linear` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class BFloat16Embedding(nn.Module):
    """An embedding stored as bfloat16 `(tokens, size)` that returns float32 activations."""

    weight: Tensor

    def __init__(self, embedding: nn.Embedding) -> None:
        """Take over the weights of `embedding`, which is converted as well: a tied weight keeps its one storage."""
        super().__init__()
        self.num_embeddings, self.embedding_dim = embedding.num_embeddings, embedding.embedding_dim
        embedding.weight.data = embedding.weight.data.to(torch.bfloat16)
        self.register_buffer("weight", embedding.weight.detach())

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids of any shape → `(*shape, size)`, float32."""
        return F.embedding(ids, self.weight).float()

    def extra_repr(self) -> str:
        """The sizes, as `nn.Embedding` shows them."""
        return f"{self.num_embeddings}, {self.embedding_dim}"


class Int8Linear(nn.Module):
    """A linear with an int8 weight `(outputs, inputs)` and one bfloat16 scale per output, for CPUs.

    bitsandbytes' int8 also quantizes the activations on every call and is slower on a CPU than no quantization at all
    (81 ms a decode step of SmolLM2-135M against 40 ms); torch's weight-only operation takes 24 ms.
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        """Round the weights of `linear`, each output's to 255 levels around zero."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach().float()
        # The scale is rounded before it is used, so that its own rounding does not end up in the weights. A row of
        # zeros keeps a scale that can be divided by.
        scale = (weight.abs().amax(dim=1) / 127).clamp(min=1e-12).to(torch.bfloat16)
        rounded = (weight / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
        self.register_buffer("weight", rounded)
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """`(..., inputs)` → `(..., outputs)` in x's dtype. Few rows are rounded on the way in."""
        # torch's operation reads 16 inputs at a time and past the end of a row that is no multiple (torch 2.13: wrong
        # results and crashes).
        few = x.numel() <= INT8_ROWS * self.in_features
        if few and kernels.available() and self.in_features % GROUP_SIZE == 0:
            out = kernels.linear(torch.ops.refreshkv.int8_linear, x, self.weight, self.scale)
        elif few and self.in_features % 16 == 0:
            rows = x.reshape(-1, self.in_features).to(torch.bfloat16).contiguous()
            out = torch._weight_int8pack_mm(rows, self.weight, self.scale.to(torch.bfloat16)).to(x.dtype)
            out = out.view(*x.shape[:-1], self.out_features)
        else:
            out = blockwise_linear(x, self.weight) * self.scale.to(x.dtype)
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        """The sizes, as `nn.Linear` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def quantize_int4(model: PreTrainedModel) -> None:
    """Replace the dense linears of `model` by `Int4Linear` and the output head by `Int8Linear`, in place.

    The head is read whole at every step. KL divergence to the unquantized embedded model: linears alone 0.0007, with
    the head in 8 bits 0.0015, with the head in 4 bits 0.055. NF4 has 0.36: it rounds the levels of the GGUF once more.
    """
    head = model.get_output_embeddings()
    for parent, name, child in _children(model):
        if type(child) is nn.Linear and child.in_features % GROUP_SIZE == 0:
            setattr(parent, name, Int8Linear(child) if child is head else Int4Linear(child))


def quantize_int8(model: PreTrainedModel) -> None:
    """Replace the dense linears of `model` by `Int8Linear`, in place; the output head stays."""
    head = model.get_output_embeddings()
    for parent, name, child in _children(model):
        if type(child) is nn.Linear and child is not head:
            setattr(parent, name, Int8Linear(child))


def quantize_nf4(model: PreTrainedModel) -> None:
    """Round the weights of the dense linears of `model` to NF4, in place and still dense; the output head stays."""
    head = model.get_output_embeddings()
    for _, _, child in _children(model):
        if type(child) is nn.Linear and child is not head:
            child.weight.data = nf4_rounded(child.weight.data)


def use_float32_activations(model: PreTrainedModel) -> None:
    """Make `model` compute in float32 with its linears and embeddings stored as bfloat16, in place.

    Quantized linears and classes derived from `nn.Linear` or `nn.Embedding` are left as they are; parameters that they
    and all other modules hold in a 16-bit type become float32. Afterwards `model.dtype` is float32.
    """
    for parent, name, child in _children(model):
        # Exact types: a subclass computes something of its own (gemma scales its embedding).
        if type(child) is nn.Linear:
            setattr(parent, name, BFloat16Linear(child))
        elif type(child) is nn.Embedding:
            setattr(parent, name, BFloat16Embedding(child))
    for parameter in model.parameters():
        if parameter.dtype in (torch.bfloat16, torch.float16):
            parameter.data = parameter.data.float()
    model.config.dtype = torch.float32


def _children(model: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    """All (parent, name, child) of `model`, listed first so that children can be replaced in the loop."""
    return [(parent, name, child) for parent in model.modules() for name, child in parent.named_children()]
