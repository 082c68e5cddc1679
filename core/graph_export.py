"""Compile a model's decode step into one graph. Runs in a process of its own, started by `graph.py`.

    python -m core.graph_export SKELETON KERNELS TARGET

reads a model that `save_skeleton` wrote without its weights, exports its `DecodeStep` and writes what torch's
ahead-of-time compiler makes of it. The weights are handed to the compiled graph where it is loaded, so the package is
small and fits every model of the same architecture, sizes and quantization.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, Node
from transformers import AttentionInterface, PreTrainedModel

from . import kernels
from .cache import kv_dtype
from .grouped import scaling_of
from .traced import TRACED_KEY, TracedCache, traced_step

GRAPH_ATTENTION = "refreshkv_graph"
"""Name under which `graph_attention` is registered with transformers while a step is traced."""
MODEL_FILE, SMALL_FILE = "model.pt", "small.pt"
SMALL = 64
CONVERSIONS = (torch.ops.aten.to.dtype, torch.ops.aten.contiguous.default)


class DecodeStep(nn.Module):
    """A model's forward for one token, over caches that are tensors of its own."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the model as it is."""
        super().__init__()
        self.model = model

    def forward(
        self,
        token: Tensor,
        place: Tensor,
        full_keys: list[Tensor],
        full_values: list[Tensor],
        small_keys: list[Tensor],
        small_values: list[Tensor],
        weights: list[Tensor],
        codes: list[Tensor],
        ranges: list[Tensor],
        chosen: list[Tensor],
    ) -> Tensor:
        """Logits `(1, vocabulary)` of `token`, int64 `(1, 1)`; its keys and values are written where `place` says.

        `place`: int64 `(layers, 4 + heads)`: the token's position; its slot in the layer's small cache, or -1 for a
        step over the full one; the slots in use; for a step by an index how many recent positions are always chosen,
        and how many in all by each head. The caches are lists with a tensor `(1, heads, capacity, dim)` per layer. A
        full step writes its attention weights into `weights`, `(heads, group, capacity)` per layer, if they have room.
        A step is by an index if `codes`, `(1, heads, capacity, bytes)` per layer with their `ranges` (`KeyCodes`), have
        room; then `chosen`, int64 `(heads, room)` per layer, gets the positions, if it has room.
        """
        caches = (full_keys, full_values, small_keys, small_values, weights, codes, ranges, chosen)
        layers = list(zip(*caches, strict=True))
        return traced_step(self.model, token, place[:1, :1], GraphCache(layers, place))


