"""Notes of a part's own sentences: whole ones, in order, none twice."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from app.reading.extract import note, passage, passages
from app.reading.standing import bearing
from app.reading.statements import is_whole, statements

TEXT = """2.1 The lamp

The lamp of the lighthouse is lit by the keeper every evening at dusk. It is put out again at dawn, when ships can see
the rock. The keeper of the lighthouse lights the lamp every evening at dusk.

Figure 3. The lamp of the lighthouse, with its lens and its keeper.

    lamp.light(at=dusk); lamp.close(at=dawn);

Oil for the lamp comes by boat twice a year and is kept in the cellar below the tower. The lamp needs a new wick
"""


def test_a_note_has_the_central_sentences_in_their_order() -> None:
    found = note(TEXT, words=40)
    assert [sentence.text for sentence in found] == [
        "The lamp of the lighthouse is lit by the keeper every evening at dusk.",
        "Oil for the lamp comes by boat twice a year and is kept in the cellar below the tower.",
    ]
    assert [" ".join(TEXT[sentence.start : sentence.end].split()) for sentence in found] == [
        sentence.text for sentence in found
    ]


def test_a_note_has_a_sentence_even_if_that_is_longer_than_asked() -> None:
    assert len(note(TEXT, words=3)) == 1


@pytest.mark.parametrize(
    "text", ["", "\n\n", "lamp = 3\n", "The Lamp of the Keeper", "1.2 Lamp . . . . . . . 14\n" * 9]
)
def test_where_there_is_no_sentence_there_is_no_note(text: str) -> None:
    assert note(text) == ()


@pytest.mark.parametrize(
    ("sentence", "whole"),
    [
        ("The keeper lights the lamp at dusk.", True),
        ("灯台の光は夜ごとに海を照らし、船を導く。", True),
        ("Der Wärter zündet die Lampe am Abend an.", True),
        ("lights the lamp of the tower at dusk.", False),
        ("The keeper lights the lamp at dusk", False),
        ("Table 4.1: the hours of the lamp and its keeper.", False),
        ("The call f(x, y) = g[x] + {h: 3} / 4 * (2 ** 8) ends.", False),
        ("Light it.", False),
    ],
)
def test_what_is_a_whole_sentence(sentence: str, whole: bool) -> None:
    assert is_whole(sentence) == whole


@given(st.text(alphabet="The lamp.\n 灯。(", max_size=300), st.integers(1, 80))
def test_sentences_are_in_order_and_as_they_stand(text: str, words: int) -> None:
    found = note(text, words)
    assert [(sentence.start, sentence.end) for sentence in found] == sorted(
        {(sentence.start, sentence.end) for sentence in found}
    )
    assert all(" ".join(text[sentence.start : sentence.end].split()) == sentence.text for sentence in found)


FOLLOWED = """The oil of the lighthouse comes by boat from the island. It is kept in the cellar of the tower. Nobody but
the keeper may enter the rooms below the tower.

Wicks are made of cotton by the women of the village on the mainland."""


def test_a_sentence_that_hangs_comes_only_with_the_one_before() -> None:
    said = [sentence.text for sentence in note(FOLLOWED, 60, alone=True)]
    assert "It is kept in the cellar of the tower." in said
    without = FOLLOWED.replace("The oil of the lighthouse comes", "In Section 3 the oil comes")
    said = [sentence.text for sentence in note(without, 60, alone=True)]
    assert said
    assert "It is kept in the cellar of the tower." not in said


@given(st.permutations(FOLLOWED.replace("\n\n", " ").replace("\n", " ").split(". ")), st.integers(5, 80))
def test_none_hangs_in_the_air(order: list[str], words: int) -> None:
    text = ". ".join(sentence.removesuffix(".") for sentence in order) + "."
    found = note(text, words, alone=True)
    ends = {sentence.end for sentence in found}
    assert all(bearing(each.text) == "alone" or each.start - 1 in ends for each in found)


def test_items_without_a_verb_are_no_sentences() -> None:
    items = "The standard enables:\n\n- Users to find the lamp of the tower.\n- Pilots to see the rock at night.\n"
    assert note(items, alone=True) == ()
    full = items.removeprefix("The standard enables:\n") + "- The lamp of the tower is lit by the keeper.\n"
    assert [sentence.text for sentence in note(full, alone=True)] == ["The lamp of the tower is lit by the keeper."]
    assert note(f"The series is such that:\n\n{full}", alone=True) == ()  # they say it of the series


RUNNING = """Normally the lamp is lit by the keeper of the tower. However, in a storm the lamp is lit by the pilot.
Oil comes by boat.

