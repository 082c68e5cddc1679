"""A session's files: what is read, refused, chosen and kept."""

from pathlib import Path

import pytest
from pypdf import PdfWriter

from app.engine import Request, Run
from app.errors import EmptyFile, FileTooLarge
from app.session import Session, Sessions
from app.settings import Limits

SAMPLE = Path(__file__).parents[2] / "assets" / "samples" / "lighthouses.pdf"
LIMITS = Limits()


def test_a_bad_file_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    damaged, empty = tmp_path / "broken.pdf", tmp_path / "empty.txt"
    damaged.write_bytes(b"%PDF-1.7\nnot really")
    empty.write_bytes(b"")
    session = Session()
    session.set_files([SAMPLE], LIMITS)
    session.files[0].choose("2-3")
    session.set_files([SAMPLE, damaged, empty], LIMITS)
    assert [bool(file.error) for file in session.files] == [False, True, True]
    assert "broken.pdf" in session.files[1].error
    assert "empty.txt" in session.files[2].error
    assert [page.number for source in session.sources for page in source.pages] == [2, 3]
    session.set_files([SAMPLE], LIMITS)
    assert session.files[0].pages == "2-3"


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_text("word " * 300_000)
    session = Session()
    session.set_files([large], Limits(max_file_megabytes=1))
    assert "1.5 MB" in session.files[0].error
    assert "REFRESHKV_MAX_FILE_MEGABYTES" in session.files[0].error
    assert session.sources == []


def test_an_encrypted_pdf_asks_for_its_password(tmp_path: Path) -> None:
    path = tmp_path / "secret.pdf"
    writer = PdfWriter(clone_from=SAMPLE)
    writer.encrypt("rock", algorithm="AES-256")
    writer.write(path)
    session = Session()
    session.set_files([path], LIMITS)
    file = session.files[0]
    assert file.needs_password
    assert "password" in file.error
    file.read(LIMITS, "wrong")
    assert file.needs_password
    file.read(LIMITS, "rock")
    assert (file.error, file.needs_password, len(file.chosen_pages)) == ("", False, 8)


def test_a_bad_choice_of_pages_leaves_the_earlier_one() -> None:
    session = Session()
    session.set_files([SAMPLE], LIMITS)
    file = session.files[0]
    file.choose("1-2")
    file.choose("7-12")
    assert "8" in file.error
    assert file.pages == "1-2"
    file.choose("")
    assert (file.error, len(file.chosen_pages)) == ("", 8)


def write(folder: Path, name: str, text: str = "text") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def names(session: Session) -> list[str]:
    return [file.name for file in session.files]


def test_the_order_is_the_persons(tmp_path: Path) -> None:
    a, b, c, d = (write(tmp_path, f"{name}.txt", name) for name in "abcd")
    session = Session()
    session.set_files([a, b, c], LIMITS)
    session.move(2, -1)
    assert names(session) == ["a.txt", "c.txt", "b.txt"]
    session.move(0, 5)
    assert names(session) == ["c.txt", "b.txt", "a.txt"]
    session.move(1, -9)
    assert names(session) == ["b.txt", "c.txt", "a.txt"]
    # Another upload leaves it as it is; what was taken away there is gone.
    session.set_files([a, b, d], LIMITS)
    assert names(session) == ["b.txt", "a.txt", "d.txt"]
    session.remove(1)
    assert names(session) == ["b.txt", "d.txt"]
    assert [source.document.name for source in session.sources] == ["b.txt", "d.txt"]


def test_pasted_text_is_a_source_among_others(tmp_path: Path) -> None:
    session = Session()
    session.set_files([write(tmp_path, "a.txt")], LIMITS)
    session.paste("First\fSecond", LIMITS)
    session.paste("Another", LIMITS)
    session.files[1].choose("2")
    session.move(1, -1)
    session.set_files([], LIMITS)
    assert names(session) == ["Pasted text", "Pasted text 2"]
    assert [page.text for source in session.sources for page in source.pages] == ["Second", "Another"]
    session.remove(0)
    session.paste("A third", LIMITS)
    assert names(session) == ["Pasted text 2", "Pasted text"]


def test_a_pasted_text_that_is_refused_adds_nothing() -> None:
    session = Session()
    with pytest.raises(EmptyFile, match="Pasted text holds nothing but blanks"):
        session.paste(" \n", LIMITS)
    with pytest.raises(FileTooLarge, match=r"Pasted text has 1.2 MB; the limit is 1 MB"):
        session.paste("ä" * 600_000, Limits(max_file_megabytes=1))
    assert session.files == []


def test_duplicates_are_noticed(tmp_path: Path) -> None:
    session = Session()
    session.set_files([write(tmp_path, "a.pdf"), write(tmp_path, "b.txt"), write(tmp_path, "c.md")], LIMITS)
    session.paste("text", LIMITS)
    assert session.duplicate_notes == {
        2: "c.md has the same text as b.txt.",
        3: "Pasted text has the same text as b.txt.",
    }
    session.remove(1)
    assert session.duplicate_notes == {2: "Pasted text has the same text as c.md."}


def test_reading_tells_which_file_it_is_at(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    session = Session()
    session.set_files(
        [SAMPLE, write(tmp_path, "a.txt")], LIMITS, lambda name, done, total: told.append((name, done, total))
    )
    assert told == [("lighthouses.pdf", number, 8) for number in range(1, 9)]


def test_closing_a_session_stops_its_run_alone() -> None:
    sessions = Sessions(minutes=60)
    runs = {name: Run(Request.__new__(Request)) for name in ("a", "b")}
    for name, run in runs.items():
        sessions.get(name).run = run
    sessions.close("a")
    assert (runs["a"].state, runs["b"].state) == ("stopped", "waiting")
    assert sessions.get("a").run is None
    assert sessions.get("b").run is runs["b"]


def test_unused_sessions_are_freed() -> None:
    sessions = Sessions(minutes=60)
    old = sessions.get("old")
    old.used -= 3601
    sessions.get("new")
    assert sessions.get("old") is not old
