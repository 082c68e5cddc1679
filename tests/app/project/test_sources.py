"""The sources of a project: what is read, refused, chosen, put in order and kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from app.documents import Document, Page, ReadAs, choices_of, read_document
from app.engine.notifier import Notifier
from app.intake import jobs
from app.project.sources import Sources
from app.say.errors import EmptyFile, FileTooLarge
from app.settings import Limits
from app.store import Store, StoreLimits, add_source, create_project, list_sources
from app.web.components.source_list import source_card

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


def at(sources: Sources, index: int) -> str:
    """The id of the file at `index`."""
    return sources.files[index].id


def pages(sources: Sources) -> list[tuple[str, list[int]]]:
    return [(source.document.name, [page.number for page in source.pages]) for source in sources.selected]


def test_a_bad_file_is_refused_and_the_others_stay(sources: Sources, tmp_path: Path) -> None:
    damaged = write(tmp_path, "broken.pdf", "%PDF-1.7\nnot really")
    empty = write(tmp_path, "empty.txt", "")
    sources.add([SAMPLE, damaged, empty, tmp_path / "gone.txt"])
    assert [bool(file.error) for file in sources.files] == [False, True, True, True]
    for file in sources.files[1:]:
        assert file.name in str(file.error)
    sources.choose(at(sources, 0), "2-3")
    sources.choose(at(sources, 1), "1")
    assert pages(sources) == [("lighthouses.pdf", [2, 3])]
    assert sources.files[1].chosen_pages == ()


POLISH = "Latarnik zapalił światło, gdy ściemniło się nad wodą."


def test_a_file_is_read_again_in_another_way(store: Store, project: str, sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "lamp.txt"
    path.write_bytes(POLISH.encode("cp1250"))
    sources.add([path, SAMPLE])
    path.unlink()  # the copy that is kept is read
    sources.choose_parts(sources.division, [{"1/1:0": "none"}, {}])
    version, division = sources.version, sources.division
    sources.read_again(at(sources, 0), ReadAs(encoding="cp1252"))
    assert sources.version != version
    assert sources.division != division
    for files in (sources.files, Sources(store, project, LIMITS).files):
        assert [file.name for file in files] == ["lamp.txt", "lighthouses.pdf"]
        assert files[0].document is not None
        assert files[0].document.pages[0].text == POLISH.encode("cp1250").decode("cp1252")
        assert files[0].document.read_as == ReadAs(encoding="cp1252")
        assert files[0].parts == {}
    sources.read_again(at(sources, 0), ReadAs(encoding="none-such"))
    assert sources.files[0].document.read_as == ReadAs(encoding="cp1252")  # type: ignore[union-attr]
    assert "none-such" in str(sources.files[0].error)
    sources.read_again(at(sources, 0), ReadAs(encoding="cp1250"))
    assert sources.files[0].error is None
    assert sources.files[0].document.pages[0].text == POLISH  # type: ignore[union-attr]
    sources.read_again("gone", ReadAs())


def test_running_lines_are_kept_in_mind_and_put_back(store: Store, project: str, sources: Sources) -> None:
    sources.add([SAMPLE])
    removed = sources.files[0].document.removed  # type: ignore[union-attr]
    assert removed
    again = Sources(store, project, LIMITS).files[0].document
    assert again is not None
    assert again.removed == removed
    assert choices_of(again) == {"running_lines"}
    sources.read_again(at(sources, 0), ReadAs(running_lines=True))
    kept = sources.files[0].document
    assert kept is not None
    assert kept.removed == ()
    assert removed[0].text in kept.pages[removed[0].page - 1].text
    assert choices_of(kept) == {"running_lines"}
    card = source_card(sources.files[0], None, None)
    assert card["reading"] == {"running_lines": True, "removed": []}


def test_every_change_of_what_is_read_is_another_version(store: Store, sources: Sources, tmp_path: Path) -> None:
    acts: list[Callable[[], object]] = [
        lambda: sources.add([SAMPLE, write(tmp_path, "notes.txt")]),
        lambda: sources.paste("Some more."),
        lambda: sources.move(at(sources, 0), 1),
        lambda: sources.leave_out(at(sources, 0)),
        lambda: sources.apply_pages(sources.version, ["2-3", "1"]),
        lambda: sources.choose(at(sources, 1), "99"),
        lambda: sources.remove(at(sources, 2)),
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
    assert sources.files[0].needs_password
    assert "password" in str(sources.files[0].error)
    assert pages(sources) == [("b.txt", [1])]
    sources.unlock(at(sources, 0), "wrong")
    assert sources.files[0].needs_password
    assert len(list_sources(store, project)) == 1
    sources.unlock(at(sources, 0), "rock")
    sources.unlock(at(sources, 0), "rock")  # pressed twice
    file = sources.files[0]
    assert (file.error, file.needs_password, len(file.chosen_pages)) == (None, False, 8)
    assert names(Sources(store, project, LIMITS)) == ["secret.pdf", "b.txt"]


def test_a_bad_choice_of_pages_leaves_the_earlier_one(store: Store, project: str, sources: Sources) -> None:
    sources.add([SAMPLE])
    sources.choose(at(sources, 0), "1-2")
    sources.choose(at(sources, 0), "7-12")
    assert "8" in str(sources.files[0].error)
    assert sources.files[0].pages == "1-2"
    assert pages(Sources(store, project, LIMITS)) == [("lighthouses.pdf", [1, 2])]
    sources.choose(at(sources, 0), "")
    assert (sources.files[0].error, len(sources.files[0].chosen_pages)) == (None, 8)


def test_the_order_is_the_persons_and_is_kept(store: Store, project: str, sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", name) for name in "abc"])
    for index, by, order in ((2, -1, "acb"), (0, 5, "cba"), (1, -9, "bca"), (0, 0, "bca"), (0, 1, "cba")):
        sources.move(at(sources, index), by)
        assert names(sources) == [f"{name}.txt" for name in order]
        assert names(Sources(store, project, LIMITS)) == names(sources)
    sources.remove(at(sources, 1))
    sources.remove(at(sources, 0))
    sources.add([write(tmp_path, "d.txt", "d"), write(tmp_path, "e.txt", "e")])
    assert names(sources) == ["a.txt", "d.txt", "e.txt"]
    assert names(Sources(store, project, LIMITS)) == names(sources)
    assert [name for name, _ in pages(sources)] == names(sources)


def test_a_source_is_restored_without_its_upload(store: Store, project: str, sources: Sources, tmp_path: Path) -> None:
    upload = write(tmp_path, "a.txt", "First\fSecond")
    sources.add([upload])
    sources.paste("Pasted \ud800")
    sources.choose(at(sources, 0), "2")
    upload.unlink()
    again = Sources(store, project, LIMITS)
    assert [page.text for source in again.selected for page in source.pages] == ["Second", "Pasted \ufffd"]
    assert [file.pages for file in again.files] == ["2", ""]


def test_what_is_left_out_stays_in_the_list(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", name) for name in "abc"])
    sources.leave_out(at(sources, 1))
    assert pages(sources) == [("a.txt", [1]), ("c.txt", [1])]
    assert names(sources) == ["a.txt", "b.txt", "c.txt"]
    sources.leave_out(at(sources, 1), False)
    assert len(sources.selected) == 3


def test_what_is_left_out_stays_so_when_it_is_opened_again(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", f"{name}\fmore") for name in "abcd"])
    sources.leave_out(at(sources, 0))
    sources.apply_left_out(sources.version, [0])
    sources.apply_pages(sources.version, ["1", ""])

    def left_out() -> list[bool]:
        return [file.left_out for file in Sources(sources._store, sources._project, Limits()).files]

    assert left_out() == [True, True, False, True]
    sources.leave_out(at(sources, 0), False)
    assert left_out() == [False, True, False, True]


def test_a_budgets_choice_is_applied_to_those_that_are_selected(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", f"{name}\fmore\fand more") for name in "abcd"])
    sources.leave_out(at(sources, 0))
    sources.apply_pages(sources.version, ["1-3", "2", ""])
    assert pages(sources) == [("b.txt", [1, 2, 3]), ("c.txt", [2])]
    sources.leave_out(at(sources, 0), False)
    sources.apply_left_out(sources.version, [1])
    assert pages(sources) == [("a.txt", [1, 2, 3]), ("c.txt", [2])]
    with pytest.raises(ValueError, match="shorter"):
        sources.apply_pages(sources.version, ["1"])


def test_pasted_texts_have_names_of_their_own(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, "a.txt")])
    sources.paste("First\fSecond")
    sources.paste("Another")
    sources.choose(at(sources, 1), "2")
    assert names(sources) == ["a.txt", "Pasted text", "Pasted text 2"]
    assert [page.text for source in sources.selected[1:] for page in source.pages] == ["Second", "Another"]
    sources.remove(at(sources, 1))
    sources.paste("A third")
    assert names(sources) == ["a.txt", "Pasted text 2", "Pasted text"]


def test_a_pasted_text_that_is_refused_adds_nothing(store: Store, project: str) -> None:
    sources = Sources(store, project, Limits(max_file_megabytes=1))
    with pytest.raises(EmptyFile, match="Pasted text holds nothing but blanks"):
        sources.paste(" \n")
    with pytest.raises(FileTooLarge, match=r"Pasted text has 1.2 MB; the limit is 1 MB"):
        sources.paste("ä" * 600_000)
    assert sources.files == ()
    assert list_sources(store, project) == []


def duplicate_notes(sources: Sources) -> dict[int, str]:
    """By the place of the file."""
    notes = sources.duplicate_notes
    return {index: str(notes[file.id]) for index, file in enumerate(sources.files) if file.id in notes}


def test_duplicates_are_noticed(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, "a.pdf"), write(tmp_path, "b.txt"), write(tmp_path, "c.md")])
    sources.paste("text")
    assert duplicate_notes(sources) == {
        2: "c.md has the same text as b.txt.",
        3: "Pasted text has the same text as b.txt.",
    }
    sources.remove(at(sources, 1))
    assert duplicate_notes(sources) == {2: "Pasted text has the same text as c.md."}


def test_a_file_given_twice_at_once_is_added_once(sources: Sources, tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt")
    sources.add([path, path])
    assert names(sources) == ["a.txt"]


def test_reading_tells_which_file_it_is_at(sources: Sources, tmp_path: Path) -> None:
    told: list[list[tuple[str, int, int]]] = []

    class Watched(Notifier):
        def notify(self) -> None:
            told.append([(entry.name, entry.done, entry.total) for entry in sources.readings.now])

    sources.readings.notifier = Watched()
    sources.add([SAMPLE, write(tmp_path, "a.txt")])
    waits = ("a.txt", 0, 0)
    assert told == [
        [("lighthouses.pdf", 0, 0)],
        [("lighthouses.pdf", 0, 0), waits],
        *([("lighthouses.pdf", number, 8), waits] for number in range(1, 9)),
        [waits],
        [],
        [],
        [],
    ]


def test_a_file_that_is_not_to_be_read_on_leaves_nothing(
    store: Store, project: str, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that is being read nor one that waits; one that is read once more stays as it was."""
    sources.add([write(tmp_path, "known.txt", "known")])

    def stopped(path: Path, **options: Any) -> Document:
        for entry in sources.readings.now:
            assert entry.file in (None, sources.files[0].id)
            sources.readings.stop(entry.id)
        return read_document(path, **options)

    monkeypatch.setattr(jobs, "read_document", stopped)
    sources.add([write(tmp_path, "a.txt", "a"), write(tmp_path, "b.txt", "b")])
    known = sources.files
    sources.read_again(at(sources, 0), ReadAs(encoding="cp1252"))
    assert sources.files == known
    assert names(sources) == names(Sources(store, project, LIMITS)) == ["known.txt"]
    assert sources.readings.now == ()


