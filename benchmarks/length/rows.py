"""The rows of the table: what is run at a length, how it is timed and how its text is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from transformers import PreTrainedConfig, PreTrainedModel

from ..decode import LLAMA, OPENVINO, Method
from .cascading import Cascading
from .controls import CHUNK, SINKS, Control, Placed, Rolling, SelfExtend, ntk, rotary_of, yarn
from .facts import ASKED, SCORED

ALONE, CASCADES = 7500, 4

MakeControl: TypeAlias = Callable[[PreTrainedModel, int], Control]


@dataclass(frozen=True)
class Row:
    """A method. timed: what is timed at a number of positions, None for what is there for its text alone. control: what
    reads the text then, if it is not what is timed. within: whether it differs from another row within the window, so
    that it is run there. longest: tokens at most. missing: why there are no figures at all."""

    name: str
    timed: Callable[[int, PreTrainedConfig], Method] | None = None
    control: MakeControl | None = None
    within: bool = True
    longest: int = 32_000
    missing: str = ""

    def runs_at(self, length: int, window: int) -> bool:
        """Whether it is run at a length."""
        return not self.missing and length <= self.longest and (self.within or length + ASKED > window)


def factor(length: int, window: int) -> int:
    """How many times the window holds a text with the questions, the next power of two."""
    return 1 << max(0, (length + ASKED - 1) // window).bit_length()


def _ours(policy: str, **parameters: Any) -> Row:
    options = {"policy": policy, "parameters": parameters, "window": "extend"}
    return Row(
        ", ".join([policy, *(f"{key} {value:,}" for key, value in parameters.items())]),
        _timed("ours", options),
        longest=1 << 30,
    )


def _timed(worker: str, options: dict[str, Any], requirements: tuple[str, ...] = ()) -> Callable[..., Method]:
    return lambda length, config: Method(worker, worker, options, requirements)


def _stock(length: int, config: PreTrainedConfig) -> Method:
    return Method("stock", "stock", {"settings": {}})


def _stock_ntk(length: int, config: PreTrainedConfig) -> Method:
    return Method("stock", "stock", {"settings": {"rope_parameters": _ntk(length, config)}})


def _llama_yarn(length: int, config: PreTrainedConfig) -> Method:
    window = config.max_position_embeddings
    return Method("llama_cpp", "llama_cpp", {"yarn": factor(length, window), "window": window}, LLAMA)


def _ntk(length: int, config: PreTrainedConfig) -> dict[str, Any]:
    # Twice as far as the text is long: the last of the positions that a base is made for are read badly.
    theta = config.rope_parameters["rope_theta"]
    return ntk(theta, config.head_dim, 2 * factor(length, config.max_position_embeddings))


def _placed(model: PreTrainedModel, length: int, **parameters: Any) -> Control:
    return Control(model, Placed(*rotary_of(model, **parameters)))


def _yarn(model: PreTrainedModel, length: int) -> Control:
    window = model.config.max_position_embeddings
    return _placed(model, length, **yarn(window, factor(length, window)))


def _alone(model: PreTrainedModel, length: int) -> Control:
    return Control(model, Placed(rotary_of(model)[0]), newest=ALONE - SCORED)


def _cascading(model: PreTrainedModel, length: int) -> Control:
    size = (model.config.max_position_embeddings - CHUNK - SINKS) // CASCADES - 1
    return Control(model, Cascading(rotary_of(model)[0], size, CASCADES))


ROWS = (
    Row("transformers, bfloat16", _stock, _placed),
    Row(
        "the same, NTK-aware scaling",
        _stock_ntk,
        lambda model, length: _placed(model, length, **_ntk(length, model.config)),
        within=False,
    ),
    Row("the same, YaRN", None, _yarn, within=False),
    Row(f"the same, the last {ALONE:,} tokens alone", None, _alone, within=False),
    Row(
        "the same, StreamingLLM with rolling positions",
        None,
        lambda model, length: Control(model, Rolling(rotary_of(model)[0], model.config.max_position_embeddings)),
        within=False,
    ),
    Row(
        "the same, SelfExtend",
        None,
        lambda model, length: Control(model, SelfExtend(rotary_of(model)[0])),
        within=False,
    ),
    Row("the same, Cascading KV cache", None, _cascading, within=False),
    Row("llama.cpp, Q4_1", _timed("llama_cpp", {}, LLAMA)),
    Row("llama.cpp, Q4_1, YaRN", _llama_yarn, within=False),
    Row("llama.cpp, Q4_1, self-extend", missing="its server takes grp_attn_n and does as without it"),
    Row("OpenVINO GenAI, Q4_1", _timed("openvino", {}, OPENVINO)),
    _ours("FullAttention"),
    _ours("KeyIndex", budget=1024),
    _ours("RefreshKV", budget=1024),
)


def rows_named(texts: Sequence[str]) -> list[Row]:
    """The rows with one of these names, or with one of them in their names where it is none by itself."""
    whole = {row.name for row in ROWS}
    return [row for row in ROWS if any(row.name == text or (text not in whole and text in row.name) for text in texts)]
