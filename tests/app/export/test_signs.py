"""Emoji, scripts and characters without a font in PDFs, read back with pypdf: nothing refuses one."""

from io import BytesIO
from pathlib import Path

import pytest
from fpdf.enums import Align, TextDirection
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from app.export import FORMATS, Draft, RunRecord, export
from app.export.blocks import parse
from app.export.fonts import BODY, EMOJI, JAPANESE
from app.export.graphemes import graphemes, visible, with_plain_blanks
from app.export.paper import Paper, _Line
from app.export.pdf import write_pdf
from app.export.system_fonts import Face, repertoire
from tests.app.export.reading import squeezed, texts
from tests.app.export.test_fonts import LETTER, PRIVATE, make_font

FAMILY = "👨‍👩‍👧"
SEQUENCES = ["❤️", "1️⃣", "#️⃣", "👍🏽", FAMILY, "👩🏽‍🚒", "🏳️‍🌈", "🇯🇵", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👁️‍🗨️"]
NASTY = f"a\x00b\x1bc\x85 \ud83dd\udc4d \ufffe\U0001fffe\r\ne\rf ✅ {FAMILY} 1️⃣ \u202eg\u2066 שלום {PRIVATE}"


def lines(markdown: str, *folders: Path) -> list[str]:
    """The lines of all pages, without the numbers at their feet."""
    pages = PdfReader(BytesIO(write_pdf(Draft("", markdown), folders).data)).pages
    return [line.strip() for page in pages for line in page.extract_text().splitlines()[:-1] if line.strip()]


@pytest.fixture(scope="module")
def opened() -> Paper:
    return Paper([JAPANESE, EMOJI])


@pytest.fixture
def paper(opened: Paper) -> Paper:
    opened.set_font("body", size=10)
    opened.direction = None
    return opened


@pytest.mark.slow
def test_emoji_are_drawn_and_read_back() -> None:
    made = export(Draft("T", "Done ✅ failed ❌ liked 👍 starred ⭐ and 😀"), "pdf")
    assert made.notes == ()
    (page,) = PdfReader(BytesIO(made.data)).pages
    assert page.extract_text().splitlines()[0] == "Done ✅ failed ❌ liked 👍 starred ⭐ and 😀"
    fonts = {font["/BaseFont"].split("+")[-1] for font in page["/Resources"]["/Font"].values()}
    assert "NotoEmoji" in fonts


@pytest.mark.slow
def test_a_sequence_is_one_sign_and_reads_back_whole(paper: Paper) -> None:
    drafts = [f"Done **{sign}{sign}** `{sign}` now" for sign in SEQUENCES]
    assert lines("\n\n".join(drafts)) == [f"Done {sign}{sign} {sign} now" for sign in SEQUENCES]
    for font in ("body", "fixed"):
        paper.set_font(font)
        assert {paper.get_string_width(f"a{sign}") for sign in SEQUENCES} == {paper.get_string_width("a✅")}


@pytest.mark.slow
def test_no_line_breaks_within_a_sign() -> None:
    signs = "".join(SEQUENCES) * 12
    drafts = ["{}", "`{}`", "```\n{}\n```", "|a|\n|-|\n|{}|", "- {}", "# {}", "> {}"]
    found = lines("\n\n".join(draft.format(signs) for draft in drafts))
    assert len(found) > 3 * len(drafts)
    assert [sign for line in found for sign in graphemes(line) if sign in SEQUENCES] == SEQUENCES * 12 * len(drafts)


@pytest.mark.slow
def test_words_beside_emoji_stay_whole() -> None:
    assert {word for line in lines("lighthouse ✅ " * 40) for word in line.split()} == {"lighthouse", "✅"}


@pytest.mark.slow
def test_an_unknown_sequence_is_shown_in_its_parts(paper: Paper) -> None:
    assert lines("a ✅‍❌ b") == ["a ✅‍❌ b"]
    assert paper.get_string_width("✅‍❌") == paper.get_string_width("✅❌")


@pytest.mark.slow
def test_emoji_stay_in_the_outline() -> None:
    (entry,) = PdfReader(BytesIO(write_pdf(Draft("", f"# Done ✅ {FAMILY}"), ()).data)).outline
    assert entry.title == f"Done ✅ {FAMILY}"


@pytest.mark.slow
def test_an_item_of_nothing_that_can_be_seen_keeps_its_mark() -> None:
    assert lines("- \u200d\n- b") == ["•", "• b"]


def test_a_character_without_a_font_is_replaced_and_said() -> None:
    made = write_pdf(Draft("", f"a {PRIVATE} **b{LETTER}**c\n\n`{PRIVATE}`"), ())
    (page,) = PdfReader(BytesIO(made.data)).pages
    assert page.extract_text().split() == ["a", "�", "b�c", "�", "1"]
    (note,) = made.notes
    assert "the PDF shows � in their place: ก (U+0E01), U+F0001. Install" in str(note)


@pytest.mark.slow
def test_a_letter_with_a_mark_that_no_font_has_keeps_the_letter(tmp_path: Path) -> None:
    assert lines(f"x{LETTER}\u0e34 y") == ["x�� y"]
    make_font(tmp_path / "thai.ttf", LETTER)
    assert lines(f"x{LETTER}\u0e34 y", tmp_path) == [f"x{LETTER}� y"]


@pytest.mark.slow
def test_an_installed_font_is_used(tmp_path: Path) -> None:
    make_font(tmp_path / "thai.ttf", LETTER)
    made = write_pdf(Draft("", f"a {LETTER}"), (tmp_path,))
    assert made.notes == ()
    (page,) = PdfReader(BytesIO(made.data)).pages
    assert page.extract_text().split() == ["a", LETTER, "1"]


@pytest.mark.slow
def test_scripts_from_right_to_left_read_back_in_their_order() -> None:
    assert lines("שלום עולם\n\nمرحبا بالعالم") == ["שלום עולם", "مرحبا بالعالم"]


def test_each_direction_is_drawn_in_its_own(paper: Paper) -> None:
    def drawn(text: str) -> list[str]:
        """From left to right; with a "<" what runs from right to left."""
        line = _Line(paper._preload_font_styles(text, False), 0, 0, Align.L, 0, None)
        left = TextDirection.LTR
        return [
            piece.string if piece.fragment_direction is left else f"<{piece.string}"
            for piece in line.get_ordered_fragments()
        ]

    assert drawn("abc 12 ✅") == ["abc 12 ", "✅"]
    assert drawn("שלום abc 12.") == ["<.", "abc 12", "<שלום "]
    assert drawn("(see שלום 12 עולם)") == ["(see ", "< עולם", "12", "<שלום ", ")"]
    assert drawn(f"a שלום {FAMILY}1️⃣ עולם") == ["a ", "< עולם", "1️⃣", f"<{FAMILY}", "<שלום "]
    assert drawn("a می‌خواهم") == ["a ", "<می‌خواهم"]
    assert drawn("a\nא b") == ["a", "\n", "b", "<א "]
    paper.direction = TextDirection.RTL
    assert drawn("abc.") == ["<.", "abc"]


@pytest.mark.slow
def test_a_paragraph_from_right_to_left_begins_at_the_right() -> None:
    def start(markdown: str) -> float:
        places: list[float] = []
        (page,) = PdfReader(BytesIO(write_pdf(Draft("", markdown), ()).data)).pages
        page.extract_text(visitor_text=lambda text, cm, tm, *_: places.append(tm[4]) if text.strip() else None)
        return places[0]

    assert start("abc שלום") < 100
    assert start("שלום abc") > 300


@pytest.mark.slow
def test_letters_join_across_vowel_marks_and_not_across_a_non_joiner(paper: Paper) -> None:
    assert paper.get_string_width("مُحَمَّد") == paper.get_string_width("محمد")
    assert paper.get_string_width("می‌خواهم") > paper.get_string_width("میخواهم")
    assert lines("می‌خواهم") == ["می‌خواهم"]


def test_two_joining_scripts_in_one_font_are_shaped_apart(paper: Paper) -> None:
    both = paper.get_string_width("שלום مرحبا")
    assert both == pytest.approx(paper.get_string_width("שלום ") + paper.get_string_width("مرحبا"))


@pytest.mark.slow
def test_thousands_of_dashes_in_a_text_from_right_to_left() -> None:
    assert "".join(lines(f"שלום {'-' * 3000} a")).count("-") == 3000


@pytest.mark.slow
@pytest.mark.parametrize("key", FORMATS)
def test_nothing_in_a_text_stops_a_format(key: str) -> None:
    text = f"# {NASTY}\n\n```\n{NASTY}\n```\n\n| a | b |\n|---|---|\n| \ud83d\x00x | ✅{FAMILY} |\n"
    made = export(Draft(NASTY, text, RunRecord({"model": NASTY}, 1, {"task": NASTY}, {}, b"")), key)
    assert made.data
    assert made.name.encode().endswith(FORMATS[key].suffix.encode())


PARTS = "✅❤👍🏽👩🚒🇯🇵1#\ufe0f\u20e3\u200d\u200cשםمحمَّ(«[- .\u202e\u2067\u2069`|\n"


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.text(st.characters() | st.sampled_from(PARTS)))
def test_any_text_is_written_and_what_no_font_has_is_named(draft: str) -> None:
    known = set("\n").union(*map(repertoire, (Face(BODY[""]), JAPANESE, EMOJI)))
    missing = {c for text in texts(parse(draft), numbered=True) for c in visible(with_plain_blanks(text))} - known
    made = write_pdf(Draft(draft, draft), ())
    assert len(PdfReader(BytesIO(made.data)).pages) >= 1
    assert len(made.notes) == bool(missing)
    assert all(f"U+{ord(character):04X}" in str(made.notes[0]) for character in sorted(missing)[:12])


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([*SEQUENCES, "✅", "a", "日", "é", "Ω", " "])).map("".join))
def test_any_signs_read_back(draft: str) -> None:
    assert squeezed(iter(lines(draft))) == squeezed(texts(parse(draft)))
