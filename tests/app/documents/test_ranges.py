"""Choices of pages are read as a person writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import Document, Page, select_pages
from app.say.errors import PageRangeError

TEN = Document("ten.pdf", tuple(Page(n, None, f"text {n}" if n != 4 else " ") for n in range(1, 11)))


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ("", [1, 2, 3, 5, 6, 7, 8, 9, 10]),
        ("  ", [1, 2, 3, 5, 6, 7, 8, 9, 10]),
        ("7", [7]),
        ("1-3, 7, 9-", [1, 2, 3, 7, 9, 10]),
        (" 9 - 10 ,1 -2", [1, 2, 9, 10]),
        ("2–3", [2, 3]),
        ("5,5,4-6", [5, 6]),
        ("10-", [10]),
    ],
)
def test_page_ranges(ranges: str, expected: list[int]) -> None:
    assert [page.number for page in select_pages(TEN, ranges)] == expected


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ("x", "“x” is not a page"),
        ("1-2-3", "“1-2-3” is not a page"),
        ("-3", "“-3” is not a page"),
        ("1,,2", "nothing between two commas"),
        ("0", "start at 1"),
        ("11", "no page 11"),
        ("11-", "no page 11"),
        ("3-99999", "no page 99,999"),
        ("5-3", "write 3-5"),
        ("١", "is not a page"),
    ],
)
def test_page_range_errors_state_what_is_wrong_and_the_page_count(ranges: str, message: str) -> None:
    with pytest.raises(PageRangeError, match=message) as caught:
        select_pages(TEN, ranges)
    assert str(caught.value).startswith("ten.pdf has 10 pages")


def test_only_pages_without_text_are_an_error() -> None:
    with pytest.raises(PageRangeError, match=r"ten.pdf: the chosen pages \(4\) have no text"):
        select_pages(TEN, "4")


@given(st.lists(st.tuples(st.integers(1, 10), st.integers(1, 10)), min_size=1), st.sampled_from(["", " ", "\t"]))
def test_ranges_name_exactly_their_pages(pairs: list[tuple[int, int]], blank: str) -> None:
    ordered = [sorted(pair) for pair in pairs]
    ranges = f"{blank},{blank}".join(f"{first}{blank}-{blank}{last}" for first, last in ordered)
    expected = sorted({n for first, last in ordered for n in range(first, last + 1)} - {4})
    if expected:
        assert [page.number for page in select_pages(TEN, ranges)] == expected
    else:
        with pytest.raises(PageRangeError):
            select_pages(TEN, ranges)


@given(st.text(st.sampled_from("0123456789 ,-–x"), max_size=12))
def test_any_range_gives_pages_or_a_page_range_error(ranges: str) -> None:
    try:
        pages = select_pages(TEN, ranges)
    except PageRangeError:
        return
    assert pages
    assert list(pages) == sorted(pages, key=lambda page: page.number)
