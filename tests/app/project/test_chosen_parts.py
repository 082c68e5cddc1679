"""Parts of documents that a person takes in or leaves out: kept with the sources, followed by what is written."""

from pathlib import Path

import pytest

from app.documents import Document
from app.engine.engine import Engine
from app.project.commands import Commands
from app.project.material import Material, fitted
from app.project.session import Session
from app.project.sources import Sources
from app.prompt.messages import Source
from app.prompt.reading_plan import ReadingPlan, SectionPlan
from app.prompt.request import WriteRequest
from app.reading.candidates import most_relevant
from app.say.errors import AppError, PromptError
from app.settings import Limits
from app.store import Store, create_project
from app.text.citations import without_citations
from tests.app.conftest import ask, at
from tests.app.reading.books import book
from tests.core.tiny import byte_tokenizer

ENGINE_WINDOW = 8_192

BOOK = book([("The Lamps", [9] * 12), ("2. Of Fog", [9] * 12), ("Chapter 3: Oil", [9] * 12)], pages=900)


@pytest.fixture
def sources(store: Store) -> Sources:
    return Sources(store, create_project(store, "Tides").id, Limits())


def add(sources: Sources, folder: Path, document: Document = BOOK) -> None:
    path = folder / "tides.md"
    path.write_text(
        "".join(f"# {h.title}\n\n{text}" for h, text in zip(document.headings, chapters(document), strict=True))
    )
    sources.add([path])


def chapters(document: Document) -> list[str]:
    """The texts of its chapters without their headings."""
    text = "".join(page.text for page in document.pages)
    cut = [text.index(f"{heading.title}\n\n") for heading in document.headings]
    return [text[start:end].partition("\n\n")[2] for start, end in zip(cut, [*cut[1:], len(text)], strict=True)]


def report(**fields: object) -> WriteRequest:
    return ask(**{"task": "report", "wording": "quoted", "max_new_tokens": 900, "length": "180", **fields})


def planned(commands: Commands, session: Session, request: WriteRequest) -> ReadingPlan:
    budget = commands.budget(session.material, request, "")
    assert budget.plan is not None
    return budget.plan


def states(section: SectionPlan) -> dict[str, str]:
    return {part.id: part.state for part in section.parts}


def choose(session: Session, chosen: dict[str, str]) -> None:
    own = {key.partition("/")[2]: state for key, state in chosen.items()}
    assert session.sources.choose_parts(session.sources.division, [own])


def write(commands: Commands, session: Session, request: WriteRequest) -> str:
    writing = commands.write(session, request, at(session), "anew")
    assert writing.wait(120)
    assert writing.state == "finished"
    return session.draft.text


def test_choices_are_kept_with_the_source_until_other_pages_are_chosen(
    store: Store, sources: Sources, tmp_path: Path
) -> None:
    add(sources, tmp_path)
    assert sources.choose_parts(sources.division, [{"1:0": "none"}])
    assert sources.choose_parts(sources.division, [{"1:40": "full"}])
    again = Sources(store, sources._project, Limits())
    assert [dict(source.parts) for source in again.selected] == [{"1:0": "none", "1:40": "full"}]
    before = again.division
    again.choose(again.files[0].id, "1")
    assert not again.choose_parts(before, [{"1:0": "full"}])  # it speaks of what is no more
    assert [dict(source.parts) for source in again.selected] == [{}]
    assert again.choose_parts(again.division, [{"1:0": "none"}])
    again.forget_parts()
    assert [dict(source.parts) for source in Sources(store, sources._project, Limits()).selected] == [{}]


def test_a_report_follows_the_choices_and_a_section_is_written_again_by_them(
    commands: Commands, session: Session, tmp_path: Path
) -> None:
    add(session.sources, tmp_path)
    before = planned(commands, session, report())
    assert [section.heading for section in before.sections] == ["The Lamps", "Of Fog", "Oil"]
    choose(session, dict.fromkeys(states(before.sections[1]), "none"))
    plan = planned(commands, session, report())
    assert [section.heading for section in plan.sections] == ["The Lamps", "Oil"]
    assert [chapter.heading for chapter in plan.others] == ["Of Fog"]
    text = write(commands, session, report())
    assert "## Of Fog" not in text
    oil = plan.sections[-1]
    other = next(key for key, state in states(oil).items() if state == "none")
    choose(session, {**dict.fromkeys(states(oil), "none"), other: "full"})
    writing = commands.write_section(session, report(), at(session), "Oil")
    assert writing.wait(120)
    assert writing.state == "finished"
    kept, _, again = session.draft.text.partition("## Oil\n\n")
    assert text.startswith(kept)
    assert not text.endswith(again)
    after = planned(commands, session, report()).sections[-1]
    (saying,) = [part for part in after.parts if part.state == "full"]
    assert saying.id == other
    assert saying.text in without_citations(again)


def test_a_section_that_is_not_there_or_not_planned_is_refused_in_words(
    commands: Commands, session: Session, tmp_path: Path
) -> None:
    add(session.sources, tmp_path)
    with pytest.raises(AppError, match="The draft has no section “Oil” any more"):
        commands.write_section(session, report(), at(session), "Oil")
    assert session.draft.edit("## Whales\n\nThey sing.\n", session.draft.revision)
    with pytest.raises(PromptError, match="No section “Whales” is planned now"):
        commands.write_section(session, report(), at(session), "Whales")
    assert session.draft.text == "## Whales\n\nThey sing.\n"


def test_a_text_that_is_written_at_once_reads_what_is_chosen() -> None:
    tokenizer = byte_tokenizer()
    material = Material([Source(BOOK, BOOK.pages)])
    first, *_ = most_relevant(material.reading, "granite", 9)

    def sent(**chosen: str) -> tuple[int, ...]:
        keys = {number: f"{part.start.page}:{part.start.offset}" for number, part in enumerate(material.reading.parts)}
        parts = {keys[int(name[1:])]: state for name, state in chosen.items()}
        source = Source(BOOK, BOOK.pages, parts)
        asked = Material([source], material.counts, material.readings)
        return tuple(fitted(tokenizer, asked, "Write.", "", 100, 5_000, "granite").parts)

    usual = sent()
    assert first in usual
    without = sent(**{f"p{first}": "none"})
    assert first not in without
    assert without
    last = max(set(range(len(material.reading.parts))) - set(usual))
    assert last in sent(**{f"p{last}": "full"})


def test_a_larger_model_sees_notes_of_the_other_parts(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "parameters", property(lambda engine: 7_000_000_000))
    long = BOOK
    material = Material([Source(long, long.pages)])
    request = report(wording="auto", length="60")
    budget = commands.budget(material, request, "")
    assert budget.plan is not None
    assert "the model sees the main sentences" in budget.message
    section = budget.plan.sections[0]
    noted = [part for part in section.parts if part.state == "note"]
    assert noted
    assert budget.excess <= 0
    spec = commands._specs.along_chapters(material, request, "")("", "")
    assert spec is not None
    (source,) = spec.sources
    reading = material.reading
    numbers = {f"1/{part.start.page}:{part.start.offset}": part.number for part in reading.parts}
    sent = "\n".join(page.text for page in source.pages)
    for part in noted:
        notes = reading.note(numbers[part.id])
        assert notes
        for note in notes:
            page = next(page for page in long.pages if page.number == note.place.page)
            assert page.text[note.place.offset :].startswith(note.text)
            assert note.text in sent
        assert reading.parts[numbers[part.id]].text([long]) not in sent
