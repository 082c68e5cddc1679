"""What clients of the API send, made into values; and what is wrong with it, said to them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from app.documents import AS_FOUND, ReadAs, select_pages
from app.engine.engine import Engine
from app.engine.queue import QueueFullError
from app.intake import FileJob, Reader, Wanted
from app.project.material import parts_chosen
from app.prompt.messages import Source
from app.runs.feed import Json
from app.say.errors import AppError
from app.say.wording import Message
from app.settings import Limits
from app.web.read_as import given_read_as
from core import RefreshKVError

FULL = (
    "{} runs wait already, as many as can (REFRESHKV_QUEUE_SIZE), so that this one would be number {}. Call again in "
    "about {} seconds."
)
SECONDS = 30
"""After which a program is told to call again while nothing is known of how long runs take."""


@contextmanager
def errors_told(engine: Engine | None = None) -> Iterator[None]:
    """What is wrong with a request becomes the client's error, with its way out. `engine`: whose queue may be full."""
    try:
        yield
    except QueueFullError as error:
        if engine is None:
            raise
        seconds, waiting = engine.seconds_to_a_place(), error.waiting
        again = SECONDS if seconds is None else max(1, ceil(seconds))
        raise gr.Error(str(Message(FULL, waiting, waiting + 1, again)), print_exception=False) from None
    except (AppError, RefreshKVError) as error:
        raise gr.Error(str(error), print_exception=False) from None


def answer(value: Json, request: gr.Request | None) -> Json:
    """The value; for Gradio's MCP server, which names itself and passes on what `str` makes of it, a text in JSON."""
    if request and request.headers.get("x-gradio-user") == "mcp":
        return json.dumps(value, ensure_ascii=False)  # type: ignore[return-value]
    return value


def read_sources(
    files: Any, limits: Limits, reader: Reader, pages: Sequence[str] | None = None,
    passwords: Sequence[str] | None = None, parts: Any = None, reading: Any = None, wanted: Wanted | None = None,
) -> list[Source]:  # fmt: skip
    """The uploaded files as documents with their chosen pages and parts, each read as `reading` says. Raises AppError,
    also once it is not `wanted` any more."""
    if not isinstance(files, list):
        raise AppError("files must be a list of uploaded files, which may be empty.")
    if parts is not None and not isinstance(parts, dict):
        raise AppError("parts must be an object that names parts as check_budget does, not {}.", type(parts).__name__)
    of_parts = parts_chosen(parts or {}, len(files))
    chosen, opened = _of_each(files, "pages", pages), _of_each(files, "passwords", passwords)
    given = reading or []
    if not isinstance(given, list) or len(given) > len(files):
        raise AppError("reading must be a list of objects, at most one for each of the {} files.", len(files))
    ways = [*map(wanted_reading, given), *[AS_FOUND] * (len(files) - len(given))]
    sources = []
    for file, which, password, own, way in zip(files, chosen, opened, of_parts, ways, strict=True):
        document = reader.read(FileJob(uploaded(file), limits, password or None, way), None, wanted)
        sources.append(Source(document, select_pages(document, which), own))
    return sources


def wanted_reading(value: Any) -> ReadAs:
    """How a file is to be read; None and an empty object leave that to the app. Raises AppError."""
    try:
        return given_read_as(value or {})
    except ValueError as error:
        raise AppError(
            "reading must be an object with some of encoding, whole_page, running_lines, comments and languages, each "
            "of its type; {} is not.",
            str(error),
        ) from None


def uploaded(file: Any) -> Path:
    """The path of an uploaded file. Raises AppError for any other: clients must not read what lies on this computer."""
    path = file.get("path") if isinstance(file, dict) else file
    if not isinstance(path, str) or "\0" in path:
        raise AppError("A file is missing. Upload it; in gradio_client that is handle_file(path).")
    found = Path(path).resolve()
    if not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise AppError(
            "{} was not uploaded. Upload it first; in gradio_client that is handle_file(path).", Path(path).name
        )
    return found


def given_text(name: str, value: Any) -> str:
    """A parameter's text; without one it is empty. Raises AppError."""
    if value is not None and not isinstance(value, str):
        raise AppError("{} must be a text, not {}.", name, type(value).__name__)
    return value or ""


def given_texts(name: str, value: Any) -> list[str]:
    """A parameter's list of texts; without one it is empty. Raises AppError."""
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise AppError("{} must be a list of texts.", name)
    return value or []


def _of_each(files: Sequence[Any], name: str, values: Any) -> list[str]:
    """One value for each file, "" for those that have none. Raises AppError."""
    given = values or []
    if not isinstance(given, list) or len(given) > len(files) or not all(isinstance(value, str) for value in given):
        raise AppError("{} must be a list of texts, at most one for each of the {} files.", name, len(files))
    return [*given, *[""] * (len(files) - len(given))]
