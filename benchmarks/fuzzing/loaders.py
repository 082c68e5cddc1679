"""Mutated files for the readers of documents, as the app reads them: in a process with limits."""

from __future__ import annotations

import logging
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

from app.documents import Document
from app.intake.jobs import FileJob
from app.intake.pool import ReaderPool
from app.say.errors import DocumentError, ReadingTooSlow, TooMuchMemory
from app.settings import Limits
from app.text.valid import valid_text
from benchmarks.fuzzing.files import seeds
from benchmarks.fuzzing.findings import Findings
from benchmarks.fuzzing.mutation import mutated

LIMITS = Limits(max_read_seconds=60, max_read_megabytes=800)
SLOW_SECONDS = 8.0
"""Of a processor; files of a megabyte at most are to take less."""

GROWTH = 200
"""Characters of text for each byte of a file; beyond, and over a million, it grew out of measure."""

LONG_MESSAGE = 600
"""Characters of a refusal."""


class _Said(logging.Handler):
    """What the app logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record.getMessage())


def fuzz_loaders(
    inputs: int, seed: int, first: int = 0, folder: Path | None = None, keep: Path | None = None
) -> Findings:
    """Have that many files read, from the one of number `first` on; with those of `folder` among what is changed.
    Files that show a fault are written into `keep`."""
    findings, said, known = Findings(), _Said(), seeds(folder)
    kinds = sorted(known)
    logging.getLogger("app").addHandler(said)
    logging.getLogger("app").propagate = False
    readers = ReaderPool(most=1)
    try:
        with tempfile.TemporaryDirectory() as place:
            for number in range(first, first + inputs):
                chance, suffix = Random(f"{seed} {number}"), kinds[number % len(kinds)]
                data = mutated(chance.choice(known[suffix]), chance.choice(known[suffix]), chance)
                path = Path(place, f"a{suffix}")
                path.write_bytes(data)
                said.lines.clear()
                before = _seconds(readers)
                outcome, faults = _read(readers, path, len(data))
                seconds = _seconds(readers) - before
                if seconds > SLOW_SECONDS:
                    faults.append("slow")
                faults += [_last_line(line) for line in said.lines]
                if keep and faults:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{number}{suffix}").write_bytes(data)
                findings.slowest = max(findings.slowest, seconds)
                findings.add(suffix, outcome, number, faults)
                if number % 100 == 0:
                    pids = readers.pids
                    findings.memory.append(sum(psutil.Process(pid).memory_info().rss for pid in pids) // 10**6)
    finally:
        readers.close()
        logging.getLogger("app").removeHandler(said)
    return findings


def _seconds(readers: ReaderPool) -> float:
    """Of a processor that the reading process has taken: a busy machine makes no file slow."""
    with suppress(psutil.Error):
        return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in readers.pids)
    return 0.0


def _read(readers: ReaderPool, path: Path, size: int) -> tuple[str, list[str]]:
    """What became of a file, and what of that is a fault."""
    try:
        return "read", _wrong(readers.read(FileJob(path, LIMITS)), size)
    except DocumentError as error:
        text = str(error)
        faults = ["a long refusal"] if len(text) > LONG_MESSAGE else []
        if valid_text(text) != text or "\n" in text:
            faults.append("a refusal that is no line of text")
        if isinstance(error, ReadingTooSlow | TooMuchMemory) or "its reader ended" in text:
            faults.append(f"{type(error).__name__}: {text[:160]}")
        return "refused", faults
    except Exception as error:
        return "refused", [f"{type(error).__name__}: {error}"[:160]]


def _wrong(document: Document, size: int) -> list[str]:
    """What of a document no part of the app could use."""
    faults = []
    if document.characters > max(GROWTH * size, 1_000_000):
        faults.append("the text is out of measure")
    if any(valid_text(page.text) != page.text for page in document.pages):
        faults.append("a page holds what is no text")
    if any(len(str(note)) > LONG_MESSAGE for note in document.notes):
        faults.append("a long note")
    lengths = {page.number: len(page.text) for page in document.pages}
    if any(not 0 <= heading.offset <= lengths.get(heading.page, -1) for heading in document.headings):
        faults.append("a heading that is in no page")
    return faults


def _last_line(text: str) -> str:
    """Of a traceback what was raised, and where it was."""
    lines = text.strip().splitlines()
    places = [line.strip() for line in lines if "/app/" in line]
    return f"{lines[-1][:120]} {places[-1].split('/app/')[-1] if places else ''}".strip()
