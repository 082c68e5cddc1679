"""A worker without a model. Option `fault` chooses what goes wrong: "load", "request", "exit", "silence" or
"scores"."""

import os
import sys
import time

from benchmarks.protocol import Loaded, Measurement, Scored, Setup, serve


def load(setup: Setup) -> Loaded:
    fault = setup.options.get("fault")
    if fault == "load":
        raise RuntimeError("no such\nmodel")
    os.write(1, b"a C library's banner on stdout\n")

    def generate(prompt: list[int]) -> Measurement:
        if len(prompt) == 3:
            if fault == "request":
                raise MemoryError("3 tokens are too many")
            if fault == "exit":
                sys.stderr.write("fatal: out of luck\n\n")
                sys.stderr.flush()
                os._exit(7)
            if fault == "silence":
                time.sleep(60)
        return Measurement(first_token_seconds=len(prompt), decode_rate=sum(prompt))

    text: list[int] = []

    def score(read: list[int], scored: list[int]) -> Scored:
        text.extend(read)
        found = Scored([-float(len(text) + place) for place in range(len(scored))], [text[-1], *scored[:-1]])
        text.extend(scored)
        return found

    return Loaded(generate, "sample 1.0", None if fault == "scores" else score)


if __name__ == "__main__":
    serve(load)
