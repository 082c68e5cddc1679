"""Documents in parts: every character in one, along headings, none too large."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.documents import Document, Heading, Page, read_pasted
from app.reading.breaks import pieces
from app.reading.outline import chapters
from app.reading.parts import Part, digest, divide

WORDS = "The keeper lit the lamp at dusk and wrote the hour in his book. "
TEXTS = st.text(alphabet="aB1 .\n。灯…=#\t", max_size=60)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    pages = [Page(number, None, text) for number, text in enumerate(draw(st.lists(TEXTS, max_size=6)), 1)]
    places = [(page.number, offset) for page in pages for offset in range(len(page.text))]
    chosen = draw(st.lists(st.sampled_from(places), max_size=8)) if places else []
    headings = [
        Heading(*place, draw(st.integers(1, 6)), draw(st.sampled_from(["a", "B", "Index"]))) for place in chosen
    ]
    return Document(
        "a.txt", tuple(pages), (), tuple(sorted(headings, key=lambda heading: (heading.page, heading.offset)))
    )


def sectioned(*sections: tuple[int, str, int]) -> Document:
    """A document of one page: for each section its level, its title and how often it says WORDS."""
    text, headings = "", []
    for level, title, times in sections:
        headings.append(Heading(1, len(text), level, title))
        text += f"{title}\n\n{WORDS * times}\n\n"
    return Document("book.txt", (Page(1, None, text),), (), tuple(headings))


def titles(parts: tuple[Part, ...]) -> list[str]:
    return [part.title for part in parts]


@given(st.lists(documents(), max_size=3), st.integers(1, 80))
def test_every_character_is_in_exactly_one_part(documents: list[Document], limit: int) -> None:
    parts = divide(documents, limit)
    texts = ["".join(page.text for page in document.pages) for document in documents]
    assert ["".join(part.text(documents) for part in parts if part.document == at) for at in range(len(texts))] == texts
    assert [part.number for part in parts] == list(range(len(parts)))
    for part in parts:
        assert 0 < part.characters == len(part.text(documents)) <= limit
        pages = {page.number: page for page in documents[part.document].pages}
        assert part.start.offset < len(pages[part.start.page].text)
        assert 0 < part.end.offset <= len(pages[part.end.page].text)


@given(st.lists(documents(), max_size=3), st.integers(1, 80))
def test_every_part_of_running_text_is_in_one_chapter(documents: list[Document], limit: int) -> None:
    parts = divide(documents, limit)
    found = [number for chapter in chapters(documents, parts) for number in chapter.parts]
    assert found == [part.number for part in parts if part.matter == "text"]


@given(TEXTS, st.integers(1, 30), st.lists(st.integers(0, 60), max_size=4))
def test_pieces_are_in_order_and_not_too_large(text: str, limit: int, starts: list[int]) -> None:
    found = list(pieces(text, 0, len(text), limit, sorted(starts)))
    assert "".join(text[start:end] for start, end in found) == text
    assert all(0 < end - start <= limit for start, end in found)


def test_a_section_is_a_part_with_the_headings_above_it() -> None:
    document = sectioned((1, "One", 30), (2, "One a", 40), (2, "One b", 40), (1, "Two", 50))
    parts = divide([document], 4_000)
    assert titles(parts) == ["One", "One a", "One b", "Two"]
    assert [part.path for part in parts] == [(), ("One",), ("One",), ()]
    assert parts[1].text([document]).startswith("One a\n")


def test_small_sections_below_one_heading_are_put_together() -> None:
    below_two = (1, "Two", 1), (2, "d", 3), (2, "e", 3)
    document = sectioned((1, "One", 61), (2, "a", 3), (2, "b", 3), (2, "c", 3), *below_two, (1, "Three", 61))
    assert titles(divide([document], 4_000)) == ["One", "a … c", "Two", "Three"]


def test_small_sections_with_different_headings_above_stay_apart() -> None:
    document = sectioned((1, "One", 61), (2, "a", 61), (2, "b", 2), (1, "Two", 61), (2, "c", 2), (2, "d", 61))
    assert titles(divide([document], 4_000)) == ["One", "a", "b", "Two", "c", "d"]


def test_a_long_section_is_divided_about_equally_at_sentences() -> None:
    document = sectioned((1, "One", 200))
    parts = divide([document], 6_000)
    assert titles(parts) == ["One"] * 3
    assert all(part.text([document]).rstrip().endswith("book.") for part in parts)
    assert max(part.characters for part in parts) < 1.3 * min(part.characters for part in parts)


def test_a_page_that_ends_a_sentence_is_a_better_place_than_a_paragraph() -> None:
    pages = (Page(1, None, WORDS * 20 + "\n\n" + WORDS * 10), Page(2, None, WORDS * 30))
    parts = divide([Document("a.pdf", pages)], 3_000)
    assert [list(part.pages) for part in parts] == [[1], [2]]


def test_a_line_without_any_break_has_parts() -> None:
    document = read_pasted("x" * 100_000, "a.txt")
    assert len(divide([document], 6_000)) == 17


def test_lists_of_contents_indexes_and_title_pages_are_marked() -> None:
    contents = "".join(f"Chapter {number} {'. ' * 20}{number * 7}\n" for number in range(1, 31))
    index = "".join(f"lamp {number}, {number}, {number + 3}\n" for number in range(40))
    pages = (
        Page(1, None, "The Lighthouse\nCopyright 1901 by the keeper\n" + WORDS * 8), Page(2, None, contents),
        Page(3, None, WORDS * 40), Page(4, None, WORDS * 40), Page(5, None, WORDS * 40), Page(6, None, index),
    )  # fmt: skip
    headings = (*(Heading(page, 0, 1, f"Chapter {page - 2}") for page in (3, 4, 5)), Heading(6, 0, 1, "Index"))
    parts = divide([Document("a.pdf", pages, (), headings)], 6_000)
    assert [(part.matter, list(part.pages)) for part in parts] == [
        ("front", [1]), ("contents", [2]), ("text", [3]), ("text", [4]), ("text", [5]), ("index", [6]),
    ]  # fmt: skip


def test_a_document_may_hold_only_some_of_its_pages() -> None:
    pages = (Page(2, None, WORDS), Page(5, None, WORDS))
    document = Document("a.pdf", pages, (), (Heading(1, 0, 1, "One"), Heading(5, 0, 1, "Five")))
    parts = divide([document], 60)
    assert {part.pages for part in parts} == {range(2, 3), range(5, 6)}
    assert "".join(part.text([document]) for part in parts) == WORDS * 2


def test_chapters_are_the_highest_level_that_divides() -> None:
    document = sectioned((1, "Title", 30), (2, "One", 50), (3, "a", 50), (2, "Two", 50), (2, "Three", 50))
    parts = divide([document], 4_000)
    found = chapters([document], parts)
    assert [(chapter.title, chapter.parts) for chapter in found] == [
        ("Title", (0,)), ("One", (1, 2)), ("Two", (3,)), ("Three", (4,)),
    ]  # fmt: skip


def test_a_document_without_headings_has_chapters_of_equal_size() -> None:
    pages = tuple(Page(number, None, WORDS * 50) for number in range(1, 33))
    documents = [Document("a.pdf", pages)]
    found = chapters(documents, divide(documents, 4_000))
    assert [list(chapter.pages) for chapter in found] == [list(range(at, at + 4)) for at in range(1, 33, 4)]
    assert [chapter.title for chapter in found[:2]] == ["Pages 1–4", "Pages 5–8"]


def test_the_stretches_of_a_single_page_are_numbered() -> None:
    documents = [Document("a.txt", (Page(1, None, WORDS * 300),)), Document("b.txt", (Page(1, None, WORDS * 20),))]
    found = chapters(documents, divide(documents, 4_000))
    assert [chapter.title for chapter in found[:2]] == ["Part 1", "Part 2"]
    assert found[-1].title == "b.txt"


def test_the_digest_is_that_of_the_text_alone() -> None:
    assert digest("灯") == digest("灯") != digest("灯 ")
    assert digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not for 0"):
        divide([], 0)
