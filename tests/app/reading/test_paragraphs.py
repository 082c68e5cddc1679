"""Hard lines become paragraphs, and every character knows where it stood."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.reading.paragraphs import Extract, plain, plain_of
from app.reading.place import Place

PARAGRAPH = (
    "The keeper of the lighthouse lit the lamp at dusk,\n"
    "and wrote down the hour in a book that his father\n"
    "had begun. Nobody has read it since he left it and\n"
    "went to sea."
)


@given(st.lists(st.text(alphabet="aB1 .-\n…#|{\u3042", max_size=40), max_size=4))
def test_every_character_stands_where_it_says(texts: list[str]) -> None:
    found = plain_of([Extract(Place(page, 0), text) for page, text in enumerate(texts, 1)])
    for position, character in enumerate(found.text):
        page, offset = found.place(position)
        assert found.page(position) == page
        source = texts[page - 1]
        assert character in " \n…" or source[offset] == character
    visible = [character for text in texts for character in text if character not in " \n…."]
    assert [character for character in found.text if character not in " \n…."] == visible


def test_lines_of_one_paragraph_are_joined() -> None:
    assert plain(PARAGRAPH) == PARAGRAPH.replace("\n", " ")
    assert plain(f"{PARAGRAPH}\n\n{PARAGRAPH}\n") == f"{PARAGRAPH} \n\n{PARAGRAPH}".replace("\n", " ").replace(
        "   ", "\n\n"
    )


def test_a_paragraph_goes_on_over_the_end_of_a_page() -> None:
    first, second = PARAGRAPH[:101], PARAGRAPH[101:]
    found = plain_of([Extract(Place(3, 0), first), Extract(Place(4, 7), second)])
    assert found.text == PARAGRAPH.replace("\n", " ")
    assert found.page(0) == 3
    assert found.page(len(found.text) - 1) == 4
    assert found.place(found.text.index("had begun")) == Place(4, 7 + second.index("had"))


@pytest.mark.parametrize(
    "lines",
    [
        "- one lamp for the tower and a second for the boat\n- two oars for the boat, of ash, and a spare one of pine",
        "1. Light the lamp at dusk, when the sun is gone\n2. Put it out at dawn, when the ships can see the rock",
        "    for lamp in lamps_of_the_lighthouse(tower, 12):\n        lamp.light(at=dusk, until=dawn, colour=red);",
        "| lamp | hour of lighting | hour of putting out |\n| --- | --- | --- |\n| the upper one | dusk | dawn |",
        "# The lamp\nIt was lit.",
        "4.2 The lamp and its keeper in the old lighthouse\nThe lamp was lit at dusk, when the sun was gone.",
        "The Keeper\nJanuary\nA lamp\nOil",
    ],
)
def test_lists_programs_tables_and_titles_keep_their_lines(lines: str) -> None:
    assert [line.split() for line in plain(lines).split("\n") if line] == [line.split() for line in lines.split("\n")]


def test_japanese_lines_are_joined_without_a_blank() -> None:
    first = "灯台は岬の先に立ち、毎晩、沖を行く船に光を送り続けている。建てられたのは百年前のこと"
    lines = f"{first}\nで、今も同じ家族が守っている。"
    assert plain(lines) == lines.replace("\n", "")


def test_leaders_are_one_sign() -> None:
    assert (
        plain("1.1 The lamp . . . . . . . . . . . 12\n1.2 The keeper......... 14")
        == "1.1 The lamp … 12\n1.2 The keeper … 14"
    )


def test_long_lines_are_paragraphs_of_their_own() -> None:
    lines = f"{PARAGRAPH.replace(chr(10), ' ')}\n{PARAGRAPH.replace(chr(10), ' ')}"
    assert plain(lines) == lines


def test_there_is_no_place_after_the_end() -> None:
    with pytest.raises(IndexError, match="has 1 characters; there is none at 1"):
        plain_of([Extract(Place(1, 0), "a")]).place(1)


def test_a_path_that_is_broken_is_put_together() -> None:
    lines = (
        "The lock files of the lighthouse are those of /var/\nlock, and the books of the keeper are kept below the /\n"
    )
    assert plain(lines + "etc directory.") == (
        "The lock files of the lighthouse are those of /var/lock, and the books of the keeper are kept below the /etc "
        "directory."
    )


def test_a_word_behind_a_path_is_none_of_it() -> None:
    lines = "The configuration of the modules of the lamp is kept below /etc/modprobe.d/\ndirectory of the keeper."
    assert plain(lines) == lines.replace("\n", " ")


def test_a_heading_stays_apart_from_the_paragraph_below_it() -> None:
    title = "The keeper of the lighthouse and of its lamp in winter"
    text = f"{title}\n{PARAGRAPH}"
    assert plain(text).startswith(f"{title} The")
    found = plain_of([Extract(Place(1, 0), text)], {Place(1, 0): title})
    assert found.text == f"{title}\n\n{plain(PARAGRAPH)}"


def test_characters_of_a_wide_script_take_two_columns() -> None:
    first = "灯台は Debian の岬の先に立ち、毎晩 lighthouse keeper と沖を行く船に光を送り続けている"
    second = "家族が守っている。灯台の光は夜ごとに海を照らし、船を導く。建てられたのは百年前で、今も"
    assert plain(f"{second}\n{first}\n{second}") == second + first + second


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        ("It is written with the charset encoding called UTF-\n8 on all of them.", "called UTF-8 on"),
        ("All of it can be found at the place https://example.\norg/lamps and on paper.", "https://example.org/lamps"),
        ("It has been read by us all, and this is the end.\nThere is more of it.", "the end. There"),
    ],
)
def test_an_address_or_a_name_goes_on_in_the_next_line(lines: str, joined: str) -> None:
    assert joined in plain(f"{lines}\n")
