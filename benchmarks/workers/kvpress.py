"""kvpress: transformers' generation after the prompt's KV cache was compressed once, and for good.

Options: `press` (a class of kvpress) and `compression_ratio` (the part of the cache that is dropped).
"""

from __future__ import annotations

from time import perf_counter

import kvpress  # type: ignore[import-not-found]
import torch
from transformers import DynamicCache

from ..protocol import Arrival, Loaded, Measurement, Setup, bytes_per_token, growing, measurement, serve, versions
from .transformers_model import load_nf4, weight_bytes


def load(setup: Setup) -> Loaded:
    """The model, and a generation by it as kvpress's own pipeline decodes: position ids count the whole prompt."""
    model = load_nf4(setup)
    weights, position = weight_bytes(model), setup.cache_values * model.dtype.itemsize
    press = getattr(kvpress, setup.options["press"])(compression_ratio=setup.options["compression_ratio"])

    @torch.no_grad()
    def generate(prompt: list[int]) -> Measurement:
        cache = DynamicCache()
        arrivals: list[Arrival] = []
        started = perf_counter()
        with press(model):
            output = model(input_ids=torch.tensor([prompt]), past_key_values=cache, logits_to_keep=1)
        kept = cache.get_seq_length()
        for place in range(len(prompt), len(prompt) + setup.new_tokens):
            token = output.logits[:, -1].argmax(dim=-1, keepdim=True)
            arrivals.append(Arrival(perf_counter(), 1))
            if len(arrivals) < setup.new_tokens:
                output = model(input_ids=token, past_key_values=cache, position_ids=torch.tensor([[place]]))
        attended = growing(kept, setup.new_tokens)
        known = bytes_per_token(weights, position, attended, len(attended))
        return measurement(started, arrivals, setup.new_tokens, bytes_per_token=known)

    packages = versions("kvpress", "transformers", "bitsandbytes", "torch")
    return Loaded(generate, f"NF4 in {setup.compute_dtype}, {packages}")


if __name__ == "__main__":
    serve(load)
