"""llama.cpp on the GGUF file, through the prebuilt wheel xllamacpp, with flash attention and its float16 KV cache.

Option `yarn`: so many times the positions the model was trained to (the option `window`), by YaRN.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import xllamacpp  # type: ignore[import-not-found]

from ..protocol import (
    Arrival,
    Loaded,
    Measurement,
    Scored,
    Setup,
    bytes_per_token,
    growing,
    measurement,
    serve,
    versions,
)

CACHE_ITEM_BYTES = 2
LIKELIEST = 1000
"""Tokens whose probabilities are asked for at first; all of them take seconds."""


def server_of(setup: Setup) -> Any:
    """The server, in this process."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = setup.gguf
    parameters.n_ctx = -(-(len(setup.prompt) + setup.new_tokens) // 256) * 256
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = setup.threads
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    if "yarn" in setup.options:
        parameters.rope_scaling_type = xllamacpp.llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_YARN
        parameters.rope_freq_scale = 1 / setup.options["yarn"]
        parameters.yarn_orig_ctx = setup.options["window"]
    return xllamacpp.Server(parameters)


def load(setup: Setup) -> Loaded:
    """The server, and a completion by it."""
    server = server_of(setup)

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

    return Loaded(generate, f"Q4_1, float16 KV cache, flash attention, {versions('xllamacpp')}", _Text(server).score)


class _Text:
    """A text that goes on, of which the server keeps the cache."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._ids: list[int] = []

    def score(self, read: list[int], scored: list[int]) -> Scored:
        """Each token by a completion of one token, which says how likely the likeliest were."""
        self._ids += read
        found = Scored([], [])
        for token in scored:
            likeliest = self._next(LIKELIEST)
            found.best.append(likeliest[0]["id"])
            own = [one["logprob"] for one in likeliest if one["id"] == token]
            own = own or [one["logprob"] for one in self._next(1 << 20) if one["id"] == token]
            found.likelihood.append(own[0])
            self._ids.append(token)
        return found

    def _next(self, count: int) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        request = {"prompt": self._ids, "n_predict": 1, "temperature": 0, "n_probs": count, "cache_prompt": True}
        self._server.handle_completions(request, answers.append)
        if "error" in answers[0]:
            raise RuntimeError(str(answers[0]["error"]))
        likeliest: list[dict[str, Any]] = answers[0]["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return likeliest


if __name__ == "__main__":
    serve(load)
