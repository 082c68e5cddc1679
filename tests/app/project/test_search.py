"""Words found in the documents of a project."""

import pytest

from app.project.search import MOST, search
from app.project.session import Session


def test_hits_name_document_page_and_place(session: Session, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("files") / "log.txt"
    path.write_text("The lamp was lit.\fNothing.\fA LAMP\nburned; the lâmp went out.", "utf-8")
    session.sources.add([path])
    session.sources.paste("灯台の光は遠くまで届く。")
    log, pasted = session.sources.files
    found = search(session.sources.files, "lamp")
    assert found.total == 3
    assert [(hit.file, hit.name, hit.page, hit.start, hit.end) for hit in found.hits] == [
        (log.id, "log.txt", 1, 4, 8),
        (log.id, "log.txt", 3, 2, 6),
        (log.id, "log.txt", 3, 19, 23),
    ]
    assert [(hit.before, hit.words, hit.after) for hit in found.hits][1] == (
        "A ",
        "LAMP",
        " burned; the lâmp went out.",
    )
    (hit,) = search(session.sources.files, "光は").hits
    assert (hit.file, hit.before, hit.words, hit.after) == (pasted.id, "灯台の", "光は", "遠くまで届く。")


def test_pages_that_are_not_chosen_are_searched_too(session: Session) -> None:
    session.sources.paste("The lamp was lit.")
    session.sources.leave_out(session.sources.files[0].id)
    assert search(session.sources.files, "lamp").total == 1


def test_the_first_places_are_listed_and_all_are_counted(session: Session) -> None:
    session.sources.paste("lamp " * 80 + "end")
    found = search(session.sources.files, "lamp")
    assert (len(found.hits), found.total) == (MOST, 80)
    assert search(session.sources.files, " ").total == 0
    assert search(session.sources.files, "nowhere").hits == ()


def test_snippets_end_between_words(session: Session) -> None:
    session.sources.paste("abcdefghij " * 20 + "here " + "abcdefghij " * 20)
    (hit,) = search(session.sources.files, "here").hits
    assert hit.before == "abcdefghij " * 5
    assert hit.after == " abcdefghij" * 5
