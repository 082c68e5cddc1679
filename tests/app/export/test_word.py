"""Word documents, read back with python-docx."""

import pytest
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from hypothesis import given, settings
from hypothesis import strategies as st

from app.export import Draft
from app.export.blocks import parse
from app.export.word import write_word
from tests.app.export.reading import open_word, squeezed, texts, word_texts
from tests.app.export.test_blocks import MARKED


def paragraphs(markdown: str) -> list[Paragraph]:
    return open_word(write_word(Draft("", markdown))).paragraphs


def styles(markdown: str) -> list[tuple[str, str]]:
    return [(paragraph.style.name, paragraph.text) for paragraph in paragraphs(markdown) if paragraph.style]


def test_blocks_have_words_own_styles() -> None:
    assert styles("# a\n\n### b\n\nc\n\n> d\n\n- e\n\n  f\n  - g\n    1. h\n\n```\ni\n  j\n```\n") == [
        ("Heading 1", "a"),
        ("Heading 3", "b"),
        ("Normal", "c"),
        ("Quote", "d"),
        ("List Bullet", "e"),
        ("List Continue", "f"),
        ("List Bullet 2", "g"),
        ("List Number 3", "h"),
        ("Code", "i\n  j"),
    ]


def test_deep_lists_and_quotes_are_indented_beyond_their_styles() -> None:
    deep = [p.paragraph_format.left_indent for p in paragraphs("- a\n  - b\n    - c\n      - d\n        - e")]
    assert deep[:3] == [None] * 3
    assert deep[3] < deep[4]
    first, second = (p.paragraph_format.left_indent for p in paragraphs("> a\n>\n> > b"))
    assert first < second


def test_spans_have_their_style() -> None:
    (paragraph,) = paragraphs("a **b *c*** ~~d~~ `e`")
    found = [(r.text, bool(r.bold), bool(r.italic), bool(r.font.strike), r.font.name) for r in paragraph.runs]
    assert [run for run in found if run[0].strip()] == [
        ("a ", False, False, False, None),
        ("b ", True, False, False, None),
        ("c", True, True, False, None),
        ("d", False, False, True, None),
        ("e", False, False, False, "Consolas"),
    ]


def test_links_open_their_address() -> None:
    (paragraph,) = paragraphs("see [the **report**](https://a.b/c?d=e&f) or <mailto:x@y.z>.")
    assert paragraph.text == "see the report or mailto:x@y.z."
    assert {(link.text, link.address) for link in paragraph.hyperlinks} == {
        ("the ", "https://a.b/c?d=e&f"),
        ("report", "https://a.b/c?d=e&f"),
        ("mailto:x@y.z", "mailto:x@y.z"),
    }


def test_every_numbered_list_counts_for_itself() -> None:
    document = open_word(write_word(Draft("", "1. a\n2. b\n\ntext\n\n5. c\n")))
    numbers = [p._p.pPr.numPr.numId.val for p in document.paragraphs if p.style and p.style.name == "List Number"]
    assert numbers[0] == numbers[1] != numbers[2]
    numbering = document.part.numbering_part.element
    starts = [
        numbering.num_having_numId(n).find(qn("w:lvlOverride")).find(qn("w:startOverride")).val for n in numbers[1:]
    ]
    assert starts == [1, 5]


def test_tables_have_all_cells_and_a_head_that_is_repeated() -> None:
    (table,) = open_word(write_word(Draft("", "| a | b |\n|---|---|\n| 1 | **2** | 3 |\n| 4 |"))).tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["a", "b", ""], ["1", "2", "3"], ["4", "", ""]]
    assert table.cell(0, 0).paragraphs[0].runs[0].bold
    assert not table.cell(1, 0).paragraphs[0].runs[0].bold
    assert table.cell(1, 1).paragraphs[0].runs[0].bold
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


@pytest.mark.parametrize("title", ["The tides", "灯台\x00", "x" * 300])
def test_the_title_is_the_documents(title: str) -> None:
    properties = open_word(write_word(Draft(title, ""))).core_properties
    assert properties.title == title.replace("\x00", "")[:255]
    assert properties.author == ""


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.text() | MARKED)
def test_any_draft_reads_back(draft: str) -> None:
    assert squeezed(word_texts(write_word(Draft(draft, draft)))) == squeezed(texts(parse(draft)))
