"""Where sentences begin and end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.sentences import sentences


def split(text: str) -> list[str]:
    return [text[sentence.start : sentence.end] for sentence in sentences(text)]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(sentence.kind, text[sentence.start : sentence.end]) for sentence in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "One is here.|Two is there!|Is three?|Yes.",
        "Use a tool, e.g. a hammer, i.e. Mjolnir.|Mr. Smith and Dr. J. R. Jones vs. Prof. Lee agree.",
        "See Fig. 3 and no. 5, p. 7.|The answer is no.|Then go.",
        "Pi is 3.14 and version 1.2.3 is out.|So is 2.0.|It works.",
        "He waited ... and waited.|Then...|Nothing.",
        'She said "Stop!" and left.|"It is late."|(So it was.)|He (Tom) knew it.[3]|Good.',
        "Nuts, bolts, etc. are here.|We sell nuts, etc.|They are cheap.",
        "A sentence\nover three\nlines.|Another\none.",
        "3.1. Introduction to lists.|A. Next of them.",
        "雨が降る。|風も吹く！|「行こう。」と彼は言った。|本当ですか？|はい",
        "It is by `dpkg`.|`apt` calls it.|**Bold** follows.",
        "It runs in R.|However, S was first.|J. R. Smith wrote both.",
        "Variables are loaded into R.|The keeper is J. Smith.",
        "He is from the U.S. Army.|That is all.",
    ],
)
def test_sentences_end_where_readers_end_them(text: str) -> None:
    parts = text.split("|")
    wide = any(mark in text for mark in "。！？")
    assert split(("" if wide else " ").join(parts)) == parts


def test_headings_items_rows_and_code_are_units_of_their_own() -> None:
    text = (
        "# The title\n\nUnder\n-----\nSome text\nover lines.\n- First item. It has two.\n- second\n  goes on\n"
        "1. Third\n\n| a | b |\n|---|---|\n| 1. One | 2 |\nAfter it.\n\n```\nx = 1. Y\n```\n> Quoted text\n\nEnd"
    )
    assert kinds(text) == [
        ("heading", "The title"),
        ("heading", "Under"),
        ("sentence", "Some text\nover lines."),
        ("item", "First item."),
        ("item", "It has two."),
        ("item", "second\n  goes on"),
        ("item", "Third"),
        ("head", "| a | b |"),
        ("row", "| 1. One | 2 |"),
        ("sentence", "After it."),
        ("code", "x = 1. Y"),
        ("sentence", "Quoted text"),
        ("sentence", "End"),
    ]


def test_a_number_at_the_start_of_a_line_within_a_paragraph_is_no_item() -> None:
    assert split("This is told in section\n3. It is short.") == ["This is told in section\n3.", "It is short."]


def test_without_a_delimiter_a_line_with_a_pipe_is_text() -> None:
    assert kinds("Use a | b here.\nAnd c.") == [("sentence", "Use a | b here."), ("sentence", "And c.")]


@given(st.text(alphabet='aB3 .!?。\n|#-*`>"()」…\t', max_size=60))
def test_spans_are_in_order_and_hold_every_letter(text: str) -> None:
    found = sentences(text)
    assert all(sentence.start < sentence.end for sentence in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(text[one.start : one.end] == text[one.start : one.end].strip() for one in found)
    inside = {at for sentence in found for at in range(sentence.start, sentence.end)}
    assert all(at in inside for at, sign in enumerate(text) if sign.isalpha() and "`" not in text)
