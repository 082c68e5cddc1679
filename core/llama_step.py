"""Decode steps of a Llama with 4-bit linears as one operation (kernels/llama_step.h), without anything to be compiled.

What `graph.DecodeGraph` is to other models: the same rows and places, the same results whatever rows are beside one.
Activations stay in float32 from layer to layer and are rounded to 16 bits where they meet a weight.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .cache import kv_dtype
from .graph import RowsStep
from .llama import Layer, Norm, layers_of
from .quantization import Int8Linear
from .rotary import length_dependent_scaling

HEADS_IN = 32
"""Sizes of heads are to be multiples of it: two vectors of the widest kernels."""


class LlamaStep(RowsStep):
    """The decode step of one model."""

    @classmethod
    def of(cls, model: PreTrainedModel) -> LlamaStep | None:
        """That of `model`, if it is a Llama's with an 8-bit head."""
        layers = layers_of(model, HEADS_IN)
        head = model.get_output_embeddings()
        if layers is None or type(head) is not Int8Linear or head.bias is not None:
            return None
        return cls(model, layers, head) if length_dependent_scaling(model.config) is None else None

    def __init__(self, model: PreTrainedModel, layers: list[Layer], head: Int8Linear) -> None:
        """Use the weights as they are, which are not copied."""
        super().__init__(model)
        attention, inner = layers[0].attention, model.model
        self._embed, self._rotary = inner.embed_tokens, inner.rotary_emb
        self._layers = layers  # they hold what the addresses are of
        self._addresses = torch.tensor([_addresses(layer) for layer in layers])
        norm = Norm.of(inner.norm)
        stored = kv_dtype(model.config) or model.dtype
        sizes = (model.config.num_attention_heads, model.config.intermediate_size)
        self._given = (*sizes, norm.epsilon, attention.scaling, stored.itemsize, norm.weight, head.weight, head.scale)

    def _run(self, tokens: Tensor, places: Tensor) -> Tensor:
        hidden = self._embed(tokens[:, 0]).float()
        cos, sin = (part[:, 0].contiguous() for part in self._rotary(hidden, position_ids=places[0, :, :1]))
        logits: Tensor = torch.ops.refreshkv.llama_step(hidden, self._addresses, places, cos, sin, *self._given)
        return logits


def _addresses(layer: Layer) -> list[int]:
    """`LlamaLayer` of kernels/llama_step.h."""
    stored = [tensor for linear in (*layer.inputs, *layer.outputs) for tensor in (linear.weight, linear.scale)]
    return [tensor.data_ptr() for tensor in (layer.first.weight, layer.second.weight, *stored)]
