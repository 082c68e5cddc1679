"""Quotations found in sources, against a plain search."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents import Document, Page
from app.prompts import Source
from app.quotes import Quote, find_quotes


def source(*texts: str) -> Source:
    pages = tuple(Page(number, None, text) for number, text in enumerate(texts, 1))
    return Source(Document("report.pdf", pages), pages)


def quoted(draft: str, *texts: str, least_words: int = 5) -> list[str]:
    return [draft[quote.start : quote.end] for quote in find_quotes(draft, [source(*texts)], least_words)]


TEXT = "The keeper wrote: “It was the\nlast night on the rock,” and he\nleft at dawn."


def test_a_quotation_across_line_ends_and_other_marks() -> None:
    draft = 'Later he said: "It was the last night on the rock," and sailed.'
    (quote,) = find_quotes(draft, [source("Nothing."), source("Other.", TEXT)])
    assert draft[quote.start : quote.end] == 'It was the last night on the rock," and'
    assert TEXT[quote.page_start : quote.page_end] == "It was the\nlast night on the rock,” and"
    assert (quote.document, quote.page) == (1, 2)


def test_signs_at_the_edges_belong_to_the_sentence_around_them() -> None:
    assert quoted("(on the rock,” and he left.)", TEXT) == ["on the rock,” and he left"]


@pytest.mark.parametrize(
    "draft",
    ["it was The last night on", "It was the first night on the", "last night, on the rock", "the last night on", ""],
)
def test_what_differs_in_a_word_a_capital_or_a_comma_is_no_quotation(draft: str) -> None:
    assert quoted(draft, TEXT) == []


def test_the_least_number_of_words_can_be_set() -> None:
    assert quoted("the last night on", TEXT, least_words=4) == ["the last night on"]
    assert quoted("the last night on the rock and", TEXT, least_words=7) == []
    assert quoted("was the last night on the rock", TEXT, least_words=7) == ["was the last night on the rock"]


def test_the_longest_place_is_taken_and_of_equals_the_first() -> None:
    short, long = "one two three four five six", "one two three four five six seven"
    draft = f"{long} eight"
    assert find_quotes(draft, [source(short, long, long)]) == [Quote(0, len(long), 0, 2, 0, len(long))]


def test_japanese_is_counted_by_characters() -> None:
    text = "灯台は日本語で「とうだい」という。"
    assert quoted("彼は灯台は日本語で「とうだい」と言った。", text) == ["灯台は日本語で「とうだい」と"]
    assert quoted("灯台は日本語", text) == []


def test_chosen_pages_alone_are_searched() -> None:
    document = source("a b c d e f", "g h i j k l").document
    assert find_quotes("a b c d e f", [Source(document, document.pages[1:])]) == []


def test_a_source_that_repeats_itself_is_searched_in_bounded_time() -> None:
    assert quoted("so it goes " * 2000, "so it goes " * 5000) != []


def plain_search(draft: str, texts: list[str], least: int) -> list[tuple[int, int]]:
    """Leftmost longest runs of words, every start and every page tried."""
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", draft)]
    spelt = [draft[a:b] for a, b in words]
    pages = [text.split() for text in texts]
    found, at = [], 0
    while at < len(words):
        length = max(
            (n for n in range(len(words) - at + 1) for page in pages if contains(page, spelt[at : at + n])), default=0
        )
        if length >= least:
            found.append((words[at][0], words[at + length - 1][1]))
        at += length if length >= least else 1
    return found


def contains(page: list[str], run: list[str]) -> bool:
    return any(page[start : start + len(run)] == run for start in range(len(page) + 1))


WORDS = st.lists(st.sampled_from(["a", "b", "c", "é", "7"]), max_size=25)
BLANKS = st.sampled_from([" ", "\n", "  ", "\u00a0\t"])


@settings(deadline=None)
@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), BLANKS, st.integers(2, 6))
def test_all_quotations_are_found(words: list[str], pages: list[list[str]], blank: str, least: int) -> None:
    draft, texts = blank.join(words), [" ".join(page) for page in pages]
    found = find_quotes(draft, [source(*texts)], least)
    assert [(quote.start, quote.end) for quote in found] == plain_search(draft, texts, least)
    for quote in found:
        assert (
            draft[quote.start : quote.end].split() == texts[quote.page - 1][quote.page_start : quote.page_end].split()
        )


@settings(deadline=None)
@given(st.text("ab “\"'’.,日本\n", max_size=60), st.text("ab “\"'’.,日本\n", max_size=60))
def test_a_quotation_is_equal_but_for_blanks_and_marks(draft: str, text: str) -> None:
    def normal(part: str) -> str:
        return "".join(part.replace("“", '"').replace("’", "'").split())

    for quote in find_quotes(draft, [source(text)], 2):
        assert normal(draft[quote.start : quote.end]) == normal(text[quote.page_start : quote.page_end])
