"""How texts are searched."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.folding import finder, folded, found

SIGNS = "aAée\u0301ßİがｶﾞﾞ書 \n\u00ad😀ﬁ“Й각"


def places(text: str, wanted: str) -> list[str]:
    pattern = finder(wanted)
    assert pattern is not None
    assert len(list(pattern.finditer(folded(text)))) == len(list(found(text, pattern)))
    return [text[start:end] for start, end in found(text, pattern)]


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("The LAMP and a lamp", "Lamp", ["LAMP", "lamp"]),
        ("Ein Café, ein CAFE\u0301, cafe", "cafe", ["Café", "CAFE\u0301", "cafe"]),
        ("Straße und STRASSE", "strasse", ["Straße", "STRASSE"]),
        ("the light\nhouse was", "light house", ["light\nhouse"]),
        ("the lighthouse", "light house", []),
        ("灯\n台は岩の上。灯台", "灯台", ["灯\n台", "灯台"]),
        ("かがみ", "か", ["か"]),
        ("カメラ ｶﾒﾗ ガメラ ｶﾞﾒﾗ", "ガメラ", ["ガメラ", "ｶﾞﾒﾗ"]),
        ("ＡＢＣ abc", "ABC", ["ＡＢＣ", "abc"]),
        ("the ﬁrst fi\u00adrst", "first", ["ﬁrst", "fi\u00adrst"]),
        ("Й И", "и", ["Й", "И"]),
        ("f(x) = a.b", "(X) =", ["(x) ="]),
        ("“quoted”", '"quoted"', ["“quoted”"]),
        ("각 가", "가", ["가"]),
        ("İstanbul istanbul", "istanbul", ["İstanbul", "istanbul"]),
    ],
)  # fmt: skip
def test_case_diacritics_and_line_ends_do_not_count(text: str, wanted: str, expected: list[str]) -> None:
    assert places(text, wanted) == expected


def test_nothing_is_looked_for_by_blanks() -> None:
    assert finder(" \n") is None
    assert finder("") is None
    assert finder("\u00ad") is None


@given(st.text(st.sampled_from(SIGNS), max_size=20), st.integers(0, 20), st.integers(1, 6))
def test_what_stands_in_a_text_is_found_there(text: str, start: int, size: int) -> None:
    pattern = finder(text[start : start + size])
    if pattern is None or unicodedata.combining(text[start]) or text[start] == "ﾞ":
        return
    if start + size < len(text) and (unicodedata.combining(text[start + size]) or text[start + size] == "ﾞ"):
        return  # it cuts a letter from its mark
    assert any(first <= start + size and start < last for first, last in found(text, pattern))


@given(st.text(st.sampled_from("aAéßがﾞ書 \nﬁ“"), max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(st.sampled_from(SIGNS.replace("\u00ad", "")), max_size=30))
def test_places_are_of_the_folded_text(text: str) -> None:
    """Each character of it is found where one stands."""
    pattern = re.compile(".", re.DOTALL)
    assert len(list(found(text, pattern))) == len(folded(text))
