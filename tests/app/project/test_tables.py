"""A table over the whole of documents: several runs, whose rows are merged."""

from dataclasses import replace

import pytest

from app.documents import Document, Heading, Page
from app.engine.engine import Engine
from app.export.table_check import check_table
from app.export.table_merge import SourcedRow
from app.project.commands import Commands
from app.project.material import Material, part_id, parts_chosen
from app.project.row_support import RowSupport
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.tables import Table, rows_at_end, table_plan
from app.project.whole import SectionText
from app.prompt.messages import Source
from app.prompt.request import WriteRequest
from app.reading.plan import NO_CHOICES, PlannedSection
from app.reading.reading import Reading
from app.say.errors import PromptError
from tests.app.conftest import ask, at, held, wait
from tests.app.scripted import ScriptedRun

ENGINE_WINDOW = 16_384

FILLING = "Nothing else is told of it in this long sentence, which is here to make the page longer. " * 20
ITEMS = {
    "Lens": "It bends the rays of light towards the sea.",
    "Horn": "It warns ships of the rocks while there is fog.",
    "Boat": "It brings oil and bread to the keepers every week.",
    "Lamp": "It burns the whole night long in the tower.",
}
COLUMNS = ("Thing", "Purpose")
MOST = 8


def manual(items: dict[str, str] = ITEMS) -> Document:
    """A page a thing: its heading, what it is for, and much else."""
    pages = tuple(
        Page(number, None, f"{number}. {name}\nPurpose\n{said} {FILLING}\n")
        for number, (name, said) in enumerate(items.items(), 1)
    )
    headings = tuple(Heading(number, 0, 1, f"{number}. {name}") for number, name in enumerate(items, 1))
    return Document("manual.pdf", pages, (), headings)


READING = Reading([manual()])
LONG = manual({f"{name} {number}": said for number in range(9) for name, said in ITEMS.items()})
WHOLE = "\n".join(
    [
        "| Thing | Purpose |",
        "| --- | --- |",
        "| Lens | It bends the rays of light towards the sea (p. 1). |",
        "| Horn | It warns ships of the rocks while there is fog (p. 2). |",
        "| Boat | It brings oil and bread to the keepers every week (p. 3). |",
        "| Lamp | It burns the whole night long in the tower (p. 4). |",
    ]
)


def table(**fields: object) -> WriteRequest:
    return ask(**{"task": "table", "detail": "Thing, Purpose", "wording": "quoted", "max_new_tokens": 900, **fields})


def spec(section: PlannedSection, text: SectionText) -> RunSpec:
    return ScriptedRun().spec(text.opening)


def begun(request: WriteRequest, before: str = "", *, quoted: bool = False, reading: Reading = READING) -> Table:
    return Table(table_plan(reading, request, NO_CHOICES, MOST, quoted=quoted), request, before, spec)


def run(made: Table, text: str, *rows: str) -> str:
    """What stands there after the next run has written these rows."""
    following = made("", text)
    assert following is not None
    return made.merge(text + following.opening + "\n".join(rows).removeprefix("|"))


def test_rows_of_the_documents_are_what_they_name_and_say_of_it() -> None:
    plan = table_plan(READING, table(), NO_CHOICES, MOST, quoted=True)
    assert [section.parts for section in plan.whole.sections] == [(0, 1, 2), (3,)]
    assert plan.rows[1] == (SourcedRow(("Lamp", ITEMS["Lamp"]), frozenset({(0, 4)})),)
    assert (plan.whole.pages, plan.whole.pages_seen, plan.quoted) == (4, 4, True)


def test_choices_for_parts_are_followed() -> None:
    plan = table_plan(READING, table(), {0: "none", 1: "note", 3: "full"}, MOST, quoted=True)
    assert [section.parts for section in plan.whole.sections] == [(2, 3)]
    assert [section.parts for section in table_plan(READING, table(), {}, 1, quoted=True).whole.sections] == [
        (0,), (1,), (2,), (3,),
    ]  # fmt: skip


def test_without_entries_the_model_writes_the_rows() -> None:
    plain = Reading([Document("a.txt", (Page(1, None, "Oil is dear. " * 9),), (), ())])
    plan = table_plan(plain, table(), NO_CHOICES, MOST, quoted=True)
    assert (plan.quoted, plan.rows, len(plan.whole.sections)) == (False, ((),), 1)


def test_a_models_rows_stay_if_a_part_says_them_and_name_its_pages() -> None:
    made = begun(table(wording="own"))
    text = run(
        made, "",
        "| Lens | bends the rays of light |",
        "| Thing | Purpose |",
        "| --- | --- |",
        "| | |",
        "| Horn | warns 7 ships |",
        "| Horn | Horn |",
        "| Horn | one | two |",
        "| Lens | warns ships of the rocks |",
        "| LENS | bends the rays of light. (p. 99) |",
        "| Horn | warns sh",
    )  # fmt: skip
    assert text == "| Thing | Purpose |\n| --- | --- |\n| Lens | bends the rays of light (p. 1) |"
    assert made.left_out == 2
    assert made.merge(text) == text


def test_rows_of_later_runs_fill_those_before() -> None:
    twice = {**ITEMS, "Lens ": "It was made of glass in 1860 by a master."}
    reading = Reading([manual(twice)])
    request = table(wording="own", detail="Thing, Purpose, Made of")
    made = begun(request, reading=reading)
    assert len(made.plan.whole.sections) == 2
    text = run(made, "", "| Lens | bends the rays of light | |")
    assert text.endswith("| Lens | bends the rays of light | (p. 1) |")
    text = run(made, text, "| lens | | glass |")
    assert text.endswith("|\n| Lens | bends the rays of light | glass (pp. 1, 5) |")
    assert made("", text) is None


