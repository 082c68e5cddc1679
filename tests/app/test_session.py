"""A session's files: what is read, refused, chosen and kept."""

from pathlib import Path

from pypdf import PdfWriter

from app.engine import Request, Run
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
