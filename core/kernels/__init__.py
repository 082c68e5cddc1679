"""The inner loops of decoding on a CPU, compiled for the machine they run on.

`load` builds decode.cpp with the machine's C++ compiler, once, and registers its operations as `torch.ops.refreshkv`.
Without a compiler nothing is registered, and the callers use torch's own operations instead; `available` says which.

    int4_linear(x, weight, scale): `x @ int4_dense(weight, scale).T`, float32 `(..., inputs)` to `(rows, outputs)`,
        with inputs a multiple of 32. x is rounded to 16 bits in groups of 32, so that the products are integer ones.
    int4_linears(x, weights, scales): several of them on the same x, `(rows, all outputs)`.
    int8_linear(x, weight, scale): the same for int8 `(outputs, inputs)` and bfloat16 scales `(outputs,)`.
    int4_dense(weight, scale): the float32 weight `(outputs, inputs)`; `int4.dense` is the same in torch.
    decode_attention(query, keys, values, scaling): attention of one query token over a cache; query float32
        `(1, query_heads, 1, dim)`, keys and values `(1, heads, length, dim)` in float32 or bfloat16. Returns the output
        `(1, 1, query_heads, value_dim)` and the weights `(1, heads, group, length)`, both float32, as
        `attention.grouped_attention` does.
    top_positions(scores, count): as `selection.top_positions` without `valid`.
    pooled_scores(weights, size): `selection.pool_scores(selection.group_max(weights), size)` of float32 weights.
    gather_positions(outs, states, positions): of each of the lists, `out[:] = selection.gather_positions(...)`.
    hold_openmp(hold): see `own_threads`.
    decode_rows_attention(query, key, value, place, scaling, stored): one layer of a decode step of some rows, see
        places.py. Writes what is new of each row, then attends: to its full cache, to its small one, or to what its
        codes choose, like `indexed_attention`. query float32 `(rows, query_heads, 1, dim)`, key and value likewise;
        place int64 `(rows, fields + heads)`; stored: bytes of a number in the caches. Returns
        `(rows, 1, query_heads, value_dim)`; a row's numbers are the same whatever rows are beside it.
    prompt_attention(query, keys, values, scaling, first, last, most, peak): causal attention of a chunk of a prompt,
        the last tokens of a cache, see `grouped.chunk_attention`; of keys from first to last a query gets less.
    int4_prompt_linear(x, weight, scale): int4_linear for many rows, of x in float32 or bfloat16 and with the result
        like it, in blocks of 16 outputs. x is rounded to 8 bits in groups of 32, each around a middle of its own.
    has_byte_products(): whether that is faster here than a matmul with the weight written out.
    prompt_inputs, prompt_outputs: what a layer of a Llama does with a prompt before attention and after it, see
        prompt_layers.py and prompt_layer.h.
    llama_step(hidden, layers, places, ...): a whole decode step of a Llama, see llama_step.py and llama_step.h.
    append_key_codes, key_code_log_weights, key_code_scores, choose_positions, chosen_attention, indexed_attention: what
        their namesakes in key_codes.py do; codes and ranges are `KeyCodes.codes` and `KeyCodes.ranges`. Attention is of
        one row; keys and values have the same dtype, float32 or bfloat16, and lie position after position.
    key_code_peaks(query, codes, ranges, length, count, sinks, behind, ahead, scaling): `old_keys.highest`.
    likely_tokens(logits, reach): `sampling.likely_tokens` of contiguous logits in float32 or bfloat16.

Measured in decode steps of SmolLM2-135M at 7,000 tokens on two AVX512-VNNI cores, against the same products in AVX2
registers with row-major weights: linears 4.9 ms for 7.4, attention of a full step 10.7 ms for 15.7.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import filelock
import torch
from torch import Tensor
from torch.utils import cpp_extension

SOURCE = Path(__file__).with_name("decode.cpp")
HEADERS = (
    "common",
    "parallel",
    "vectors",
    "linears",
    "attention",
    "refresh",
    "key_codes",
    "key_scores",
    "key_index",
    "key_peaks",
    "window",
    "rows",
    "llama_step",
    "prompt_attention",
    "prompt_linears",
    "prompt_layer",
    "sampling",
)
SOURCES = (SOURCE, *(SOURCE.with_name(f"{name}.h") for name in HEADERS))
BUILD_SECONDS = 300

logger = logging.getLogger(__name__)


def available() -> bool:
    """Whether the operations are registered."""
    return hasattr(torch.ops.refreshkv, "int4_linear")


def load(cache: Path, on_build: Callable[[], None] | None = None) -> bool:
    """Register the operations, building them into the folder `cache` / kernels if they are not there (about 7 s).

    `on_build` is called before building. Returns whether they can be used; if not, the reason is logged.
    """
    if available():
        return True
    folder = cache / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "build.lock"):
            if not available():
                _load(folder, on_build)
                _register_shapes()
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        logger.warning("the CPU kernels could not be built, so decoding is slower: %s", reason.strip()[-500:])
        return False
    return True


@contextmanager
def own_threads() -> Iterator[None]:
    """Within it the kernels have threads of their own, and torch's operations the calling thread alone.

    For decode steps, whose torch operations are small: two pools of threads would wait for work on the same processors.
    Only the calling thread is concerned.
    """
    if not available():
        yield
        return
    torch.ops.refreshkv.hold_openmp(True)
    try:
        yield
    finally:
        torch.ops.refreshkv.hold_openmp(False)


def linear(operation: Callable[[Tensor, Tensor, Tensor], Tensor], x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """`int4_linear` or `int8_linear` as `operation`: x `(..., inputs)` of any dtype to `(..., outputs)` in it."""
    rows = operation(x.float().contiguous(), weight, scale)
    return rows.view(*x.shape[:-1], -1).to(x.dtype)


def source_text() -> str:
    """The whole source, which a built library and a compiled graph depend on."""
    return "".join(path.read_text("utf-8") for path in SOURCES)


def _load(folder: Path, on_build: Callable[[], None] | None) -> None:
    library = _built(folder, on_build)
    try:
        torch.ops.load_library(library)
    except OSError:  # damaged, as after a power cut
        library.unlink()
        torch.ops.load_library(_built(folder, on_build))


def _built(folder: Path, on_build: Callable[[], None] | None) -> Path:
    """The library for this source, torch and processor."""
    key = hashlib.sha256(f"{source_text()}{torch.__version__}{processor()}".encode()).hexdigest()[:16]
    library = folder / f"decode-{key}.so"
    if not library.is_file():
        if on_build is not None:
            on_build()
        for left in folder.glob("tmp*"):  # by a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(dir=folder) as scratch:
            built = Path(scratch) / library.name
            for command in _commands(built):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS)
            built.replace(library)
    return library


def _commands(target: Path) -> list[list[str]]:
    """Compile, then link: linked under -ffast-math, loading the library would flush subnormals to zero process-wide."""
    if sys.platform == "win32" or (found := compiler()) is None:
        raise OSError("there is no C++ compiler. Install g++ or clang, and start again")
    arm = platform.machine().lower() in ("arm64", "aarch64")
    native = ["-mcpu=native"] if arm else ["-march=native", "-mprefer-vector-width=512"]
    includes = [f"-I{path}" for path in cpp_extension.include_paths()]
    libraries = [f"-L{path}" for path in cpp_extension.library_paths()]
    flags = ["-std=c++20", "-O3", *native, "-ffast-math", "-fPIC"]
    unlinked = str(target.with_suffix(".o"))
    return [
        [found, *flags, *includes, "-c", str(SOURCE), "-o", unlinked],
        [found, "-shared", unlinked, "-o", str(target), *libraries, "-ltorch_cpu", "-lc10"],
    ]


def compiler() -> str | None:
    """The machine's C++ compiler, if it has one."""
    return os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