def test_rows_that_contradict_each_other_stay_with_their_pages() -> None:
    reading = Reading([manual({**ITEMS, "Lens ": "It was sold."})])
    made = begun(table(wording="own"), reading=reading)
    text = run(made, "", "| Lens | bends the rays |")
    assert run(made, text, "| Lens | was sold |").splitlines()[2:] == [
        "| Lens | bends the rays (p. 1) |", "| Lens | was sold (p. 5) |",
    ]  # fmt: skip


def test_a_row_is_supported_by_one_part_or_not_at_all() -> None:
    check = RowSupport(READING, range(4))
    assert check.pages(("Lens", "bends the rays of light")) == {(0, 1)}
    assert check.pages(("Lens", "burns the whole night")) == frozenset()
    assert check.pages(("Lamp", "")) == {(0, 4)}


def test_going_on_writes_what_is_missing() -> None:
    rest = "\n".join(WHOLE.split("\n")[:3])
    made = begun(table(), rest, quoted=True)
    assert [tuple(row.cells[0] for row in rows) for rows in made.plan.rows] == [("Horn", "Boat"), ("Lamp",)]
    assert made.text(0, rest, begun=False).opening == "\n"
    assert made.text(0, "A text.", begun=False).opening == "\n"
    other = begun(table(), "A text.", quoted=True)
    assert other.text(0, "A text.", begun=False).opening == "\n\n| Thing | Purpose |\n| --- | --- |\n"
    own = begun(table(wording="own"), rest)
    assert [section.parts for section in own.plan.whole.sections] == [(3,)]
    with pytest.raises(PromptError, match="All rows"):
        begun(table(), WHOLE, quoted=True)


def test_rows_at_the_end_of_a_text() -> None:
    assert rows_at_end(WHOLE + "\n\n", COLUMNS) is not None
    assert rows_at_end(f"{WHOLE}\n\nMore.", COLUMNS) is None
    assert rows_at_end(WHOLE, ("Thing", "Price")) is None
    assert rows_at_end("| thing | purpose |\n|---|---|\n| A | b (p. 3). |\n| C |", COLUMNS) == [("A", "b .")]


# --- with an engine ---


def sources(document: Document | None = None) -> list[Source]:
    document = document or manual()
    return [Source(document, document.pages)]


@pytest.mark.slow
def test_the_documents_rows_are_written_in_several_runs(commands: Commands) -> None:
    writing = commands.write_apart(sources(), table())
    assert writing.wait(120)
    assert (writing.error, writing.text) == (None, WHOLE)
    assert check_table(writing.text, COLUMNS).problems == ()
    assert writing.current is not None
    assert (writing.current.spec.section, writing.current.run.request.temperature) == ((2, 2, "Lamp"), 0.0)
    assert writing.support is not None
    assert (writing.support.unsupported, writing.support.rows_left_out) == ((), 0)


@pytest.mark.slow
def test_what_a_model_makes_up_is_left_out_and_said(commands: Commands) -> None:
    """The tiny model's bytes are no rows."""
    writing = commands.write_apart(sources(LONG), table(wording="own", max_new_tokens=16))
    assert writing.wait(120)
    assert (writing.error, writing.text) == (None, "| Thing | Purpose |\n| --- | --- |")


@pytest.mark.slow
def test_a_table_that_was_stopped_goes_on(commands: Commands, engine: Engine) -> None:
    with held(engine, 160):
        writing = commands.write_apart(sources(), table())
        wait(lambda: writing.text.count("\n") > 2)
        writing.stop()
    assert writing.wait(60)
    assert writing.state == "stopped"
    assert WHOLE.startswith(writing.text)
    assert writing.text.splitlines()[-1].endswith("|")
    rest = commands.write_apart(sources(), table(), writing.text)
    assert rest.wait(60)
    assert writing.text + rest.text == WHOLE


def test_the_plan_shows_what_is_read(commands: Commands) -> None:
    budget = commands.budget(Material(sources()), table(), "")
    assert budget.plan is not None
    assert (budget.plan.table, budget.plan.quoted) == (True, True)
    assert budget.message == (
        "Runs that write rows: 2. Pages read: 4; rows from: 4. "
        "The rows are the documents' own: a model of this size writes none that are worth reading."
    )
    (first,) = [part for section in budget.plan.sections for part in section.parts][:1]
    assert (first.id, first.text) == ("1/1:0", f"Lens – {ITEMS['Lens']}")


def test_what_is_chosen_changes_the_plan(commands: Commands) -> None:
    document = manual()
    ids = [part_id(part) for part in READING.parts]

    def budget(**states: str) -> int:
        (chosen,) = parts_chosen({ids[int(number[1:])]: state for number, state in states.items()}, 1)
        source = replace(Source(document, document.pages), parts=chosen)
        plan = commands.budget(Material([source]), table(), "").plan
        assert plan is not None
        return plan.seen

    assert (budget(_0="none"), budget(_0="full"), budget(_0="none", _1="none", _2="none", _3="none")) == (3, 4, 0)


def test_what_fits_the_window_is_one_run_for_a_model_that_writes_rows(commands: Commands) -> None:
    assert commands.budget(Material(sources()), table(wording="own"), "").plan is None
    plan = commands.budget(Material(sources(LONG)), table(wording="own"), "").plan
    assert plan is not None
    assert (plan.table, plan.quoted, len(plan.sections) > 1) == (True, False, True)


def test_without_columns_it_is_one_run(commands: Commands) -> None:
    assert commands.budget(Material(sources()), table(detail=""), "").plan is None


def test_rows_can_be_all_there(commands: Commands, session: Session) -> None:
    with pytest.raises(PromptError, match="All rows"):
        commands.budget(Material(sources()), table(), WHOLE)
    assert at(session).text == ""
