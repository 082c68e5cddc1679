"""What the page costs: decoding in the library with the app's sampling, through the API, and in the page beside a
Chromium on the same cores; and the processor time of an open page that nobody uses.

python -m benchmarks.page [--root FOLDER] [--repetitions N]

`--root`: a checkout to measure, so that two can be compared in one run.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, expect, sync_playwright

from .machine import machine_name

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = Path("/usr/bin/chromium")
PATIENCE = 240_000  # ms
TOKENS = 400
IDLE_SECONDS = 20
INSTRUCTION = "Tell the history of lighthouses at length, from the beginning to the end, with all facts and figures."

LIBRARY = """
from pathlib import Path
from core import compile_decoding, load_model, RefreshKV, stream_generate
model, tokenizer = load_model()
compile_decoding(model).wait()
text = Path("assets/samples/lighthouses.md").read_text("utf-8")
chat = [{{"role": "user", "content": text + "\\n\\n{instruction}"}}]
rates = []
for seed in range({repetitions}):
    *_, end = stream_generate(model, tokenizer, chat, policy=RefreshKV(), max_new_tokens={tokens}, temperature=0.7,
                              min_p=0.1, repetition_penalty=1.1, seed=seed)
    print((end.generated_tokens - 1) / end.decode_seconds, flush=True)
"""


def library(root: Path, repetitions: int) -> list[float]:
    """Tokens per second of decoding, a process of its own."""
    code = LIBRARY.format(instruction=INSTRUCTION, repetitions=repetitions, tokens=TOKENS)
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


@contextmanager
def served(root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app of a checkout, with a model that is loaded and compiled."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "REFRESHKV_DATA_FOLDER": folder, "REFRESHKV_PORT": str(port), "REFRESHKV_HOST": "127.0.0.1",
            "REFRESHKV_DOCUMENT_DISK_GIGABYTES": "0",
        }  # fmt: skip
        server = subprocess.Popen(
            [sys.executable, "app.py"], cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def api(url: str, root: Path, repetitions: int) -> list[float]:
    """Tokens per second through /write."""
    client, rates = Client(url, verbose=False), []
    for seed in range(repetitions):
        answer = client.predict(
            files=[handle_file(str(root / "assets" / "samples" / "lighthouses.pdf"))],
            task="free", detail=INSTRUCTION, max_new_tokens=TOKENS, seed=seed, api_name="/write",
        )  # fmt: skip
        rates.append(float(answer["statistics"]["tokens_per_second"]))
    return rates


def page(url: str, browser: Browser, repetitions: int) -> list[float]:
    """Tokens per second that the page itself shows."""
    shown = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    shown.goto(url)
    expect(shown.locator("#model-line")).to_contain_text("window", timeout=PATIENCE)
    expect(shown.locator("#model-line")).not_to_contain_text("compiling", timeout=PATIENCE)
    shown.locator("#sample").click()
    expect(shown.locator("#window")).to_contain_text("It fits", timeout=PATIENCE)
    shown.locator("#detail textarea").fill(INSTRUCTION)
    rates = []
    for _ in range(repetitions):
        shown.locator("#write").click()
        expect(shown.locator("#stop")).to_be_enabled(timeout=PATIENCE)
        expect(shown.locator("#progress")).to_contain_text("Finished", timeout=PATIENCE)
        rate: str = shown.locator("#rates .rates > div").first.locator("dd").inner_text()
        rates.append(float(re.sub(r"[^\d.]", "", rate)))
    shown.context.close()
    return rates


def idle(url: str, server: psutil.Process, browser: Browser) -> float:
    """Share of one core that the server takes while a page is open and nothing happens, in per cent."""
    shown = browser.new_context().new_page()
    shown.goto(url)
    expect(shown.locator("#model-line")).to_contain_text("window", timeout=PATIENCE)
    time.sleep(5)
    before = sum(server.cpu_times()[:2])
    time.sleep(IDLE_SECONDS)
    spent: float = sum(server.cpu_times()[:2]) - before
    shown.context.close()
    return 100 * spent / IDLE_SECONDS


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, action="append", help="a checkout, again for another")
    parser.add_argument("--repetitions", type=int, default=3)
    chosen = parser.parse_args()
    print(machine_name())
    print("| checkout | library | API | page | page / library | idle, % of a core |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for root in chosen.root or [ROOT]:
        alone = median(library(root, chosen.repetitions))
        with served(root) as (url, server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=DEBIAN if DEBIAN.exists() else None, args=["--no-sandbox", "--disable-gpu"]
            )
            _wait_for(url)
            watched = idle(url, server, browser)
            seen = median(page(url, browser, chosen.repetitions))
            browser.close()
            called = median(api(url, root, chosen.repetitions))
        print(f"| {root} | {alone:.1f} | {called:.1f} | {seen:.1f} | {seen / alone:.2f} | {watched:.1f} |", flush=True)


def _wait_for(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    for _ in range(1200):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"The app does not answer at {url}.")


if __name__ == "__main__":
    main()
