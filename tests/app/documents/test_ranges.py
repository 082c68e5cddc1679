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
        ("１－３，７，９－", [1, 2, 3, 7, 9, 10]),
        ("１〜３、７；９～", [1, 2, 3, 7, 9, 10]),
        ("１ー３､７; ９から", [1, 2, 3, 7, 9, 10]),
        ("　１　－　３　、　７　", [1, 2, 3, 7]),
        ("1 to 3, 9 TO 10, 7to8", [1, 2, 3, 7, 8, 9, 10]),
        ("p. 3", [3]),
        ("P.3, pp. 5-6; pages 8 to 9, page 1", [1, 3, 5, 6, 8, 9]),
        ("3ページ、第5頁、６页", [3, 5, 6]),
        ("第1頁〜第3頁、5p-6p、9ページから", [1, 2, 3, 5, 6, 9, 10]),
        ("第１ページから第３ページまで", [1, 2, 3]),
        ("1——3", [1, 2, 3]),
        ("٣", [3]),
        ("١-٣, ७, १०", [1, 2, 3, 7, 10]),
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
        ("²", "“²” is not a page"),
        ("1²", "“1²” is not a page"),
        ("1-₃", "“1-₃” is not a page"),
        ("③", "“③” is not a page"),
        ("½", "“½” is not a page"),
        ("١١", "no page 11"),
        ("ｘ", "“ｘ” is not a page"),
        ("１、、２", "nothing between two commas"),
        ("１１", "no page 11"),
        ("５〜３", "“５〜３” runs backwards: write 3-5"),
        ("－３", "“－３” is not a page"),
        ("1 2", "“1 2” is not a page"),
        ("ページ", "“ページ” is not a page"),
        ("1 too 3", "is not a page"),
    ],
)
def test_page_range_errors_state_what_is_wrong_and_the_page_count(ranges: str, message: str) -> None:
    with pytest.raises(PageRangeError, match=message) as caught:
        select_pages(TEN, ranges)
    assert str(caught.value).startswith("ten.pdf has 10 pages")


def test_only_pages_without_text_are_an_error() -> None:
    with pytest.raises(PageRangeError, match=r"ten.pdf: the chosen pages \(4\) have no text"):
        select_pages(TEN, "4")


@pytest.mark.slow
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


@pytest.mark.parametrize("dash", "-‐‑‒–—―−~〜～ー－﹣ｰ")
@pytest.mark.parametrize("comma", [",", "，", "、", "､", ";", "；"])
def test_every_dash_and_comma_means_the_same(dash: str, comma: str) -> None:
    full_width = str.maketrans("0123456789", "０１２３４５６７８９")
    ranges = f"1{dash}3{comma}7{comma} 9 {dash}"
    for written in (ranges, ranges.translate(full_width)):
        assert [page.number for page in select_pages(TEN, written)] == [1, 2, 3, 7, 9, 10]


def test_a_page_on_which_nothing_is_seen_is_left_out() -> None:
    document = Document("a.txt", (Page(1, None, "text"), Page(2, None, "\u200b\xad\x01 ")))
    assert select_pages(document, "") == document.pages[:1]
    with pytest.raises(PageRangeError, match="have no text"):
        select_pages(document, "2")


@given(st.text(st.sampled_from("0123456789 ,-–x１２、～ーp.第頁"), max_size=12))
def test_any_range_gives_pages_or_a_page_range_error(ranges: str) -> None:
    try:
        pages = select_pages(TEN, ranges)
    except PageRangeError:
        return
    assert pages
    assert list(pages) == sorted(pages, key=lambda page: page.number)
