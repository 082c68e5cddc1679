"""What arrives is made valid: it can be sent, stored and shown, and clean text is left as it is."""

import json
import re
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.valid import valid, valid_text

HALVES = st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), min_size=1)
CONTROLS = st.text(st.characters(max_codepoint=0xA0) | st.sampled_from("\ufffe\uffff\u2028\ufeff"), min_size=1)
ANYTHING = st.lists(st.text() | HALVES | CONTROLS, max_size=5).map("".join)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("\ud83d\ude42", "🙂"),  # both halves of a pair, as a browser may send them
        ("a\ud83d", "a\ufffd"),
        ("\ud83da", "\ufffda"),
        ("\ude42\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude42", "\ufffd🙂"),
        ("灯\x00台\x1b[0m\x1a3;\x7f\x85", "灯台[0m3;"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("a\tb\fc\u2028d\ufeffe", "a\tb\fc\u2028d\ufeffe"),
        ("\ufffe\uffff", ""),
        ("", ""),
    ],
)
def test_a_text_is_made_valid(sent: str, kept: str) -> None:
    assert valid_text(sent) == kept


@given(ANYTHING)
def test_a_valid_text_can_be_sent_and_stored(text: str) -> None:
    made = valid_text(text)
    assert made.encode("utf-8").decode("utf-8") == made
    assert json.loads(json.dumps(made, ensure_ascii=False).encode()) == made
    assert sqlite3.connect(":memory:").execute("SELECT ?", (made,)).fetchone() == (made,)
    assert not re.search("[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\ufffe\uffff]", made)
    assert valid_text(made) is made


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\t\n\f")))
def test_clean_text_is_left_as_it_is(text: str) -> None:
    assert valid_text(text) is text


def test_values_are_made_valid_all_through() -> None:
    sent = {"te\x00xt": ["a\ud83d", ("b\x1b", {"c": "d\r\n"})], "n": 1, "x": 0.5, "on": True, "no": None, "raw": b"\0"}
    made = {"text": ["a\ufffd", ("b", {"c": "d\n"})], "n": 1, "x": 0.5, "on": True, "no": None, "raw": b"\0"}
    assert valid(sent) == made
    assert isinstance(valid(sent)["text"][1], tuple)
    assert valid(True) is True


VALUES = st.recursive(
    ANYTHING | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(ANYTHING, inner, max_size=3),
)


@given(VALUES)
def test_no_text_within_a_value_stays_invalid(value: Any) -> None:
    def texts(found: Any) -> list[str]:
        if isinstance(found, str):
            return [found]
        parts = [*found, *found.values()] if isinstance(found, dict) else found
        return [text for part in parts for text in texts(part)] if isinstance(parts, list | tuple) else []

    made = valid(value)
    assert all(valid_text(text) is text for text in texts(made))
    assert valid(made) == made
