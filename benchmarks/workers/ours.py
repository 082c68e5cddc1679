"""This project's decoder. Options: `policy` (a name of core), its parameters, `window`, and `quantization` (else the
default)."""

from __future__ import annotations

from inspect import signature
from statistics import median
from time import perf_counter
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

import core
from core import GenerationFinished, Policy, PolicyCache, TokenGenerated, compile_decoding, load_model, stream_generate

from ..protocol import Arrival, Loaded, Measurement, Setup, bytes_per_token, measurement, serve, versions
from .transformers_model import weight_bytes


def prepare(setup: Setup) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, Policy]:
    """Model, tokenizer and policy, ready to generate; everything that is done once and not measured happens here."""
    torch.set_num_threads(setup.threads)
    options: dict[str, Any] = dict(setup.options)
    policy: Policy = getattr(core, options.pop("policy"))(**options.pop("parameters", {}))
    options.pop("window", None)
    model, tokenizer = load_model(**options)
    model.generation_config.eos_token_id = []  # type: ignore[union-attr]
    compilation = compile_decoding(model)
    if not compilation.wait():
        raise RuntimeError(f"the decode step was not compiled: {compilation.failure}")
    return model, tokenizer, policy


def load(setup: Setup) -> Loaded:
    """The model, and a generation by it."""
    model, tokenizer, policy = prepare(setup)
    weights = weight_bytes(model)

    def generate(prompt: list[int]) -> Measurement:
        cache = PolicyCache(model.config, policy, setup.options.get("window"))
        started = perf_counter()
        arrivals, steps = [], []
        for event in stream_generate(
            model, tokenizer, torch.tensor([prompt]), cache=cache, max_new_tokens=setup.new_tokens
        ):
            if isinstance(event, TokenGenerated):
                arrivals.append(Arrival(perf_counter(), 1))
                steps.append(event)
            assert not isinstance(event, GenerationFinished) or event.reason == "length"
        decoded = steps[1:]
        layers = cache.policy_layers
        keys = layers[0].keys
        assert keys is not None
        position = setup.cache_values * keys.element_size()
        slots = policy.capacity(len(prompt)) or 0
        beyond = cache.window is not None and len(prompt) + setup.new_tokens > cache.window.size
        attended = []
        for step in decoded:
            length = len(prompt) + step.step
            small = min(slots, length)
            attended.append(small + (length - small) * step.full_layers / len(layers))
        return measurement(
            started,
            arrivals,
            setup.new_tokens,
            bytes_per_token=None if beyond else bytes_per_token(weights, position, attended, len(decoded)),
            full_ms=_median_ms([step for step in decoded if step.full_layers]),
            partial_ms=_median_ms([step for step in decoded if not step.full_layers]),
        )

    default = signature(load_model).parameters["quantization"].default
    quantization = setup.options.get("quantization", f"{default} (the default)")
    dtype = str(model.dtype).removeprefix("torch.")
    return Loaded(generate, f"{quantization} in {dtype}, {versions('transformers', 'torch')}")


def _median_ms(steps: list[TokenGenerated]) -> float | None:
    return 1000 * median(step.seconds for step in steps) if steps else None


if __name__ == "__main__":
    serve(load)
