"""The log: one bounded line of JSON an event, so many in a minute, and nothing of what people wrote."""

import io
import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from app import log
from app.documents import Document, Page
from app.engine.engine import Engine
from app.engine.queue import RunQueue, TooManyRunsError
from app.engine.run import GenerationRequest, Run
from app.intake import FileJob, PastedJob
from app.intake.reading_log import logged
from app.log import ALIKE, LINE_CHARACTERS, VALUE_CHARACTERS, Lines, Rate, start_logging
from app.say.errors import DamagedFile
from core import FullAttention
from tests.app.conftest import wait

SECRET = "the-duchess-smiled"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is written to standard error, with the logging of the process as it was afterwards."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(log, "sys", SimpleNamespace(stderr=written))
    root.handlers = []
    yield written
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def said(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def without(event: dict[str, object], *keys: str) -> dict[str, object]:
    return {key: value for key, value in event.items() if key not in ("time", "level", "from", *keys)}


def test_an_event_is_a_line_of_json(lines: io.StringIO) -> None:
    start_logging("info")
    logging.getLogger("app.test").info("run ended", extra={"tokens": 12, "state": "finished", "seconds": 0.5})
    logging.getLogger("app.test").debug("not said")
    logging.getLogger("library").info("not said either: %s", SECRET)
    logging.getLogger("library").warning("something\nis wrong")
    first, second = said(lines)
    assert without(first) == {"event": "run ended", "tokens": 12, "state": "finished", "seconds": 0.5}
    assert (first["level"], first["from"]) == ("info", "app.test")
    assert (second["event"], len(lines.getvalue().splitlines())) == ("something\nis wrong", 2)


def test_errors_are_named_and_placed_and_not_quoted(lines: io.StringIO) -> None:
    start_logging("info")
    logger = logging.getLogger("app.test")
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        logger.exception("a run failed")
        logger.warning("it failed: %s", error)
        logger.warning(error)
    logger.warning("refused: %s", DamagedFile("{} is damaged.", f"{SECRET}.pdf"))
    logger.warning("not written: %s", OSError(28, "No space left on device", f"/home/{SECRET}"))
    assert SECRET not in lines.getvalue()
    events = said(lines)
    assert events[0]["error"] == "ValueError"
    assert str(events[0]["at"]).startswith("tests/app/test_log.py:")
    assert [event["event"] for event in events[1:]] == [
        "it failed: ValueError", "ValueError", "refused: DamagedFile: {} is damaged.",
        "not written: No space left on device",
    ]  # fmt: skip


def test_a_line_is_bounded_whatever_is_said() -> None:
    def line(message: str, **extra: object) -> str:
        record = logging.makeLogRecord({"msg": message, "name": "app", "levelname": "INFO", **extra})
        return Lines().format(record)

    assert len(json.loads(line("x" * 10_000))["event"]) == VALUE_CHARACTERS
    assert len(line("\0" * 10_000, **{f"key{n}": "漢" * 1000 for n in range(100)})) <= LINE_CHARACTERS
    assert json.loads(line("%s and %s", args=("one",)))["event"] == "%s and %s"
    assert json.loads(line("{}", thing=object()))["thing"].startswith("<object")


def test_lines_that_repeat_are_counted() -> None:
    now = 0.0
    rate = Rate(lambda: now)

    def passes(message: str) -> tuple[bool, int]:
        record = logging.makeLogRecord({"msg": message, "name": "app"})
        return rate.filter(record), getattr(record, "repeated", 0)

    assert [passes("full: %s") for _ in range(ALIKE + 5)] == [(True, 0)] * ALIKE + [(False, 0)] * 5
    assert passes("other") == (True, 0)
    now = log.WINDOW + 1
    assert passes("full: %s") == (True, 5)
    assert passes("full: %s") == (True, 0)
    written = sum(passes(f"line {number}")[0] for number in range(10_000))
    assert written == log.ANY - 2
    now *= 2
    assert passes("line 9999") == (True, 1) or passes("line 9999")[0]


def test_a_file_is_private_and_its_size_bounded(
    lines: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "FILE_BYTES", 2_000)
    monkeypatch.setattr(log, "ALIKE", 1_000)
    path = tmp_path / "logs" / "app.log"
    before = os.umask(0o077)
    start_logging("info", path)
    for number in range(200):
        logging.getLogger("app.test").info("run ended", extra={"run": number})
    os.umask(before)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["app.log", "app.log.1", "app.log.2", "app.log.3"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert json.loads(path.read_text().splitlines()[-1])["run"] == 199
    assert lines.getvalue() == ""


def test_files_are_told_by_their_kind(lines: io.StringIO, tmp_path: Path) -> None:
    start_logging("info")
    file = tmp_path / f"{SECRET}.TXT"
    file.write_text("The lamp.")
    document = Document(file.name, (Page(1, None, f"{SECRET}."), Page(2, None, "")))
    assert logged(FileJob(file), lambda: document) is document

    def refuse() -> Document:
        raise DamagedFile("{} is damaged.", file.name)

    for job in (FileJob(tmp_path / f"a.{SECRET}"), PastedJob(SECRET, SECRET)):
        with pytest.raises(DamagedFile):
            logged(job, refuse)
    assert SECRET not in lines.getvalue()
    assert [without(event, "seconds") for event in said(lines)] == [
        {"event": "file read", "kind": ".txt", "bytes": 9, "pages": 2, "characters": 19, "notes": 0},
        {"event": "file refused", "kind": "other", "bytes": 0, "reason": "DamagedFile: {} is damaged."},
        {"event": "file refused", "kind": "pasted", "bytes": len(SECRET), "reason": "DamagedFile: {} is damaged."},
    ]


def test_runs_are_told_by_their_figures(lines: io.StringIO, engine: Engine) -> None:
    start_logging("info")
    prompt = torch.tensor([[1, 2, 3, 4, 5, 6]])
    run = Run(GenerationRequest(prompt, FullAttention(), 3))
    engine.submit(run)
    wait(lambda: "run ended" in lines.getvalue())
    begun, ended = said(lines)
    assert without(begun, "run", "waited_seconds") == {"event": "run begun", "priority": "writing", "waiting": 0}
    kept = ("state", "prompt_tokens", "reused_tokens", "tokens")
    assert {key: ended[key] for key in kept} == {
        "state": "finished", "prompt_tokens": 6, "reused_tokens": 0, "tokens": 3,
    }  # fmt: skip
    waiting = RunQueue(1, 1)
    engine._queue = waiting
    waiting.add(Run(GenerationRequest(prompt, FullAttention(), 3)))
    with pytest.raises(TooManyRunsError):
        engine.submit(Run(GenerationRequest(prompt, FullAttention(), 3)))
    refused = next(event for event in said(lines) if event["event"] == "run refused")
    assert without(refused) == {"event": "run refused", "refused": "TooManyRunsError", "prompt_tokens": 6}
