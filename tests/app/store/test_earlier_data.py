"""What an earlier version kept opens: projects, traces and the document cache in `tests/data/earlier`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.documents import Page
from app.project.session import Session
from app.project.sessions import Sessions
from app.project.sources import Sources
from app.runs.library import RunLibrary
from app.runs.trace import Replay, page_texts, read_trace
from app.say.wording import Message
from app.settings import Limits
from app.store import (
    ProjectEntry,
    Store,
    list_projects,
    list_runs,
    list_sources,
    list_versions,
    load_trace,
    open_project,
    open_store,
    redo,
    remove_source,
    undo,
    version_text,
)
from app.text.valid import valid, valid_text
from app.web.components.source_list import source_card
from core import FullAttention, PrefixFiles, RefreshKV, Snapshot
from tests.core.tiny import tiny_model

EARLIER = Path(__file__).parents[2] / "data" / "earlier"
KNOWN: dict[str, Any] = json.loads((EARLIER / "known.json").read_text("utf-8"))
FIRST_TRY = "# Lighthouses\n\nMine: 灯台 🗼."
PASTED = "The lamp was lit in 1759.\nIt is still lit, says the keeper.\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(EARLIER / "data", tmp_path / "data")
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


def entry(store: Store, name: str) -> ProjectEntry:
    (found,) = [entry for entry in list_projects(store) if entry.name == name]
    return found


def written(run: int) -> str:
    """What a run wrote, as it is kept today: the tiny model writes control characters too."""
    return valid_text("".join(text for _, text, _ in KNOWN["runs"][str(run)]["tokens"]))


def test_all_projects_are_listed(store: Store, tmp_path: Path) -> None:
    assert store.notices == ()
    draft = len(open_project(store, entry(store, "Lighthouses").id).draft)
    assert {(entry.name, entry.characters) for entry in list_projects(store)} == {
        ("Lighthouses", draft), ("Odd name", 29), ("Invisible", 0), ("Interrupted", 22),
    }  # fmt: skip
    assert (tmp_path / "data" / "projects.before-format-8.sqlite3").exists()


def test_a_draft_its_history_and_its_versions(store: Store) -> None:
    project = open_project(store, entry(store, "Lighthouses").id)
    both = FIRST_TRY + written(1).lstrip(" \t") + written(2).lstrip(" \t")
    assert project.draft == both
    assert redo(store, project.id) == "# Lighthouses\n\nMine, all of it."
    assert redo(store, project.id) is None
    history = [both, FIRST_TRY + written(1).lstrip(" \t"), FIRST_TRY, "", None]
    assert [undo(store, project.id) for _ in history] == history
    assert [
        (version.name, version.automatic, version_text(store, version.id))
        for version in list_versions(store, project.id)
    ] == [
        ("Before the model wrote", True, FIRST_TRY + written(1).lstrip(" \t")),
        ("Before the model wrote", True, FIRST_TRY),
        ("First try", False, FIRST_TRY),
    ]


def test_the_fields_of_the_task(store: Store) -> None:
    assert open_project(store, entry(store, "Lighthouses").id).task == {
        "task": "continue", "detail": "", "length": "", "tone": "", "language": "", "audience": "",
        "method": "FullAttention", "budget": "1/8", "stride": 5, "threshold": None, "max_new_tokens": 8,
        "temperature": 0.0, "seed": 1, "draft_tokens": None,
    }  # fmt: skip


def test_sources_of_three_kinds(store: Store) -> None:
    sources = Sources(store, entry(store, "Lighthouses").id, Limits())
    assert [(file.name, file.pages, file.left_out, file.error) for file in sources.files] == [
        ("rock.pdf", "", True, None), ("Pasted text", "", False, None), ("notes.txt", "1, 3-", False, None),
    ]  # fmt: skip
    pdf, pasted, notes = (file.document for file in sources.files)
    assert pdf is not None
    assert pasted is not None
    assert notes is not None
    assert [page.text for page in pdf.pages] == ["The light stood on the rock.", "A keeper lived below it."]
    assert pasted.pages == (Page(1, None, PASTED),)
    assert [page.text for page in notes.pages] == ["First page.", "Second page, with an example.", "Third page."]
    assert notes.notes == (Message("1 word broken over two lines was put together."),)
    assert [[page.number for page in source.pages] for source in sources.selected] == [[1], [1, 3]]
    files = [kept.path.read_bytes() for kept in list_sources(store, entry(store, "Lighthouses").id)]
    assert files[0].startswith(b"%PDF-")
    assert files[1] == PASTED.encode()
    assert files[2] == b"First page.\fSecond page, with an exam-\nple.\fThird page."


def test_a_source_without_headings_gets_those_of_its_text(store: Store) -> None:
    project = entry(store, "Lighthouses").id
    with store.transaction() as connection:
        text = b"# Lamps\n\nLit.\n\n# Boats\n\nRowed."
        connection.execute("UPDATE pages SET text = ? WHERE number = 1", (text,))
    pdf, pasted, notes = list_sources(store, project)
    for source in (pdf, pasted, notes):
        assert [heading.title for heading in source.document.headings] == ["Lamps", "Boats"]


def test_a_source_is_removed_with_its_file(store: Store) -> None:
    project = entry(store, "Lighthouses").id
    first, *others = list_sources(store, project)
    remove_source(store, first.id)
    assert [source.path.exists() for source in (first, *others)] == [False, True, True]


@pytest.mark.parametrize("run", ["1", "2", "3"])
def test_a_trace_is_what_it_was(store: Store, run: str) -> None:
    known = KNOWN["runs"][run]
    trace = read_trace(load_trace(store, int(run)))
    assert trace.settings.policy == known["policy"]
    assert trace.settings.sampling == known["sampling"]
    assert trace.prompt.token_ids == tuple(known["prompt"])
    assert [[mark.name, mark.number, mark.position] for mark in trace.prompt.pages] == known["pages"]
    assert [[token.token_id, token.text, token.full_layers] for token in trace.tokens] == valid(known["tokens"])
    replay = Replay(trace)
    for number, kept in enumerate(known["kept"]):
        assert np.array_equal(replay.counts(number), kept)
    assert len(trace.refreshes) == len(known["kept"])


def test_the_settings_of_a_policy_are_what_they_were(store: Store) -> None:
    """Also those that a policy of today has more of."""
    policies = [dict(read_trace(load_trace(store, run)).settings.policy) for run in (1, 2)]
    known = {"budget": 0.125, "stride": 5, "similarity_threshold": None, "pool_kernel_size": 7}
    assert policies == [{"method": "RefreshKV", **known}, {"method": "FullAttention"}]
    assert RefreshKV(**known).budget == 0.125


def test_runs_are_listed_and_opened(store: Store) -> None:
    project = entry(store, "Lighthouses").id
    runs = RunLibrary(store, project)
    assert [(run.key, run.method, run.state, run.proposes) for run in runs.entries] == [
        ("run-2", "FullAttention", "finished", False),
        ("run-1", "RefreshKV", "finished", False),
    ]
    opened = runs.open("run-1")
    assert opened is not None
    assert [page.text for page in page_texts(opened.feed.trace.prompt)] == [PASTED, "First page.", "Third page."]
    assert [run.settings for run in list_runs(store, project)] == [KNOWN["runs"][run]["settings"] for run in "21"]
    assert [run.position for run in list_runs(store, project)] == [48, 26]


def test_a_run_that_ended_with_its_process_was_interrupted(store: Store) -> None:
    project = entry(store, "Interrupted").id
    assert open_project(store, project).draft == "Before it. It stood on"
    (run,) = list_runs(store, project)
    assert (run.state, run.position, run.ended, run.has_trace) == ("interrupted", 10, None, True)
    runs = RunLibrary(store, project)
    assert [(run.key, run.state) for run in runs.entries] == [("run-3", "interrupted")]
    opened = runs.open("run-3")
    assert opened is not None
    assert [token.text for token in opened.feed.trace.tokens] == [" It", " stood", " on"]


def test_a_project_with_texts_that_no_page_can_show_opens_with_valid_ones(store: Store) -> None:
    found = entry(store, "Odd name")
    project = open_project(store, found.id)
    assert project.draft == "My chapter.\nSo far \ufffd and [0m."
    assert found.characters == len(project.draft)
    assert project.task == {"task": "free", "detail": "half \ufffd", "seed": None}
    (version,) = list_versions(store, project.id)
    assert (version.name, version_text(store, version.id)) == ("Odd version", project.draft)
    (source,) = list_sources(store, project.id)
    assert (source.document.name, source.document.pages[0].text) == ("odd\ufffd.txt", "A page with  and .")
    assert source.path.read_bytes() == "A page with \x9d and \ufffe.".encode()


def test_a_project_with_a_text_that_broke_every_card_can_be_used_and_cleaned(store: Store) -> None:
    project = entry(store, "Invisible").id
    sources = Sources(store, project, Limits())
    unseen, text = sources.files
    assert str(unseen.error) == "Pasted text holds no text that can be seen, so that nothing of it is read. Remove it."
    assert [source.document.name for source in sources.selected] == ["Pasted text 2"]
    assert sources.duplicate_notes == {}
    assert source_card(unseen, [], None)["facts"] == "0 of 1 page"
    assert source_card(text, [], None)["facts"] == "1 page"
    sources.remove(unseen.id)
    assert [file.name for file in Sources(store, project, Limits()).files] == ["Pasted text 2"]
    assert not unseen.path.exists()


def test_each_is_opened_for_a_page(store: Store) -> None:
    sessions = Sessions(store, Limits(), minutes=60)
    for known in list_projects(store):
        session: Session = sessions.open("page", known.id)
        assert (session.id, session.name, len(session.draft.text)) == (known.id, known.name, known.characters)
        assert session.draft.edit(session.draft.text + " More.", session.draft.revision)
        assert session.draft.flush() is None
        assert session.draft.undo()
    sessions.close()


def test_a_document_of_the_cache_is_read(tmp_path: Path) -> None:
    shutil.copytree(EARLIER / "documents", tmp_path / "documents")
    files = PrefixFiles(tmp_path / "documents", 10**6)
    (loaded,) = files.load("lamp")
    files.close()
    for snapshot in (loaded, Snapshot.read(tmp_path / "documents" / "lamp.safetensors")):
        assert bytes(snapshot.token_ids) == b"The lamp was lit in 1759"
        keys, values = snapshot.layers[2]
        assert keys[1].tolist() == KNOWN["document"]["keys"]
        assert values[0].tolist() == KNOWN["document"]["values"]
        cache = snapshot.restore(tiny_model().config, FullAttention())
        assert tuple(cache.token_ids) == snapshot.token_ids
