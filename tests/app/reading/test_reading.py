"""What is known of documents: parts, what they say, and their pages cut to the parts that are chosen."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents import Document, Heading, Page
from app.reading.reading import PART_CHARACTERS, PART_IDEOGRAPHS, Reading, Readings
from tests.app.reading.books import book, books


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(books(), min_size=1, max_size=2), st.data())
def test_cut_pages_have_exactly_the_characters_of_the_parts(documents: list[Document], data: st.DataObject) -> None:
    reading = Reading(documents)
    numbers = data.draw(st.sets(st.sampled_from([part.number for part in reading.parts])))
    found = reading.pages(numbers)
    for index, document in enumerate(documents):
        own = [part for part in reading.parts if part.number in numbers and part.document == index]
        pages = found.get(index, ())
        assert "".join(page.text for page in pages) == "".join(part.text(documents) for part in own)
        assert (index in found) == bool(own)
        end = (0, 0)
        for page in pages:
            whole = document.pages[page.number - 1]
            assert whole.text[page.begin : page.begin + len(page.text)] == page.text != ""
            assert page.label == whole.label
            # In order, and none that could be put together with the one before.
            assert end < (page.number, page.begin)
            end = page.number, page.begin + len(page.text)
    everything = reading.pages(range(len(reading.parts)))
    assert [[page.text for page in pages] for pages in everything.values()] == [
        [page.text for page in document.pages] for document in documents
    ]


def test_parts_of_a_page_that_follow_each_other_are_one_stretch() -> None:
    whole = book([("", [9] * 12)], pages=100_000)
    labelled = Document(whole.name, (Page(1, "iv", whole.pages[0].text),))
    reading = Reading([labelled])
    first, second, third, *_ = reading.parts
    text = labelled.pages[0].text
    (page,) = reading.pages([second.number, first.number])[0]
    assert (page.begin, page.text, page.number, page.label) == (0, text[: second.end.offset], 1, "iv")
    apart = reading.pages([first.number, third.number])[0]
    assert [(page.number, page.begin, page.text) for page in apart] == [
        (1, 0, text[: first.end.offset]),
        (1, third.start.offset, text[third.start.offset : third.end.offset]),
    ]
    assert reading.pages([]) == {}


def test_a_part_of_a_script_that_takes_more_tokens_is_shorter() -> None:
    latin = Reading([book([("", [9] * 40)])])
    wide = Reading([Document("灯.txt", (Page(1, None, "灯台の光は夜ごとに海を照らし、船を導く。" * 200),))])
    assert max(part.characters for part in latin.parts) > PART_IDEOGRAPHS
    assert all(part.characters <= PART_CHARACTERS for part in latin.parts)
    assert all(part.characters <= PART_IDEOGRAPHS for part in wide.parts)


@pytest.mark.slow
@settings(max_examples=30)
@given(books(), st.integers(20, 120))
def test_sayings_are_sentences_of_the_part_with_the_page_on_which_they_begin(document: Document, words: int) -> None:
    reading = Reading([document])
    begun = [
        (sentence.strip(), page.number)
        for page in document.pages
        for sentence in re.findall(r"[^.\n]+\.?", page.text)
        if sentence.strip()
    ]
    for part in reading.parts:
        text = " ".join(part.text([document]).split())
        sayings = reading.sayings(part.number, words)
        assert [text.index(saying.text) for saying in sayings] == sorted(text.index(saying.text) for saying in sayings)
        for saying in sayings:
            beginnings = [page for begin, page in begun if saying.text.startswith(begin)]
            assert saying.document == 0
            assert saying.page in beginnings


def test_what_is_asked_for_is_said_first() -> None:
    reading = Reading([book([("", [6])])])
    assert "barrels of oil" in reading.sayings(0, 10, "who brought the oil")[0].text
    assert [saying.text.split()[1] for saying in reading.sayings(0, 400)] == [
        "keeper", "pilot", "harbour", "on", "tower", "in",
    ]  # fmt: skip


def test_all_parts_are_a_chapter_where_none_is_running_text() -> None:
    assert Reading([]).chapters == ()
    index = "Index\n\n" + "".join(f"lamps of the coast, {number}\n" for number in range(1, 200))
    reading = Reading([Document("index.txt", (Page(1, None, index),))])
    assert sorted(number for chapter in reading.chapters for number in chapter.parts) == [
        part.number for part in reading.parts
    ]


def test_the_same_documents_are_read_once() -> None:
    readings, document = Readings(), book([("", [9, 9])], pages=400)
    reading = readings.of([document])
    same = book([("", [9, 9])], pages=400)
    assert readings.of([same]) is reading
    fewer = Document(document.name, document.pages[1:])
    other = readings.of([fewer])
    assert other is not reading
    assert other.documents == (fewer,)
    assert readings.of([fewer, document]).documents == (fewer, document)
    assert readings.of([document]) is not reading  # only the latest is kept


def test_a_heading_in_the_line_above_is_not_of_the_sentence() -> None:
    said = "Users of R on Windows or macOS should read the OS-specific section first, but command lines are supported."
    text = f"Appendix B Invoking R\n{said}"
    headings = (Heading(1, 0, 1, "B Invoking R"),)
    reading = Reading([Document("intro.pdf", (Page(1, None, text),), (), headings)])
    assert [saying.text for saying in reading.sayings(0, 30)] == [said]


def test_a_title_over_several_lines_and_its_label_are_not_of_the_sentence() -> None:
    said = "The keeper of the lighthouse lights the lamp every evening at dusk, and puts it out again at dawn."
    text = f"CHAPTER\nSEVENTEEN\nOF THE LAMP AND OF ITS KEEPER (FROM THE OLD BOOK OF THE\nLIGHTHOUSE)\n{said}"
    title = "17. Of the lamp and of its keeper (from the old book of the lighthouse)"
    reading = Reading([Document("lamp.pdf", (Page(1, None, text),), (), (Heading(1, 0, 1, title),))])
    assert [saying.text for saying in reading.sayings(0, 30)] == [said]
