"""OpenVINO GenAI's LLM pipeline on the GGUF file, which it converts; how it stores weights and cache is its own."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import openvino  # type: ignore[import-not-found]
import openvino_genai as genai  # type: ignore[import-not-found]

from ..protocol import Arrival, Loaded, Measurement, Setup, measurement, serve, versions


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

    return Loaded(generate, f"Q4_1, paged attention, {versions('openvino-genai')}")


if __name__ == "__main__":
    serve(load)
