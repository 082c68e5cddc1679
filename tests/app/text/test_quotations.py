"""Quotations found in sources, against a plain search."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.quotations import Quotations, Quote


def quoted(draft: str, *texts: str, least_words: int = 5) -> list[str]:
    return [draft[quote.start : quote.end] for quote in Quotations(texts, least_words).exact(draft)]


TEXT = "The keeper wrote: “It was the\nlast night on the rock,” and he\nleft at dawn."


def test_a_quotation_across_line_ends_and_other_marks() -> None:
    draft = 'Later he said: "It was the last night on the rock," and sailed.'
    (quote,) = Quotations(["Nothing.", "Other.", TEXT]).exact(draft)
    assert draft[quote.start : quote.end] == 'It was the last night on the rock," and'
    assert TEXT[quote.page_start : quote.page_end] == "It was the\nlast night on the rock,” and"
    assert (quote.page, quote.similarity) == (2, None)


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
    assert Quotations([short, long, long]).exact(draft) == [Quote(0, len(long), 1, 0, len(long))]


def test_japanese_is_counted_by_characters() -> None:
    text = "灯台は日本語で「とうだい」という。"
    assert quoted("彼は灯台は日本語で「とうだい」と言った。", text) == ["灯台は日本語で「とうだい」と"]
    assert quoted("灯台は日本語", text) == []


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
    found = Quotations(texts, least).exact(draft)
    assert [(quote.start, quote.end) for quote in found] == plain_search(draft, texts, least)
    for quote in found:
        assert draft[quote.start : quote.end].split() == texts[quote.page][quote.page_start : quote.page_end].split()


@settings(deadline=None)
@given(st.text("ab “\"'’.,日本\n", max_size=60), st.text("ab “\"'’.,日本\n", max_size=60))
def test_a_quotation_is_equal_but_for_blanks_and_marks(draft: str, text: str) -> None:
    def normal(part: str) -> str:
        return "".join(part.replace("“", '"').replace("’", "'").split())

    for quote in Quotations([text], 2).exact(draft):
        assert normal(draft[quote.start : quote.end]) == normal(text[quote.page_start : quote.page_end])


def test_how_a_sign_or_letter_is_written_does_not_count() -> None:
    text = "The light\u00adhouse – built in 1862 — was of ﬁrst class; ｃａｆｅ\u0301 nearby."
    draft = "the The lighthouse - built in 1862 - was of first class; café nearby. End"
    (quote,) = Quotations([text]).exact(draft)
    assert draft[quote.start : quote.end] == "The lighthouse - built in 1862 - was of first class; café nearby"
    assert text[quote.page_start : quote.page_end] == text[:-1]


PAGE = "Before. The Keeper of the light trimmed the lamp at midnight, and then slept until the morning bell. After."


def near(draft: str, *pages: str) -> list[Quote]:
    found = Quotations(pages)
    return found.near(draft, found.exact(draft))


def test_a_sentence_with_a_word_changed_is_nearly_a_quotation_and_never_exact() -> None:
    draft = "I say: no. The keeper of the light trimmed a lamp at midnight, and then slept until the morning bell. So."
    (quote,) = near(draft, "Nothing of the kind.", PAGE)
    assert draft[quote.start : quote.end] == draft[11:-4]
    assert PAGE[quote.page_start : quote.page_end] == PAGE[8:-8]
    assert quote.page == 1
    assert quote.similarity is not None
    assert 90 <= quote.similarity < 100


def test_what_differs_in_capitals_alone_has_not_a_hundred_per_cent() -> None:
    (quote,) = near(PAGE[8:-7].upper(), PAGE)
    assert quote.similarity == 99


@pytest.mark.parametrize(
    "draft",
    [
        PAGE[8:-7],  # word for word
        "The keeper of the light wrote a letter, and then he went away to the sea for many years.",
        "The keeper slept.",
        "",
    ],
)
def test_what_is_exact_or_unlike_or_short_is_not_nearly_a_quotation(draft: str) -> None:
    assert near(draft, PAGE) == []


@settings(deadline=None)
@given(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "x"]), min_size=6, max_size=20), st.data())
def test_a_near_quotation_names_whole_words(words: list[str], data: st.DataObject) -> None:
    changed = list(words)
    changed[data.draw(st.integers(0, len(words) - 1))] = "other"
    page = " ".join(["start", *words, "end"])
    draft = " ".join(changed)
    for quote in near(draft, page):
        assert set(page[quote.page_start : quote.page_end].split()) <= set(page.split())
        assert set(draft[quote.start : quote.end].split()) <= set(draft.split())
