"""References to pages: where they are put, and that they are found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.citations import cited, has_sentence, without_citations

WORDS = st.text('abc XYZé灯(),;:"”…', min_size=1, max_size=40)
MARKS = st.sampled_from(["", ".", "!", "?", "。", "！", '."', ".”", "!)", "。」", ".]"])
PAGES = st.lists(st.integers(1, 3000), max_size=5)
NAMES = st.from_regex(r"[abC19_. -]{0,9}(\([1-9]\))?(\.pdf)?", fullmatch=True).map(str.strip)


@pytest.mark.parametrize(
    ("text", "pages", "name", "expected"),
    [
        ("The lamp was lit.", [12], "", "The lamp was lit (p. 12)."),
        ("The lamp was lit.", [5, 3, 5], "", "The lamp was lit (pp. 3, 5)."),
        ("The lamp was lit.", [12, 2], "R-intro.pdf", "The lamp was lit (R-intro.pdf, pp. 2, 12)."),
        ("The lamp was lit.", [], "R-intro.pdf", "The lamp was lit."),
        ("“The lamp was lit.”", [1], "", "“The lamp was lit (p. 1).”"),
        ("It was 3. Was it lit?", [1], "", "It was 3. Was it lit (p. 1)?"),
        ("灯台が建った。", [4], "", "灯台が建った (p. 4)。"),
        ("The lamp was lit", [1], "", "The lamp was lit (p. 1)"),
        ("The lamp was lit. \n", [1], "", "The lamp was lit (p. 1). \n"),
        ("The lamp was lit \n", [1], "", "The lamp was lit (p. 1) \n"),
        ("The lamp (p. 1). It was lit.", [2], "", "The lamp (p. 1). It was lit (p. 2)."),
    ],
)
def test_the_pages_stand_before_the_mark_at_the_end(text: str, pages: list[int], name: str, expected: str) -> None:
    assert cited(text, pages, name) == expected


@pytest.mark.slow
@given(WORDS, MARKS, st.lists(st.integers(1, 3000), min_size=1, max_size=5), NAMES)
def test_a_reference_is_found_again(words: str, mark: str, pages: list[int], name: str) -> None:
    text = words + mark
    with_pages = cited(text, pages, name)
    cleared = without_citations(with_pages)
    added = len(with_pages) - len(text)
    assert cleared in [text[:at] + " " * added + text[at:] for at in range(len(text) + 1)]
    numbers = ", ".join(map(str, sorted(set(pages))))
    assert with_pages.count(f". {numbers})") == 1
    assert cited(text, [], name) == text
    for draft in (text, with_pages):
        assert has_sentence(f"Before. {draft} After.", text)


@pytest.mark.parametrize("name", ["report (1).pdf", "r" * 251 + ".pdf"])
def test_a_file_that_was_fetched_twice_and_one_with_a_long_name_are_found(name: str) -> None:
    text = cited("It was lit.", [3, 4], name)
    assert without_citations(text) == f"It was lit{' ' * (len(text) - len('It was lit.'))}."


@pytest.mark.slow
@given(st.lists(st.one_of(WORDS, st.tuples(PAGES, NAMES)), max_size=6))
def test_all_else_stays_where_it_is(pieces: list[str | tuple[list[int], str]]) -> None:
    text = "".join(piece if isinstance(piece, str) else cited("", *piece) for piece in pieces)
    cleared = without_citations(text)
    assert len(cleared) == len(text)
    assert all(now in (before, " ") for before, now in zip(text, cleared, strict=True))
    assert without_citations(cleared) == cleared


@pytest.mark.parametrize("text", ["Two lamps (1990).", "As said (see p. 3 there).", "It (pp. x) is.", "(p. )", "p. 3"])
def test_other_brackets_stay(text: str) -> None:
    assert without_citations(text) == text
