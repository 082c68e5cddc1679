"""PDFs, read back with pypdf: their structure and layout."""

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from pypdf import PdfReader

from app.export import Draft
from app.export.blocks import parse
from app.export.pdf import write_pdf
from tests.app.export.reading import pdf_text, squeezed, texts
from tests.app.export.test_blocks import MARKED


def pdf(markdown: str, title: str = "", folders: tuple[Path, ...] = ()) -> PdfReader:
    return PdfReader(BytesIO(write_pdf(Draft(title, markdown), folders).data))


def lines(markdown: str) -> list[str]:
    (page,) = pdf(markdown).pages
    return [line.strip() for line in page.extract_text().splitlines() if line.strip()][:-1]


@pytest.mark.slow
def test_text_structure_and_outline() -> None:
    reader = pdf("# Tides\n\nOne *two*.\n\n## Flood\n\n- a\n- b\n\n7. c\n8. d\n\n> said", "The tides")
    assert lines("# Tides\n\nOne *two*.\n\n- a\n- b\n\n7. c\n8. d\n\n> said") == [
        "Tides",
        "One two.",
        "• a",
        "• b",
        "7. c",
        "8. d",
        "said",
    ]
    top, nested = reader.outline
    assert top.title == "Tides"
    assert [entry.title for entry in nested] == ["Flood"]
    assert reader.metadata is not None
    assert reader.metadata.title == "The tides"


@pytest.mark.slow
def test_a_page_ends_with_its_number_and_a_heading_is_not_left_alone() -> None:
    reader = pdf("\n\n".join(f"{n}. paragraph\n\n# Heading {n}" for n in range(60)))
    for number, page in enumerate(reader.pages, 1):
        *body, foot = page.extract_text().strip().splitlines()
        assert foot.strip() == str(number)
        assert number == len(reader.pages) or not body[-1].startswith("Heading")


@pytest.mark.slow
def test_alphabets_and_japanese() -> None:
    draft = "Größe Ελληνικά русский “…” → ≤ ∑\n\n灯台は、日本語で「とうだい」という。"
    assert squeezed(iter(lines(draft))) == squeezed(iter([draft]))
    fonts = {font["/BaseFont"].split("+")[-1] for font in pdf(draft).pages[0]["/Resources"]["/Font"].values()}
    assert "MotoyaLCedarW3mono" in fonts


@pytest.mark.slow
def test_japanese_breaks_between_characters_and_english_between_words() -> None:
    japanese = lines("Python " + "日本語の文" * 30)
    assert len(japanese[0]) > 30
    english = lines("lighthouse " * 40)
    assert {word for line in english for word in line.split()} == {"lighthouse"}


def test_links_are_annotations() -> None:
    (page,) = pdf("see [a](https://b.c/d) and [e](f.md)").pages
    assert [note.get_object()["/A"]["/URI"] for note in page["/Annots"]] == ["https://b.c/d"]


@pytest.mark.slow
def test_a_table_repeats_its_head_and_splits_a_row_that_is_higher_than_a_page() -> None:
    words = [f"word{n}" for n in range(3000)]
    reader = pdf(f"| Name | Text |\n|---|---|\n| x | {' '.join(words)} |")
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 2
    assert all(page.startswith("Name Text") for page in pages)
    assert [word for page in pages for word in page.split() if word.startswith("word")] == words


@pytest.mark.slow
def test_a_table_too_wide_for_the_page_is_written_in_lines() -> None:
    draft = f"|{'|'.join(f'h{n}' for n in range(40))}|\n|{'---|' * 40}\n|{'|'.join(f'c{n}' for n in range(40))}|"
    text = " ".join(lines(draft))
    assert text.startswith("h0 | h1 | h2")
    assert text.endswith("c38 | c39")


def test_what_a_draft_says_of_pages_is_not_replaced() -> None:
    assert lines("of {nb} pages") == ["of {nb} pages"]


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(MARKED)
def test_any_draft_reads_back(draft: str) -> None:
    blocks = parse(draft)
    assert pdf_text(write_pdf(Draft("", draft), ()).data) == squeezed(texts(blocks, numbered=True))
