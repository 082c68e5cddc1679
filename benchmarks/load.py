"""A crowd on a public server: `python -m benchmarks.load --minutes 10` starts the app as strangers see it, lets people
write, pause, reload and vanish, and prints who was served, how long they waited, and the memory over time.

`--stub` serves the tests' stub in the place of the model: then the server is measured, and not decoding.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import median

import httpx
import psutil
from gradio_client import Client, handle_file
from gradio_client.client import Job

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "assets" / "samples" / "lighthouses.pdf"
DOCUMENTS = list(combinations(range(1, 9), 3))
"""Three of its pages."""
PATIENCE = 600.0
"""Seconds after which somebody gives up."""


@dataclass
class Figures:
    """What the crowd met. waits: seconds from pressing to the first word."""

    served: int = 0
    refused: list[str] = field(default_factory=list)
    vanished: int = 0
    cut: int = 0
    waits: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[tuple[float, int, int, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def person(url: str, number: int, end: float, args: argparse.Namespace, figures: Figures) -> None:
    """Writes now and then, with a reload, another client, between; who vanishes leaves each time before the end."""
    chance = random.Random(number)
    time.sleep(chance.uniform(0, args.every / 2))
    while time.monotonic() < end:
        client = Client(url, verbose=False)
        try:
            job = submitted(client, number, args)
            if number < args.vanish:
                time.sleep(chance.uniform(0, 20))
                with figures.lock:
                    figures.vanished += 1
            else:
                write(job, end, figures)
        except Exception as error:
            with figures.lock:
                figures.refused.append(str(error)[:100])
        finally:
            client.close()
        time.sleep(max(0.0, min(chance.uniform(0.75, 1.25) * args.every, end - time.monotonic())))


def submitted(client: Client, number: int, args: argparse.Namespace) -> Job:
    """A text about three pages, of each person others."""
    pages = ",".join(map(str, DOCUMENTS[number * 2 % len(DOCUMENTS)]))
    return client.submit(
        files=[handle_file(str(SAMPLE))], pages=[pages], task="summary", wording="own", max_new_tokens=args.tokens,
        api_name="/write",
    )  # fmt: skip


def write(job: Job, end: float, figures: Figures) -> None:
    """Read a text to its end."""
    begun, first = time.monotonic(), None
    for answer in job:
        if first is None and answer["text"]:
            first = time.monotonic() - begun
        if time.monotonic() - begun > PATIENCE:
            raise TimeoutError(f"not served within {PATIENCE:.0f} s")
    state = job.result()["statistics"].get("state")
    with figures.lock:
        if state != "finished":
            figures.cut += 1
            return
        figures.served += 1
        figures.seconds.append(time.monotonic() - begun)
        if first is not None:
            figures.waits.append(first)


def watch(url: str, server: int, ended: threading.Event, figures: Figures) -> None:
    """Note the memory of the server, with the processes that read files for it, and the queue."""
    begun, process = time.monotonic(), psutil.Process(server)
    while not ended.wait(5):
        said = httpx.get(f"{url}health", timeout=30).json()
        resident = sum(_resident(one) for one in [process, *process.children(recursive=True)])
        kept = sum(said["kept_megabytes"].values()) - said["kept_megabytes"]["budget"]
        figures.memory.append((time.monotonic() - begun, round(resident / 10**6), kept, said["waiting"]))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def started(args: argparse.Namespace, folder: str) -> tuple[subprocess.Popen[bytes], str]:
    """The app, once it is there and has its model."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    values = {"SHARED": "1", "PORT": str(port), "HOST": "127.0.0.1", "DATA_FOLDER": folder}
    environment = {**os.environ, **{f"REFRESHKV_{name}": value for name, value in values.items()}}
    command = ["-m", "tests.browser.stubbed"] if args.stub else ["app.py"]
    server = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    while server.poll() is None:
        try:
            if httpx.get(f"{url}health", timeout=30).json()["model"] == "ready":
                return server, url
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit("the app did not start")


def report(figures: Figures, people: int, minutes: float) -> str:
    """The tables, in Markdown."""
    waits, seconds = sorted(figures.waits), sorted(figures.seconds)
    rows = [
        ("people, minutes", f"{people}, {minutes:g}"),
        ("served", str(figures.served)),
        ("refused or failed", str(len(figures.refused))),
        ("stopped for others", str(figures.cut)),
        ("times somebody vanished", str(figures.vanished)),
        ("to the first word: median, 90%, longest (s)", _three(waits)),
        ("to the end: median, 90%, longest (s)", _three(seconds)),
        ("most memory (MB)", str(max((memory for _, memory, _, _ in figures.memory), default=0))),
    ]
    lines = ["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += ["| s | RSS (MB) | of it kept | waiting |", "| ---: | ---: | ---: | ---: |"]
    step = max(1, len(figures.memory) // 12)
    lines += [f"| {at:.0f} | {memory} | {kept} | {waiting} |" for at, memory, kept, waiting in figures.memory[::step]]
    lines += ["", *sorted({f"refused: {reason}" for reason in figures.refused})]
    return "\n".join(lines)


def _three(values: Sequence[float]) -> str:
    """Of sorted values."""
    return f"{median(values):.1f}, {values[int(0.9 * (len(values) - 1))]:.1f}, {values[-1]:.1f}" if values else "none"


def main() -> None:
    """Start the app, let the crowd in, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument(
        "--vanish",
        type=int,
        default=5,
        help="so many leave each time, while they wait or in a text",
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=120, help="seconds between two texts of a person")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--stub", action="store_true")
    args = parser.parse_args()
    figures, ended = Figures(), threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        server, url = started(args, folder)
        try:
            end = time.monotonic() + 60 * args.minutes
            threading.Thread(target=watch, args=(url, server.pid, ended, figures), daemon=True).start()
            people = [
                threading.Thread(target=person, args=(url, number, end, args, figures), daemon=True)
                for number in range(args.people)
            ]
            for one in people:
                one.start()
            for one in people:
                one.join()
            ended.set()
        finally:
            server.terminate()
            server.wait()
    sys.stdout.write(report(figures, args.people, args.minutes) + "\n")


if __name__ == "__main__":
    main()
