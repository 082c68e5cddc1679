"""Nothing that arrives from outside holds half a character or a control character once it was made valid."""

import unicodedata
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.text.valid import is_visible, valid, valid_text

ANY = st.text(st.characters(exclude_categories=()))
CLEAN = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\n\f", exclude_characters="\ufffe\uffff")
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine may take its time."""


def nested(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """What JSON may hold, and tuples."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | strings,
        lambda inner: (
            st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(strings | st.integers(), inner, max_size=4)
        ),
        max_leaves=12,
    )


def halves(text: str) -> str:
    """The text with each character beyond U+FFFF as its two surrogates, as JavaScript and JSON may send it."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(int.from_bytes(units[at : at + 2], "big")) for at in range(0, len(units), 2))


def strings_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return [string for part in parts for string in strings_in(part)]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\x00\ude00", "\ufffd\ufffd"),  # not a pair as it arrived
        ("😀\ud83d😀", "😀\ufffd😀"),
        ("a\x00b\x07c\x1b[1md\x7fe\x85f\x9fg\ufffeh\uffff", "abc[1mdefgh"),
        ("one\r\ntwo\rthree\nfour\r\r\n", "one\ntwo\nthree\nfour\n\n"),
        ("page\x0bone\x0ctwo", "pageone\x0ctwo"),
        (
            "\tkept\u00a0\u200d\ufeff\ue000\U000e0001\U0010ffff\n",
            "\tkept\u00a0\u200d\ufeff\ue000\U000e0001\U0010ffff\n",
        ),
    ],
)
def test_what_is_made_of_a_text(text: str, made: str) -> None:
    assert valid_text(text) == made


@unhurried
@given(ANY)
def test_a_valid_text_holds_nothing_invalid_and_stays_as_it_is(text: str) -> None:
    made = valid_text(text)
    assert made.encode("utf-8").decode("utf-8") == made
    assert not [sign for sign in made if unicodedata.category(sign) == "Cc" and sign not in "\t\n\f"]
    assert not {"\ufffe", "\uffff"} & set(made)
    assert valid_text(made) is made


@unhurried
@given(CLEAN)
def test_a_clean_text_is_given_back_itself(text: str) -> None:
    assert valid_text(text) is text
    assert valid_text(halves(text)) == text


@unhurried
@given(ANY, ANY)
def test_what_is_valid_in_a_text_stays(before: str, after: str) -> None:
    assert valid_text(f"{before}|\x00|{after}") == f"{valid_text(before)}||{valid_text(after)}"


@pytest.mark.slow
@unhurried
@given(nested(ANY))
def test_every_string_in_a_value_is_made_valid(value: Any) -> None:
    made = valid(value)
    assert type(made) is type(value)
    for string in strings_in(made):
        assert valid_text(string) is string
    assert valid(made) is made


@unhurried
@given(nested(CLEAN))
def test_a_clean_value_is_given_back_itself(value: Any) -> None:
    assert valid(value) is value


def test_only_what_changes_is_made_anew() -> None:
    class Pair(NamedTuple):
        name: str
        pages: list[str]

    clean = ["1-3"]
    made = valid({"a\x00": Pair("b\ud83d", clean), 3: (None, "c\r\n", 1.5), "d": clean})
    assert made == {"a": Pair("b\ufffd", ["1-3"]), 3: (None, "c\n", 1.5), "d": ["1-3"]}
    assert isinstance(made["a"], Pair)
    assert made["a"].pages is clean
    assert made["d"] is clean


@pytest.mark.parametrize(
    "text", ["", " \t\n\u3000\xa0\u2028", "\0\x01\x02", "\xad", "\u200b\u200d\u2060\ufeff", "\u115f\ufe0f"]
)
def test_some_texts_show_nothing(text: str) -> None:
    assert not is_visible(text)
    assert not is_visible(valid_text(text))


@pytest.mark.parametrize("text", ["a", "\u200b.\u200b", "灯", "🗼", "\ufffd", "\u0301", "\u0600"])
def test_others_show_something(text: str) -> None:
    assert is_visible(text)
