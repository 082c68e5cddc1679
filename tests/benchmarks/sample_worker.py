"""A worker without a model. Option `fault` chooses what goes wrong: "load", "request", "exit" or "silence"."""

import os
import sys
import time

from benchmarks.protocol import Loaded, Measurement, Setup, serve


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

    return Loaded(generate, "sample 1.0")


if __name__ == "__main__":
    serve(load)
