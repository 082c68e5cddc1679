"""llama.cpp on the GGUF file, through the prebuilt wheel xllamacpp, with flash attention and its float16 KV cache."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import xllamacpp  # type: ignore[import-not-found]

from ..protocol import Arrival, Loaded, Measurement, Setup, bytes_per_token, growing, measurement, serve, versions

CACHE_ITEM_BYTES = 2


def load(setup: Setup) -> Loaded:
    """The server, in this process, and a completion by it."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = setup.gguf
    parameters.n_ctx = -(-(len(setup.prompt) + setup.new_tokens) // 256) * 256
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = setup.threads
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    server = xllamacpp.Server(parameters)

    def generate(prompt: list[int]) -> Measurement:
        request = {
            "prompt": prompt,
            "n_predict": setup.new_tokens,
            "temperature": 0,
            "ignore_eos": True,
            "cache_prompt": False,
            "stream": True,
        }
        arrivals: list[Arrival] = []
        errors: list[Any] = []

        def receive(chunk: dict[str, Any]) -> None:
            if "error" in chunk:
                errors.append(chunk["error"])
            elif not chunk["choices"][0]["finish_reason"]:  # the last chunk, with the reason, brings no token
                arrivals.append(Arrival(perf_counter(), 1))

        started = perf_counter()
        server.handle_completions(request, receive)
        if errors:
            raise RuntimeError(str(errors[0]))
        position = setup.cache_values * CACHE_ITEM_BYTES
        attended = growing(len(prompt), setup.new_tokens)
        known = bytes_per_token(setup.gguf_bytes, position, attended, len(attended))
        return measurement(started, arrivals, setup.new_tokens, bytes_per_token=known)

    return Loaded(generate, f"Q4_1, float16 KV cache, flash attention, {versions('xllamacpp')}")


if __name__ == "__main__":
    serve(load)
