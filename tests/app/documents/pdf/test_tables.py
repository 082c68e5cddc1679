"""Tables with rules become rows with their cells apart; what only has rules, or only columns, does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.documents import read_document
from tests.app.documents.pdf_files import draw, drawn, helvetica, save

CELLS = [["Tower", "Height", "Lit"], ["Bell Rock", "35 m", "1811"], ["Skerryvore", "48 m", "1844"],
         ["Fastnet", "54 m", "1904"]]  # fmt: skip
LEFT, TOP, STEP, WIDTH = (20, 100, 160), 250, 20, 220


def cells(table: list[list[str]], *, by_column: bool = False) -> str:
    places = [(row, column) for row in range(len(table)) for column in range(len(LEFT))]
    if by_column:
        places.sort(key=lambda place: place[1])
    return "".join(draw(LEFT[column] + 3, TOP - STEP * row - 14, table[row][column]) for row, column in places)


def across(*rows: int) -> str:
    """Rules over rows of those numbers, 0 is the first."""
    return "".join(f"{LEFT[0]} {TOP - STEP * row} m {WIDTH} {TOP - STEP * row} l S\n" for row in rows)


def down(rows: int) -> str:
    """Rules beside the columns."""
    return "".join(f"{x} {TOP} m {x} {TOP - STEP * rows} l S\n" for x in (*LEFT, WIDTH))


def boxes(rows: int) -> str:
    """A box for each cell."""
    ends = (*LEFT[1:], WIDTH)
    return "".join(
        f"{x} {TOP - STEP * (row + 1)} {end - x} {STEP} re S\n"
        for row in range(rows)
        for x, end in zip(LEFT, ends, strict=True)
    )


def read(tmp_path: Path, drawing: str) -> list[str]:
    path = save(drawn(helvetica(), drawing.encode()), tmp_path / "table.pdf")
    return read_document(path).pages[0].text.split("\n")


ROWS = ["| Tower | Height | Lit |", "| Bell Rock | 35 m | 1811 |", "| Skerryvore | 48 m | 1844 |",
        "| Fastnet | 54 m | 1904 |"]  # fmt: skip


@pytest.mark.parametrize(
    "table",
    [
        across(0, 1, 2, 3, 4) + down(4) + cells(CELLS),
        boxes(4) + cells(CELLS),
        boxes(4) + cells(CELLS, by_column=True),
        across(0, 1, 4) + cells(CELLS),  # as books are set: over the head, under it, under the table
        across(0, 1, 2, 3, 4) + cells(CELLS),
    ],
)
def test_cells_of_a_ruled_table_are_apart(tmp_path: Path, table: str) -> None:
    assert read(tmp_path, draw(20, 270, "Before it.") + table + draw(20, 100, "After it.")) == [
        "Before it.", *ROWS, "After it.",
    ]  # fmt: skip


def test_a_cell_of_two_lines_is_one_and_an_empty_one_is_kept(tmp_path: Path) -> None:
    table = boxes(3) + draw(23, 242, "Bell") + draw(23, 233, "Rock") + draw(103, 238, "35 m") + draw(163, 238, "1811")
    table += draw(23, 218, "Skerryvore") + draw(163, 218, "1844") + draw(23, 198, "Fastnet") + draw(103, 198, "54 m")
    assert read(tmp_path, table) == ["| Bell Rock | 35 m | 1811 |", "| Skerryvore |  | 1844 |", "| Fastnet | 54 m |  |"]


def test_a_text_that_is_drawn_over_the_edge_of_a_column_is_parted_there(tmp_path: Path) -> None:
    head = draw(87, 238, "Height Lit", 5) + f"101 {TOP} m 101 {TOP - 60} l S "
    assert read(tmp_path, across(0, 1, 2, 3) + head + draw(60, 218, "35 m") + draw(110, 218, "1811")
                + draw(60, 198, "48 m") + draw(110, 198, "1844")) == [
        "| Height | Lit |", "| 35 m | 1811 |", "| 48 m | 1844 |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page",
    [
        cells(CELLS),  # no rules
        across(0, 4) + cells(CELLS),  # those of a frame
        across(0, 1, 4)
        + "".join(draw(23, TOP - 14 - STEP * row, "A line of text that has no columns.") for row in range(4)),
    ],
)
def test_other_lines_stay_as_they_are(tmp_path: Path, page: str) -> None:
    assert not any("|" in line for line in read(tmp_path, page))


def test_a_ruled_table_may_hold_names_of_programs_and_broken_words(tmp_path: Path) -> None:
    table = (
        boxes(3) + draw(23, 242, "Dispatch") + draw(103, 242, "Exten-") + draw(103, 233, "sion") + draw(163, 242, "a")
    )
    table += draw(23, 218, "Send") + draw(103, 222, "well-") + draw(103, 213, "known") + draw(163, 218, "b")
    table += draw(23, 202, "pre-") + draw(23, 193, "and post") + draw(103, 198, "a well") + draw(163, 198, "known")
    writer = drawn(helvetica("Courier"), table.replace("(Dispatch)", "(Send)").encode())
    text = read_document(save(writer, tmp_path / "programs.pdf")).pages[0].text
    assert "|" not in text  # all of it is set as a program
    assert read(tmp_path, table) == [
        "| Dispatch | Extension | a |", "| Send | well-known | b |", "| pre- and post | a well | known |",
    ]  # fmt: skip