The harbour has a bell. Boats of the coast come with oil for the lamp of the tower in spring."""


def test_what_is_taken_back_comes_only_with_what_takes_it_back() -> None:
    assert [each.turned for each in statements(RUNNING)] == [True, False, False, False]
    assert [each.text for each in note(RUNNING, 22)] == [
        "Normally the lamp is lit by the keeper of the tower.",
        "However, in a storm the lamp is lit by the pilot.",
    ]
    assert not any(each.text.startswith("Normally") for each in note(RUNNING, 12))


def test_a_passage_is_of_sentences_that_follow_each_other() -> None:
    found = statements(RUNNING)
    assert [each.before for each in found] == [-1, 0, -1, 2]
    assert passage(found, 0, 100) == [0, 1]
    assert passage(found, 0, 15) == []
    assert passage(found, 2, 10) == [2]
    assert passage(found, 2, 100) == [2, 3]


def test_what_a_document_says_again_and_again_is_not_taken_first() -> None:
    worn = "Oil for the lamp of the lighthouse comes by boat."
    text = f"{worn}\n\nThe keeper of the lighthouse lights the lamp.\n"
    assert note(text, 10)[0].text == worn
    assert note(text, 10, worn=worn.__eq__)[0].text != worn


def test_what_stands_below_a_term_or_a_colon_says_something_of_that() -> None:
    for above in ("_R_CHECK_ALL_", "There are two reasons:", "--with-lamp"):
        (each,) = statements(f"{above}\n\nThe lamp of the tower is lit by the keeper.\n")
        assert each.bearing == "elsewhere"
    (each,) = statements("The lamp\n\nThe lamp of the tower is lit by the keeper.\n")
    assert each.bearing == "alone"


def test_what_is_said_in_a_note_below_the_text_is_left_out_with_its_number() -> None:
    text = "The keeper lights the lamp12 every evening.\n\n12 The lamp was brought by a boat. Oil was scarce there.\n"
    assert [sentence.text for sentence in note(text, alone=True)] == ["The keeper lights the lamp every evening."]
    assert note("The keeper lights the lamp12 every evening.\n", alone=True) == ()


def test_the_words_of_the_title_and_a_definition_count() -> None:
    text = (
        "Boats of the coast came with oil in spring.\n\n"
        "A fog signal is a horn that warns boats of the coast in spring.\n"
    )
    assert note(text, 10)[0].text.startswith("Boats")
    assert note(text, 10, title="4.2 Fog signals")[0].text.startswith("A fog signal is")


@pytest.mark.parametrize(
    ("sentence", "whole"),
    [
        ("/usr is shareable, read-only data.", True),
        ("read.table() reads a table from a file.", True),
        ("e.g. a table that is read from a file.", False),
    ],
)
def test_what_begins_with_a_path_or_a_call(sentence: str, whole: bool) -> None:
    assert is_whole(sentence) == whole


def test_the_nearest_by_meaning_comes_first() -> None:
    text = " ".join(f"The {word} of the tower is kept by the keeper." for word in ("lamp", "stair", "horn", "boat"))
    found = statements(text)
    apt = np.array([0.1, 0.1, 0.6, 0.1], np.float32)
    assert [each.text for each in passages(found, 9)] == ["The lamp of the tower is kept by the keeper."]
    assert [each.text for each in passages(found, 9, apt=apt)] == ["The horn of the tower is kept by the keeper."]
