"""Text as every part of the app can take it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.valid import is_visible, valid, valid_text

ANY = st.text(st.characters(codec=None) | st.sampled_from("\r\n\t\x00\x85\x7f\ud83d\ude00\ufffe"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a\tb\nc d 灯台 🗼 e\u0301 \u200b\ufeff\xad\u2028", "a\tb\nc d 灯台 🗼 e\u0301 \u200b\ufeff\xad\u2028"),
        ("a\r\nb\rc\n\rd\r\r\n", "a\nb\nc\n\nd\n\n"),
        ("\0a\x07\x0b\x0c\x1b[0m\x7f\x80\x85\x9fb", "a[0mb"),
        ("a\ufffeb\uffffc", "abc"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d \ude00", "\ufffd \ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("x\ud83d\ud83d\ude00\ude00y", "x\ufffd😀\ufffdy"),
        ("\ud83d\0\ude00", "\ufffd\ufffd"),
        ("odd\udc80.txt", "odd\ufffd.txt"),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    assert valid_text(text) == expected


@given(ANY)
def test_the_result_can_be_encoded_and_is_not_changed_again(text: str) -> None:
    result = valid_text(text)
    result.encode("utf-8")
    assert not any((c < " " and c not in "\t\n") or "\x7f" <= c <= "\x9f" or c in "\ufffe\uffff" for c in result)
    assert valid_text(result) is result


@given(ANY)
def test_pairs_are_joined_as_json_joins_them(text: str) -> None:
    halves = json.loads(json.dumps(text))  # which writes a character beyond the first 65,536 as two halves
    apart = "".join(chr(int(unit, 16)) for unit in _units(halves))
    assert valid_text(apart) == valid_text(halves)


def _units(text: str) -> list[str]:
    encoded = text.encode("utf-16-be", "surrogatepass").hex()
    return [encoded[at : at + 4] for at in range(0, len(encoded), 4)]


def test_values_are_made_valid_through_and_through() -> None:
    value = {"a\0": ["b\r\n", ("c\ud800", 1, None, 0.5, True)], 3: {"d": "e"}}
    assert valid(value) == {"a": ["b\n", ("c\ufffd", 1, None, 0.5, True)], 3: {"d": "e"}}


@pytest.mark.parametrize(
    "text", ["", " \t\n\u3000\xa0\u2028", "\0\x01\x02", "\xad", "\u200b\u200d\u2060\ufeff", "\u115f\ufe0f"]
)
def test_some_texts_show_nothing(text: str) -> None:
    assert not is_visible(text)
    assert not is_visible(valid_text(text))


@pytest.mark.parametrize("text", ["a", "\u200b.\u200b", "灯", "🗼", "\ufffd", "\u0301", "\u0600"])
def test_others_show_something(text: str) -> None:
    assert is_visible(text)
