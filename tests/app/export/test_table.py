"""The table in a draft as CSV and TSV."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.export import Draft
from app.export.table import write_csv, write_tsv
from app.export.table_rows import Rows, find_table
from app.say.errors import ExportError


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(data.decode("utf-8-sig"), newline="")))


def cells(draft: str) -> Rows:
    found = find_table(draft)
    assert found is not None
    return found.rows


def test_the_first_markdown_table_without_its_marks() -> None:
    draft = 'Text.\n\n| Name | Height |\n|---|--:|\n| **Bell** Rock | 35, "about" |\n| 犬吠埼 | |\n\n| x |\n|---|\n'
    rows = [["Name", "Height"], ["Bell Rock", '35, "about"'], ["犬吠埼", ""]]
    assert cells(draft) == rows
    assert read(write_csv(Draft("", draft))) == rows
    assert write_csv(Draft("", draft)).startswith(b"\xef\xbb\xbfName,Height\r\n")


def test_a_table_inside_a_list_is_found() -> None:
    assert cells("- a\n\n  | b |\n  |---|\n  | c |") == [["b"], ["c"]]


@pytest.mark.parametrize("draft", ["a\tb\n1\t2\n", "Text.\n\na\tb\n1\t2\n\nMore.\tNo.", "```tsv\na\tb\n1\t2\n```"])
def test_tab_separated_lines(draft: str) -> None:
    assert cells(draft) == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 | 5 |\n", r"Row 3 has 3 cells, the head has 2: “3 \| 4 \| 5”"),
        ("| a | b |\n|---|---|\n| 1", r"Row 2 has 1 cell, the head has 2: “1”"),
        ("a\tb\n1\t2\nc\n", r"Row 3 has 1 cell,"),
        ("No table.", "has no table"),
        ("", "has no table"),
    ],
)
def test_what_is_no_table_is_refused_with_the_row(draft: str, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        write_csv(Draft("", draft))


@pytest.mark.parametrize("cell", ["=1+1", '=HYPERLINK("http://x")', "@SUM(A1)", "+cmd", "-a"])
def test_a_spreadsheet_runs_no_formula(cell: str) -> None:
    assert read(write_csv(Draft("", f"a\tb\n{cell}\tx"))) == [["a", "b"], [f"'{cell}", "x"]]


@pytest.mark.parametrize("cell", ["-5", "+1,000.5", "-1.5e-3", "-12 %", "-", "a=b"])
def test_numbers_stay_numbers(cell: str) -> None:
    assert read(write_csv(Draft("", f"a\tb\n{cell}\tx"))) == [["a", "b"], [cell, "x"]]


def test_the_rows_are_the_checked_ones_in_the_order_asked_for() -> None:
    text = "| year | name |\n|---|---|\n| 1810 | Bell Rock | |\n| | |\n| year | name |\n| 1882 | =1+1 |\n"
    draft = Draft("", text, columns=("Name", "Year"))
    assert read(write_csv(draft)) == [["Name", "Year"], ["Bell Rock", "1810"], ["'=1+1", "1882"]]
    assert write_tsv(draft).decode() == "Name\tYear\nBell Rock\t1810\n'=1+1\t1882\n"


CELL = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=12).map(
    str.strip
)


@given(st.integers(2, 5).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_any_cells_read_back(rows: list[list[str]]) -> None:
    draft = "\n".join("\t".join([f"x{number}", *row, "x"]) for number, row in enumerate(rows))
    cells = [row[1:-1] for row in read(write_csv(Draft("", draft)))]
    assert [[cell.removeprefix("'") for cell in row] for row in cells] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