def test_what_the_store_refuses_is_read_all_the_same(
    store: Store, project: str, sources: Sources, tmp_path: Path
) -> None:
    store.limits = StoreLimits(sources=0)
    path = write(tmp_path, "a.txt", "One\fTwo")
    sources.add([path])
    sources.add([path])
    assert ["as many as can be" in str(file.error) for file in sources.files] == [True, True]
    assert [file.stored for file in sources.files] == [None, None]
    sources.apply_pages(sources.version, ["1", "2"])  # the second is not taken for the first, which is its like
    assert pages(sources) == [("a.txt", [1]), ("a.txt", [2])]
    sources.move(at(sources, 1), -1)
    sources.remove(at(sources, 1))
    assert pages(sources) == [("a.txt", [2])]
    assert list_sources(store, project) == []


def test_a_file_is_found_by_its_id_wherever_it_stands(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, f"{name}.txt", name) for name in "abc"])
    first, second, _ = (file.id for file in sources.files)
    sources.move(first, 2)
    assert [names(sources), sources.find(first)] == [["b.txt", "c.txt", "a.txt"], sources.files[2]]
    sources.remove(second)
    assert [sources.find(id) for id in (first, second)] == [sources.files[1], None]
    for act in (sources.remove, sources.leave_out, lambda id: sources.move(id, 1), lambda id: sources.choose(id, "1")):
        act(second)  # pressed twice, or in another window
    assert names(sources) == ["c.txt", "a.txt"]


