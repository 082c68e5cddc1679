"""OpenVINO GenAI's LLM pipeline on the GGUF file, which it converts; how it stores weights and cache is its own.

The pipeline gives no probabilities of given tokens: those come from the model that it converts the file to, run by
OpenVINO itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import openvino  # type: ignore[import-not-found]
import openvino_genai as genai  # type: ignore[import-not-found]

from ..protocol import Arrival, Loaded, Measurement, Scored, Setup, measurement, serve, versions

CHUNK = 512


class Clock(genai.StreamerBase):  # type: ignore[misc]
    """A streamer that notes when each token came."""

    def __init__(self) -> None:
        """Start now."""
        super().__init__()
        self.started = perf_counter()
        self.arrivals: list[Arrival] = []

    def write(self, token: int | list[int]) -> genai.StreamingStatus:
        """A token, or several."""
        self.arrivals.append(Arrival(perf_counter(), len(token) if isinstance(token, list) else 1))
        return genai.StreamingStatus.RUNNING

    def end(self) -> None:
        """Nothing to do."""


def load(setup: Setup) -> Loaded:
    """The pipeline, and a generation by it."""
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = False  # a repeated prompt would not be prefilled
    pipeline = genai.LLMPipeline(setup.gguf, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=setup.threads)
    config = genai.GenerationConfig(max_new_tokens=setup.new_tokens, ignore_eos=True, do_sample=False)

    def generate(prompt: list[int]) -> Measurement:
        ids = openvino.Tensor(np.array([prompt], dtype=np.int64))
        clock = Clock()
        pipeline.generate(ids, config, clock)
        return measurement(clock.started, clock.arrivals, setup.new_tokens)

    return Loaded(generate, f"Q4_1, paged attention, {versions('openvino-genai')}", _Text(setup).score)


class _Text:
    """A text that goes on, in the state of the model's layers."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._request: Any = None
        self._length = 0
        self._last = np.empty(0)

    def score(self, read: list[int], scored: list[int]) -> Scored:
        """By the logits behind each token."""
        if self._request is None:
            self._request = _converted(self._setup).create_infer_request()
        for start in range(0, len(read), CHUNK):
            self._last = self._forward(read[start : start + CHUNK])[-1]
        found = Scored([], [])
        for token in scored:
            logits = self._last.astype(np.float64)
            found.best.append(int(logits.argmax()))
            found.likelihood.append(float(logits[token] - logits.max() - np.log(np.exp(logits - logits.max()).sum())))
            self._last = self._forward([token])[-1]
        return found

    def _forward(self, ids: list[int]) -> Any:
        """The logits `(tokens, vocabulary)`, a view."""
        end = self._length + len(ids)
        inputs = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, end), dtype=np.int64),
            "position_ids": np.arange(self._length, end, dtype=np.int64)[None],
            "beam_idx": np.zeros(1, dtype=np.int32),
        }
        self._length = end
        self._request.infer(inputs)
        return self._request.get_tensor("logits").data[0]


def _converted(setup: Setup) -> Any:
    """The model that the pipeline makes of the file, compiled."""
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "model.gguf"  # the pipeline writes beside the file
        link.symlink_to(setup.gguf)
        genai.LLMPipeline(str(link), "CPU", enable_save_ov_model=True)
        core = openvino.Core()
        model = core.read_model(Path(folder) / "openvino_model.xml")
        return core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": setup.threads})


if __name__ == "__main__":
    serve(load)
