"""Which parts a text about the whole of documents is written from."""

from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents import Document, Heading, Page
from app.reading.candidates import heading_of, most_relevant, shares
from app.reading.plan import LEAST_WORDS, PARAGRAPH_WORDS, Plan, plan
from app.reading.reading import Reading
from tests.app.reading.books import TITLES, book, books

WORDS = st.integers(20, 1_200)


def whole() -> Document:
    """Of four chapters; the third is the longest, the last has one part."""
    return book([("The Lamps", [9] * 8), ("2. Of Fog", [9] * 5), ("Chapter 3: Oil", [9] * 20), ("Boats", [9] * 4)])


def headings(found: Plan) -> list[str]:
    return [section.heading for section in found.sections]


def said(found: Plan) -> list[str]:
    return [saying.text for section in found.sections for sayings in section.sayings for saying in sayings]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(books(), min_size=1, max_size=2), WORDS)
def test_each_section_is_written_from_its_own_chapter_in_order(documents: list[Document], words: int) -> None:
    reading = Reading(documents)
    found = plan(reading, "", words)
    chapters = iter(reading.chapters)
    for section in found.sections:
        # Those of one that is left out are passed over; none comes before an earlier one.
        chapter = next(each for each in chapters if set(section.parts) <= set(each.parts))
        assert section.heading == heading_of(reading, chapter)
        assert list(section.parts) == sorted(set(section.parts))
    kept = min(len(reading.chapters), max(1, words // LEAST_WORDS))
    assert len(found.sections) == kept
    size = [sum(reading.parts[number].characters for number in chapter.parts) for chapter in reading.chapters]
    edges = [len(size) * index // kept for index in range(kept + 1)]
    longest = [max(size[first:last]) for first, last in pairwise(edges)]
    of_part = {number: index for index, chapter in enumerate(reading.chapters) for number in chapter.parts}
    assert [size[of_part[section.parts[0]]] for section in found.sections] == longest
    most = sum(len(section.parts) for section in found.sections)
    assert most <= max(kept, round(words / PARAGRAPH_WORDS))
    assert all(section.words >= LEAST_WORDS for section in found.sections)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(books(), min_size=1, max_size=2), WORDS, st.sampled_from(["", "fog and ships", "granite", "Zzyzx"]))
def test_no_sentence_is_said_twice_and_each_is_in_its_part(documents: list[Document], words: int, focus: str) -> None:
    documents = [documents[0], *(Document("other.txt", each.pages, (), each.headings) for each in documents[1:])]
    reading = Reading(documents)
    found = plan(reading, focus, words)
    assert len(set(said(found))) == len(said(found))
    for section in found.sections:
        for number, sayings in zip(section.parts, section.sayings, strict=bool(section.sayings)):
            part = reading.parts[number]
            text = " ".join(part.text(documents).split())
            for saying in sayings:
                assert saying.text in text
                assert (saying.document, saying.page in part.pages) == (part.document, True)


@pytest.mark.slow
@settings(max_examples=30)
@given(books(headed=True), WORDS)
def test_the_documents_words_are_those_of_every_chapter(document: Document, words: int) -> None:
    reading = Reading([document])
    found = plan(reading, "", max(words, LEAST_WORDS * len(reading.chapters)))
    assert headings(found) == [heading_of(reading, chapter) for chapter in reading.chapters]
    # Every chapter of these documents has whole sentences.
    assert all(section.sayings for section in found.sections)


@pytest.mark.slow
@settings(max_examples=30)
@given(books(), WORDS, st.sampled_from(["granite", "barrels of oil", "Babakoba", "the tides of Babaloba"]))
def test_with_words_of_the_persons_only_parts_that_have_to_do_with_them(
    document: Document, words: int, focus: str
) -> None:
    reading = Reading([document])
    scores = reading.relevance(focus)
    found = plan(reading, focus, words)
    chosen = [number for section in found.sections for number in section.parts]
    assert chosen == sorted(chosen)
    assert len(chosen) <= max(1, round(words / PARAGRAPH_WORDS))
    if any(scores):
        assert all(scores[number] > 0 for number in chosen)
        left = [score for number, score in enumerate(scores) if number not in chosen]
        assert min(scores[number] for number in chosen) >= max(left, default=0)


def test_about_one_thing_the_text_has_the_chapter_that_speaks_of_it() -> None:
    document = whole()
    name = document.pages[-1].text.split(" of ")[1].split()[0]
    found = plan(Reading([document]), f"What did {name} write?", 600)
    assert headings(found) == ["Boats"]
    assert any(name in sentence for sentence in said(found))


def test_without_words_in_common_parts_from_all_over_are_taken() -> None:
    reading = Reading([whole()])
    numbers = most_relevant(reading, "Zzyzx", 4)
    assert len(numbers) == 4
    assert list(numbers) == sorted(numbers)
    assert (numbers[0], numbers[-1] >= len(reading.parts) * 3 // 4) == (0, True)
    assert most_relevant(reading, "Zzyzx", 999) == tuple(range(len(reading.parts)))


@given(st.integers(1, 6))
def test_the_most_relevant_come_first(most: int) -> None:
    reading = Reading([whole()])
    scores = reading.relevance("Bababame granite")
    found = most_relevant(reading, "Bababame granite", most)
    assert len(found) == most
    assert [scores[number] for number in found] == sorted(scores, reverse=True)[:most]


def test_headings_have_their_chapters_and_others_the_parts_that_are_about_them() -> None:
    document = whole()
    reading = Reading([document])
    name = document.pages[1].text.split(" of ")[1].split()[0]
    asked = ["Boats", "OIL", f"The keeper of {name}", "Of fog"]
    found = plan(reading, "", 600, asked)
    assert headings(found) == asked
    own = {heading_of(reading, chapter): set(chapter.parts) for chapter in reading.chapters}
    boats, oil, keeper, fog = (set(section.parts) for section in found.sections)
    assert boats <= own["Boats"]
    assert oil <= own["Oil"]
    assert fog <= own["Of Fog"]
    assert any(name in reading.plain(number).text for number in keeper)
    assert len(set(said(found))) == len(said(found))


@pytest.mark.slow
@settings(max_examples=30)
@given(books(), WORDS, st.lists(st.sampled_from([*TITLES, "Granite", "Zzyzx"]), min_size=1, max_size=5, unique=True))
def test_headings_stay_in_their_order(document: Document, words: int, asked: list[str]) -> None:
    found = plan(Reading([document]), "", words, asked)
    assert headings(found) == asked
    assert len(set(said(found))) == len(said(found))
    assert all(section.parts for section in found.sections)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 9)), max_size=8), st.integers(0, 40))
