"""The app as named endpoints for programs, and as tools for MCP clients; their docstrings are what these are shown."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder, is_in_or_equal

from app.composer import Composed, compose
from app.desk import REFRESHKV, Ask
from app.documents import Document, read_document, select_pages
from app.engine import Engine, Request, Run
from app.errors import AppError
from app.export import Draft, export
from app.prompts import Source
from app.settings import Settings
from app.tasks import TASKS
from app.trace import Recorder, RunSettings, Trace, describe_policy, prompt_tokens, write_trace
from app.view import Json, RunStatistics, status
from core import Event, GenerationFinished, InvalidParameterError, TokenGenerated

FRAME_SECONDS = 0.08
KEPT_TRACES = 16
"""Of the latest runs; an older one is forgotten."""


def add_api(engine: Engine, settings: Settings) -> None:
    """Add the endpoints to the Blocks that is being built."""
    api = Api(engine, settings)
    # Runs queue in the engine, together with those of the page.
    gr.api(api.write, api_name="write", concurrency_limit=None)
    gr.api(api.read_document, api_name="read_document", concurrency_limit=None)
    gr.api(api.check_budget, api_name="check_budget", concurrency_limit=None)
    gr.api(api.export_draft, api_name="export_draft", concurrency_limit=None)
    gr.api(api.trace, api_name="trace", concurrency_limit=None)


class Api:
    """What the endpoints do, and the traces of the latest runs by the id that `write` gave."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """`engine` may still be loading its model."""
        self._engine, self._settings = engine, settings
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._lock = threading.Lock()

    async def write(
        self,
        files: list[gr.FileData],
        instruction: str,
        task: str = "free",
        method: str = REFRESHKV,
        budget: str = "1/8",
        stride: int = 10,
        similarity_threshold: float | None = None,
        max_tokens: int = 512,
        temperature: float = 0.7,
        seed: int | None = None,
    ) -> AsyncIterator[dict]:  # type: ignore[type-arg]  # Gradio takes the hint for the schema
        """Write a text about documents. Streams the text so far; the last message has the statistics and the run's id.

        Args:
            files: Uploaded documents (PDF, docx, epub, html, md, txt); may be empty.
            instruction: What to write, or the details of the task.
            task: The kind of text: "free" for the instruction as it stands, or for example "summary" or "report".
            method: "RefreshKV" or "FullAttention".
            budget: Size of RefreshKV's small cache: a share of the prompt such as "1/8", or tokens such as "512".
            stride: Decoding steps between two refreshes of the small cache.
            similarity_threshold: From -1 to 1: refresh only when the query has moved this far; null: at every stride.
            max_tokens: The most tokens to write.
            temperature: 0 for always the most likely token.
            seed: Makes a run repeatable.
        """
        with _told():
            policy = _ask(method, budget, stride, similarity_threshold).policy()
            documents = await asyncio.to_thread(self._read, files)
            composed = self._compose(documents, instruction, task)
            run = self._submit(composed, policy, max_tokens, temperature, seed)
        try:
            recording = _Recording(self._engine, composed, self._settings, run)
            sent = None
            while True:
                over = run.done  # before the events are looked at, or the last could be missed
                recording.take()
                if over:
                    break
                if recording.text != sent:
                    sent = recording.text
                    yield {"text": sent, "state": run.state}
                await asyncio.sleep(FRAME_SECONDS)
            if run.state == "failed":
                raise gr.Error(run.error, print_exception=False)
            yield {"text": recording.text, "state": run.state, **recording.summary, "run": self._keep(recording.trace)}
        finally:
            run.stop()  # the client has gone, or the run is over

    def read_document(self, file: gr.FileData, pages: str = "", password: str = "") -> dict:  # type: ignore[type-arg]
        """Read a document's text by page, with the pages' printed labels and notes about what was noticed.

        Args:
            file: An uploaded PDF, docx, epub, html, md or txt.
            pages: Which pages, such as "1-3, 7, 12-"; empty for all.
            password: Of a locked PDF; empty if it has none.
        """
        with _told():
            document = self._document(file, password)
            chosen = select_pages(document, pages)
        return {
            "name": document.name,
            "pages": [{"number": page.number, "label": page.label, "text": page.text} for page in chosen],
            "notes": list(document.notes),
        }

    def check_budget(
        self,
        files: list[gr.FileData],
        instruction: str,
        task: str = "free",
        max_tokens: int = 512,
    ) -> dict:  # type: ignore[type-arg]
        """Tell whether documents, instruction and answer fit the model's window, and what would make them fit.

        Args:
            files: Uploaded documents; may be empty.
            instruction: What to write, or the details of the task.
            task: The kind of text, as for write.
            max_tokens: The most tokens to write.
        """
        with _told():
            composed = self._compose(self._read(files), instruction, task)
            budget = composed.budget(max_tokens, self._engine.window)
        return {
            "documents": [{"name": source.name, "tokens": source.total} for source in budget.sources],
            "instruction": budget.instruction,
            "answer": budget.output,
            "total": budget.total,
            "window": budget.window,
            "fits": budget.excess <= 0,
            "message": budget.message,
            "choices": [choice.sentence for choice in budget.choices],
        }

    def export_draft(self, text: str, format: str = "docx", title: str = "draft") -> gr.FileData:
        """Write a Markdown text as a file.

        Args:
            text: The text, in Markdown.
            format: "md", "txt", "docx", "pdf", or "csv" for the first table in the text.
            title: What the file is named after.
        """
        with _told():
            written = export(Draft(title, text), format)
        return _file(written.data, written.name)

    def trace(self, run: str) -> gr.FileData:
        """Get the trace of a run as a file: every token, and what the small caches kept at each refresh.

        Args:
            run: The id from the last message of write.
        """
        with self._lock:
            trace = self._traces.get(run)
        if trace is None:
            raise gr.Error(
                f"No trace is kept of a run {run!r}; those of the last {KEPT_TRACES} runs are. Call write again.",
                print_exception=False,
            )
        return _file(write_trace(trace), f"run-{run}.trace")

    def _keep(self, trace: Trace) -> str:
        run = uuid.uuid4().hex
        with self._lock:
            self._traces[run] = trace
            while len(self._traces) > KEPT_TRACES:
                self._traces.popitem(last=False)
        return run

    def _read(self, files: Sequence[Any]) -> list[Document]:
        return [self._document(file) for file in files]

    def _document(self, file: Any, password: str = "") -> Document:
        path = uploaded_path(file)
        return read_document(path, password=password or None, limits=self._settings.limits)

    def _compose(self, documents: Sequence[Document], instruction: str, task: str) -> Composed:
        if task not in TASKS:
            raise AppError(f"{task!r} is not a task. Choose one of: {', '.join(TASKS)}.")
        _, tokenizer = self._engine.require_model(timeout=0)
        sources = [Source(document, document.pages) for document in documents]
        return compose(tokenizer, sources, TASKS[task].instruction(instruction))

    def _submit(self, composed: Composed, policy: Any, max_tokens: int, temperature: float, seed: int | None) -> Run:
        settings = self._settings
        if not 1 <= max_tokens <= settings.max_new_tokens_limit:
            raise AppError(f"max_tokens is {max_tokens}; it must be 1 to {settings.max_new_tokens_limit}.")
        budget = composed.budget(max_tokens, self._engine.window)
        if budget.excess > 0:
            raise AppError(budget.message)
        return self._engine.submit(
            Request(
                composed.token_ids,
                policy,
                max_tokens,
                temperature,
                settings.top_p,
                settings.min_p,
                settings.repetition_penalty,
                seed,
                composed.document_end,
            )
        )


class _Recording:
    """What is learnt of a run from its events."""

    def __init__(self, engine: Engine, composed: Composed, settings: Settings, run: Run) -> None:
        self.text = ""
        self._run, self._seen, self._time = run, 0, 0.0
        self._ending: GenerationFinished | None = None
        self._statistics = RunStatistics(engine.layers, clock=lambda: self._time)
        request = run.request
        sampling = {
            "max_new_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "min_p": request.min_p,
            "repetition_penalty": request.repetition_penalty,
        }
        asked = RunSettings(
            settings.model,
            engine.quantization(settings.quantization or "none"),
            describe_policy(request.policy),
            sampling,
            request.seed,
        )
        self._recorder = Recorder(asked, prompt_tokens(composed), engine.policy_layers, engine.heads, 0)

    def take(self) -> None:
        """Take the events that came since."""
        for moment, event in self._run.events[self._seen :]:
            self._time = moment
            self._seen += 1
            self._add(event)

    def _add(self, event: Event) -> None:
        self._statistics.add(event)
        self._recorder.add(event)
        match event:
            case TokenGenerated():
                self.text += event.text
            case GenerationFinished():
                self._ending = event

    @property
    def trace(self) -> Trace:
        """What has been recorded."""
        return self._recorder.trace

    @property
    def summary(self) -> Json:
        """The figures at the end."""
        ending = self._ending
        return {
            "reason": ending.reason if ending else None,
            "statistics": {
                **status(self._statistics),
                "promptTokens": ending.prompt_tokens if ending else None,
                "generatedTokens": ending.generated_tokens if ending else None,
                "fullSteps": ending.full_steps if ending else None,
                "partialSteps": ending.partial_steps if ending else None,
            },
        }


def uploaded_path(file: Any) -> Path:
    """Where an uploaded file lies. Raises AppError for anything outside Gradio's upload folder, links included."""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not is_in_or_equal(path, get_upload_folder()) or not Path(path).is_file():
        raise AppError(f"{path!r} is not an uploaded file. Upload it first: handle_file(…) in gradio_client.")
    return Path(path).resolve()


def _ask(method: str, budget: str, stride: int, threshold: float | None) -> Ask:
    if method not in (REFRESHKV, "FullAttention"):
        raise AppError(f"{method!r} is not a method. Choose RefreshKV or FullAttention.")
    return Ask("free", "", "", "", "", "", method, budget, stride, threshold, None, None, None)


def _file(data: bytes, name: str) -> gr.FileData:
    path = save_bytes_to_cache(data, name, get_upload_folder())
    return cast(gr.FileData, gr.FileData(path=path, orig_name=name).model_dump())


@contextmanager
def _told() -> Iterator[None]:
    """Errors with a message for people, as Gradio tells them."""
    try:
        yield
    except (AppError, InvalidParameterError) as error:
        raise gr.Error(str(error), print_exception=False) from None