def test_a_choice_made_of_other_sources_is_not_applied(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, "a.txt", "one\ftwo"), write(tmp_path, "b.txt", "one\ftwo")])
    version = sources.version
    sources.move(at(sources, 0), 1)
    assert not sources.apply_pages(version, ["1", ""])
    assert not sources.apply_left_out(version, [0])
    assert pages(sources) == [("b.txt", [1, 2]), ("a.txt", [1, 2])]
    assert sources.apply_left_out(sources.version, [0])
    assert sources.apply_pages(sources.version, ["2"])
    assert pages(sources) == [("a.txt", [2])]


def earlier(store: Store, project: str, folder: Path, pages: list[str], chosen: str = "") -> None:
    """A source as an earlier version may have kept it."""
    document = Document("old.txt", tuple(Page(number, None, text) for number, text in enumerate(pages, 1)))
    add_source(store, project, write(folder, "old.txt"), document, chosen)


@pytest.mark.parametrize(
    ("texts", "chosen", "error"),
    [
        (["\x01\x02"], "", "old.txt holds no text that can be seen, so that nothing of it is read. Remove it."),
        ([" ", "\u200b"], "1", "old.txt holds no text that can be seen, so that nothing of it is read. Remove it."),
        (
            ["one", "two"],
            "x",
            "old.txt has 2 pages; “x” is not a page or a range of pages. Write for example 1-3, 7, 12-",
        ),
        (["one", "two"], "3", "old.txt has 2 pages; there is no page 3."),
        (["one", "\xad"], "2", "old.txt: the chosen pages (2) have no text. Choose others."),
        ([], "", "old.txt holds no text that can be seen, so that nothing of it is read. Remove it."),
    ],
)
def test_what_an_earlier_version_kept_opens_whatever_it_is(
    store: Store, project: str, tmp_path: Path, texts: list[str], chosen: str, error: str
) -> None:
    earlier(store, project, tmp_path, texts, chosen)
    sources = Sources(store, project, LIMITS)
    (file,) = sources.files
    assert (file.chosen_pages, str(file.error)) == ((), error)
    assert source_card(file, [], None)["alert"] == error
    assert (sources.selected, sources.duplicate_notes) == ([], {})
    sources.paste("Something to read.")
    sources.leave_out(file.id)
    sources.move(file.id, 1)
    assert pages(sources) == [("Pasted text", [1])]
    sources.apply_pages(sources.version, ["1"])
    sources.remove(file.id)
    assert names(Sources(store, project, LIMITS)) == ["Pasted text"]


def test_a_choice_that_could_not_be_read_can_be_made_anew(store: Store, project: str, tmp_path: Path) -> None:
    earlier(store, project, tmp_path, ["one", "two"], "one")
    sources = Sources(store, project, LIMITS)
    sources.choose(at(sources, 0), "２")
    assert (sources.files[0].error, pages(sources)) == (None, [("old.txt", [2])])
    assert [kept.chosen for kept in list_sources(store, project)] == ["２"]


def test_the_name_of_an_upload_is_valid_also_if_it_cannot_be_read(sources: Sources, tmp_path: Path) -> None:
    sources.add([write(tmp_path, "odd\udc80\x07.txt"), tmp_path / "gone\udc80.txt", tmp_path / "a\x01.xyz"])
    assert names(sources) == ["odd\ufffd.txt", "gone\ufffd.txt", "a.xyz"]
    errors = [str(file.error) for file in sources.files]
    assert errors[0] == "None"
    assert errors[1].startswith("gone\ufffd.txt cannot be opened")
    assert errors[2].startswith("a.xyz is of a type")
