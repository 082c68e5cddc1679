"""What parts of the page do with a project, without a browser: exports, and the table that was asked for."""

import importlib.metadata
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import gradio as gr
import pytest
from gradio.i18n import I18nData

from app.engine.engine import Engine, ModelUnavailableError
from app.project.commands import Commands
from app.project.session import Session
from app.project.sessions import Sessions
from app.project.sources import SourceFile
from app.prompt.window import ShorterDraft
from app.settings import Settings
from app.web.page import build, drafting
from app.web.page.events import AppContext
from app.web.page.sources import act, cards, page_read, window_state
from app.web.page.table import checked, look_after, repair_draft
from core import LoadingError
from tests.app.conftest import ask
from tests.app.scripted import ScriptedRun, into

TABLE = "| year | name |\n|---|---|\n| 1810 | Bell Rock | |\n"


def wrote(session: Session, text: str, task: dict[str, str]) -> None:
    made = into(session, ScriptedRun().finish(text), 0, len(session.draft.text))
    assert made.wait(30)
    session.keep_task(task)


def test_only_a_bundle_holds_the_trace(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write_trace = drafting.write_trace

    def counted(trace: object) -> bytes:
        written.append(write_trace(trace))  # type: ignore[arg-type]
        return written[-1]

    monkeypatch.setattr(drafting, "write_trace", counted)
    wrote(session, "It stood.", {"task": "free"})
    for kind in ("md", "txt", "docx", "pdf"):
        drafting.exported(session, kind)
    assert written == []
    bundle = ZipFile(BytesIO(drafting.exported(session, "zip").data))
    assert [bundle.read("trace.json.gz")] == written


def test_a_package_that_is_missing_is_left_out_of_the_bundle(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    version: Callable[[str], str] = importlib.metadata.version

    def without(name: str) -> str:
        if name == "bitsandbytes":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    wrote(session, "It stood.", {"task": "free"})
    bundle = ZipFile(BytesIO(drafting.exported(session, "zip").data))
    assert sorted(json.loads(bundle.read("versions.json"))) == ["gradio", "python", "torch", "transformers"]


def test_a_table_that_was_asked_for_is_checked_and_repaired_as_one_step(session: Session) -> None:
    wrote(session, TABLE, {"task": "table", "detail": "Name, Year"})
    report = checked(session)
    assert report is not None
    assert report.problems == ()
    assert len(report.repairs) == 2
    assert drafting.exported(session, "csv").data.decode("utf-8-sig") == "Name,Year\r\nBell Rock,1810\r\n"
    repair_draft(session)
    assert session.draft.text == "| Name | Year |\n| --- | --- |\n| Bell Rock | 1810 |\n"
    assert checked(session) is not None
    assert checked(session).repairs == ()  # type: ignore[union-attr]
    repair_draft(session)
    assert session.undo()
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
    assert checked(session) is None
    session.keep_task({"task": "table", "detail": ""})
    assert checked(session) is not None


def test_the_bar_says_what_continue_would_need_too(desk: Commands, session: Session) -> None:
    session.sources.paste("The light stood on the rock.")
    html, choices = window_state(desk, session, ask())
    assert ("Continue: " in html, choices) == (False, ())
    assert session.edit("The tide came in. " * 60, session.draft.revision)
    html, choices = window_state(desk, session, ask())
    assert '<div class="window fits">' in html
    assert "Continue: Too long by" in html
    (shorter,) = [choice for choice in choices if isinstance(choice, ShorterDraft)]
    html, choices = window_state(desk, session, ask(draft_tokens=shorter.tokens))
    assert "Continue: It fits: " in html
    assert "The model does not see the first " in html
    assert choices == ()
    html, _ = window_state(desk, session, ask(task="continue"))
    assert '<div class="window over">' in html
    assert "Continue: " not in html
    html, _ = window_state(desk, session, ask(task="outline", length="20"))
    assert "Continue: The draft has no outline" in html


def test_a_source_has_its_card_before_the_model_is_there(session: Session, sessions: Sessions) -> None:
    def load(report: object) -> Any:
        raise LoadingError("There is no such model.")

    session.sources.paste("The light stood on the rock.")
    engine = Engine(load, queue_size=1)
    office = AppContext(Commands(Settings(_env_file=None), engine), sessions, shared=False)
    before = cards(office, session)
    assert [card["facts"] for card in before["sources"]] == ["1 page · 28 characters"]
    engine.start()
    with pytest.raises(ModelUnavailableError):
        engine.require_model(timeout=60)
    assert cards(office, session) == before


def test_with_the_model_a_card_counts_tokens(desk: Commands, session: Session, sessions: Sessions) -> None:
    session.sources.paste("The light stood on the rock.")
    (card,) = cards(AppContext(desk, sessions, shared=False), session)["sources"]
    assert card["facts"] == "1 page · 28 characters · 28 tokens"


def test_a_source_that_cannot_be_shown_leaves_the_others_and_can_be_removed(
    desk: Commands, session: Session, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("The light stood on the rock.", "The lamp was lit at dusk.", "The tide came in."):
        session.sources.paste(text)
    first, broken, last = session.sources.files
    pages = SourceFile.chosen_pages

    def chosen(file: SourceFile) -> Any:
        if file is broken:
            raise RuntimeError("an odd page")
        return pages.__get__(file)

    monkeypatch.setattr(SourceFile, "chosen_pages", property(chosen))
    office = AppContext(desk, sessions, shared=False)
    shown = cards(office, session)["sources"]
    assert [card["id"] for card in shown] == [first.id, broken.id, last.id]
    assert [card.get("facts", "").split(" · ")[0] for card in shown] == ["1 page", "", "1 page"]
    assert shown[1]["alert"] == "This source cannot be shown. Remove it, or add it again in another form."
    act(session.sources, broken.id, "remove", None)
    assert [card["id"] for card in cards(office, session)["sources"]] == [first.id, last.id]


def test_sources_that_cannot_be_compared_are_shown(
    desk: Commands, session: Session, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared(documents: object) -> None:
        raise RuntimeError("an odd page")

    monkeypatch.setattr("app.project.sources.duplicates", compared)
    session.sources.paste("The light stood on the rock.")
    (card,) = cards(AppContext(desk, sessions, shared=False), session)["sources"]
    assert card["facts"] == "1 page · 28 characters · 28 tokens"


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


def test_a_page_is_made_of_plain_values(desk: Commands, sessions: Sessions) -> None:
    """Gradio copies all of it for each page that is loaded: one reference into the app, and the model is copied."""
    blocks = build(desk.settings, AppContext(desk, sessions, shared=False))
    found = list(_odd(blocks.get_config_file()["components"]))
    assert found == []


def test_no_part_of_the_page_is_made_while_it_is_used(desk: Commands, sessions: Sessions) -> None:
    """Gradio would add its functions to those of a page in one thread while another goes through them."""
    blocks = build(desk.settings, AppContext(desk, sessions, shared=False))
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
