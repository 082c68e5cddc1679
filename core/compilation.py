"""A model's decode step is compiled in the background, in a process of its own, and kept on disk (graph.py runs it)."""

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

import filelock
import torch
import transformers
from transformers import PreTrainedModel

from . import graph_export, kernels, places, traced
from .cache import PolicyCache
from .cuda_graph import RecordedStep
from .decode_step import FASTER_ATTRIBUTE, DecodeStep, faster_step
from .default_model import cache_folder
from .graph import DecodeGraph, RowsStep
from .graph_export import save_skeleton, small_tensors
from .llama_step import LlamaStep
from .parallel import processes_of
from .policies import FullAttention

CANCEL_SECONDS = 10

logger = logging.getLogger(__name__)


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
        return faster_step(self._model) is not None

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
            self._require_one_place()
            on_gpu = self._model.device.type == "cuda"
            made: DecodeStep = RecordedStep(self._model) if on_gpu else self._rows_step()
            setattr(self._model, FASTER_ATTRIBUTE, made)
        except Exception as error:  # whatever the compiler or the model's code raises, decoding goes on without
            self.failure = str(error) or type(error).__name__
            if not self._cancelled:
                logger.warning("the decode step could not be compiled, so decoding is slower: %s", self.failure)

    def _require_one_place(self) -> None:
        if (processes := processes_of(self._model.config)) is not None:
            raise RuntimeError(f"the model is shared out over {processes.size} processes")
        if len(devices := {parameter.device for parameter in self._model.parameters()}) > 1:
            raise RuntimeError(f"the model is spread over {len(devices)} devices")

    def _rows_step(self) -> RowsStep:
        """One operation for a model that there is one for, else compiled."""
        if not kernels.load(self._cache):
            raise RuntimeError("there are no CPU kernels")
        return LlamaStep.of(self._model) or DecodeGraph(self._package(), self._model)

    def _package(self) -> Path:
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


def _key(model: PreTrainedModel) -> str:
    """Names everything the compiled graph depends on."""
    parts = [torch.__version__, transformers.__version__, kernels.processor(), str(model.dtype)]
    parts += [kernels.source_text(), inspect.getsource(graph_export), inspect.getsource(traced)]
    parts += [str(places.FIELDS)]
    parts += [model.config.to_json_string(), repr(model)]
    parts += [f"{name} {tensor.tolist()}" for name, tensor in small_tensors(model).items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
