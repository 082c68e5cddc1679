"""The endpoints. Each gives one value, since Gradio's MCP server passes several on as Python writes a tuple.

The docstrings are what a client is shown of them. No `from __future__ import annotations`: Gradio reads the types.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from app.documents import select_pages
from app.engine.caller import Caller
from app.export import Draft, export
from app.intake import Reader
from app.methods import DEFAULT_METHOD, require_method, require_parameters
from app.project.commands import COMPARED, Commands, method_of
from app.project.follow import Job
from app.prompt.request import BeyondChoice, WordingChoice
from app.say.errors import AppError
from app.web.api.answers import compared, planned_section, ways
from app.web.api.inputs import answer, errors_told, given_text, given_texts
from app.web.api.parameters import by_name, with_parameters
from app.web.api.reading import READINGS, CallReading
from app.web.frames import frames
from core.policies import METHODS

FRAME_SECONDS = 0.1
"""Between two answers of a stream at least."""

Json = dict[str, Any]
Task = Literal["report", "summary", "essay", "notes", "outline", "table", "continue", "free"]
if TYPE_CHECKING:
    Method: TypeAlias = str
    ComparedMethod: TypeAlias = str
else:
    Method, ComparedMethod = Literal[tuple(METHODS)], Literal[tuple(COMPARED)]
Format = Literal["md", "txt", "docx", "pdf", "csv", "tsv"]


def add_api(
    commands: Commands, reader: Reader, caller: Callable[[gr.Request], Caller] = lambda request: Caller()
) -> None:
    """The endpoints, inside of a gr.Blocks. They touch no project of the page's. `caller`: who sent a request."""
    tools = Tools(commands, reader, caller)
    # Runs queue in the engine; Gradio must not hold them back as well.
    for tool in (tools.write, tools.compare, tools.export_draft):
        gr.api(tool, api_name=tool.__name__, concurrency_limit=None)
    # What waits for files holds a thread, of which the page needs some.
    held: Json = {"concurrency_limit": READINGS, "concurrency_id": "reading"}
    gr.api(tools.read_document, api_name="read_document", **held)
    gr.api(tools.check_budget, api_name="check_budget", **held)


