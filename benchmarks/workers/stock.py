"""transformers' own generate, attention and cache, on bitsandbytes NF4, or with `settings` of the model's configuration
among the options on the weights as they are. Other options are those of generate."""

from __future__ import annotations

from itertools import accumulate

import torch

from ..protocol import Loaded, Measurement, Setup, bytes_per_token, measurement, serve, versions
from .transformers_model import Clock, load_nf4, load_plain, weight_bytes


def load(setup: Setup) -> Loaded:
    """The model, and a generation by it."""
    options = dict(setup.options)
    settings = options.pop("settings", None)
    model = load_nf4(setup) if settings is None else load_plain(setup, **settings)
    weights, position = weight_bytes(model), setup.cache_values * model.dtype.itemsize

    def generate(prompt: list[int]) -> Measurement:
        ids = torch.tensor([prompt])
        clock = Clock()
        model.generate(  # type: ignore[operator]
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=setup.new_tokens,
            streamer=clock,
            **options,
        )
        # Several tokens may come of one forward, and the first forward is the prefill.
        lengths = accumulate((arrival.tokens for arrival in clock.arrivals), initial=len(prompt))
        attended = list(lengths)[1:-1]
        decoded = setup.new_tokens - clock.arrivals[0].tokens
        known = bytes_per_token(weights, position, attended, decoded)
        return measurement(clock.started, clock.arrivals, setup.new_tokens, bytes_per_token=known)

    if settings is not None:
        return Loaded(generate, f"{setup.compute_dtype}, {versions('transformers', 'torch')}")
    return Loaded(generate, f"NF4 in {setup.compute_dtype}, {versions('transformers', 'bitsandbytes', 'torch')}")


if __name__ == "__main__":
    serve(load)
