"""PDFs, read back with pypdf, and the fonts they use."""

from io import BytesIO
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from app.export import Draft
from app.export.blocks import parse
from app.export.fonts import FOLDER, JAPANESE, drawable, fallbacks
from app.export.pdf import write_pdf
from app.say.errors import ExportError
from tests.app.export.reading import pdf_text, squeezed, texts
from tests.app.export.test_blocks import MARKED

LETTER = "ก"
"""Thai, which the shipped fonts lack."""


def make_font(path: Path, letter: str, restricted: bool = False) -> None:
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "letter"])
    builder.setupCharacterMap({ord(letter): "letter"})
    pen = TTGlyphPen(None)
    for step, point in enumerate([(0, 0), (500, 0), (500, 700)]):
        (pen.lineTo if step else pen.moveTo)(point)
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "letter": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "letter": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Test", "styleName": "Regular"})
    builder.setupOS2(fsType=2 if restricted else 0)
    builder.setupPost()
    builder.save(path)


def pdf(markdown: str, title: str = "", folders: tuple[Path, ...] = ()) -> PdfReader:
    return PdfReader(BytesIO(write_pdf(Draft(title, markdown), folders)))


def lines(markdown: str) -> list[str]:
    (page,) = pdf(markdown).pages
    return [line.strip() for line in page.extract_text().splitlines() if line.strip()][:-1]


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


def test_a_page_ends_with_its_number_and_a_heading_is_not_left_alone() -> None:
    reader = pdf("\n\n".join(f"{n}. paragraph\n\n# Heading {n}" for n in range(60)))
    for number, page in enumerate(reader.pages, 1):
        *body, foot = page.extract_text().strip().splitlines()
        assert foot.strip() == str(number)
        assert number == len(reader.pages) or not body[-1].startswith("Heading")


def test_alphabets_and_japanese() -> None:
    draft = "Größe Ελληνικά русский “…” → ≤ ∑\n\n灯台は、日本語で「とうだい」という。"
    assert squeezed(iter(lines(draft))) == squeezed(iter([draft]))
    fonts = {font["/BaseFont"].split("+")[-1] for font in pdf(draft).pages[0]["/Resources"]["/Font"].values()}
    assert "MotoyaLCedarW3mono" in fonts


def test_scripts_from_right_to_left_read_back_in_their_order() -> None:
    assert lines("שלום עולם\n\nمرحبا بالعالم") == ["שלום עולם", "مرحبا بالعالم"]


def test_japanese_breaks_between_characters_and_english_between_words() -> None:
    japanese = lines("Python " + "日本語の文" * 30)
    assert len(japanese[0]) > 30
    english = lines("lighthouse " * 40)
    assert {word for line in english for word in line.split()} == {"lighthouse"}


def test_links_are_annotations() -> None:
    (page,) = pdf("see [a](https://b.c/d) and [e](f.md)").pages
    assert [note.get_object()["/A"]["/URI"] for note in page["/Annots"]] == ["https://b.c/d"]


def test_a_table_repeats_its_head_and_splits_a_row_that_is_higher_than_a_page() -> None:
    words = [f"word{n}" for n in range(3000)]
    reader = pdf(f"| Name | Text |\n|---|---|\n| x | {' '.join(words)} |")
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 2
    assert all(page.startswith("Name Text") for page in pages)
    assert [word for page in pages for word in page.split() if word.startswith("word")] == words


def test_a_table_too_wide_for_the_page_is_written_in_lines() -> None:
    draft = f"|{'|'.join(f'h{n}' for n in range(40))}|\n|{'---|' * 40}\n|{'|'.join(f'c{n}' for n in range(40))}|"
    text = " ".join(lines(draft))
    assert text.startswith("h0 | h1 | h2")
    assert text.endswith("c38 | c39")


def test_what_a_draft_says_of_pages_is_not_replaced() -> None:
    assert lines("of {nb} pages") == ["of {nb} pages"]


def test_missing_characters_are_named() -> None:
    with pytest.raises(ExportError, match=r"No font here shows .*: ก \(U\+0E01\), ข \(U\+0E02\)\. Export .* as a Word"):
        pdf("a กข ก")
    with pytest.raises(ExportError, match="and 8 more"):
        pdf("".join(chr(0x0E01 + n) for n in range(20)))


def test_an_installed_font_is_used_where_the_shipped_ones_lack_a_character(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    make_font(tmp_path / "locked.ttf", LETTER, restricted=True)
    with pytest.raises(ExportError, match="ก"):
        pdf(LETTER, folders=(tmp_path,))
    (tmp_path / "sub").mkdir()
    make_font(tmp_path / "sub" / "thai.ttf", LETTER)
    assert fallbacks(f"a{LETTER}日", [tmp_path]) == [JAPANESE, tmp_path / "sub" / "thai.ttf"]
    (page,) = pdf(f"a {LETTER}", folders=(tmp_path,)).pages
    assert page.extract_text().split() == ["a", LETTER, "1"]


def test_no_more_fonts_are_read_than_needed() -> None:
    assert fallbacks("abc äöü\n\t", [Path("/nowhere")]) == []


def test_characters_without_a_shape_need_no_font() -> None:
    assert drawable("a\u200d\ufe0f\u2060b\u2028c\u3000d\u00a0e") == "ab c\u3000d e"


def test_every_shipped_font_has_a_licence_beside_it() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "DejaVuSans.ttf",
        "DejaVuSans-Bold.ttf",
        "DejaVuSans-Oblique.ttf",
        "DejaVuSans-BoldOblique.ttf",
        "DejaVuSansMono.ttf",
        "LICENSE-DejaVu",
        "MTLc3m.ttf",
        "LICENSE-MotoyaLCedar",
    }


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(MARKED)
def test_any_draft_reads_back(draft: str) -> None:
    blocks = parse(draft)
    assert pdf_text(write_pdf(Draft("", draft), ())) == squeezed(texts(blocks, numbered=True))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.text())
def test_any_text_is_written_or_its_characters_are_named(draft: str) -> None:
    shown = {chr(code) for path in (FOLDER / "DejaVuSans.ttf", JAPANESE) for code in TTFont(path).getBestCmap()}
    missing = {c for text in texts(parse(draft), numbered=True) for c in drawable(text)} - shown - set("\n\t")
    if missing:
        with pytest.raises(ExportError, match=r"U\+"):
            pdf(draft, draft)
    else:
        assert len(pdf(draft, draft).pages) >= 1