class GraphCache(TracedCache):
    """Hands every layer's tensors to the attention operation, which stores the new token too."""

    def __init__(self, layers: Sequence[tuple[Tensor, ...]], place: Tensor) -> None:
        """`layers`: of each what `DecodeStep.forward` has lists of; `place` as there."""
        self._layers = layers
        self._place = place

    def hand_over(self, layer_idx: int, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """All tensors of the layer."""
        return *self._layers[layer_idx], self._place[layer_idx]


def graph_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """The attention function of a traced step: one operation that writes the new token and attends."""
    if softcap is not None or s_aux is not None or attention_mask is not None:
        raise NotImplementedError("softcapping, attention sinks and masks are not compiled")
    full_keys, full_values, *rest = kwargs[TRACED_KEY]
    if key.shape[1::2] != full_keys.shape[1::2] or value.shape[1::2] != full_values.shape[1::2]:
        raise NotImplementedError("keys that are cached in another form than they are attended to are not compiled")
    output = torch.ops.refreshkv.decode_step_attention(
        query.float().contiguous(),
        key.float().contiguous(),
        value.float().contiguous(),
        full_keys,
        full_values,
        *rest,
        scaling_of(query, scaling),
    )
    return output.to(query.dtype), None


def export(step: DecodeStep) -> torch.export.ExportedProgram:
    """The step as a graph in which the capacities of the caches are free."""
    AttentionInterface.register(GRAPH_ATTENTION, graph_attention)
    step.model.set_attn_implementation(GRAPH_ATTENTION)
    layers = step.model.config.get_text_config(decoder=True).num_hidden_layers
    capacities = {
        name: torch.export.Dim(name, min=0, max=1 << 24) for name in ("full", "small", "room", "coded", "held")
    }
    free: list[Any] = [[{2: capacities[name]}] * layers for name in ("full", "full", "small", "small", "room")]
    width = torch.export.Dim("width", min=1, max=1 << 12)
    free += [[{2: capacities["coded"], 3: width}] * layers, [None] * layers, [{1: capacities["held"]}] * layers]
    with torch.no_grad():
        program = torch.export.export(step, _example(step.model), dynamic_shapes=(None, None, *free), strict=False)
    merge_linears(program.graph)
    program.graph_module.recompile()
    return program


def merge_linears(graph: Graph) -> None:
    """Let 4-bit linears that multiply the same activations (q, k and v; gate and up) be one operation."""
    together: dict[Any, list[Node]] = {}
    for node in graph.find_nodes(op="call_function", target=torch.ops.refreshkv.int4_linear.default):
        together.setdefault(_value(node.args[0]), []).append(node)
    for nodes in together.values():
        sizes = [node.meta["val"].shape[1] for node in nodes]
        with graph.inserting_before(nodes[0]):
            weights, scales = ([node.args[index] for node in nodes] for index in (1, 2))
            merged = graph.call_function(torch.ops.refreshkv.int4_linears.default, (nodes[0].args[0], weights, scales))
            ends = list(accumulate(sizes))
            parts = [
                graph.call_function(torch.ops.aten.slice.Tensor, (merged, 1, end - size, end))
                for size, end in zip(sizes, ends, strict=True)
            ]
        for node, part in zip(nodes, parts, strict=True):
            part.meta = dict(node.meta)
            node.replace_all_uses_with(part)
            graph.erase_node(node)
    graph.lint()


def _value(node: Any) -> Any:
    """The same for nodes that are the same conversions of the same node."""
    if isinstance(node, Node) and node.target in CONVERSIONS:
        return node.target, _value(node.args[0]), node.args[1:]
    return node


def _example(model: PreTrainedModel) -> tuple[Any, ...]:
    """Inputs to trace with; the sizes of the caches are arbitrary."""
    config = model.config.get_text_config(decoder=True)
    heads, layers = getattr(config, "num_key_value_heads", None) or config.num_attention_heads, config.num_hidden_layers
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    dtype = kv_dtype(config) or model.dtype
    full = [torch.zeros(1, heads, 12, dim, dtype=dtype) for _ in range(2 * layers)]
    small = [torch.zeros(1, heads, 7, dim, dtype=dtype) for _ in range(2 * layers)]
    weights = [torch.zeros(heads, config.num_attention_heads // heads, 13) for _ in range(layers)]
    codes = [torch.zeros(1, heads, 32, 5, dtype=torch.uint8) for _ in range(layers)]
    ranges = [torch.zeros(1, heads, 3, dim) for _ in range(layers)]
    chosen = [torch.zeros(heads, 6, dtype=torch.long) for _ in range(layers)]
    place = torch.tensor([[9, 3, 7, 1] + [4] * heads] * layers)
    caches = (full[:layers], full[layers:], small[:layers], small[layers:], weights, codes, ranges, chosen)
    return torch.tensor([[1]]), place, *caches


def named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers, a tied one under each of its names."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return parameters | dict(model.named_buffers(remove_duplicate=False))


def small_tensors(model: PreTrainedModel) -> dict[str, Tensor]:
    """The parameters and buffers whose values the compiler may write into its code (it does up to 8 numbers)."""
    return {name: tensor for name, tensor in named_tensors(model).items() if tensor.numel() <= SMALL}


def save_skeleton(model: PreTrainedModel, folder: Path) -> None:
    """Write `model` into `folder` with room for its weights, but without them (the file is sparse)."""
    torch.save({name: tensor.detach().clone() for name, tensor in small_tensors(model).items()}, folder / SMALL_FILE)
    with torch.serialization.skip_data():
        torch.save(model, folder / MODEL_FILE)


def load_skeleton(folder: Path) -> PreTrainedModel:
    """What `save_skeleton` wrote; the weights are arbitrary, the small tensors right."""
    model: PreTrainedModel = torch.load(folder / MODEL_FILE, weights_only=False, mmap=True)
    tensors = named_tensors(model)
    with torch.no_grad():
        for name, value in torch.load(folder / SMALL_FILE).items():
            tensors[name].copy_(value)
    return model


def main(skeleton: str, kernels_cache: str, target: str) -> None:
    """Compile the step of the model saved in the folder `skeleton` into the package `target`."""
    if not kernels.load(Path(kernels_cache)):
        raise SystemExit("the CPU kernels cannot be loaded")
    options = {
        "aot_inductor.package_constants_in_so": False,
        "aot_inductor.compile_wrapper_opt_level": "O0",
        "cpp.threads": 1,
    }
    program = export(DecodeStep(load_skeleton(Path(skeleton))))
    torch._inductor.aoti_compile_and_package(program, package_path=target, inductor_configs=options)


if __name__ == "__main__":
    main(*sys.argv[1:])
