"""What parts of the page do with a project, without a browser: exports, and the table that was asked for."""

import asyncio
import importlib.metadata
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import gradio as gr
import pytest
from gradio.i18n import I18nData

from app.documents import Document
from app.engine.engine import Engine, ModelUnavailableError
from app.project import exporting
from app.project.checks import checked_table, repair_draft
from app.project.commands import Commands
from app.project.exporting import export_draft
from app.project.session import Session
from app.project.sessions import Sessions
from app.prompt.request import WriteRequest
from app.prompt.window import Choice
from app.say.wording import ENGLISH, Message
from app.settings import Settings
from app.web.context import AppContext
from app.web.html import panels
from app.web.page import FRAME_SECONDS, SILENT_SECONDS, build, model_lines
from app.web.page.budget import NOTHING_YET, window_html
from app.web.page.checks import look_after
from app.web.page.sources import act, cards, page_read
from core import LoadingError, Statement
from tests.app.conftest import ask
from tests.app.scripted import ScriptedRun, into
from tests.app.web.virtual_time import run_virtually

TABLE = "| year | name |\n|---|---|\n| 1810 | Bell Rock | |\n"


def wrote(session: Session, text: str, task: dict[str, str]) -> None:
    made = into(session, ScriptedRun().finish(text), 0, len(session.draft.text))
    assert made.wait(30)
    session.keep_task(task)


