"""How the reading of documents is scored."""

from __future__ import annotations

from app.documents.document import Document, Page, RemovedLine
from benchmarks.reading import gold, pdf
from benchmarks.reading.words import compared, words


def test_words_are_compared_without_case_accents_and_line_ends() -> None:
    assert words("Ex-\nample x² Émile 東京") == ["example", "x", "2", "emile", "東", "京"]


def test_recall_precision_and_order() -> None:
    score = compared("x", ["b", "a", "c", "c"], ["a", "b", "c", "d", "e"])
    assert (score.recall, score.precision, score.order) == (3 / 5, 3 / 4, 2 / 3)


def test_a_running_head_that_was_removed_is_not_counted_and_a_heading_is() -> None:
    poppler = [f"The Manual {number}\nText {number}" for number in range(1, 4)]
    pages = tuple(Page(number, None, f"Text {number}") for number in range(1, 4))
    heads = tuple(RemovedLine(number, f"The Manual {number}") for number in range(1, 4))
    assert pdf.score("x", Document("x", pages, removed=heads), poppler).recall == 1
    lost = pdf.score("x", Document("x", pages, removed=(RemovedLine(1, "A heading"),)), ["A heading\nText 1"])
    assert lost.recall == 2 / 4


def test_rows_are_whole_lines() -> None:
    rows = ["length | metre | m", "mass | kilogram | kg"]
    assert gold.share_of_rows("length metre m\nmass\nkilogram kg", rows) == (1, 2)


def test_neighbours_are_read_one_after_the_other() -> None:
    lines = ["one two", "three four", "five six"]
    assert gold.share_in_order("One two x. Three four y. Five six", lines) == (2, 2)
    assert gold.share_in_order("One two five six three four", lines) == (0, 2)


def test_what_stands_beside_the_main_text_is_wrong() -> None:
    assert gold.share_of_page("The keeper lit the lamp. Subscribe!", ["+ the keeper", "- Subscribe", "- Menu"]) == (
        2,
        3,
    )


def test_enough_pages_are_marked() -> None:
    for kind in ("tables", "columns", "pages"):
        assert len(gold.golds(kind)) >= 10
