"""The layers of a Llama with 4-bit linears, as the CPU kernels take them (prompt_layers.py, llama_step.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.models.llama import modeling_llama as llama

from .int4 import Int4Linear


@dataclass(frozen=True)
class Norm:
    """A root mean square normalization: float32 `(size,)`."""

    weight: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: llama.LlamaRMSNorm) -> Norm:
        """That of `module`."""
        return cls(module.weight.detach().float().contiguous(), module.variance_epsilon)


@dataclass(frozen=True)
class Layer:
    """What the kernels take of a layer: inputs are q, k and v, outputs o, gate, up and down."""

    attention: llama.LlamaAttention
    first: Norm
    second: Norm
    inputs: tuple[Int4Linear, ...]
    outputs: tuple[Int4Linear, ...]


def layers_of(model: PreTrainedModel, heads_in: int) -> list[Layer] | None:
    """The layers of `model`, if all are a Llama's with 4-bit linears and heads of a multiple of `heads_in`."""
    if type(model) is not llama.LlamaForCausalLM:
        return None
    layers = [_layer(module, heads_in) for module in model.model.layers[: model.config.num_hidden_layers]]
    known = [layer for layer in layers if layer is not None]
    return known if len(known) == len(layers) else None


def _layer(module: nn.Module, heads_in: int) -> Layer | None:
    if type(module) is not llama.LlamaDecoderLayer or type(module.self_attn) is not llama.LlamaAttention:
        return None
    attention, mlp = module.self_attn, module.mlp
    inputs: tuple[Any, ...] = (attention.q_proj, attention.k_proj, attention.v_proj)
    outputs: tuple[Any, ...] = (attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)
    linears = all(type(linear) is Int4Linear and linear.bias is None for linear in (*inputs, *outputs))
    gated = type(mlp) is llama.LlamaMLP and mlp.config.hidden_act == "silu"
    if not linears or not gated or attention.head_dim % heads_in:
        return None
    return Layer(attention, Norm.of(module.input_layernorm), Norm.of(module.post_attention_layernorm), inputs, outputs)