@pytest.mark.slow
def test_only_a_bundle_holds_the_trace(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write_trace = exporting.write_trace

    def counted(trace: object) -> bytes:
        written.append(write_trace(trace))  # type: ignore[arg-type]
        return written[-1]

    monkeypatch.setattr(exporting, "write_trace", counted)
    wrote(session, "It stood.", {"task": "free"})
    for kind in ("md", "txt", "docx", "pdf"):
        export_draft(session, kind, "Tides")
    assert written == []
    bundle = ZipFile(BytesIO(export_draft(session, "zip", "Tides").data))
    assert [bundle.read("trace.json.gz")] == written


def test_a_package_that_is_missing_is_left_out_of_the_bundle(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    version: Callable[[str], str] = importlib.metadata.version

    def without(name: str) -> str:
        if name == "bitsandbytes":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    wrote(session, "It stood.", {"task": "free"})
    bundle = ZipFile(BytesIO(export_draft(session, "zip", "Tides").data))
    assert sorted(json.loads(bundle.read("versions.json"))) == ["gradio", "python", "torch", "transformers"]


def test_a_table_that_was_asked_for_is_checked_and_repaired_as_one_step(session: Session) -> None:
    wrote(session, TABLE, {"task": "table", "detail": "Name, Year"})
    report = checked_table(session)
    assert report is not None
    assert report.problems == ()
    assert len(report.repairs) == 2
    assert export_draft(session, "csv", "Tides").data.decode("utf-8-sig") == "Name,Year\r\nBell Rock,1810\r\n"
    repair_draft(session)
    assert session.draft.text == "| Name | Year |\n| --- | --- |\n| Bell Rock | 1810 |\n"
    assert checked_table(session) is not None
    assert checked_table(session).repairs == ()  # type: ignore[union-attr]
    repair_draft(session)
    assert session.draft.undo()
    assert session.draft.text == TABLE


def test_nothing_is_said_of_a_table_while_another_is_written() -> None:
    with gr.Blocks() as page:
        begin, found, repair = gr.Button(), gr.HTML("Row 2 has 3 cells."), gr.Button()
        look_after([begin.click], [], (None, None, [found, repair]))
    (hidden,) = page.fns.values()
    assert hidden.outputs == [found, repair]
    assert hidden.fn is not None
    assert hidden.fn() == ["", gr.update(visible=False)]


def test_what_is_no_table_is_not_checked(session: Session) -> None:
    wrote(session, TABLE, {"task": "report", "detail": "Name, Year"})
    assert checked_table(session) is None
    session.keep_task({"task": "table", "detail": ""})
    assert checked_table(session) is not None


def bar(commands: Commands, session: Session, asked: WriteRequest) -> tuple[str, tuple[Choice, ...]]:
    """As the page shows it, with the ways out."""
    state = commands.window(session, asked)
    return window_html(state, ENGLISH), state.choices


def test_the_bar_says_what_continue_would_need_too(commands: Commands, session: Session) -> None:
    session.sources.paste("The light stood on the rock.")
    html, choices = bar(commands, session, ask())
    assert ("Continue: " in html, choices) == (False, ())
    assert session.draft.edit("The tide came in. " * 60, session.draft.revision)
    html, choices = bar(commands, session, ask())
    assert '<div class="window fits">' in html
    assert "Continue: It fits: " in html
    assert "The model does not see the first " in html
    assert choices == ()
    html, _ = bar(commands, session, ask(task="continue"))
    assert "Continue: " not in html
    html, choices = bar(commands, session, ask(task="free", detail="o" * 1000))
    assert '<div class="window over">' in html
    assert "Continue: Too long by" in html
    html, _ = bar(commands, session, ask(task="outline", length="20"))
    assert "Continue: The draft has no outline" in html


def test_an_empty_page_says_what_is_missing_and_not_that_it_fits(commands: Commands, session: Session) -> None:
    assert bar(commands, session, ask()) == (panels.progress(None, NOTHING_YET), ())
    assert "It fits: " in bar(commands, session, ask(detail="the rock"))[0]
    assert session.draft.edit("The tide came in.", session.draft.revision)
    html, _ = bar(commands, session, ask())
    assert "<p>Continue: It fits: " in html
    assert "Write: " not in html
    html, _ = bar(commands, session, ask(task="outline"))
    assert html.startswith('<div class="progress"><p>Continue: The draft has no outline')


def test_a_source_has_its_card_before_the_model_is_there(session: Session, sessions: Sessions) -> None:
    def load(report: object) -> Any:
        raise LoadingError("test", "There is no such model.")

    session.sources.paste("The light stood on the rock.")
    engine = Engine(load, queue_size=1)
    context = AppContext(Commands(Settings(_env_file=None), engine), sessions, shared=False)
    before = cards(context, session)
    assert [(card["facts"], card["details"]) for card in before["sources"]] == [("1 page", ["28 characters"])]
    engine.start()
    with pytest.raises(ModelUnavailableError):
        engine.require_model(timeout=60)
    assert cards(context, session) == before


def test_with_the_model_a_card_counts_tokens(commands: Commands, session: Session, sessions: Sessions) -> None:
    session.sources.paste("The light stood on the rock.")
    (card,) = cards(AppContext(commands, sessions, shared=False), session)["sources"]
    assert (card["facts"], card["details"]) == ("1 page", ["28 characters · 28 tokens"])


def test_a_source_that_cannot_be_shown_leaves_the_others_and_can_be_removed(
    commands: Commands, session: Session, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("The light stood on the rock.", "The lamp was lit at dusk.", "The tide came in."):
        session.sources.paste(text)
    first, broken, last = session.sources.files
    count = session.token_counts.of

    def counted(tokenizer: Any, document: Document, pages: Any) -> tuple[int, ...]:
        if document is broken.document:
            raise RuntimeError("an odd page")
        return count(tokenizer, document, pages)

    monkeypatch.setattr(session.token_counts, "of", counted)
    context = AppContext(commands, sessions, shared=False)
    shown = cards(context, session)["sources"]
    assert [card["id"] for card in shown] == [first.id, broken.id, last.id]
    assert [card.get("facts", "") for card in shown] == ["1 page", "", "1 page"]
    assert shown[1]["alert"] == "This source cannot be shown. Remove it, or add it again in another form."
    act(session.sources, broken.id, "remove", None)
    assert [card["id"] for card in cards(context, session)["sources"]] == [first.id, last.id]


def test_sources_that_cannot_be_compared_are_shown(
    commands: Commands, session: Session, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared(documents: object) -> None:
        raise RuntimeError("an odd page")

    monkeypatch.setattr("app.project.sources.duplicates", compared)
    session.sources.paste("The light stood on the rock.")
    (card,) = cards(AppContext(commands, sessions, shared=False), session)["sources"]
    assert (card["facts"], card["details"]) == ("1 page", ["28 characters · 28 tokens"])


def test_what_is_done_to_a_source_is_done_to_that_one_and_nothing_else(session: Session) -> None:
    sources = session.sources
    for text in ("One.", "Two.\fThree.", "Four."):
        sources.paste(text)
    one, two, three = (file.id for file in sources.files)
    act(sources, two, "up", None)
    assert [file.id for file in sources.files] == [two, one, three]
    act(sources, two, "down", None)
    act(sources, two, "down", None)
    assert [file.id for file in sources.files] == [one, three, two]
    act(sources, two, "pages", "2")
    act(sources, one, "leave-out", True)
    assert [(file.pages, file.left_out) for file in sources.files] == [("", True), ("", False), ("2", False)]
    act(sources, one, "leave-out", False)
    act(sources, three, "remove", None)
    assert [file.id for file in sources.files] == [one, two]
    # What means nothing, and what is gone.
    for file, kind, value in (
        (three, "remove", None),
        (one, "leave-out", "yes"),
        (one, "pages", 7),
        (one, "eat", None),
    ):
        act(sources, file, kind, value)
    assert [(file.id, file.pages, file.left_out) for file in sources.files] == [(one, "", False), (two, "2", False)]


def test_a_page_is_read_from_a_source_that_is_there(session: Session) -> None:
    session.sources.paste("One.\fTwo.")
    (file,) = session.sources.files
    read = [page_read(session.sources, file.id, number) for number in (2, 9, "2")]
    assert [(page["number"], page["text"]) for page in read if page] == [(2, "Two."), (2, "Two."), (1, "One.")]
    assert page_read(session.sources, "gone", 1) is None


def test_a_page_is_told_of_the_model_until_it_is_there_and_polls_nothing(sessions: Sessions) -> None:
    engine = Engine(lambda report: pytest.fail("not loaded here"), queue_size=1)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    context = AppContext(Commands(settings, engine), sessions, shared=False)

    async def look() -> list[tuple[float, str, bool]]:
        lines, loop = list[tuple[float, str, bool]](), asyncio.get_running_loop()

        async def follow() -> None:
            async for line, ready in model_lines(settings, context):
                lines.append((loop.time(), line, ready))

        following = asyncio.create_task(follow())
        await asyncio.sleep(FRAME_SECONDS + SILENT_SECONDS + 0.5)
        engine._report(Statement("downloading", "downloading the model"), 1, 4)
        await asyncio.sleep(0.5)
        engine.failure = Message("The model could not be loaded: {}", "odd")
        engine.notifier.notify()
        await following
        return lines

    (at_first, starting, _), (silent, again, _), (at_once, loading, _), (last, failed, ready) = run_virtually(look())
    assert (at_first, silent) == pytest.approx((0, FRAME_SECONDS + SILENT_SECONDS))
    assert (at_once, last) == pytest.approx((silent + 0.5, silent + 1.0))
    assert starting == again
    assert 'aria-valuenow="25"' in loading
    assert ("could not be loaded: odd" in failed, ready) == (True, False)


@pytest.mark.slow
def test_a_page_is_made_of_plain_values(commands: Commands, sessions: Sessions) -> None:
    """Gradio copies all of it for each page that is loaded: one reference into the app, and the model is copied."""
    blocks = build(commands.settings, AppContext(commands, sessions, shared=False))
    found = list(_odd(blocks.get_config_file()["components"]))
    assert found == []


@pytest.mark.slow
def test_no_part_of_the_page_is_made_while_it_is_used(commands: Commands, sessions: Sessions) -> None:
    """Gradio would add its functions to those of a page in one thread while another goes through them."""
    blocks = build(commands.settings, AppContext(commands, sessions, shared=False))
    assert blocks.default_config.renderables == []


def _odd(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "delete_callback":  # a function of Gradio's own
                yield from _odd(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _odd(item)
    elif not isinstance(value, str | int | float | None | I18nData):
        yield value
