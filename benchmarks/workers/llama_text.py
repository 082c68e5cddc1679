"""Text by llama.cpp on a GGUF file, through the prebuilt wheel xllamacpp, asked in JSON lines on stdin.

The first line is {"gguf", "window", "threads"}; each further one {"prompt", "tokens", "temperature", "seed"}, answered
by {"text", "first_seconds"}: seconds from the question to the first piece of the answer, or {"error"}.
"""

from __future__ import annotations

import json
import os
import sys
from time import perf_counter
from typing import Any

import xllamacpp  # type: ignore[import-not-found]


def main() -> None:
    """Answer until stdin closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    setup = json.loads(sys.stdin.readline())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = setup["gguf"]
    parameters.n_ctx, parameters.n_parallel = setup["window"], 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = setup["threads"]
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    server = xllamacpp.Server(parameters)
    for line in sys.stdin:
        print(json.dumps(_answer(server, json.loads(line))), file=answers, flush=True)


def _answer(server: Any, asked: dict[str, Any]) -> dict[str, Any]:
    pieces: list[str] = []
    errors: list[str] = []
    arrivals: list[float] = []

    def receive(chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            errors.append(str(chunk["error"]))
        elif text := chunk["choices"][0].get("text"):
            pieces.append(text)
            arrivals.append(perf_counter())

    started = perf_counter()
    request = {
        "prompt": asked["prompt"], "n_predict": asked["tokens"], "temperature": asked["temperature"], "min_p": 0.1,
        "repeat_penalty": 1.1, "seed": asked["seed"], "stream": True,
    }  # fmt: skip
    server.handle_completions(request, receive)
    if errors:
        return {"error": errors[0]}
    return {"text": "".join(pieces), "first_seconds": arrivals[0] - started if arrivals else None}


if __name__ == "__main__":
    main()
