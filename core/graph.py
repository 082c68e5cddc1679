"""Decode steps as one compiled graph: built in the background, kept on disk, used where it applies.

A decode step in transformers is some 1,500 small operations, and on a CPU their dispatch takes longer than their
arithmetic. `compile_decoding` has the whole step compiled once (graph_export.py, in a process of its own) and hands it
to the model. Until it is there, and wherever it does not apply, decoding goes through the model's own modules, with the
same results.

One graph serves partial and full steps: a layer's attention is one operation (kernels/decode.cpp), which is told by a
small tensor where the new token goes and over which cache to attend. The caches are those of `PolicyCache` as they are.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import filelock
import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from . import graph_export, kernels, traced
from .cache import PolicyCache
from .cuda_graph import RecordedStep
from .default_model import cache_folder
from .graph_export import named_tensors, save_skeleton, small_tensors
from .layer import PolicyLayer, Step
from .policies import FullAttention, Observation
from .storage import refill

GRAPH_ATTRIBUTE = "refreshkv_graph"
"""Attribute of a model under which its `DecodeGraph` is found."""

CANCEL_SECONDS = 10

logger = logging.getLogger(__name__)


class DecodeGraph:
    """The compiled decode step of one model."""

    def __init__(self, package: Path, model: PreTrainedModel) -> None:
        """Load `package` and let it use the weights of `model`, which are not copied."""
        self._run: Any = torch._inductor.aoti_load_package(str(package))
        tensors = named_tensors(model)
        constants = {name: tensors[name.removeprefix("model.")] for name in self._run.get_constant_fqns()}
        self._run.load_constants(constants, check_full_update=True, user_managed=True)
        config = model.config.get_text_config(decoder=True)
        self._query_heads: int = config.num_attention_heads
        self._weights = torch.empty(config.num_hidden_layers, 1, 1, 0)

    def step(self, token: Tensor, cache: PolicyCache) -> Tensor | None:
        """Logits `(1, vocabulary)` of `token`, int64 `(1, 1)`, as the model's forward gives them, with the same traces
        in `cache`; None, with the cache untouched, for a step that is not this graph's."""
        layers = list(cache.policy_layers.values())
        step = _common_step(layers)
        if step is None or len(layers) < len(cache.layers) or token.shape != (1, 1):
            return None
        position = layers[0].get_seq_length()
        cache.reserve(position + 1)
        sizes = layers[0].full[0].storage.shape[1::2]  # KV heads and their size
        places = [
            (
                position,
                *(layer.claim(position) if step is Step.PARTIAL else (-1, 0)),
                *layer.kept.claim(position, sizes[0]),
            )
            for layer in layers
        ]
        weights = self._room_for_weights(layers, step)
        full, small = [layer.full for layer in layers], [layer.small_storage for layer in layers]
        indices = [layer.kept.index_storage(*sizes, told=layer.reports()) for layer in layers]
        codes, ranges, chosen = zip(*indices, strict=True)
        try:
            logits: Tensor = self._run(
                token,
                torch.tensor(places),
                [keys.storage for keys, _ in full],
                [values.storage for _, values in full],
                [keys for keys, _ in small],
                [values for _, values in small],
                list(weights),
                list(codes),
                list(ranges),
                list(chosen),
            )
        except BaseException:
            for layer in layers:
                layer.kept.small = None  # a slot was claimed and not written: the next step is full and chooses anew
            raise
        for layer, held in zip(layers, chosen, strict=True):
            layer.record(step, held)
        if step is Step.FULL and not layers[0].policy.reads_all:
            _refresh(layers, weights[..., : position + 1])
        return logits

    def _room_for_weights(self, layers: list[PolicyLayer], step: Step) -> Tensor:
        """Room for a full step's attention weights, `(layers, heads, group, capacity)`, or none for other steps."""
        heads, capacity = layers[0].full[0].storage.shape[1:3]
        if step is not Step.FULL or layers[0].policy.reads_all:
            return self._weights[..., :0]
        if self._weights.shape[-1] != capacity:
            self._weights = torch.empty(len(layers), heads, self._query_heads // heads, capacity)
        return self._weights


def _common_step(layers: list[PolicyLayer]) -> Step | None:
    """What the next step is in all layers, if it is the same and known before the queries are."""
    steps = {layer.upcoming_step() for layer in layers}
    step = steps.pop()
    if steps or step not in (Step.PARTIAL, Step.FULL, Step.CHOSEN):
        return None
    if step is Step.FULL and (layers[0].policy.compares_queries() or layers[0].policy.evicts):
        return None  # its query is to be kept, and stays inside the graph; or it is not to see what was evicted
    kept = layers[0].kept
    if kept.observes or (kept.index is not None and (step is Step.FULL or not kept.is_coded)):
        return None  # the method is to see its weights, or has an index of its own
    keys = layers[0].full[0].storage
    return step if keys.shape[0] == 1 and keys.device.type == "cpu" else None


def _refresh(layers: list[PolicyLayer], weights: Tensor) -> None:
    """Choose all layers' small caches at once: the layers are a batch to the policy."""
    policy, length = layers[0].policy, weights.shape[-1]
    for layer in layers:
        layer.note_refresh()
        layer.count(length, None)
    positions = policy.choose(Observation(weights), min(*layers[0].kept.sizes, length))
    states = [(layer.full[0].view, layer.full[1].view) for layer in layers]
    caches = [layer.kept.prepare(*own) for layer, own in zip(layers, states, strict=True)]
    keys, values = zip(*states, strict=True)
    refill(caches, keys, values, positions.unsqueeze(1))


def compile_decoding(model: PreTrainedModel, *, cache_dir: Path | None = None) -> Compilation:
    """Have the decode step of `model` compiled in the background; returns what tells how far it is.

    On a CPU the result is kept in the cache folder, so that the next call for such a model finds it at once. On a GPU
    partial steps are recorded as a CUDA graph when the first is due (cuda_graph.py). A model or a machine for which it
    cannot be done goes on as it is; `Compilation.failure` says why.
    """
    return Compilation(model, cache_folder(cache_dir))


class Compilation:
    """A compilation under way, or its outcome."""

    def __init__(self, model: PreTrainedModel, cache: Path) -> None:
        """Begin."""
        self.failure = ""
        self._model, self._cache = model, cache
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = False
        self._thread = threading.Thread(target=self._build, name="compile-decoding", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the model decodes by its compiled graph."""
        return decode_graph(self._model) is not None

    @property
    def running(self) -> bool:
        """Whether it is still being compiled."""
        return self._thread.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds for the end; returns `ready`."""
        self._thread.join(timeout)
        return self.ready

    def cancel(self) -> None:
        """Give it up. Waits for CANCEL_SECONDS at most: for another process that compiles it would be for minutes."""
        self._cancelled = True
        if self._process is not None:
            _kill(self._process)
        self._thread.join(CANCEL_SECONDS)

    def _build(self) -> None:
        try:
            on_gpu = self._model.device.type == "cuda"
            graph = RecordedStep(self._model) if on_gpu else DecodeGraph(self._package(), self._model)
            setattr(self._model, GRAPH_ATTRIBUTE, graph)
        except Exception as error:  # whatever the compiler or the model's code raises, decoding goes on without
            self.failure = str(error) or type(error).__name__
            if not self._cancelled:
                logger.warning("the decode step could not be compiled, so decoding is slower: %s", self.failure)

    def _package(self) -> Path:
        if not kernels.load(self._cache):
            raise RuntimeError("there are no CPU kernels")
        if self._model.dtype not in (torch.float32, torch.bfloat16):
            raise RuntimeError(f"a model that computes in {self._model.dtype} is not compiled")
        layers = PolicyCache(self._model.config, FullAttention())
        if len(layers.policy_layers) < len(layers.layers):
            raise RuntimeError("layers other than full attention are not compiled")
        folder = self._cache / "graphs"
        folder.mkdir(parents=True, exist_ok=True)
        package = folder / f"decode-{_key(self._model)}.pt2"
        with filelock.FileLock(package.with_suffix(".lock")):
            if not _is_whole(package):
                self._compile(package)
        return package

    def _compile(self, package: Path) -> None:
        scratch = package.with_suffix(".partial")
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed: the lock is ours
        scratch.mkdir()
        try:
            target = scratch / "step.pt2"
            save_skeleton(self._model, scratch)
            self._run_compiler([str(scratch), str(self._cache), str(target)])
            target.replace(package)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run_compiler(self, arguments: list[str]) -> None:
        command = [sys.executable, "-m", graph_export.__name__, *arguments]
        # One thread and the lowest priority: decoding goes on meanwhile.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            ["nice", "-n", "19", *command] if shutil.which("nice") else command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # with the compilers that it starts
        )
        if self._cancelled:
            _kill(self._process)
        _, errors = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError((errors.strip().splitlines() or ["it ended without a word"])[-1])


def _is_whole(package: Path) -> bool:
    """Whether it is there and not damaged, as it may be after a power cut."""
    try:
        with zipfile.ZipFile(package) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, zlib.error):
        return False


def _kill(process: subprocess.Popen[str]) -> None:
    """With the processes that it started."""
    with suppress(ProcessLookupError):
        if os.name == "posix" and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def decode_graph(model: PreTrainedModel) -> DecodeGraph | RecordedStep | None:
    """The compiled step of `model`, if there is one."""
    return getattr(model, GRAPH_ATTRIBUTE, None)


def _key(model: PreTrainedModel) -> str:
    """Names everything the compiled graph depends on."""
    parts = [torch.__version__, transformers.__version__, kernels.processor(), str(model.dtype)]
    parts += [kernels.source_text(), inspect.getsource(graph_export), inspect.getsource(traced)]
    parts += [model.config.to_json_string(), repr(model)]
    parts += [f"{name} {tensor.tolist()}" for name, tensor in small_tensors(model).items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
