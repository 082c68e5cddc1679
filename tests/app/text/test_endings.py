"""Where a text that a model has begun can end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.endings import to_last_sentence


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The lamp was lit. The fog", "The lamp was lit."),
        ("The lamp was lit.", "The lamp was lit."),
        ("The lamp was lit. \n\n", "The lamp was lit."),
        ("“The lamp was lit.” The fog came", "“The lamp was lit.”"),
        ("Was it lit? It was! Then", "Was it lit? It was!"),
        ("One was lit.\n\nThe other\n\n- one\n- two", "One was lit."),
        ("- The lamp was lit.\n- The fog", "- The lamp was lit."),
        ("He wrote to Mr. Smith. The fog of 3.", "He wrote to Mr. Smith. The fog of 3."),
        ("灯台が建った。霧が", "灯台が建った。"),
        ("Nothing is finished here \n", "Nothing is finished here"),
        ("- one\n- two", "- one\n- two"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_the_unfinished_sentence_goes(text: str, kept: str) -> None:
    assert to_last_sentence(text) == kept


@given(st.lists(st.sampled_from(["The lamp was lit.", "Fog came in!", "灯台。", "The rock", " ", "\n\n", "- "])))
def test_what_stays_is_the_beginning_and_can_stay(pieces: list[str]) -> None:
    text = "".join(pieces)
    kept = to_last_sentence(text)
    assert text.startswith(kept)
    assert kept == kept.rstrip()
    assert to_last_sentence(kept) == kept
    if any(mark in text for mark in (".", "!", "。")):
        assert kept != ""


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("One. Two and", "One."),
        ("“One.” Two", "“One.”"),
        ("No end", "No end"),
        ("3.5 m high. It", "3.5 m high."),
        ("灯台。霧", "灯台。"),
        ("One. Two!", "One. Two!"),
        ("1. One.\n2. Two.\n3.", "1. One.\n2. Two."),
        ("", ""),
    ],
)
def test_what_was_cut_off_ends_with_a_sentence(text: str, whole: str) -> None:
    assert to_last_sentence(text) == whole
