"""Headings: of texts by their lines, of files by their outline, fonts, styles and tags."""

from __future__ import annotations

from pathlib import Path

import docx
import hypothesis.strategies as st
import pytest
from fpdf import FPDF
from hypothesis import given

from app.documents import Document, Page, find_headings, read_document, read_pasted
from app.documents.headings import clean_title
from tests.app.documents.web.test_epub import CHAPTERS, NCX, chapter, epub

BODY = "The keeper lit the lamp at dusk and wrote the hour in his book, as his father had done before him.\n"


def outlined(document: Document) -> list[tuple[int, str]]:
    """Levels and titles; each heading stands where its text begins."""
    for heading in document.headings:
        line = document.pages[heading.page - 1].text[heading.offset :].lstrip().split("\n")[0]
        assert heading.title in line or line.startswith(heading.title[:8]) or heading.offset == 0
    return [(heading.level, heading.title) for heading in document.headings]


def found(*blocks: str, name: str = "a.txt") -> list[tuple[int, str]]:
    text = "\n\n".join(blocks)
    headings = find_headings(name, (Page(1, None, text),))
    assert all(text[heading.offset - 1 : heading.offset] in ("", "\n") for heading in headings)
    return [(heading.level, heading.title) for heading in headings]


@pytest.mark.parametrize(
    ("blocks", "headings"),
    [
        (["1. Introduction", BODY, "1.1 Scope", BODY, "1.2. Terms", BODY, "2. Lamps", BODY],
         [(1, "1. Introduction"), (2, "1.1 Scope"), (2, "1.2. Terms"), (1, "2. Lamps")]),
        (["Chapter 1. Lamps", BODY, "1.1. Oil", BODY, "Chapter 2. Boats", BODY, "Appendix A", BODY],
         [(1, "Chapter 1. Lamps"), (2, "1.1. Oil"), (1, "Chapter 2. Boats"), (1, "Appendix A")]),
        (["Lamps\n=====", BODY, "Oil\n---", BODY, "Wicks\n---", BODY, "Boats\n=====", BODY],
         [(1, "Lamps"), (2, "Oil"), (2, "Wicks"), (1, "Boats")]),
        (["*****\nLamps\n*****", BODY, "Oil\n===", BODY], [(1, "Lamps"), (2, "Oil")]),
        (["# Lamps", BODY, "## Oil ##", BODY], [(1, "Lamps"), (2, "Oil")]),
        (["= Lamps", BODY, "== Oil", BODY, "[[boats]]\n== Boats", BODY, "----\ngit status\n----", BODY],
         [(1, "Lamps"), (2, "Oil"), (2, "Boats")]),
        (["THE LAMP", BODY, "THE BOAT AND ITS OARS", BODY], [(1, "THE LAMP"), (1, "THE BOAT AND ITS OARS")]),
        (["第1章 灯台", BODY, "第2章 船", BODY], [(1, "第1章 灯台"), (1, "第2章 船")]),
    ],
)  # fmt: skip
def test_lines_that_are_headings(blocks: list[str], headings: list[tuple[int, str]]) -> None:
    assert found(*blocks) == headings


@pytest.mark.parametrize(
    "blocks",
    [
        [BODY, "1. Light the lamp", "2. Row the boat", "3. Fetch the oil", BODY],
        [BODY, "1. Light the lamp.", BODY, "2. Row the boat.", BODY],
        [BODY + "1. Introduction\n" + BODY],
        [BODY, "12. Boats", BODY],
        [BODY, "```\n# install the lamp\n```", BODY],
        [BODY, "    # install the lamp", BODY],
        [BODY, "Introduction . . . . . . . . . 4", BODY],
        [BODY, "----\ngit status\n----", BODY],
        [BODY, "OK", BODY],
        [BODY, "| a | b |\n| --- | --- |\n| 1 | 2 |", BODY],
        ["-----", BODY, "* * *", BODY],
    ],
)
def test_lists_code_contents_and_tables_are_no_headings(blocks: list[str]) -> None:
    assert found(*blocks) == []


def test_a_list_of_contents_does_not_hide_the_chapters() -> None:
    contents = ["Contents", "1. Lamps", "2. Boats", "2.1 Oars"]
    assert found(*contents, "1. Lamps", BODY, "2. Boats", BODY, "2.1 Oars", BODY) == [
        (1, "1. Lamps"), (1, "2. Boats"), (2, "2.1 Oars"),
    ]  # fmt: skip


