"""Documents count themselves, know equals, and lead each character back to the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.documents import Document, Origin, Page, duplicates, read_document
from app.say.wording import Message


def document(name: str, *texts: str) -> Document:
    return Document(name, tuple(Page(number, None, text) for number, text in enumerate(texts, 1)))


def test_a_document_counts_its_pages_and_characters() -> None:
    counted = document("a.pdf", "one", " \n", "three")
    assert (len(counted.pages), counted.pages_with_text, counted.characters) == (3, 2, 10)


def test_the_digest_is_that_of_the_text_by_page() -> None:
    digest = document("a.pdf", "one", "two").digest
    assert document("b.docx", "one", "two").digest == digest
    others = [("one", "twO"), ("onet", "wo"), ("one", "two", ""), ("two", "one"), ("onetwo",)]
    assert digest not in {document("a.pdf", *texts).digest for texts in others}


def said(notes: dict[int, Message]) -> dict[int, str]:
    return {index: str(note) for index, note in notes.items()}


def test_duplicates_name_the_first_with_the_same_text() -> None:
    documents = [document("a.pdf", "x"), document("b.txt", "y"), document("c.txt", "x"), document("d.txt", "x")]
    assert said(duplicates(documents)) == {
        2: "c.txt has the same text as a.pdf.",
        3: "d.txt has the same text as a.pdf.",
    }
    assert duplicates(documents[:2]) == {}


SAMPLES = Path(__file__).parents[3] / "assets" / "samples"


def test_the_same_text_in_another_form_is_noticed() -> None:
    pdf, markdown = (read_document(SAMPLES / f"lighthouses.{kind}") for kind in ("pdf", "md"))
    assert said(duplicates([pdf, markdown])) == {1: "lighthouses.md has mostly the same text as lighthouses.pdf."}
    half = Document("half.pdf", pdf.pages[:4])
    other = document("other.txt", "The tide came in, and the tide went out again, as it does twice a day. " * 20)
    assert duplicates([pdf, half, other, document("short.txt", "a"), document("shorter.txt", "b")]) == {}


def test_a_character_leads_back_to_where_it_stood() -> None:
    page = Page(1, None, "office", Origin("\0oﬃce", (0, 1, 2, 3, 4), (1, 2, 2, 2, 3)))
    assert [page.offset(position) for position in range(6)] == [1, 2, 2, 2, 3, 4]
    assert page.extracted == "\0oﬃce"
    plain = Page(3, None, "abc")
    assert (plain.offset(2), plain.extracted) == (2, "abc")
    for position in (-1, 3):
        with pytest.raises(IndexError, match="page 3 has 3 characters"):
            plain.offset(position)
