"""The same GGUF under llama.cpp, with plain map-and-reduce prompts: a note of each part, notes of notes while they
don't fit, and the text from what is left."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from core.default_model import cache_folder, embedded_gguf

from ..environments import peer_python
from ..process import ROOT, WorkerError
from .plain import paragraphs
from .support import Source
from .tasks import Written

REQUIREMENTS = ("xllamacpp==2026.10.11549",)
WINDOW = 8192
PART, JAPANESE_PART = 5000, 1700
"""Characters: about 1,500 tokens."""
PARTS_AT_ONCE = 4
"""So many parts' length of notes go into the last prompt."""
NOTE_TOKENS = 80
TEMPERATURE = 0.3
NOTE = "Summarize this text in two or three sentences.\n\n{}"
# The embedded model's chat template.
PROMPT = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)


class LlamaError(Exception):
    """llama.cpp can't be installed or run; the message says why."""


class Llama:
    """llama.cpp in a process of its own; remembers the notes of the documents it has read last."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """A worker that was told its model."""
        self._process = process
        self._read: tuple[Source, str, float] | None = None

    def write(self, source: Source, wording: str, words: int, japanese: bool, seed: int) -> Written:
        """A text from notes of all parts. The first word's seconds include the reading, unless it was done before."""
        started = time.perf_counter()
        part = JAPANESE_PART if japanese else PART
        if self._read is None or self._read[0] is not source:
            self._read = source, self._notes(source, part, seed), time.perf_counter() - started
        _, notes, reading = self._read
        asked = time.perf_counter()
        text, first = self._ask(f"{notes}\n\n{wording}", 2 * words, seed)
        waited = asked - started
        statistics = {"reading_seconds": reading}
        seconds = time.perf_counter() - started
        return Written("llama.cpp map-reduce", text, waited + first, seconds, statistics=statistics)

    def _notes(self, source: Source, part: int, seed: int) -> str:
        notes = source.text
        while True:
            notes = "\n".join(self._ask(NOTE.format(text), NOTE_TOKENS, seed)[0].strip() for text in parts(notes, part))
            if len(notes) <= PARTS_AT_ONCE * part:
                return notes

    def _ask(self, content: str, tokens: int, seed: int) -> tuple[str, float]:
        asked = {"prompt": PROMPT.format(content), "tokens": tokens, "temperature": TEMPERATURE, "seed": seed}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the worker ended"}
        if "error" in answer:
            raise LlamaError(answer["error"])
        return str(answer["text"]), float(answer["first_seconds"] or 0)


@contextmanager
def llama(log: Path) -> Iterator[Llama]:
    """llama.cpp with the embedded model; what it prints goes to `log`. Raises LlamaError if it can't be had."""
    try:
        python = peer_python(cache_folder() / "benchmarks" / "llama_cpp", REQUIREMENTS)
    except WorkerError as error:
        raise LlamaError(str(error)) from error
    command = [str(python), "-m", "benchmarks.workers.llama_text"]
    gguf = embedded_gguf(cache_folder(), lambda what, done, total: None)
    setup = {"gguf": str(gguf), "window": WINDOW, "threads": torch.get_num_threads()}
    pipe = subprocess.PIPE
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ, stdin=pipe, stdout=pipe, stderr=output, text=True
        )  # fmt: skip
    try:
        assert process.stdin is not None
        print(json.dumps(setup), file=process.stdin, flush=True)
        yield Llama(process)
    finally:
        process.kill()
        process.wait()


def parts(text: str, length: int) -> list[str]:
    """The text in parts of at most about `length` characters, divided between paragraphs where that is possible."""
    found = [""]
    for paragraph in paragraphs(text) if "\n\n" in text else text.splitlines():
        for start in range(0, len(paragraph), length):
            piece = paragraph[start : start + length]
            if found[-1] and len(found[-1]) + len(piece) > length:
                found.append("")
            found[-1] += f"{piece}\n\n"
    return [part.strip() for part in found if part.strip()]


def prompts(wordings: Sequence[str]) -> list[str]:
    """All that it may be told beside the documents."""
    return [NOTE.format(""), PROMPT, *wordings]
