"""Vectors are made once, kept, and never waited for long."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.documents import Document, Heading, Page
from app.reading import meanings as module
from app.reading.embedder import DIMENSIONS
from app.reading.meanings import Meanings, installed_meanings
from app.reading.reading import Reading
from app.reading.relevance import Relevance
from app.reading.vector_file import VectorFile
from app.settings import Settings
from tests.app.reading.models import KnownWords

TEXTS = [f"The lamp {number} is of the tower." for number in range(20)]


class Held(KnownWords):
    """Prepares vectors when it is let to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.free = threading.Event(), threading.Event()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            self.free.wait()
        return super().embed(texts)


def test_a_vector_is_made_once_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    model, path = KnownWords(), tmp_path / "kept" / "vectors.sqlite"
    meanings = Meanings(lambda: model, VectorFile(path))
    assert meanings.known(TEXTS) is None
    first = meanings.of(TEXTS)
    assert first is not None
    assert first == pytest.approx(model.embed(TEXTS), abs=1e-3)
    del model.asked[len(TEXTS) :]
    meanings.of([*TEXTS[5:], *TEXTS[:5]])
    assert model.asked == TEXTS
    meanings.close()
    again = Meanings(KnownWords, VectorFile(path))
    found = again.known(TEXTS)
    assert found is not None
    assert found.tolist() == first.tolist()
    again.close()


def test_what_is_asked_for_is_not_kept() -> None:
    meanings = Meanings(KnownWords)
    assert meanings.query("lamp") is not None
    assert meanings.known(["lamp"]) is None
    assert meanings.known([]) is None
    meanings.close()


def test_who_waits_does_not_wait_for_what_is_prepared() -> None:
    model = Held()
    meanings = Meanings(lambda: model)
    meanings.prepare(lambda: TEXTS)
    model.begun.wait()
    assert meanings.query("boat") is not None
    assert meanings.of(TEXTS[10:12]) is not None
    assert model.asked == ["boat", *TEXTS[10:12]]
    model.free.set()
    while meanings.known(TEXTS) is None:
        threading.Event().wait(0.001)
    assert sorted(model.asked) == sorted(["boat", *TEXTS])
    meanings.close()


def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    meanings = Meanings(KnownWords)
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    found = meanings.of(TEXTS)
    assert found is not None
    assert 0 < len(found) < len(TEXTS)
    assert meanings.known(TEXTS[: len(found)]) is not None
    assert Relevance(TEXTS, meanings).scores("light").any()
    meanings.close()


def test_it_ends_while_it_prepares() -> None:
    model = Held()
    meanings = Meanings(lambda: model)
    meanings.prepare(lambda: TEXTS)
    model.begun.wait()
    closing = threading.Thread(target=meanings.close)
    closing.start()
    model.free.set()
    closing.join()
    assert len(model.asked) <= len(TEXTS)


def test_a_model_that_fails_is_not_tried_again() -> None:
    tries = []

    def load() -> KnownWords:
        tries.append(1)
        raise ValueError("damaged")

    meanings = Meanings(load)
    assert meanings.of(TEXTS) is None
    assert meanings.query("lamp") is None
    assert tries == [1]
    meanings.close()


def test_the_latest_are_kept(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "vectors.sqlite", most=3)
    for number in range(5):
        file.keep({str(number): np.full(DIMENSIONS, number, np.float32)})
    assert sorted(file.get(list("01234"))) == ["2", "3", "4"]
    file.close()


def test_a_file_that_is_none_costs_vectors_alone(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    path.write_bytes(b"no database" * 100)
    for times in range(3):  # the first finds it damaged, the second makes another
        file = VectorFile(path)
        assert list(file.get(["a"])) == ["a"] * (times == 2)
        file.keep({"a": np.ones(DIMENSIONS, np.float32)})
        assert list(file.get(["a"])) == ["a"]
        file.close()


def test_a_file_that_fails_later_does_too(tmp_path: Path) -> None:
    file = VectorFile(tmp_path / "vectors.sqlite")
    file.close()
    file.keep({"a": np.ones(DIMENSIONS, np.float32)})
    assert file.get(["a"]) == {}


def test_the_app_does_without_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "installed", lambda: None)
    assert installed_meanings(Settings(_env_file=None)) is None  # type: ignore[call-arg]


def test_nothing_is_written_where_documents_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "installed", lambda: tmp_path)
    for gigabytes, files in ((0.0, []), (1.0, ["vectors.sqlite"])):
        folder = tmp_path / "documents"
        settings = Settings(_env_file=None, document_folder=folder, document_disk_gigabytes=gigabytes)  # type: ignore[call-arg]
        meanings = installed_meanings(settings)
        assert meanings is not None
        meanings.close()
        assert [path.name for path in folder.glob("*")] == files


