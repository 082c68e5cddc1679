"""What the app says to whoever runs it: a line of JSON for each event, of bounded length and rate.

Nothing that people wrote is in it, and no name of theirs: of an error only its kind and where it was raised, or the
pattern of its sentence.

    logger.info("run ended", extra={"state": "finished", "seconds": 12.3})
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from app.private import FILE, FOLDER

LINE_CHARACTERS, VALUE_CHARACTERS = 2_000, 300
ALIKE, ANY = 20, 600
"""Lines in a WINDOW: of one pattern, and of all together. Those that come beyond are counted."""
WINDOW = 60.0
FILE_BYTES, FILES = 5 * 10**6, 4
"""Of a log that is a file, and of how many: the older ones have a number behind their name."""

OURS = ("app", "core", "__main__")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_ROOT = Path(__file__).resolve().parent.parent


def start_logging(level: str, file: Path | None = None) -> None:
    """Write everything that is logged in the process in this way from now on: from `level` on ("info"), of libraries
    from "warning" on; to standard error, or to the end of `file`. Raises OSError if that cannot be written."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(FOLDER, parents=True, exist_ok=True)
        file.touch(FILE)
        handler = RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8")
    handler.setFormatter(Lines())
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.split(".")[0] in OURS)
    handler.addFilter(Rate())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


class Lines(logging.Formatter):
    """A record as a line of JSON: time, level, event, what is said with it, and of an error its kind and place."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, of LINE_CHARACTERS at most."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": _cut(_said(record)),
        }
        line |= {key: _value(value) for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info and record.exc_info[1] is not None:
            line |= {"error": type(record.exc_info[1]).__name__, "at": _cut(place(record.exc_info[1]))}
        text = json.dumps(line, ensure_ascii=True, default=lambda value: type(value).__name__)
        if len(text) <= LINE_CHARACTERS:
            return text
        return json.dumps({key: line[key] for key in ("time", "level", "from", "event")} | {"cut": len(text)})


class Rate(logging.Filter):
    """Lets so many lines pass. The next one of those that did not says how many they were."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was said yet."""
        super().__init__()
        self._clock, self._began = clock, clock()
        self._passed: dict[str, int] = {}
        self._missing: dict[str, int] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is to be written; `repeated` is set on it if others of its pattern were not."""
        key = f"{record.name} {record.msg if isinstance(record.msg, str) else type(record.msg).__name__}"[:200]
        with self._lock:
            now = self._clock()
            if now - self._began >= WINDOW:
                self._began = now
                self._passed.clear()
            if self._passed.get(key, 0) >= ALIKE or sum(self._passed.values()) >= ANY:
                if key in self._missing or len(self._missing) < ANY:
                    self._missing[key] = self._missing.get(key, 0) + 1
                return False
            self._passed[key] = self._passed.get(key, 0) + 1
            missing = self._missing.pop(key, 0)
        if missing:
            record.repeated = missing
        return True


def _said(record: logging.LogRecord) -> str:
    """The message, in which errors are named and not quoted."""
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(map(_value, arguments))
    elif isinstance(arguments, Mapping):
        arguments = {key: _value(value) for key, value in arguments.items()}
    message = _value(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
    try:
        return str(message) % arguments if arguments else str(message)
    except (TypeError, ValueError):
        return str(message)


def _value(value: object) -> Any:
    if isinstance(value, OSError):
        return value.strerror or type(value).__name__
    if isinstance(value, BaseException):
        pattern = getattr(getattr(value, "message", None), "pattern", "")
        return _cut(f"{type(value).__name__}: {pattern}" if pattern else type(value).__name__)
    if isinstance(value, bool | int | float | type(None)):
        return value
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_CHARACTERS else f"{text[: VALUE_CHARACTERS - 1]}…"


def place(error: BaseException) -> str:
    """Where it was raised, the innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{_short(frame.filename)}:{frame.lineno}" for frame in reversed(frames[-8:]))


def _short(name: str) -> str:
    path = Path(name)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else "/".join(path.parts[-2:])