def test_shares_add_up_and_a_larger_chapter_has_no_fewer(chapters: list[tuple[int, int]], total: int) -> None:
    sizes, most = [size for size, _ in chapters], [count for _, count in chapters]
    counts = shares(sizes, most, total)
    assert sum(counts) == max(len(sizes), min(total, sum(most)))
    assert all(1 <= count <= limit for count, limit in zip(counts, most, strict=True))
    for size, count in zip(sizes, counts, strict=True):
        for other, fewer, limit in zip(sizes, counts, most, strict=True):
            # One more for the smaller chapter came only while its share was the larger still.
            if fewer < limit and count > 1:
                assert sqrt(size) / count >= sqrt(other) / (fewer + 1)


def test_shares_go_by_the_square_roots() -> None:
    assert shares([100, 400, 1600], [9, 9, 9], 7) == [1, 2, 4]
    assert shares([100, 400, 1600], [9, 9, 2], 7) == [2, 3, 2]
    assert shares([], [], 7) == []


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("Chapter 3: Oil", "Oil"),
        ("3.1 Oil\nand wicks", "Oil and wicks"),
        ("12. Oil", "Oil"),
        ("Appendix B. Oil", "Oil"),
        ("B Oil", "Oil"),
        ("Section 4", "Section 4"),
        ("1990 was cold", "1990 was cold"),
        ("Oil 3", "Oil 3"),
    ],
)
def test_a_heading_is_the_title_without_its_number(title: str, heading: str) -> None:
    text = "The keeper of the tower wrote the hour of every tide in his book. " * 20
    page = Page(1, None, f"{title}\n\n{text}")
    document = Document("a.txt", (page,), (), (Heading(1, 0, 1, " ".join(title.split())),))
    reading = Reading([document])
    assert heading_of(reading, reading.chapters[0]) in (heading, "a.txt")
    two = Reading([whole(), document])
    assert heading_of(two, two.chapters[0]) == "book.txt: The Lamps"


def test_pages_are_counted() -> None:
    document = whole()
    found = plan(Reading([document]), "", 240)
    assert found.pages == len(document.pages)
    pages = {
        number for section in found.sections for part in section.parts for number in found.reading.parts[part].pages
    }
    # A part that ends with a page's last character has nothing of the next.
    assert 0 < found.pages_seen <= len(pages) < found.pages


def test_nothing_to_read_is_no_section() -> None:
    assert plan(Reading([]), "", 300).sections == ()
    assert plan(Reading([]), "fog", 300).sections == ()


def test_a_preface_and_a_licence_are_not_written_about() -> None:
    titles = ("Preface", "The Lamps", "2. Of Fog", "Boats", "Appendix C. GNU General Public License")
    found = plan(Reading([book([(title, [9] * 4) for title in titles])]), "", 600)
    assert headings(found) == ["The Lamps", "Of Fog", "Boats"]
    assert {heading for heading, _ in found.others} == {titles[0], "GNU General Public License"}


@pytest.mark.parametrize(("title", "first"), [("1.1. Purpose", True), ("1.1. Wicks", False)])
def test_a_chapter_is_written_from_its_overview(title: str, first: bool) -> None:
    chapters = [(title, [9, 9]), ("1.2. Oil", [9] * 20), ("2. Fog", [9]), ("3. Boats", [9])]
    whole = book(chapters, pages=100_000)
    contents = "1. Lamps\n\n" + "".join(f"1.{number}. Lamps {'.' * 60} {number}\n" for number in range(1, 12))
    text = contents + whole.pages[0].text
    heads = [Heading(1, 0, 1, "1. Lamps")] + [
        Heading(1, heading.offset + len(contents), level, heading.title)
        for heading, level in zip(whole.headings, (2, 2, 1, 1), strict=True)
    ]
    reading = Reading([Document("lamps.txt", (Page(1, None, text),), (), tuple(heads))])
    (number,) = plan(reading, "", 60).sections[0].parts
    assert reading.parts[number].title == (title if first else "1.2. Oil")


def test_an_answer_is_of_the_parts_that_have_half_as_much_to_do_with_the_question_as_the_best() -> None:
    reading = Reading([whole()])
    scores = reading.relevance("Bababame granite")
    chosen = {number for section in plan(reading, "Bababame granite", 600).sections for number in section.parts}
    assert chosen
    assert all(scores[number] >= max(scores) / 2 for number in chosen)
