"""Inputs that nobody meant, for the readers of documents and for the page's endpoints: `python -m benchmarks.fuzz`.

Each input is made of a seed and its number, so that one that showed a fault is made again by `--first NUMBER
--inputs 1`, and kept by `--keep FOLDER`. It ends with 1 if there was any fault: another exception than the app's own, a
status of 500, a traceback, a line of the log without end, too long a time, memory that grows.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.fuzzing.endpoints import fuzz_endpoints
from benchmarks.fuzzing.loaders import fuzz_loaders
from benchmarks.machine import machine_name


def main() -> None:
    """Send them, and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="for each of the two (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--folder", type=Path, help="of more files that are changed")
    parser.add_argument("--keep", type=Path, help="a folder for the files that showed a fault")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--loaders", action="store_true", help="the readers of documents alone")
    only.add_argument("--endpoints", action="store_true", help="the endpoints alone")
    args = parser.parse_args()
    faults = 0
    for name in [
        name for name in ("loaders", "endpoints") if not (args.loaders or args.endpoints) or getattr(args, name)
    ]:
        begun = time.monotonic()
        if name == "loaders":
            findings = fuzz_loaders(args.inputs, args.seed, args.first, args.folder, args.keep)
        else:
            findings = fuzz_endpoints(args.inputs, args.seed, args.first)
        seconds = time.monotonic() - begun
        sys.stdout.write(
            f"## {name}\n\n{args.inputs:,} inputs in {seconds:.0f} s on {machine_name()}\n\n{findings.report()}\n\n"
        )
        faults += len(findings.faults)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