def document() -> Document:
    """Of 30 sections, each about the lamp but for the one about the boat."""
    sections = [f"Section {number}\nThe {'boat' if number == 29 else 'lamp'} of the tower is here.\n\n" * 60
                for number in range(30)]  # fmt: skip
    begins = [sum(map(len, sections[:number])) for number in range(30)]
    headings = tuple(Heading(1, begin, 1, f"Section {number}") for number, begin in enumerate(begins))
    return Document("tower.txt", (Page(1, None, "".join(sections)),), headings=headings)


def parts(reading: Reading) -> list[str]:
    return [f"{part.title}\n{reading.plain(part.number).text}" for part in reading.parts]


def test_a_reading_is_prepared_and_can_be_asked_meanwhile() -> None:
    meanings = Meanings(KnownWords)
    reading = Reading([document()], meanings)
    assert reading.relevance("light")[0] > 0  # the word is nowhere
    while meanings.known(parts(reading)) is None:
        threading.Event().wait(0.001)
    meanings.close()


def test_a_reading_says_the_same_each_time_and_after_a_restart_what_a_new_one_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Meanings, "prepare", lambda self, texts, owner: None)
    meanings = Meanings(KnownWords, VectorFile(tmp_path / "vectors.sqlite"))
    reading = Reading([document()], meanings)
    early = list(reading.relevance("vessel"))
    assert not any(early)  # the boat is not among those that are compared at first
    meanings.of(parts(reading))
    assert reading.relevance("vessel") == early
    later = Reading([document()], meanings).relevance("vessel")
    assert reading.parts[later.index(max(later))].title == "Section 29"
    meanings.close()
    again = Meanings(KnownWords, VectorFile(tmp_path / "vectors.sqlite"))
    assert Reading([document()], again).relevance("vessel") == later
    again.close()


def test_what_is_quoted_is_chosen_by_meaning_and_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Meanings, "prepare", lambda self, texts, owner="": None)
    said = ["Cotton is spun in the village.", "The vessel is made of oak.", "Stone is cut on the mainland."]
    text = f"Of boats\n\n{' '.join(said)}"
    written = Document("boats.txt", (Page(1, None, text),), headings=(Heading(1, 0, 1, "Of boats"),))
    meanings = Meanings(KnownWords)
    early, late = Reading([written], meanings), Reading([written], meanings, "one")
    before = [saying.text for saying in early.sayings(0, 6)]
    assert before == said[:1]  # nothing has a vector
    late.weigh([0], "")
    assert [saying.text for saying in late.sayings(0, 6)] == said[1:2]
    assert [saying.text for saying in early.sayings(0, 6)] == before
    meanings.forget("one")
    assert meanings.known(said[:1]) is None
    meanings.close()


def test_forgotten_vectors_are_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    meanings = Meanings(KnownWords, VectorFile(path))
    made = meanings.of(TEXTS)
    assert made is not None
    written = [vector.astype("<f2").tobytes() for vector in made]
    assert all(vector in path.read_bytes() for vector in written)
    meanings.forget("a project", TEXTS[:5])
    assert meanings.known(TEXTS[:1]) is None
    assert meanings.known(TEXTS[5:]) is not None
    meanings.close()


def test_vectors_go_with_the_last_project_that_has_them(tmp_path: Path) -> None:
    """Also those of pages that were chosen earlier, and of projects that are forgotten while theirs are made."""
    file = VectorFile(tmp_path / "vectors.sqlite")
    meanings = Meanings(KnownWords, file)
    meanings.of(TEXTS[:4], "one")
    meanings.of(TEXTS[2:8], "one")
    meanings.of(TEXTS[6:10], "other")
    meanings.of(TEXTS[10:], "")
    meanings.forget("one")
    assert [meanings.known([text]) is not None for text in TEXTS] == [False] * 6 + [True] * 14
    meanings.forget("other")
    assert [meanings.known([text]) is not None for text in TEXTS] == [False] * 10 + [True] * 10
    meanings.of(TEXTS[:2], "one")
    assert meanings.known(TEXTS[:1]) is None
    assert file.held == 0  # they are on the disk
    assert file.oldest is None
    meanings.close()


def test_vectors_in_memory_make_room_the_oldest_first() -> None:
    file = VectorFile()
    texts = [f"The lamp {number} is of the tower." for number in range(800)]
    meanings = Meanings(KnownWords, file)
    assert file.oldest is None
    for start in range(0, 800, 100):
        meanings.of(texts[start : start + 100], "project")
    before, at = file.held, file.oldest
    assert before > 800 * 2 * 4
    assert at is not None
    file.let_go()
    assert file.held < before
    assert [meanings.known([text]) is not None for text in texts] == [False] * 101 + [True] * 699
    while file.oldest is not None:
        file.let_go()
    assert meanings.known(texts[-1:]) is None
    meanings.close()
