"""The app for programs: endpoints with names, for gradio_client and as tools of an MCP server.

Each gives one value, since Gradio's MCP server passes several on as Python writes a tuple.
The docstrings are what a client is shown of them. No `from __future__ import annotations`: Gradio reads the types.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from app.documents import read_document, select_pages
from app.export import Draft, export
from app.project.commands import Commands
from app.project.comparison import Measured
from app.project.writing import Writing
from app.prompt.compose import TokenCounts
from app.prompt.messages import Source
from app.prompt.request import FULL_ATTENTION, REFRESHKV, WriteRequest
from app.say.errors import AppError
from app.settings import Settings
from core import RefreshKVError

FRAME_SECONDS = 0.1

Json = dict[str, Any]
Task = Literal["report", "summary", "essay", "notes", "outline", "table", "continue", "free"]
Method = Literal["RefreshKV", "FullAttention"]
Format = Literal["md", "txt", "docx", "pdf", "csv", "tsv"]


def add_api(desk: Commands) -> None:
    """The endpoints, inside of a gr.Blocks. They touch no project of the page's."""
    tools = Tools(desk)
    # Runs queue in the engine; Gradio must not hold them back as well.
    gr.api(tools.write, api_name="write", concurrency_limit=None)
    gr.api(tools.read_document, api_name="read_document", concurrency_limit=None)
    gr.api(tools.check_budget, api_name="check_budget", concurrency_limit=None)
    gr.api(tools.export_draft, api_name="export_draft", concurrency_limit=None)


class Tools:
    """What the endpoints do."""

    def __init__(self, desk: Commands) -> None:
        """All begin their runs at the page's desk."""
        self._desk = desk

    async def write(  # type: ignore[misc]  # Gradio takes the outputs from the return type, also of a generator
        self,
        files: list[gr.FileData],
        task: Task = "report",
        detail: str = "",
        method: Method = "RefreshKV",
        budget: str = "1/8",
        stride: int = 10,
        max_new_tokens: int = 512,
        temperature: float = 0.7,
        seed: int | None = None,
        length: str = "",
        tone: str = "",
        language: str = "",
        audience: str = "",
        threshold: float | None = None,
        pages: list[str] | None = None,
        passwords: list[str] | None = None,
        draft: str = "",
        request: gr.Request | None = None,
    ) -> Json:
        """
        Write a text about long documents with the app's language model. Streams the text so far.

        Parameters:
            files: The documents, in order: pdf, docx, epub, html, md or txt. May be empty.
            task: What to write. "table" extracts the columns named in detail, "outline" writes an outline and then its sections, "free" follows the instruction in detail.
            detail: The instruction, the focus of the text, or the columns, separated by commas. Required for "free".
            method: "RefreshKV" attends to a small cache that is refreshed now and then; "FullAttention" to everything.
            budget: RefreshKV's small cache: a share of the prompt such as "1/8", or a number of tokens such as "512".
            stride: RefreshKV's decoding steps between two refreshes.
            max_new_tokens: The most tokens that are written.
            temperature: 0 always takes the likeliest token; more varies the text.
            seed: A number makes the text repeatable.
            length: "short", "medium", "long", or a number of words; empty for the model's own.
            tone: For example "formal" or "plain".
            language: What to write in; empty for the documents' own language.
            audience: The readers.
            threshold: RefreshKV decides in each layer whether to refresh, by this cosine similarity; without it all layers refresh at every stride.
            pages: Which pages of each file, in the order of files, for example "1-3, 7"; "" for all.
            passwords: Of each file, in the order of files; "" where there is none.
            draft: A text to go on with at its end, in Markdown; empty to begin a new one.

        Returns:
            text: what is written so far, in Markdown, without the draft it goes on from. statistics: state, tokens per second, time to first token and others; empty until the end.
        """  # noqa: E501
        with _errors():
            ask = WriteRequest(
                _task(task), detail, length, tone, language, audience, _method(method), budget, stride, threshold,
                max_new_tokens, temperature, seed,
            )  # fmt: skip
            sources = await asyncio.to_thread(self._read, files, pages, passwords)
            writing = await asyncio.to_thread(self._desk.write_apart, sources, ask, draft)
        try:
            async for text in _followed(writing):
                yield answer({"text": text, "statistics": {}}, request)
        finally:
            writing.stop()  # a client that goes away stops its run
        if writing.state == "failed":
            raise gr.Error(str(writing.error or writing.part.run.error), print_exception=False)
        yield answer({"text": writing.text, "statistics": statistics(writing)}, request)

    def read_document(
        self, file: gr.FileData, pages: str = "", password: str = "", request: gr.Request | None = None
    ) -> Json:
        """
        Read a document and return its text page by page, as the model would read it.

        Parameters:
            file: A pdf, docx, epub, html, md or txt file.
            pages: Which pages, for example "1-3, 7"; empty for all.
            password: Of an encrypted PDF; empty if there is none.

        Returns:
            The file's name, its notes (such as pages without text), and its pages, each with number, label and text.
        """
        with _errors():
            document = read_document(_uploaded(file), password=password or None, limits=self._settings.limits)
            chosen = select_pages(document, pages)
        read = {
            "name": document.name,
            "page_count": len(document.pages),
            "notes": list(map(str, document.notes)),
            "pages": [{"number": page.number, "label": page.label, "text": page.text} for page in chosen],
        }
        return answer(read, request)

    def check_budget(
        self,
        files: list[gr.FileData],
        task: Task = "report",
        detail: str = "",
        max_new_tokens: int = 512,
        length: str = "",
        pages: list[str] | None = None,
        passwords: list[str] | None = None,
        draft: str = "",
        request: gr.Request | None = None,
    ) -> Json:
        """
        Say whether documents, instruction and answer fit the model's window, before anything is written.

        Parameters:
            files: The documents, as for write.
            task: As for write.
            detail: As for write.
            max_new_tokens: The most tokens that would be written; an outline's sections take what its length needs.
            length: As for write.
            pages: As for write.
            passwords: As for write.
            draft: As for write.

        Returns:
            Whether it fits, a message, the tokens of each part, and what would make it fit, in words.
        """
        with _errors():
            ask = WriteRequest(
                _task(task), detail, length, "", "", "", REFRESHKV, "", None, None, max_new_tokens, None, None
            )
            budget = self._desk.budget(self._read(files, pages, passwords), ask, draft, TokenCounts())
        said = {
            "fits": budget.excess <= 0,
            "message": budget.message,
            "tokens": {
                "documents": {source.name: source.total for source in budget.sources},
                "instruction": budget.instruction,
                "draft": budget.draft,
                "answer": budget.output,
                "total": budget.total,
                "window": budget.window,
            },
            "choices": [choice.sentence for choice in budget.choices],
        }
        return answer(said, request)

    def export_draft(self, markdown: str, format: Format = "docx", title: str = "Draft") -> gr.FileData:
        """
        Make a file of a text in Markdown.

        Parameters:
            markdown: The text.
            format: "md", "txt", "docx", "pdf", or "csv" or "tsv" for a text that holds a table.
            title: The title, and the file's name.

        Returns:
            The file. In a PDF U+FFFD stands for what no font of the server has; the log of the call names it.
        """
        with _errors():
            if format not in get_args(Format):
                raise AppError(f"{format!r} is not a format. Choose one of {', '.join(get_args(Format))}.")
            made = export(Draft(title, markdown), format)
        for note in made.notes:
            gr.Warning(str(note))
        # Where Gradio deletes it again.
        path = save_bytes_to_cache(made.data, made.name, get_upload_folder())
        return gr.FileData(path=path, orig_name=made.name, mime_type=made.media_type)

    @property
    def _settings(self) -> Settings:
        return self._desk.settings

    def _read(
        self, files: Sequence[Any], pages: Sequence[str] | None = None, passwords: Sequence[str] | None = None
    ) -> list[Source]:
        if not isinstance(files, list):
            raise AppError("files must be a list of uploaded files, which may be empty.")
        chosen, opened = _of_each(files, "pages", pages), _of_each(files, "passwords", passwords)
        sources = []
        for file, which, password in zip(files, chosen, opened, strict=True):
            document = read_document(_uploaded(file), password=password or None, limits=self._settings.limits)
            sources.append(Source(document, select_pages(document, which)))
        return sources


