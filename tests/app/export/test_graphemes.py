"""What is one sign, and which signs are emoji."""

import pytest

from app.export.graphemes import graphemes, is_emoji, right_to_left, visible, with_plain_blanks, wrapped

FAMILY = "👨‍👩‍👧"


@pytest.mark.parametrize("sign", ["a", "e\u0301", "क्षि", "❤️", "1️⃣", "👍🏽", FAMILY, "🇯🇵", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "각", "ی\u200c"])
def test_what_belongs_together_is_one_grapheme(sign: str) -> None:
    assert graphemes(f"x{sign}{sign}") == ["x", sign, sign]


def test_emoji_are_those_of_themselves_and_those_that_are_asked_for() -> None:
    assert all(map(is_emoji, ["✅", "👍🏽", "❤️", "1️⃣", "1⃣", "☝🏽", "👁‍🗨", "🇯🇵", FAMILY]))
    assert not any(map(is_emoji, ["❤", "✅\ufe0e", "☎", "1", "→", "日"]))


def test_characters_without_a_shape_are_not_visible() -> None:
    assert visible("a\u200d\ufe0f\u2060b\u00ad\u200fc\U000e0067") == "abc"


def test_rare_blanks_become_plain_ones() -> None:
    assert with_plain_blanks("a\u2028b\u3000d\u00a0e\tf") == "a b\u3000d e f"


def test_lines_end_at_blanks_and_never_within_a_sign() -> None:
    assert wrapped("aa bb cc dddddddd", 5) == ["aa bb", "cc", "ddddd", "ddd"]
    assert wrapped(FAMILY * 5, 2) == [FAMILY * 2, FAMILY * 2, FAMILY]
    assert wrapped("", 5) == []


def test_which_text_runs_from_right_to_left() -> None:
    assert [right_to_left(text) for text in ("abc 12 ✅", "a א", "مرحبا", "\u202ea")] == [False, True, True, True]
