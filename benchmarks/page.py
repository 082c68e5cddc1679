"""What the page costs: decoding in the library with the app's sampling, through the API, and in the page beside a
Chromium on the same cores; and the processor time of an open page that nobody uses.

python -m benchmarks.page [--root FOLDER] [--repetitions N]

`--root`: a checkout to measure, so that two can be compared in one run.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import psutil
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, expect, sync_playwright

from .machine import machine_name
from .serving import served

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = Path("/usr/bin/chromium")
PATIENCE = 240_000  # ms
TOKENS = 400
IDLE_SECONDS = 20
INSTRUCTION = "Tell the history of lighthouses at length, from the beginning to the end, with all facts and figures."

LIBRARY = """
from pathlib import Path
from core import compile_decoding, load_model, stream_generate
model, tokenizer = load_model()
compile_decoding(model).wait()
text = Path("assets/samples/lighthouses.md").read_text("utf-8")
chat = [{{"role": "user", "content": text + "\\n\\n{instruction}"}}]
rates = []
for seed in range({repetitions}):
    *_, end = stream_generate(model, tokenizer, chat, max_new_tokens={tokens}, temperature=0.7,
                              min_p=0.1, repetition_penalty=1.1, seed=seed)
    print((end.generated_tokens - 1) / end.decode_seconds, flush=True)
"""


def library(root: Path, repetitions: int) -> list[float]:
    """Tokens per second of decoding, a process of its own."""
    code = LIBRARY.format(instruction=INSTRUCTION, repetitions=repetitions, tokens=TOKENS)
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


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
    expect(shown.locator("#window")).to_contain_text(re.compile("It fits|Pages read"), timeout=PATIENCE)
    shown.locator("#detail textarea").fill(INSTRUCTION)
    rates = []
    for _ in range(repetitions):
        shown.locator("#write").click()
        expect(shown.locator("#stop")).to_be_enabled(timeout=PATIENCE)
        expect(shown.locator("#progress")).to_contain_text("Finished", timeout=PATIENCE)
        rate: str = shown.locator("#rates .rate b").inner_text()
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
            watched = idle(url, server, browser)
            seen = median(page(url, browser, chosen.repetitions))
            browser.close()
            called = median(api(url, root, chosen.repetitions))
        print(f"| {root} | {alone:.1f} | {called:.1f} | {seen:.1f} | {seen / alone:.2f} | {watched:.1f} |", flush=True)


if __name__ == "__main__":
    main()
