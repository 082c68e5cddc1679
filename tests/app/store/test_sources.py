"""Sources: the file as it was uploaded and its text as it was read."""

import hashlib
from pathlib import Path

import pytest

from app.documents import Document, Heading, Page
from app.say.errors import StoreError
from app.say.wording import Message
from app.store import (
    Project,
    Store,
    StoreLimits,
    add_source,
    choose_pages,
    create_project,
    leave_out_source,
    list_sources,
    open_store,
    order_sources,
    remove_source,
)
from app.text.valid import valid_text

DOCUMENT = Document(
    "灯台 v1.PDF",
    (Page(1, "i", "Light 灯"), Page(2, None, "")),
    (Message("{:,} of {:,} pages has no text.", 1, 2),),
    (Heading(1, 0, 1, "Light 灯"),),
)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload.bin"
    path.write_bytes(b"%PDF-1.7 rock")
    return path


def test_a_source_outlives_the_upload_and_the_process(store: Store, project: Project, upload: Path) -> None:
    added = add_source(store, project.id, upload, DOCUMENT, "1-2")
    upload.unlink()
    again = open_store(store.folder)
    (found,) = list_sources(again, project.id)
    again.close()
    assert found == added
    assert found.document == DOCUMENT
    assert found.chosen == "1-2"
    assert found.hash == hashlib.sha256(b"%PDF-1.7 rock").hexdigest()
    assert found.path.read_bytes() == b"%PDF-1.7 rock"
    assert found.path.suffix == ".pdf"
    assert found.path.parent == store.project_folder(project.id)


def test_the_choice_of_pages_is_kept(store: Store, project: Project, upload: Path) -> None:
    source = add_source(store, project.id, upload, DOCUMENT)
    choose_pages(store, source.id, "2")
    assert [kept.chosen for kept in list_sources(store, project.id)] == ["2"]


def test_whether_it_is_left_out_is_kept(store: Store, project: Project, upload: Path) -> None:
    source = add_source(store, project.id, upload, DOCUMENT)
    assert not source.left_out
    leave_out_source(store, source.id, True)
    assert [found.left_out for found in list_sources(store, project.id)] == [True]
    with pytest.raises(StoreError, match="not in the project any more"):
        leave_out_source(store, source.id + 1, True)


def test_sources_are_in_the_order_they_were_put_in(store: Store, project: Project, upload: Path) -> None:
    def listed() -> list[int]:
        return [kept.id for kept in list_sources(store, project.id)]

    a, b, c, d = (add_source(store, project.id, upload, DOCUMENT).id for _ in range(4))
    assert listed() == [a, b, c, d]
    order_sources(store, project.id, [d, b, a, c])
    assert listed() == [d, b, a, c]
    order_sources(store, project.id, [c, a])
    assert listed() == [c, a, b, d]
    other = create_project(store, "Another").id
    foreign = add_source(store, other, upload, DOCUMENT).id
    order_sources(store, other, [d, foreign, 10**6])
    assert listed() == [c, a, b, d]


def test_a_new_source_comes_last_also_after_one_was_removed(store: Store, project: Project, upload: Path) -> None:
    a, b, c = (add_source(store, project.id, upload, DOCUMENT).id for _ in range(3))
    remove_source(store, a)
    remove_source(store, b)
    d = add_source(store, project.id, upload, DOCUMENT).id
    e = add_source(store, project.id, upload, DOCUMENT).id
    assert [kept.id for kept in list_sources(store, project.id)] == [c, d, e]


def test_a_file_is_deleted_with_its_last_source(store: Store, project: Project, upload: Path) -> None:
    first, second = (add_source(store, project.id, upload, DOCUMENT) for _ in range(2))
    assert first.path != second.path
    remove_source(store, first.id)
    assert [path.exists() for path in (first.path, second.path)] == [False, True]
    third = add_source(store, project.id, upload, DOCUMENT)
    with store.transaction() as connection:  # as earlier versions kept it: one copy of the same file
        connection.execute("UPDATE sources SET file = ?", (third.path.name,))
    remove_source(store, second.id)
    assert third.path.exists()
    remove_source(store, third.id)
    assert not third.path.exists()
    assert list_sources(store, project.id) == []
    with store.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM pages").fetchone() == (0,)
    for attempt in (lambda: remove_source(store, first.id), lambda: choose_pages(store, first.id, "")):
        with pytest.raises(StoreError, match="not in the project any more"):
            attempt()


@pytest.mark.parametrize("name", ["../../evil.sh", "a.p/df", "x." + "y" * 50, "odd\udc80.txt"])
def test_a_name_leads_nowhere_else(store: Store, project: Project, upload: Path, name: str) -> None:
    source = add_source(store, project.id, upload, Document(name, ()))
    assert source.path.parent == store.project_folder(project.id)
    assert [found.document.name for found in list_sources(store, project.id)] == [valid_text(name)]


@pytest.mark.parametrize("limits", [StoreLimits(file_megabytes=1e-5, sources=1)])
def test_limits_are_stated(store: Store, project: Project, upload: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"灯台 v1.PDF has 0\.0 MB; the limit for a file"):
        add_source(store, project.id, upload, DOCUMENT)
    with pytest.raises(StoreError, match="cannot be read"):
        add_source(store, project.id, tmp_path / "gone", DOCUMENT)
    upload.write_bytes(b"x")
    add_source(store, project.id, upload, DOCUMENT)
    with pytest.raises(StoreError, match="1 sources, as many as can be"):
        add_source(store, project.id, upload, DOCUMENT)


def test_what_cannot_be_copied_leaves_nothing(store: Store, project: Project, upload: Path) -> None:
    folder = store.project_folder(project.id)
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be copied"):
        add_source(store, project.id, upload, DOCUMENT)
    assert list_sources(store, project.id) == []
