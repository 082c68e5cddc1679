"""A text about the whole of documents: what of it a draft has already, its title, what is kept of what was written."""

from app.documents import Document, Heading, Page
from app.project.resuming import unwritten
from app.project.whole import section_text, tidied, whole_plan
from app.prompt.request import WriteRequest
from app.reading.plan import Plan
from app.reading.reading import Reading
from tests.app.conftest import ask
from tests.app.reading.books import book


def reading(*documents: Document) -> Reading:
    return Reading(documents or [book([("Lamps", [9] * 8), ("Fog", [9] * 8), ("Lamps", [9] * 8)])])


def planned(reading: Reading, request: WriteRequest, draft: str) -> Plan:
    return unwritten(whole_plan(reading, request, draft), draft)


def report(detail: str = "") -> WriteRequest:
    return ask(task="report", detail=detail, max_new_tokens=900, wording="quoted")


def opening(reading: Reading, request: WriteRequest) -> str:
    whole = planned(reading, request, "")
    return section_text(whole, whole.sections[0], request, "", quotes=True).opening


def test_of_sections_that_are_called_the_same_as_many_stand_in_a_draft_as_have_their_heading() -> None:
    def left(draft: str) -> list[str]:
        return [section.heading for section in planned(reading(), report(), draft).sections]

    assert left("") == ["Lamps", "Fog", "Lamps"]
    assert left("## Lamps\n\nMine.\n") == ["Fog", "Lamps"]
    assert left("## Lamps\n\nMine.\n\n## Fog\n\nThe\n\n## Lamps\n\n") == []


def test_a_text_is_called_after_the_persons_words_if_the_documents_have_any_of_them() -> None:
    assert opening(reading(), report()).startswith("# book\n\n")
    assert opening(reading(), report("The barrels of oil")).startswith("# The barrels of oil\n\n")
    assert opening(reading(), report("Zzyzx")).startswith("# book\n\n")


def test_documents_of_one_name_are_named_once() -> None:
    chapters = [(title, [9] * 8) for title in ("One", "Two", "Three")]
    assert opening(reading(book(chapters), book(chapters)), report()).startswith("# book\n\n")


def test_what_a_model_wrote_is_kept_without_blanks_before_it() -> None:
    text = "The tower is of granite. The lamp burned oil."
    found = reading(Document("a.txt", (Page(1, None, text),), (), (Heading(1, 0, 1, "A"),)))
    assert tidied(found, [0], " The tower is of granite. The la") == "The tower is of granite."
