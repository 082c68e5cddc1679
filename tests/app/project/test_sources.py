"""The sources of a project: what is read, refused, chosen, put in order and kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter

from app.project.sources import Sources
from app.say.errors import EmptyFile, FileTooLarge
from app.settings import Limits
from app.store import Store, StoreLimits, create_project, list_sources

SAMPLE = Path(__file__).parents[3] / "assets" / "samples" / "lighthouses.pdf"
LIMITS = Limits()


@pytest.fixture
def project(store: Store) -> str:
    return create_project(store, "Tides").id


@pytest.fixture
def sources(store: Store, project: str) -> Sources:
    return Sources(store, project, LIMITS)


def write(folder: Path, name: str, text: str = "text") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def names(sources: Sources) -> list[str]:
    return [file.name for file in sources.files]


def pages(sources: Sources) -> list[tuple[str, list[int]]]:
    return [(source.document.name, [page.number for page in source.pages]) for source in sources.selected]


def test_a_bad_file_is_refused_and_the_others_stay(sources: Sources, tmp_path: Path) -> None:
    damaged = write(tmp_path, "broken.pdf", "%PDF-1.7\nnot really")
    empty = write(tmp_path, "empty.txt", "")
    sources.add([SAMPLE, damaged, empty, tmp_path / "gone.txt"])
    assert [bool(file.error) for file in sources.files] == [False, True, True, True]
    for file in sources.files[1:]:
        assert file.name in str(file.error)
    sources.choose(0, "2-3")
    sources.choose(1, "1")
    assert pages(sources) == [("lighthouses.pdf", [2, 3])]
    assert sources.files[1].chosen_pages == ()


def test_every_change_of_what_is_read_is_another_version(store: Store, sources: Sources, tmp_path: Path) -> None:
    acts: list[Callable[[], object]] = [
        lambda: sources.add([SAMPLE, write(tmp_path, "notes.txt")]),
        lambda: sources.paste("Some more."),
        lambda: sources.move(0, 1),
        lambda: sources.leave_out(0),
        lambda: sources.apply_pages(["2-3", "1"]),
        lambda: sources.choose(1, "99"),
        lambda: sources.remove(2),
    ]
    versions = [sources.version]
    for act in acts:
        act()
        versions.append(sources.version)
    assert len(set(versions)) == len(versions)
    assert sources.version == versions[-1]
    others = [Sources(store, create_project(store, "Other").id, LIMITS).version for _ in range(2)]
    assert len({*others, versions[0]}) == 3


def test_a_file_over_the_limit_is_refused(store: Store, project: str, tmp_path: Path) -> None:
    sources = Sources(store, project, Limits(max_file_megabytes=1))
    sources.add([write(tmp_path, "large.txt", "word " * 300_000)])
    assert "1.5 MB" in str(sources.files[0].error)
    assert "REFRESHKV_MAX_FILE_MEGABYTES" in str(sources.files[0].error)
    assert sources.selected == []
    assert list_sources(store, project) == []


def test_a_locked_file_is_opened_kept_once_and_in_its_place(
    store: Store, project: str, sources: Sources, tmp_path: Path
) -> None:
    path = tmp_path / "secret.pdf"
    writer = PdfWriter(clone_from=SAMPLE)
    writer.encrypt("rock", algorithm="AES-256")
    writer.write(path)
    sources.add([path, write(tmp_path, "b.txt")])
    file = sources.files[0]
    assert file.needs_password
    assert "password" in str(file.error)
    assert pages(sources) == [("b.txt", [1])]
    sources.unlock(0, "wrong")
    assert file.needs_password
    assert len(list_sources(store, project)) == 1
    sources.unlock(0, "rock")
    sources.unlock(0, "rock")  # pressed twice
    assert (file.error, file.needs_password, len(file.chosen_pages)) == (None, False, 8)
    assert names(Sources(store, project, LIMITS)) == ["secret.pdf", "b.txt"]


def test_a_bad_choice_of_pages_leaves_the_earlier_one(store: Store, project: str, sources: Sources) -> None:
    sources.add([SAMPLE])
    file = sources.files[0]
    sources.choose(0, "1-2")
    sources.choose(0, "7-12")
    assert "8" in str(file.error)
    assert file.pages == "1-2"
    assert pages(Sources(store, project, LIMITS)) == [("lighthouses.pdf", [1, 2])]
    sources.choose(0, "")
    assert (file.error, len(file.chosen_pages)) == (None, 8)


def test_the_order_is_the_persons_and_is_kept(store: Store, project: str, sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", name) for name in "abc"])
    for index, by, order in ((2, -1, "acb"), (0, 5, "cba"), (1, -9, "bca"), (0, 0, "bca"), (0, 1, "cba")):
        sources.move(index, by)
        assert names(sources) == [f"{name}.txt" for name in order]
        assert names(Sources(store, project, LIMITS)) == names(sources)
    sources.remove(1)
    sources.remove(0)
    sources.add([write(tmp_path, "d.txt", "d"), write(tmp_path, "e.txt", "e")])
    assert names(sources) == ["a.txt", "d.txt", "e.txt"]
    assert names(Sources(store, project, LIMITS)) == names(sources)
    assert [name for name, _ in pages(sources)] == names(sources)


def test_a_source_is_restored_without_its_upload(store: Store, project: str, sources: Sources, tmp_path: Path) -> None:
    upload = write(tmp_path, "a.txt", "First\fSecond")
    sources.add([upload])
    sources.paste("Pasted \ud800")
    sources.choose(0, "2")
    upload.unlink()
    again = Sources(store, project, LIMITS)
    assert [page.text for source in again.selected for page in source.pages] == ["Second", "Pasted \ufffd"]
    assert [file.pages for file in again.files] == ["2", ""]


def test_what_is_left_out_stays_in_the_list(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", name) for name in "abc"])
    sources.leave_out(1)
    assert pages(sources) == [("a.txt", [1]), ("c.txt", [1])]
    assert names(sources) == ["a.txt", "b.txt", "c.txt"]
    sources.leave_out(1, False)
    assert len(sources.selected) == 3


def test_what_is_left_out_stays_so_when_it_is_opened_again(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", f"{name}\fmore") for name in "abcd"])
    sources.leave_out(0)
    sources.apply_left_out([0])
    sources.apply_pages(["1", ""])

    def left_out() -> list[bool]:
        return [file.left_out for file in Sources(sources._store, sources._project, Limits()).files]

    assert left_out() == [True, True, False, True]
    sources.leave_out(0, False)
    assert left_out() == [False, True, False, True]


def test_a_budgets_choice_is_applied_to_those_that_are_selected(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", f"{name}\fmore\fand more") for name in "abcd"])
    sources.leave_out(0)
    sources.apply_pages(["1-3", "2", ""])
    assert pages(sources) == [("b.txt", [1, 2, 3]), ("c.txt", [2])]
    sources.leave_out(0, False)
    sources.apply_left_out([1])
    assert pages(sources) == [("a.txt", [1, 2, 3]), ("c.txt", [2])]
    with pytest.raises(ValueError, match="shorter"):
        sources.apply_pages(["1"])


def test_pasted_texts_have_names_of_their_own(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, "a.txt")])
    sources.paste("First\fSecond")
    sources.paste("Another")
    sources.choose(1, "2")
    assert names(sources) == ["a.txt", "Pasted text", "Pasted text 2"]
    assert [page.text for source in sources.selected[1:] for page in source.pages] == ["Second", "Another"]
    sources.remove(1)
    sources.paste("A third")
    assert names(sources) == ["a.txt", "Pasted text 2", "Pasted text"]


def test_a_pasted_text_that_is_refused_adds_nothing(store: Store, project: str) -> None:
    sources = Sources(store, project, Limits(max_file_megabytes=1))
    with pytest.raises(EmptyFile, match="Pasted text holds nothing but blanks"):
        sources.paste(" \n")
    with pytest.raises(FileTooLarge, match=r"Pasted text has 1.2 MB; the limit is 1 MB"):
        sources.paste("ä" * 600_000)
    assert sources.files == []
    assert list_sources(store, project) == []


def duplicate_notes(sources: Sources) -> dict[int, str]:
    return {index: str(note) for index, note in sources.duplicate_notes.items()}


def test_duplicates_are_noticed(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, "a.pdf"), write(tmp_path, "b.txt"), write(tmp_path, "c.md")])
    sources.paste("text")
    assert duplicate_notes(sources) == {
        2: "c.md has the same text as b.txt.",
        3: "Pasted text has the same text as b.txt.",
    }
    sources.remove(1)
    assert duplicate_notes(sources) == {2: "Pasted text has the same text as c.md."}


def test_a_file_given_twice_at_once_is_added_once(sources: Sources, tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt")
    sources.add([path, path])
    assert names(sources) == ["a.txt"]


def test_reading_tells_which_file_it_is_at(sources: Sources, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    sources.add([SAMPLE, write(tmp_path, "a.txt")], lambda name, done, total: told.append((name, done, total)))
    assert told == [("lighthouses.pdf", number, 8) for number in range(1, 9)]


def test_what_the_store_refuses_is_read_all_the_same(
    store: Store, project: str, sources: Sources, tmp_path: Path
) -> None:
    store.limits = StoreLimits(sources=0)
    path = write(tmp_path, "a.txt", "One\fTwo")
    sources.add([path])
    sources.add([path])
    assert ["as many as can be" in str(file.error) for file in sources.files] == [True, True]
    assert [file.stored for file in sources.files] == [None, None]
    sources.apply_pages(["1", "2"])  # the second is not taken for the first, which is its like
    assert pages(sources) == [("a.txt", [1]), ("a.txt", [2])]
    sources.move(1, -1)
    sources.remove(1)
    assert pages(sources) == [("a.txt", [2])]
    assert list_sources(store, project) == []


def test_a_file_is_found_by_its_id_wherever_it_stands(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", name) for name in "abc"])
    first, second, _ = (file.id for file in sources.files)
    sources.move(0, 2)
    assert [sources.index_of(id) for id in (first, second)] == [2, 0]
    sources.remove(0)
    assert [sources.index_of(id) for id in (first, second)] == [1, None]
