"""Compile a model's decode step into one graph. Runs in a process of its own, started by `compilation.py`.

    python -m core.graph_export SKELETON KERNELS TARGET

reads a model that `save_skeleton` wrote without its weights, exports its `DecodeStep` and writes what torch's
ahead-of-time compiler makes of it. The weights are handed to the compiled graph where it is loaded, so the package is
small and fits every model of the same architecture, sizes and quantization.
"""

from __future__ import annotations

import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, Node
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel

from . import kernels
from .cache import kv_dtype
from .grouped import scaling_of
from .places import FIELDS
from .policies.base import MOST_DRAFTED
from .traced import TRACED_KEY, TracedCache, traced_step

GRAPH_ATTENTION = "refreshkv_graph"
"""Name under which `graph_attention` is registered with transformers while a step is traced."""
MODEL_FILE, SMALL_FILE = "model.pt", "small.pt"
SMALL = 64
MOST_ROWS = 1 + MOST_DRAFTED
"""Tokens of a step, at most: of several runs, or of one to be verified."""
CONVERSIONS = (torch.ops.aten.to.dtype, torch.ops.aten.contiguous.default)


class DecodeStep(nn.Module):
    """A model's forward for one token, over caches that are tensors of its own."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the model as it is."""
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Logits `(rows, vocabulary)` of `tokens`, int64 `(rows, 1)`; their keys and values are written, and what they
        attend to is read, where `places` says (places.py), int64 `(layers, rows, fields + heads)`."""
        return traced_step(self.model, tokens, places[0, :, :1], GraphCache(places))


class GraphCache(TracedCache):
    """Hands every layer's places to the attention operation, which stores the new tokens too."""

    def __init__(self, places: Tensor) -> None:
        """`places` as in `DecodeStep.forward`."""
        self._places = places

    def hand_over(self, layer_idx: int, key: Tensor, value: Tensor) -> tuple[Any, ...]:
        """The places of the layer, and the shapes of what is cached."""
        return self._places[layer_idx], key.shape[1::2], value.shape[1::2]


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
    place, *cached = kwargs[TRACED_KEY]
    if [key.shape[1::2], value.shape[1::2]] != cached:
        raise NotImplementedError("keys that are cached in another form than they are attended to are not compiled")
    config: PreTrainedConfig = module.config  # type: ignore[assignment]
    output = torch.ops.refreshkv.decode_rows_attention(
        query.float().contiguous(),
        key.float().contiguous(),
        value.float().contiguous(),
        place,
        scaling_of(query, scaling),
        (kv_dtype(config) or query.dtype).itemsize,
    )
    return output.to(query.dtype), None


def export(step: DecodeStep) -> torch.export.ExportedProgram:
    """The step as a graph in which the number of rows is free."""
    AttentionInterface.register(GRAPH_ATTENTION, graph_attention)
    step.model.set_attn_implementation(GRAPH_ATTENTION)
    rows = torch.export.Dim("rows", min=1, max=MOST_ROWS)
    with torch.no_grad():
        program = torch.export.export(step, _example(step.model), dynamic_shapes=({0: rows}, {1: rows}), strict=False)
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
    """Inputs to trace with."""
    config = model.config.get_text_config(decoder=True)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    rows = 3  # any number but 1, which would be taken for a fixed one
    places = torch.zeros(config.num_hidden_layers, rows, len(FIELDS) + heads, dtype=torch.long)
    return torch.ones(rows, 1, dtype=torch.long), places


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
