"""Notes of a part's own sentences: whole ones, in order, none twice."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.reading.extract import is_whole, note
from tests.app.reading.models import KnownWords

TEXT = """2.1 The lamp

The lamp of the lighthouse is lit by the keeper every evening at dusk. It is put out again at dawn, when ships can see
the rock. The keeper of the lighthouse lights the lamp every evening at dusk.

Figure 3. The lamp of the lighthouse, with its lens and its keeper.

    lamp.light(at=dusk); lamp.close(at=dawn);

The oil for the lamp comes by boat twice a year and is kept in the cellar below the tower. The lamp needs a new wick
"""


def test_a_note_has_the_central_sentences_in_their_order() -> None:
    found = note(TEXT, words=40)
    assert [sentence.text for sentence in found] == [
        "The lamp of the lighthouse is lit by the keeper every evening at dusk.",
        "The oil for the lamp comes by boat twice a year and is kept in the cellar below the tower.",
    ]
    assert [" ".join(TEXT[sentence.start : sentence.end].split()) for sentence in found] == [
        sentence.text for sentence in found
    ]


def test_a_note_has_a_sentence_even_if_that_is_longer_than_asked() -> None:
    assert len(note(TEXT, words=3)) == 1


def test_vectors_may_say_which_are_central() -> None:
    assert note(TEXT, 20, KnownWords())[0].text.startswith("The lamp")


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
