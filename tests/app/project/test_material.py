"""What of documents and a draft is sent, so that it fits the window."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents import Document
from app.project.material import Material, fitted, pages_of, parts_chosen, sources_of
from app.prompt.compose import TokenCounts, compose
from app.prompt.messages import Source, trim_draft
from app.reading.reading import Readings
from app.say.errors import AppError
from tests.app.reading.books import book, books
from tests.core.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()
INSTRUCTION = "Write about the lamps."
DRAFT = "The lamp was lit by the keeper of the tower. "
LARGEST = 2_600
"""A part, what stands before its pages, and a seam, in bytes."""


def material(*documents: Document) -> Material:
    return Material([Source(document, document.pages) for document in documents])


def excess(sent: Material | list[Source], draft: str, output: int, window: int) -> int:
    sources = sent.sources if isinstance(sent, Material) else sent
    return compose(TOKENIZER, sources, INSTRUCTION, trim_draft(draft)).budget(output, window).excess


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.lists(books(), max_size=2),
    st.integers(0, 120),
    st.integers(1, 2_000),
    st.integers(0, 20_000),
    st.sampled_from(["", "granite", "Babakoba of the lamp"]),
    st.sampled_from(["book.txt", "a long name of a report that was fetched (1).pdf"]),
)
def test_what_is_sent_fits_where_there_is_room_for_a_part(
    documents: list[Document], sentences: int, output: int, more: int, detail: str, name: str
) -> None:
    given_ones = material(*(Document(name, each.pages, (), each.headings) for each in documents))
    draft = DRAFT * sentences
    window = output + compose(TOKENIZER, [], INSTRUCTION).prompt_tokens + 2 * LARGEST + more
    sent = fitted(TOKENIZER, given_ones, INSTRUCTION, draft, output, window, detail)
    assert excess(list(sent.sources), sent.draft, output, window) <= 0
    # Of the draft its end, and that is not empty.
    assert draft.endswith(sent.draft)
    assert bool(sent.draft) == bool(draft)
    assert bool(sent.sources) == bool(documents)
    for source in sent.sources:
        for page in source.pages:
            assert source.document.pages[page.number - 1].text[page.begin :].startswith(page.text)
    if excess(given_ones, draft, output, window) <= 0:
        assert sent.sources is given_ones.sources
        assert sent.draft == draft


def test_all_is_sent_up_to_the_last_token_of_the_window() -> None:
    given_ones = material(book([("", [9] * 12)], pages=700), book([("", [9] * 2)], "other.txt"))
    draft = DRAFT * 3
    exact = excess(given_ones, draft, 100, 0)
    whole = fitted(TOKENIZER, given_ones, INSTRUCTION, draft, 100, exact)
    assert (whole.sources, whole.draft) == (given_ones.sources, draft)
    cut = fitted(TOKENIZER, given_ones, INSTRUCTION, draft, 100, exact - 1)
    assert excess(list(cut.sources), cut.draft, 100, exact - 1) <= 0
    assert pages_of(cut.sources) <= pages_of(given_ones.sources) == given_ones.pages


def test_the_end_of_a_long_draft_is_kept() -> None:
    draft = "".join(f"This is sentence {number}. " for number in range(900))
    sent = fitted(TOKENIZER, Material([]), INSTRUCTION, draft, 100, 2_000)
    assert sent.draft.endswith("This is sentence 899. ")
    assert sent.draft.startswith("This is sentence ")
    assert 1_000 < len(sent.draft) < 2_000
    # Beside documents it has half of the room at least.
    beside = fitted(TOKENIZER, material(book([("", [9] * 40)])), INSTRUCTION, draft, 100, 8_000)
    assert beside.draft.startswith("This is sentence ")
    assert draft.endswith(beside.draft)
    assert 3_500 < len(beside.draft) < 4_100
    assert excess(list(beside.sources), beside.draft, 100, 8_000) <= 0
    # A short document leaves it more.
    short = material(book([("", [3])]))
    more = fitted(TOKENIZER, short, INSTRUCTION, draft, 100, 8_000)
    assert more.sources is short.sources
    assert 7_000 < len(more.draft) < 7_800


def test_the_parts_are_those_that_are_asked_about_or_that_the_draft_goes_on_about() -> None:
    document = book([("", [9] * 60)])
    given_ones = material(document)
    name = "Bababevi" if "Bababevi" in document.pages[4].text else document.pages[4].text.split(" of ")[1].split()[0]
    for detail, draft in ((f"Who is in {name}?", ""), ("", f"It was in {name} that")):
        sent = fitted(TOKENIZER, given_ones, INSTRUCTION, draft, 100, 6_000, detail)
        assert name in "".join(page.text for source in sent.sources for page in source.pages)
        assert pages_of(sent.sources) < given_ones.pages


def test_what_cannot_fit_is_sent_with_one_part_to_be_refused() -> None:
    given_ones = material(book([("", [9] * 60)]))
    for window in (50, 300, 1_000):
        sent = fitted(TOKENIZER, given_ones, INSTRUCTION, "", 100, window)
        assert excess(list(sent.sources), sent.draft, 100, window) > 0
        assert 0 < sum(len(page.text) for source in sent.sources for page in source.pages) <= LARGEST


def test_pages_are_counted_once_however_they_are_cut() -> None:
    given_ones = material(book([("", [9] * 30)], pages=100_000), book([("", [9] * 4)], "other.txt", pages=900))
    reading = given_ones.reading
    parts = [part.number for part in reading.parts if part.document == 0]
    assert pages_of(sources_of(reading, [parts[0], parts[2]])) == 1
    assert [source.document.name for source in sources_of(reading, range(len(reading.parts)))] == [
        "book.txt", "other.txt",
    ]  # fmt: skip
    assert pages_of(given_ones.sources) == given_ones.pages


def test_what_is_known_is_kept_from_one_request_to_the_next() -> None:
    document, readings, counts = book([("", [9] * 9)]), Readings(), TokenCounts()
    one = Material([Source(document, document.pages)], counts, readings)
    other = Material([Source(document, document.pages)], counts, readings)
    assert one.reading is other.reading
    chosen = Material([Source(document, document.pages[1:])], counts, readings)
    assert chosen.reading.documents[0].pages == document.pages[1:]


def test_what_is_chosen_for_parts_is_found_by_their_ids() -> None:
    first, second = parts_chosen({"1/12:0": "none", "2/1:40": "full"}, 2)
    assert (first, second) == ({"12:0": "none"}, {"1:40": "full"})


@pytest.mark.parametrize("key", ["3/1:0", "0/1:0", "1/x", "", 7, None, "1/1:0\n"])
def test_what_is_no_part_is_refused(key: object) -> None:
    with pytest.raises(AppError, match="is no part of the 2 documents"):
        parts_chosen({key: "full"}, 2)


def test_what_cannot_be_read_of_a_part_is_refused() -> None:
    with pytest.raises(AppError, match="Choose one of full, note, none"):
        parts_chosen({"1/1:0": "all"}, 1)
