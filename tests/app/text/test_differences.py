"""Differences of two texts that can be decided one by one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.diff import Difference, differences

LAMP = "The lamp was lit at dusk."


def told(old: str, new: str) -> list[str | tuple[str, str]]:
    """What is the same as a text, what is not as a pair."""
    return [piece.old if piece.equal else (piece.old, piece.new) for piece in differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("", "", []),
        (LAMP, LAMP, [LAMP]),
        ("", LAMP, [("", LAMP)]),
        (LAMP, "", [(LAMP, "")]),
        (LAMP, "The lamp was kindled at dusk.", ["The lamp was ", ("lit", "kindled"), " at dusk."]),
        # Two words between two changes: one change.
        (
            "Every night of the year the keeper trimmed the wick and wrote in the log.",
            "Every day of each year the keeper trimmed the wick and wrote in the book.",
            ["Every ", ("night of the", "day of each"), " year the keeper trimmed the wick and wrote in the ",
             ("log", "book"), "."],
        ),
        # Hardly a word is kept: the sentence is one change, and the next is not part of it.
        (
            f"{LAMP} One of the most important tasks is to answer the letters. Fog came.",
            f"{LAMP} Answering letters matters. Fog came.",
            [f"{LAMP} ", ("One of the most important tasks is to answer the letters.", "Answering letters matters."),
             " Fog came."],
        ),
        # Sentences that go, and sentences that come, each by itself.
        (f"{LAMP} It was cold. Fog came.", LAMP, [LAMP, (" It was cold.", ""), (" Fog came.", "")]),
        (LAMP, f"{LAMP} It was cold (p. 3). Fog came.", [LAMP, ("", " It was cold (p. 3)."), ("", " Fog came.")]),
        (
            "灯台は高い。光は強い。", "灯台は低い。光は弱い。",
            ["灯台は", ("高", "低"), "い。光は", ("強", "弱"), "い。"],
        ),
        (
            "- One lamp.\n- Two old lamps.", "- One lamp.\n- Two old lights.",
            ["- One lamp.\n- Two old ", ("lamps", "lights"), "."],
        ),
    ],
)  # fmt: skip
def test_pieces_can_be_read(old: str, new: str, pieces: list[str | tuple[str, str]]) -> None:
    assert told(old, new) == pieces


WORDS = st.sampled_from(
    ["the ", "lamp ", "burned ", "light. ", "A ", "keeper! ", "\n\n", "- ", "灯", "台。", "| ", "\r", "x"]
)
TEXTS = st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=40)


@given(TEXTS, TEXTS)
def test_pieces_make_both_texts_and_two_neighbours_are_never_the_same(old: str, new: str) -> None:
    pieces = differences(old, new)
    assert "".join(piece.old for piece in pieces) == old
    assert "".join(piece.new for piece in pieces) == new
    assert all(piece.old or piece.new for piece in pieces)
    assert not any(one.equal and other.equal for one, other in pairwise(pieces))
    assert (old == new) == all(piece.equal for piece in pieces)


def test_an_equal_piece_is_no_difference() -> None:
    assert Difference("a", "a").equal
    assert not Difference("a", "").equal
