"""Time to the first token about a document: read for the first time, asked again, and after the app was reopened.

    python -m benchmarks.reopen [--tokens 7000] [--repetitions 3] [--quantization nf4]

On the embedded model, through the app's engine; more tokens than the window has are read as one. "Reopened" is a new
engine with an empty memory on the folder that the first one wrote, the files dropped from the system's page cache where
that can be asked for. Loading the model is not counted. Targets: a second instruction takes at most 1/10 of the first
run, reopening at most 1/5. The first run is repeated in turns with nothing kept on disk, which tells what writing
costs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from app.documents import Document, Page
from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Run
from app.prompt.compose import Composed, compose
from app.prompt.messages import Source
from core import DEFAULT_POLICY, PrefillProgress, PrefixCache, PrefixFiles, TokenGenerated, load_model

from .inputs import DOCUMENT

DISK_BYTES = 4 * 10**9
NEW_TOKENS = 8


def prompt(tokenizer: PreTrainedTokenizerBase, tokens: int, instruction: str) -> Composed:
    """An instruction about the sample text, repeated up to `tokens` tokens."""
    ids = tokenizer(DOCUMENT.read_text("utf-8") * (1 + tokens // 4000))["input_ids"][:tokens]  # type: ignore[index]
    pages = (Page(1, None, str(tokenizer.decode(ids))),)
    return compose(tokenizer, [Source(Document("lighthouses.md", pages), pages)], instruction)


def opened(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path | None) -> Engine:
    """A new engine with nothing in memory, which keeps documents in `folder`, if there is one."""
    documents = partial(PrefixCache, files=PrefixFiles(folder, DISK_BYTES) if folder else None)
    engine = Engine(lambda report: (model, tokenizer), 1, documents)
    engine.start()
    engine.require_model()
    return engine


def first_token(engine: Engine, composed: Composed) -> float:
    """Seconds from asking to the first token."""
    asked = perf_counter()
    window = engine.window if composed.prompt_tokens + NEW_TOKENS > engine.window else None
    document = composed.document_end
    run = Run(GenerationRequest(composed.token_ids, DEFAULT_POLICY, NEW_TOKENS, document_end=document, window=window))
    engine.submit(run)
    run.wait()
    events = run.take()
    known = next(event.done for _, event in events if isinstance(event, PrefillProgress))
    seconds = next(when for when, event in events if isinstance(event, TokenGenerated)) - asked
    print(f"  {seconds:7.2f} s, {known:,} of {composed.prompt_tokens:,} tokens known", flush=True)
    return seconds


def forget(path: Path) -> None:
    """Drop a file from the page cache, as after a restart of the machine."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, tokens: int) -> tuple[float, ...]:
    """Seconds to the first token: with nothing kept on disk, of the first run, of a second instruction, and after
    reopening."""
    one, other = (prompt(tokenizer, tokens, text) for text in ("Summarise the text above.", "List its main points."))
    engine = opened(model, tokenizer, None)
    alone = first_token(engine, one)
    engine.close()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = opened(model, tokenizer, folder)
        first, second = first_token(engine, one), first_token(engine, other)
        engine.close()
        kept = list(folder.glob("*.safetensors"))
        for path in kept:
            forget(path)
        engine = opened(model, tokenizer, folder)
        reopened = first_token(engine, other)
        engine.close()
        print(f"  the files have {sum(path.stat().st_size for path in kept) / 1e6:,.0f} MB", flush=True)
    return alone, first, second, reopened


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=7000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quantization", choices=("none", "nf4", "int4", "int8"), default="nf4")
    arguments = parser.parse_args()
    model, tokenizer = load_model(quantization=arguments.quantization)
    runs = [measure(model, tokenizer, arguments.tokens) for _ in range(arguments.repetitions)]
    alone, first, second, reopened = (median(column) for column in zip(*runs, strict=True))
    print(f"\n| time to the first token, {arguments.tokens:,} tokens | seconds | of the first run | target |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| first run, nothing kept on disk | {alone:.2f} | {alone / first:.3f} | – |")
    print(f"| first run | {first:.2f} | 1 | – |")
    print(f"| second instruction | {second:.2f} | 1/{first / second:.0f} | 1/10 |")
    print(f"| reopened, from disk | {reopened:.2f} | 1/{first / reopened:.0f} | 1/5 |")


if __name__ == "__main__":
    main()
