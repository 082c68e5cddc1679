"""Lines of a PDF: exponents, indices and marks of notes, columns, and lines that run from right to left."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.documents import read_document
from app.documents.pdf.bidi import logical
from tests.app.documents.pdf_files import draw, drawn, helvetica, save


def pieces(*parts: tuple[str, float]) -> str:
    """Text on a line at 20, 200: each part raised by so many points, smaller if it is."""
    shown = "".join(f"/F1 {6 if rise else 10} Tf {rise} Ts ({text}) Tj " for text, rise in parts)
    return f"BT 20 200 Td {shown}ET\n"


def read(tmp_path: Path, drawing: str) -> str:
    path = save(drawn(helvetica(), drawing.encode("latin-1")), tmp_path / "page.pdf")
    return read_document(path).pages[0].text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([("about 10", 0), ("-34", 4), (" J s", 0)], "about 10⁻³⁴ J s"),
        ([("x", 0), ("2", 4), (" + y", 0), ("2", 4)], "x² + y²"),
        ([("H", 0), ("2", -2), ("O and CO", 0), ("2", -2)], "H₂O and CO₂"),
        ([("a", 0), ("n+1", 4), (" grows", 0)], "a^{n+1} grows"),
        ([("30 m", 0), ("2", 4), (" of deck", 0)], "30 m² of deck"),
        ([("5 km", 0), ("2", 4)], "5 km²"),
        ([("It was Orr.", 0), ("12", 4), (" He left.", 0)], "It was Orr. [12] He left."),
        ([("the keeper", 0), ("3", 4), (", who", 0)], "the keeper [3], who"),
        ([("in 1999", 0), ("4", 4), (" and", 0)], "in 1999 [4] and"),
        ([("(as he said)", 0), ("5", 4)], "(as he said) [5]"),
        ([("(x + 1)", 0), ("2", 4)], "(x + 1)²"),
        ([("the 19", 0), ("th", 4), (" century", 0)], "the 19th century"),
        ([("7", 4), ("See the log of 1850.", 0)], "[7] See the log of 1850."),
        ([("0.05", 0), ("**", 4)], "0.05**"),
        ([("a name", 0), ("*", 4), (" here", 0)], "a name [*] here"),
        ([("sin", 0), ("2", 4), (" x", 0)], "sin² x"),
    ],
)
def test_small_letters_keep_their_meaning(tmp_path: Path, parts: list[tuple[str, float]], text: str) -> None:
    assert read(tmp_path, pieces(*parts)) == text


def test_a_small_fraction_is_one(tmp_path: Path) -> None:
    half = draw(20, 200, "about") + draw(48, 204, "x+1", 6) + draw(51, 196, "2", 6) + draw(62, 200, "of it")
    assert read(tmp_path, half) == "about (x+1)/2 of it"
    power = draw(20, 200, "x") + draw(25, 204, "2", 6) + draw(25, 198, "i", 6)
    assert read(tmp_path, power) == "x²_i"


LEFT = ["The harbour board met on Monday", "to review the dredging plan and", "agreed that the northern channel",
        "must be deepened before winter."]  # fmt: skip
RIGHT = ["Residents of the east quay asked", "for a noise barrier, since the", "crusher had run after midnight",
         "on eleven days in September."]  # fmt: skip


def rows(left: list[str], right: list[str], size: float = 7) -> str:
    """Two columns, drawn line by line across them."""
    return "".join(
        draw(20, 250 - 10 * index, one, size) + draw(160, 250 - 10 * index, other, size)
        for index, (one, other) in enumerate(zip(left, right, strict=True))
    )


def test_columns_that_are_drawn_across_are_read_one_after_the_other(tmp_path: Path) -> None:
    title, end = (
        draw(20, 270, "News of the harbour"),
        draw(20, 150, "That was all, as far as anybody here can remember."),
    )
    text = read(tmp_path, title + rows(LEFT, RIGHT) + end)
    assert text.split("\n") == [
        "News of the harbour", *LEFT, *RIGHT, "That was all, as far as anybody here can remember.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["Bell Rock", "Skerryvore", "Eddystone", "Fastnet", "Longships"],
         ["35 metres", "48 metres", "49 metres", "54 metres", "35 metres"]),
        (["Inspection of the tower", "Painting of the gallery", "Repair of the old crane", "Cleaning of the lens"],
         ["Done in April by the crew", "Planned for the next May", "Delayed until September", "Done in every month"]),
        (["Of the keepers", "Of the boats", "Of the fog", "Of the light", "Of the end"], ["1", "14", "27", "31", "40"]),
    ],
)  # fmt: skip
def test_rows_of_tables_and_contents_stay_together(tmp_path: Path, left: list[str], right: list[str]) -> None:
    lines = read(tmp_path, rows(left, right)).split("\n")
    assert [line.replace(" | ", " ") for line in lines] == [
        f"{one} {other}" for one, other in zip(left, right, strict=True)
    ]


def test_a_program_with_comments_stays_together(tmp_path: Path) -> None:
    left = ["total = 0", "for row in table:", "    total += row", "print(total, end)", "return total"]
    right = [
        "# where the sum begins and",
        "# goes on over all of the",
        "# rows, one by one, until",
        "# it is shown to",
        "# whoever asked",
    ]
    path = save(drawn(helvetica("Courier"), rows(left, right, 6).encode()), tmp_path / "code.pdf")
    lines = read_document(path).pages[0].text.split("\n")
    assert [line.split("#")[0].split() for line in lines] == [line.split() for line in left]


def test_letters_are_put_in_the_order_in_which_they_are_read() -> None:
    seen = ".2024 םוי"  # as it is seen, from the left
    assert logical([(float(place), letter) for place, letter in enumerate(seen)]) == "יום 2024."
    assert logical([(float(-place), letter) for place, letter in enumerate("abc")]) == "cba"
    assert (
        logical([(float(place), letter) for place, letter in enumerate("The word םולש is old")])
        == "The word שלום is old"
    )
    assert logical([(float(place), letter) for place, letter in enumerate("(PDF 7.1) םולש")]) == "שלום (PDF 7.1)"


def test_arabic_forms_become_letters(tmp_path: Path) -> None:
    from tests.app.documents.pdf.test_glyphs import composite_font

    # Codes 0 to 3 are drawn from the left: final meem, alef, initial seen, and the ligature of lam and alef.
    forms = b"4 beginbfchar <0001> <FEE2> <0002> <FE8E> <0003> <FEB3> <0004> <FEFB> endbfchar"
    path = save(drawn(composite_font(forms), b"BT /F1 10 Tf 20 200 Td <000100040003> Tj ET"), tmp_path / "arabic.pdf")
    assert read_document(path).pages[0].text == "سلام"
