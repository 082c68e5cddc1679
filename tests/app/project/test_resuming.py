"""A text about whole documents goes on where the draft ends, within a section too."""

import pytest

from app.project.commands import Commands
from app.project.material import Material
from app.project.resuming import after_last
from app.project.run_spec import RunSpec
from app.project.whole import whole_plan
from app.prompt.request import WriteRequest
from app.reading.reading import Reading
from app.text.citations import cited
from tests.app.conftest import ask
from tests.app.project.test_whole import BOOK, HEADINGS, as_report, paragraphs, quoting, sources, written

ENGINE_WINDOW = 8_192


def first_after(commands: Commands, request: WriteRequest, draft: str) -> RunSpec:
    """The run that Continue begins with."""
    spec = commands._specs.along_chapters(Material(sources()), request, draft)(draft, "")
    assert spec is not None
    return spec


@pytest.mark.slow
@pytest.mark.parametrize("task", ["report", "summary"])
def test_a_quoted_text_that_was_stopped_anywhere_becomes_the_whole_text(commands: Commands, task: str) -> None:
    request = quoting(task=task)
    found = paragraphs(request)
    whole = as_report("book", found) if task == "report" else "\n\n".join(" ".join(each) for _, each in found)
    oil = whole.index(found[2][1][0])
    for cut in (oil, oil + 20, oil + len(found[2][1][0]) // 2, len(whole) - 9):
        begun = whole[:cut].rstrip()
        assert begun + written(commands.write_apart(sources(), request, begun)) == whole


def test_a_section_of_which_only_the_heading_stands_is_written_below_it(commands: Commands) -> None:
    request = quoting(task="report")
    fog = " ".join(paragraphs(request)[1][1])
    spec = first_after(commands, request, "# book\n\n## The Lamps\n\nMine.\n\n## Of Fog\n")
    assert (spec.opening, spec.request.dictated) == ("\n", fog)
    assert spec.section == (1, 3, "Of Fog")


def test_in_its_own_words_a_section_goes_on_from_a_sentence_without_end(commands: Commands) -> None:
    request = ask(task="report", wording="own", grounded=True, length="160", max_new_tokens=300)
    draft = "# book\n\n## The Lamps\n\nThey burned.\n\n## Of Fog\n\nIt came. The bell was"
    spec = first_after(commands, request, draft)
    assert spec.opening == ""
    assert spec.request.grounding is not None
    assert spec.request.grounding.sources[-1] == "## Of Fog\n\nIt came. The bell was"
    assert spec.section == (1, 3, "Of Fog")
    assert spec.tidy is not None
    assert spec.tidy(" rung at dusk. And the") == " rung at dusk."
    # A sentence that has ended begins the next section, and points without full stops are whole ones.
    assert first_after(commands, request, f"{draft} rung.").section == (1, 2, "Oil")
    notes = request.but(task="notes")
    assert first_after(commands, notes, "## The Lamps\n\n- They burned").section == (1, 3, "Of Fog")


@pytest.mark.parametrize("task", ["summary", "essay"])
def test_without_headings_the_text_goes_on_behind_the_section_that_was_written_last(task: str) -> None:
    reading, request = Reading([BOOK]), ask(task=task, wording="own", length="160", max_new_tokens=300)
    whole = whole_plan(reading, request, "")
    for at, section in enumerate(whole.sections):
        saying = reading.sayings(section.parts[0], 40)[0]
        for said in (saying.text, cited(saying.text, [saying.page])):
            left = after_last(whole, f"# Mine\n\nElephants eat bananas all day.\n\n{said}").sections
            assert [each.heading for each in left] == HEADINGS[at + 1 :]
    assert after_last(whole, "Elephants eat bananas all day.").sections == whole.sections
    assert after_last(whole, "").sections == whole.sections