def processor() -> str:
    """What -march=native depends on: a cache folder may be shared between machines."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {platform.processor()} {flags}"


def _register_shapes() -> None:
    """Tell torch.export the shapes and types of the results, without data."""

    def rows(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        return x.new_empty(x.numel() // x.shape[-1], weight.shape[0])

    def int4_linear(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        return x.new_empty(x.numel() // x.shape[-1], 16 * weight.shape[0])

    def int4_linears(x: Tensor, weights: list[Tensor], scales: list[Tensor]) -> Tensor:
        return x.new_empty(x.numel() // x.shape[-1], 16 * sum(weight.shape[0] for weight in weights))

    def int4_dense(weight: Tensor, scale: Tensor) -> Tensor:
        return scale.new_empty(16 * weight.shape[0], 32 * weight.shape[1], dtype=torch.float32)

    def decode_attention(query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        heads, length = keys.shape[1:3]
        weights = query.new_empty(1, heads, query.shape[1] // heads, length)
        return query.new_empty(1, 1, query.shape[1], values.shape[3]), weights

    def decode_rows_attention(
        query: Tensor, key: Tensor, value: Tensor, place: Tensor, scaling: float, stored: int
    ) -> Tensor:
        return query.new_empty(query.shape[0], 1, query.shape[1], value.shape[3])

    def key_code_log_weights(query: Tensor, codes: Tensor, ranges: Tensor, length: int, scaling: float) -> Tensor:
        batch, heads = codes.shape[:2]
        return query.new_empty(batch, heads, query.shape[1] // heads, length)

    def key_code_scores(query: Tensor, codes: Tensor, ranges: Tensor, length: int, scaling: float) -> Tensor:
        return query.new_empty(*codes.shape[:2], length)

    def chosen_attention(query: Tensor, keys: Tensor, values: Tensor, chosen: Tensor, scaling: float) -> Tensor:
        return query.new_empty(1, 1, query.shape[1], values.shape[3])

    shapes: dict[str, Callable[..., Any]] = {
        "int4_linear": int4_linear,
        "int4_linears": int4_linears,
        "int8_linear": rows,
        "int4_dense": int4_dense,
        "decode_attention": decode_attention,
        "decode_rows_attention": decode_rows_attention,
        "key_code_log_weights": key_code_log_weights,
        "key_code_scores": key_code_scores,
        "chosen_attention": chosen_attention,
    }
    for name, function in shapes.items():
        torch.library.register_fake(f"refreshkv::{name}", function)