def answer(value: Json, request: gr.Request | None) -> Json:
    """The value; for Gradio's MCP server, which names itself and passes on what `str` makes of it, a text in JSON."""
    if request and request.headers.get("x-gradio-user") == "mcp":
        return json.dumps(value, ensure_ascii=False)  # type: ignore[return-value]
    return value


def statistics(writing: Writing) -> Json:
    """What the run of a writing did, the last one of several, as values that JSON can hold. Times are in seconds."""
    measured = Measured(writing.part.run)
    measured.update()
    figures, ending = measured.figures, writing.ending
    return {
        "state": writing.state,
        "reason": ending.reason if ending else None,
        "prompt_tokens": figures.prompt_tokens,
        "reused_prompt_tokens": figures.reused,
        "prefill_seconds": figures.prefill_seconds,
        "seconds_to_first_token": figures.first_token,
        "generated_tokens": figures.tokens,
        "tokens_per_second": figures.rate,
        "full_steps": figures.full_steps,
        "partial_steps": figures.partial_steps,
        "cache_bytes": figures.cache_bytes,
    }


async def _followed(writing: Writing) -> AsyncIterator[str]:
    """The text so far, until the writing is over: in every frame, since Gradio looks only then who is still there."""
    while not writing.done:
        yield writing.text
        await asyncio.sleep(FRAME_SECONDS)


@contextmanager
def _errors() -> Iterator[None]:
    """What is wrong with a request becomes the client's error, with its way out."""
    try:
        yield
    except (AppError, RefreshKVError) as error:
        raise gr.Error(str(error), print_exception=False) from None


def _of_each(files: Sequence[Any], name: str, values: Any) -> list[str]:
    """One value for each file, "" for those that have none. Raises AppError."""
    given = values or []
    if not isinstance(given, list) or len(given) > len(files) or not all(isinstance(value, str) for value in given):
        raise AppError(f"{name} must be a list of texts, at most one for each of the {len(files)} files.")
    return [*given, *[""] * (len(files) - len(given))]


def _uploaded(file: Any) -> Path:
    """The path of an uploaded file. Raises AppError for any other: clients must not read what lies on this computer."""
    path = file.get("path") if isinstance(file, dict) else file
    if not isinstance(path, str) or "\0" in path:
        raise AppError("A file is missing. Upload it; in gradio_client that is handle_file(path).")
    found = Path(path).resolve()
    if not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise AppError(
            f"{Path(path).name} was not uploaded. Upload it first; in gradio_client that is handle_file(path)."
        )
    return found


def _task(key: str) -> str:
    if key not in get_args(Task):
        raise AppError(f"{key!r} is not a task. Choose one of {', '.join(get_args(Task))}.")
    return key


def _method(key: str) -> str:
    if key not in (REFRESHKV, FULL_ATTENTION):
        raise AppError(f"{key!r} is not a method. Choose {REFRESHKV} or {FULL_ATTENTION}.")
    return key