def test_markdown_needs_no_blank_lines_around_its_headings() -> None:
    assert found("# Lamps\nText\n## Oil\nText", "Boats\n-----\nText", name="a.md") == [
        (1, "Lamps"), (2, "Oil"), (2, "Boats"),
    ]  # fmt: skip


def test_a_pasted_text_has_headings() -> None:
    assert outlined(read_pasted(f"1. Lamps\n\n{BODY}\n1.1 Oil\n\n{BODY}", "Pasted text")) == [
        (1, "1. Lamps"),
        (2, "1.1 Oil"),
    ]


@pytest.mark.slow
@given(st.text(alphabet="#=-1.A a\n*`灯\u3000", max_size=80), st.sampled_from(["a.txt", "a.md", "a.html", "a.epub"]))
def test_headings_are_in_order_and_stand_on_their_page(text: str, name: str) -> None:
    pages = (Page(1, "label", text), Page(2, None, text))
    headings = find_headings(name, pages)
    places = [(heading.page, heading.offset) for heading in headings]
    assert places == sorted(set(places))
    for heading in headings:
        assert 0 <= heading.offset < len(pages[heading.page - 1].text)
        assert 1 <= heading.level <= 6
        assert heading.title == clean_title(heading.title) != ""


def test_a_title_is_one_clean_line() -> None:
    assert clean_title(" The\n lamp\f\x07 . . . . . . 12") == "The lamp"
    assert clean_title("\u200b") == ""


def write_pdf(path: Path, *, outline: bool, fonts: bool) -> Path:
    pdf = FPDF()
    for number, title in enumerate(("Lamps of the tower", "Boats", "Oil"), 1):
        pdf.add_page()
        pdf.set_font("Helvetica", size=10)
        if number == 2:
            pdf.multi_cell(0, 5, BODY * 3, new_x="LMARGIN", new_y="NEXT")
        if outline:
            pdf.start_section(title)
        if fonts:
            pdf.set_font("Helvetica", "B", 18)
        pdf.cell(0, 10, f"{number} {title}" if outline else title, new_x="LMARGIN", new_y="NEXT")
        if fonts and number == 1:
            pdf.set_font("Helvetica", "B", 13)
            pdf.cell(0, 8, "The upper lamp", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Helvetica", size=10)
        pdf.multi_cell(0, 5, BODY * 6)
    pdf.output(str(path))
    return path


def test_the_outline_of_a_pdf_and_where_its_titles_stand(tmp_path: Path) -> None:
    document = read_document(write_pdf(tmp_path / "a.pdf", outline=True, fonts=False))
    assert outlined(document) == [(1, "Lamps of the tower"), (1, "Boats"), (1, "Oil")]
    second = document.headings[1]
    assert document.pages[1].text[second.offset :].startswith("2 Boats\n")
    assert second.offset > len(BODY)


def test_large_lines_of_a_pdf_without_an_outline(tmp_path: Path) -> None:
    document = read_document(write_pdf(tmp_path / "a.pdf", outline=False, fonts=True))
    assert outlined(document) == [(1, "Lamps of the tower"), (2, "The upper lamp"), (1, "Boats"), (1, "Oil")]


def test_a_pdf_of_one_font_has_none(tmp_path: Path) -> None:
    assert read_document(write_pdf(tmp_path / "a.pdf", outline=False, fonts=False)).headings == ()


def test_styles_of_a_word_document(tmp_path: Path) -> None:
    word = docx.Document()
    word.add_heading("Lamps", 1)
    word.add_paragraph("Text")
    word.add_heading("Oil", 2)
    word.save(str(tmp_path / "a.docx"))
    assert outlined(read_document(tmp_path / "a.docx")) == [(1, "Lamps"), (2, "Oil")]


def test_tags_of_a_web_page(tmp_path: Path) -> None:
    markup = "<h1>Lamps</h1><p>Text</p><pre># no heading</pre><h3>Oil &amp; wicks</h3><p>Text</p>"
    (tmp_path / "a.html").write_text(markup)
    assert outlined(read_document(tmp_path / "a.html")) == [(1, "Lamps"), (3, "Oil & wicks")]


def test_chapters_of_a_book_have_their_titles_from_its_contents(tmp_path: Path) -> None:
    files = {"OEBPS/toc.ncx": NCX}
    extra = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    chapters = CHAPTERS | {"two": chapter("<p>Two.</p><h2>Later</h2><p>On.</p>")}
    document = read_document(epub(tmp_path, chapters, files, extra))
    assert [(heading.page, heading.offset, heading.level, heading.title) for heading in document.headings] == [
        (1, 0, 1, "One"), (2, 0, 1, "Second"), (2, 6, 2, "Later"),
    ]  # fmt: skip
