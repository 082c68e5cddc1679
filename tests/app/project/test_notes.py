"""Notes on parts: made once, in the background, by whom they are; kept, gone on with, and put into what is asked."""

from pathlib import Path

import pytest

from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Priority, Run
from app.project.commands import Commands
from app.project.material import Material
from app.project.notes import Notes, NoteTaking, note_text, parts_to_note, supported_note
from app.project.session import Session
from app.prompt.messages import Source
from app.prompt.request import WriteRequest
from app.reading.reading import Reading
from app.say.errors import AppError
from app.settings import Limits
from app.store import Store, notes_wanted, open_project
from app.text.citations import cited
from core import FullAttention
from tests.app.conftest import ask, held, wait
from tests.app.reading.books import book

ENGINE_WINDOW = 8_192

BOOK = book([("The Lamps", [9] * 6), ("Of Fog", [9] * 6), ("Oil", [9] * 6)], pages=900)


@pytest.fixture
def about(session: Session, tmp_path: Path) -> Session:
    """A project about the book."""
    path = tmp_path / "book.txt"
    path.write_text("\f".join(page.text for page in BOOK.pages))
    session.sources.add([path])
    return session


def test_every_part_has_a_note_once_and_only_what_the_part_supports(commands: Commands, about: Session) -> None:
    job = commands.take_notes(about)
    assert commands.take_notes(about) is job  # pressed twice
    assert job.wait(120)
    reading = about.material.reading
    known = about.notes.made(commands.note_maker)
    assert set(known) == {reading.digest(number) for number in parts_to_note(reading)}
    assert not about.notes.wanted
    for number in parts_to_note(reading):
        # A model with random weights says nothing that the part supports.
        assert known[reading.digest(number)] == note_text(reading, number, {})
    with pytest.raises(AppError, match="There is a note on every part"):
        commands.take_notes(about)


def test_notes_yield_to_whoever_waits_and_are_gone_on_with(commands: Commands, about: Session) -> None:
    engine = commands.engine
    with held(engine):
        job = commands.take_notes(about)
        assert job.current is not None
        first = job.current.run
        wait(lambda: first.state == "running")
        assert first.priority is Priority.BACKGROUND
        ids = first.request.token_ids
        written = Run(GenerationRequest(ids[:, :40], FullAttention(), 4))
        engine.submit(written)
        assert first.stopping
    assert written.wait(60)
    assert written.state == "finished"
    assert job.wait(120)
    assert (first.state, job.state) == ("stopped", "finished")
    assert not job.left


def test_what_was_noted_stays_and_the_rest_is_made_after_a_restart(
    commands: Commands, about: Session, store: Store
) -> None:
    job = commands.take_notes(about)
    wait(lambda: len(about.notes.made(commands.note_maker)) >= 2)
    about.close()  # as at the end of the app
    assert job.done
    made = about.notes.made(commands.note_maker)
    assert notes_wanted(store, about.id)
    again = Session(store, open_project(store, about.id), Limits())
    assert again.notes.made(commands.note_maker) == made
    commands.resume_notes(again)
    assert again.note_taking is not None
    assert again.note_taking.wait(120)
    assert set(again.notes.made(commands.note_maker)) > set(made) or not job.left
    commands.leave_notes(again)
    assert not notes_wanted(store, about.id)


def test_notes_that_are_left_are_not_gone_on_with(commands: Commands, about: Session, store: Store) -> None:
    with held(commands.engine):
        job = commands.take_notes(about)
        commands.leave_notes(about)
    assert job.wait(60)
    assert (job.state, notes_wanted(store, about.id)) == ("stopped", False)
    again = Session(store, open_project(store, about.id), Limits())
    commands.resume_notes(again)
    assert again.note_taking is None


def test_a_persons_note_comes_before_the_models(session: Session, store: Store) -> None:
    notes = session.notes
    notes.keep("a1", "model", "Made.")
    notes.keep("b2", "model", "Other.")
    notes.edit("a1", " Mine. ")
    assert notes.known("model") == {"a1": "Mine.", "b2": "Other."}
    assert Notes(store, session.id).known("model") == {"a1": "Mine.", "b2": "Other."}
    assert Notes(store, session.id).known("another") == {"a1": "Mine."}
    notes.edit("a1", " ")
    assert Notes(store, session.id).known("model") == {"a1": "Made.", "b2": "Other."}


def test_of_a_models_note_stays_what_the_part_supports() -> None:
    reading = Reading([BOOK])
    (saying, *_) = reading.sayings(0, 20)
    made = supported_note(reading, 0, f" {saying.text} Elephants of the savannah eat forty kilograms of bananas. The")
    assert made == saying.text
    assert supported_note(reading, 0, "Elephants of the savannah eat bananas.") == note_text(reading, 0, {})
    assert supported_note(reading, 0, "") == note_text(reading, 0, {})


def test_a_section_is_asked_for_with_the_notes_on_its_other_parts(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "parameters", property(lambda engine: 7_000_000_000))
    reading = Reading([BOOK])
    number = next(chapter.parts[-1] for chapter in reading.chapters if chapter.title == "Of Fog")
    material = Material([Source(BOOK, BOOK.pages)], notes={reading.digest(number): "Fog is thick."})
    advance = commands._specs.along_chapters(material, request(), "")
    fog = (advance("", ""), advance("", ""))[1]
    assert fog is not None
    pages = reading.parts[number].pages
    prompt = commands.engine.require_model()[1].decode(fog.request.token_ids[0])
    assert f"Notes on what else the chapter says:\n- {cited('Fog is thick.', pages)}\n" in prompt
    budget = commands.budget(material, request(), "")
    assert budget.plan is not None
    texts = [part.text for section in budget.plan.sections for part in section.parts if part.state == "note"]
    assert "Fog is thick." in texts


def request() -> WriteRequest:
    return ask(task="report", wording="auto", max_new_tokens=300, length="60")


def test_notes_are_counted_and_timed(commands: Commands, about: Session) -> None:
    job: NoteTaking = commands.take_notes(about)
    assert job.wait(120)
    assert job.seconds_each is not None
    assert job.seconds_each > 0
    assert commands.parts_without_notes(about) == (0, len(parts_to_note(about.material.reading)))