class Tools:
    """What the endpoints do."""

    def __init__(
        self, commands: Commands, reader: Reader, caller: Callable[[gr.Request], Caller] = lambda request: Caller()
    ) -> None:
        """The page's commands, what reads files for it, and who sent a request."""
        self._commands, self._sent_by = commands, caller
        self._reading = CallReading(reader, commands.settings.limits)

    @with_parameters
    async def write(  # type: ignore[misc]  # Gradio takes the outputs from the return type, also of a generator
        self,
        files: list[gr.FileData],
        task: Task = "report",
        detail: str = "",
        method: Method = DEFAULT_METHOD,
        budget: str | None = None,
        stride: int | None = None,
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
        wording: WordingChoice = "auto",
        grounded: bool = True,
        parts: dict[str, str] | None = None,
        reading: list[dict[str, Any]] | None = None,
        beyond: BeyondChoice = "parts",
        apart: bool = False,
        request: gr.Request | None = None,
        *parameters: Any,
    ) -> Json:
        """
        Write a text about long documents with the app's language model. Streams the text so far.

        Parameters:
            files: The documents, in order: pdf, docx, odt, rtf, epub, html, md, txt, pptx, xlsx, csv and others. May be empty.
            task: What to write. "table" extracts the columns named in detail, "outline" writes an outline and then its sections, "free" follows the instruction in detail.
            detail: The instruction, the focus of the text, or the columns, separated by commas. Required for "free".
            method: What the model attends to while it writes. {methods}.
            budget: How much a method keeps or reads: a share of the prompt such as "1/8", or a number of tokens such as "512". As the other parameters of methods it is for those that have it, which else take what is usual.
            stride: Decoding steps between two refreshes, or between two reports of what is read.
            max_new_tokens: The most tokens that are written.
            temperature: 0 always takes the likeliest token; more varies the text.
            seed: A number makes the text repeatable.
            length: "short", "medium", "long", or a number of words; empty for the model's own.
            tone: For example "formal" or "plain".
            language: What to write in; empty for the documents' own language.
            audience: The readers.
            threshold: Whether to refresh is decided in each layer, by this cosine similarity; without it all layers refresh at every stride.
            pages: Which pages of each file, in the order of files, for example "1-3, 7"; "" for all.
            passwords: Of each file, in the order of files; "" where there is none.
            draft: A text to go on with at its end, in Markdown; empty to begin a new one.
            wording: Whose sentences a summary, report, essay, notes or outline, and whose rows a table with named columns has: "own" the model's, "quoted" the documents'; "auto" takes theirs for a model of less than a thousand million weights.
            grounded: Whether names and numbers can only be those of the documents, the instruction and the draft.
            parts: What is read of parts of the documents, by the ids that check_budget gives them: "full", "note" (the main sentences, for a model that writes in its own words) or "none". What is not named is chosen by the app.
            reading: How each file is read, in the order of files: an object with some of "encoding" (as "cp1250"; found by evidence without), "whole_page" (of a web page, not its main part alone), "running_lines" (headers and footers), "comments" (both are left out otherwise) and "languages" (in which scans are recognised, as "deu+eng").
            beyond: How documents are read that are longer than the model's window: "parts" by parts, "one" in one context beyond it, by a method that can go on there.
            apart: Whether each document is read by itself, not knowing of those before it, and kept so: others can then be added, taken out or reordered without reading it again.
            {parameters}

        Returns:
            text: what is written so far, in Markdown, without the draft it goes on from. statistics: state, tokens per second, time to first token and others; empty until the end.
        """  # noqa: E501
        given = {"budget": budget, "stride": stride, "threshold": threshold, **by_name(Tools.write, parameters)}
        with errors_told(self._commands.engine):
            require_parameters([require_method(method)], given)
            asked = self._commands.request(
                task=task, detail=detail, length=length, tone=tone, language=language, audience=audience,
                method=method, **given, max_new_tokens=max_new_tokens,
                temperature=temperature, seed=seed, wording=wording, grounded=grounded, beyond=beyond,
                apart=apart,
            )  # fmt: skip
            caller = self._caller(request)
            sources = await self._reading.sources_in_thread(files, pages, passwords, parts, reading, caller)
            writing = await asyncio.to_thread(
                self._commands.write_apart, sources, asked, given_text("draft", draft), caller
            )
        try:
            async for _ in _followed(writing):
                yield answer({"text": writing.text, "statistics": {}}, request)
        finally:
            writing.stop()  # a client that goes away stops its run
        if writing.failed:
            raise gr.Error(str(writing.message), print_exception=False)
        assert writing.current is not None
        left_out = writing.support.rows_left_out if writing.support else 0
        statistics = {"state": writing.state, "rows_left_out": left_out, **writing.current.statistics.plain}
        yield answer({"text": writing.text, "statistics": statistics}, request)

    @with_parameters
    async def compare(  # type: ignore[misc]
        self,
        files: list[gr.FileData],
        methods: list[ComparedMethod],
        task: Task = "report",
        detail: str = "",
        budget: str | None = None,
        stride: int | None = None,
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
        grounded: bool = True,
        parts: dict[str, str] | None = None,
        reading: list[dict[str, Any]] | None = None,
        beyond: BeyondChoice = "parts",
        apart: bool = False,
        request: gr.Request | None = None,
        *parameters: Any,
    ) -> Json:
        """
        Write the same text by several methods, one after another, with one seed, to compare them. Streams the texts so far.

        Parameters:
            files: The documents, as for write.
            methods: Two or more of those that write has, each with those of the parameters below that it has, and "NeverRefreshed" (the small cache stays as it was after the prompt).
            task: As for write.
            detail: As for write.
            budget: As for write.
            stride: As for write.
            max_new_tokens: As for write, for each method.
            temperature: As for write.
            seed: As for write.
            length: As for write.
            tone: As for write.
            language: As for write.
            audience: As for write.
            threshold: As for write.
            pages: As for write.
            passwords: As for write.
            draft: A text to go on with, for the task "continue".
            grounded: As for write.
            parts: As for write.
            reading: As for write.
            beyond: As for write; with "one", methods that can go on beyond the window alone.
            apart: As for write.
            {parameters}

        Returns:
            For each method its text, state, error and statistics, as write gives them, and how its text differs from the first method's: a list of [kind, text], kind being "equal", "insert" or "delete".
        """  # noqa: E501
        given = {"budget": budget, "stride": stride, "threshold": threshold, **by_name(Tools.compare, parameters)}
        with errors_told(self._commands.engine):
            named = given_texts("methods", methods)
            under = [method_of(key) for key in named] or [DEFAULT_METHOD]
            require_parameters(under, given)
            asked = self._commands.request(
                task=task, detail=detail, length=length, tone=tone, language=language, audience=audience,
                method=under[0], **given, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed,
                grounded=grounded, beyond=beyond,
                apart=apart,
            )  # fmt: skip
            caller = self._caller(request)
            sources = await self._reading.sources_in_thread(files, pages, passwords, parts, reading, caller)
            comparison = await asyncio.to_thread(
                self._commands.compare_apart, sources, asked, named, given_text("draft", draft), caller
            )
        try:
            async for _ in _followed(comparison):
                yield answer(compared(comparison), request)
        finally:
            comparison.stop()
        yield answer(compared(comparison), request)

    def read_document(
        self,
        file: gr.FileData,
        pages: str = "",
        password: str = "",
        reading: dict[str, Any] | None = None,
        request: gr.Request | None = None,
    ) -> Json:
        """
        Read a document and return its text page by page, as the model would read it.

        Parameters:
            file: A pdf, docx, odt, rtf, epub, html, md, txt, pptx, xlsx or csv file, or another of the accepted types.
            pages: Which pages, for example "1-3, 7"; empty for all.
            password: Of an encrypted PDF; empty if there is none.
            reading: How it is read, as for write.

        Returns:
            The file's name, its notes (such as pages without text), its pages, each with number, label and text, and
            what was left out: headers, footers ("running") and comments ("comment"), each with page, text and kind.
        """
        with errors_told():
            document = self._reading.document(file, password, reading, self._caller(request))
            chosen = select_pages(document, pages)
        read = {
            "name": document.name,
            "page_count": len(document.pages),
            "notes": list(map(str, document.notes)),
            "pages": [{"number": page.number, "label": page.label, "text": page.text} for page in chosen],
            "left_out": [asdict(line) for line in document.removed],
        }
        return answer(read, request)

    @with_parameters
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
        wording: WordingChoice = "auto",
        parts: dict[str, str] | None = None,
        reading: list[dict[str, Any]] | None = None,
        method: Method = DEFAULT_METHOD,
        beyond: BeyondChoice = "parts",
        request: gr.Request | None = None,
        *parameters: Any,
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
            wording: As for write.
            parts: As for write.
            reading: As for write.
            method: As for write; whether documents can be read as one depends on it.
            beyond: As for write.
            {parameters}

        Returns:
            Whether it fits, a message, the tokens of each part, what would make it fit, in words, and the sections
            of a text along the documents' chapters, each with the pages that it is written from and all parts that
            belong to it: id, title, pages, and what is read of it. "others": chapters that have no section. "long": of
            documents longer than the window, what it takes to read them by "parts" and as "one": the tokens of the
            longest request, seconds of reading and writing in all, bytes of memory; or why it cannot be.
        """
        given = by_name(Tools.check_budget, parameters)
        with errors_told():
            require_parameters([require_method(method)], given)
            asked = self._commands.request(
                task=task, detail=detail, length=length, method=method, **given, max_new_tokens=max_new_tokens,
                wording=wording, beyond=beyond,
            )  # fmt: skip
            caller = self._caller(request)
            sources = self._reading.sources(files, pages, passwords, parts, reading, caller)
            material, before = self._commands.material_of(sources), given_text("draft", draft)
            budget = self._commands.budget(material, asked, before)
            long = self._commands.long_reading(material, asked, before, budget)
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
            "sections": [planned_section(section) for section in (budget.plan.sections if budget.plan else ())],
            "others": [planned_section(chapter) for chapter in (budget.plan.others if budget.plan else ())],
            "long": ways(long) if long else None,
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
        with errors_told():
            if format not in get_args(Format):
                raise AppError("“{}” is not a format. Choose one of {}.", str(format), ", ".join(get_args(Format)))
            made = export(Draft(given_text("title", title), given_text("markdown", markdown)), format)
        for note in made.notes:
            gr.Warning(str(note))
        # Where Gradio deletes it again.
        path = save_bytes_to_cache(made.data, made.name, get_upload_folder())
        return gr.FileData(path=path, orig_name=made.name, mime_type=made.media_type)

    def _caller(self, request: gr.Request | None) -> Caller | None:
        return self._sent_by(request) if request is not None else None


def _followed(job: Job) -> AsyncIterator[None]:
    """Frames until the job is over."""
    return frames(job.notifier, lambda: not job.done, FRAME_SECONDS)
