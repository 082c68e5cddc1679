"""The passages that answer a question."""

from __future__ import annotations

import pytest

from app.documents import Document, Page
from app.reading.answers import answering
from app.reading.plan import State, plan
from app.reading.reading import Reading
from tests.app.reading.books import book

FILLER = "Boats of the village go out at dawn and come home in the evening with fish for all the families there. " * 12
PAGES = (
    f"Of boats\n\n{FILLER}\n\nThe pilot rows to the reef on Monday. He takes the mail along. In winter he rests.",
    f"Of lamps\n\n{FILLER}\n\nWhale oil burns in the lamp of the tower. It is fetched from the island twice a year.\n\n"
    "Wicks of cotton burn for a night.",
    f"Of fog\n\n{FILLER}\n\nA horn is blown in fog.",
)


@pytest.fixture
def reading() -> Reading:
    return Reading([Document("light.txt", tuple(Page(number, None, text) for number, text in enumerate(PAGES, 1)))])


def texts(found: object) -> list[str]:
    assert isinstance(found, dict)
    return [saying.text for sayings in found.values() for saying in sayings]


def every(reading: Reading) -> list[int]:
    return [part.number for part in reading.parts]


def test_an_answer_is_a_passage_that_goes_on_and_names_its_page(reading: Reading) -> None:
    found = answering(reading, "Where does the whale oil come from?", 60, every(reading))
    said = texts(found)
    first = next(iter(found.values()))
    at = said.index("Whale oil burns in the lamp of the tower.")
    assert said[at + 1] == "It is fetched from the island twice a year."
    assert {saying.page for saying in first} == {2}
    assert [saying.apart for saying in first][:2] == [True, False]


def test_what_hangs_on_a_sentence_comes_with_it(reading: Reading) -> None:
    said = texts(answering(reading, "Who takes the mail?", 40, every(reading)))
    assert said[:2] == ["The pilot rows to the reef on Monday.", "He takes the mail along."]


def test_what_a_part_begins_with_comes_before_what_it_says_later() -> None:
    told = "The reef is watched by {} from the tower."
    boats = "Boats of the village go out at dawn and come home in the evening. " * 12
    pages = [f"Of reefs\n\n{told.format('nobody')}\n\n{boats}\n\n{told.format('somebody')}"]
    reading = Reading([Document("reef.txt", tuple(Page(at, None, text) for at, text in enumerate(pages, 1)))])
    first = next(iter(answering(reading, "Who watches the reef?", 20, every(reading)).values()))
    assert first[0].text == told.format("nobody")


def test_only_the_named_parts_answer_and_each_that_is_wanted(reading: Reading) -> None:
    boats, *_, fog = every(reading)
    assert answering(reading, "whale oil", 60, []) == {}
    found = answering(reading, "whale oil", 60, [boats], [fog])
    assert fog in found
    assert set(found) <= {boats, fog}


def test_a_question_is_planned_by_its_passages_the_best_first() -> None:
    reading = Reading([book([("The Lamps", [9, 9]), ("Of Fog", [9, 9]), ("Oil", [9, 9])], pages=900)])
    whole = plan(reading, "Who brought the barrels of oil?", 60, asks=True)
    assert "barrels of oil" in whole.sections[0].sayings[0][0].text
    away: dict[int, State] = dict.fromkeys(whole.sections[0].parts, "none")
    assert not set(away) & {number for each in plan(reading, "oil?", 60, choices=away, asks=True).sections
                            for number in each.parts}  # fmt: skip
    assert not plan(reading, "Zebras?", 60, asks=True).found
