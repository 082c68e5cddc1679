"""A table is held against the columns asked for; what is wrong is said, and only what is sure is put right."""

import csv
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.export.table import as_csv, as_tsv
from app.export.table_check import check_table, repair_table

COLUMNS = ("Name", "Year", "Height")
GOOD = "| Name | Year | Height |\n| --- | --- | --- |\n| Bell Rock | 1810 | 35 |\n| Eddystone | 1882 | |\n"
ROWS = (("Name", "Year", "Height"), ("Bell Rock", "1810", "35"), ("Eddystone", "1882", ""))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"Here is the table:\n\n{GOOD}\nDone.",
        f"```markdown\n{GOOD}```",
        "Name\tYear\tHeight\nBell Rock\t1810\t35\nEddystone\t1882\t",
        "```csv\nName,Year,Height\nBell Rock,1810,35\nEddystone,1882,\n```",
        'Name, Year, Height\n"Bell Rock", 1810, 35\nEddystone, 1882, ',
    ],
)
def test_a_table_as_asked_for(text: str) -> None:
    report = check_table(text, COLUMNS)
    assert (report.rows, report.problems, report.repairs) == (ROWS, (), ())
    assert as_tsv(report.rows) == "Name\tYear\tHeight\nBell Rock\t1810\t35\nEddystone\t1882\t\n"
    assert as_csv(report.rows) == "Name,Year,Height\r\nBell Rock,1810,35\r\nEddystone,1882,\r\n"


def test_without_columns_the_head_is_taken() -> None:
    assert check_table(GOOD).rows == ROWS
    assert check_table(GOOD).problems == ()
    assert check_table("a,b\n1,2\n").rows == (("a", "b"), ("1", "2"))


# --- problems ---


def test_a_row_with_another_number_of_cells() -> None:
    report = check_table(GOOD + "| Fastnet | 1904 | 54 | Ireland |\n| Skerryvore |\n", COLUMNS)
    assert report.problems == (
        "Row 4 has 4 cells, 3 columns were asked for: “Fastnet | 1904 | 54 | Ireland”.",
        "Row 5 has 1 cell, 3 columns were asked for: “Skerryvore”.",
    )
    assert report.rows == (*ROWS, ("Fastnet", "1904", "54", "Ireland"), ("Skerryvore",))


def test_missing_and_additional_columns() -> None:
    report = check_table("| Name | Country | Year | Country |\n|---|---|---|---|\n| a | b | c | d |\n", COLUMNS)
    assert report.problems == (
        "The column “Height” is missing.",
        "The column “Country” was not asked for.",
        "The column “Country” was not asked for.",
        "The column “Country” is there twice.",
    )
    assert "Row 3 has 1 cell, the head has 2: “c”." in check_table("a\tb\nx\ty\nc", COLUMNS).problems


def test_no_rows_and_no_table() -> None:
    assert check_table("| Name |\n|---|\n", ["Name"]).problems == ("The table has no rows.",)
    report = check_table("There is none, in truth.", COLUMNS)
    assert report.rows == ()
    assert report.problems == (
        "There is no table in the text. Ask again, or write one with the columns Name, Year, Height.",
    )
    assert (as_tsv(report.rows), as_csv(report.rows)) == ("", "")


@pytest.mark.parametrize("text", ["One, two.\nThree, four.", "Yes, no.\nBut, well, perhaps.", "- a, b\n- c, d"])
def test_prose_with_commas_is_no_table(text: str) -> None:
    assert check_table(text, COLUMNS).rows == ()


def test_a_row_that_is_there_twice() -> None:
    report = check_table(GOOD + "| Bell Rock | 1810 | 35 |\n", COLUMNS)
    assert report.problems == ("Row 4 is the same as row 2.",)
    assert report.rows == (*ROWS, ROWS[1])


# --- repairs ---


def test_columns_in_another_order_and_spelling() -> None:
    report = check_table("| **year** | height | NAME |\n|---|---|---|\n| 1810 | 35 | Bell Rock |\n", COLUMNS)
    assert report.rows == ROWS[:2]
    assert report.problems == ()
    assert report.repairs == ("The columns were in another order: year, height, NAME.",)


def test_the_order_stays_where_a_row_does_not_fit() -> None:
    report = check_table("| Year | Name |\n|---|---|\n| 1810 |\n", ["Name", "Year"])
    assert report.rows == (("Year", "Name"), ("1810",))
    assert report.problems[0] == "The columns are in another order than asked for: Year, Name."


def test_what_says_nothing_is_left_out() -> None:
    text = GOOD + "| | | |\n| Name | Year | Height |\n| --- | --- | --- |\n| Fastnet | 1904 | 54 | |\n"
    report = check_table(text, COLUMNS)
    assert report.rows == (*ROWS, ("Fastnet", "1904", "54"))
    assert report.problems == ()
    assert report.repairs == (
        "Rows 5, 6 were the head again, and left out.",
        "Row 4 was empty, and left out.",
        "Row 7 was too long by empty cells, which were left out.",
    )


@pytest.mark.parametrize("around", ["{}", "Before.\n\n{}\nAfter.", "```\n{}```\nAfter."])
def test_a_repaired_text_has_the_checked_table_in_place_of_the_typed_one(around: str) -> None:
    typed = (
        "| year | height | *name* |\n|---|---|---|\n| 1810 | 35 | **Bell** Rock | |\n| | | |\n| 1882 | | a \\| b |\n"
    )
    good = "| Name | Year | Height |\n| --- | --- | --- |\n| **Bell** Rock | 1810 | 35 |\n| a \\| b | 1882 |  |\n"
    expected = around.replace("```\n", "").replace("```", "").format(good)
    assert repair_table(around.format(typed), COLUMNS) == expected
    assert check_table(expected, COLUMNS).repairs == ()


def test_other_kinds_of_tables_become_markdown_and_what_is_none_stays() -> None:
    assert repair_table("So:\n\na\tb|c\n1\t2\t\n\nEnd.") == "So:\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\nEnd."
    assert repair_table("Head\nYear,Name\n1810,Rock\n", ["Name", "Year"]) == (
        "Head\n\n| Name | Year |\n| --- | --- |\n| Rock | 1810 |\n"
    )
    for text in ("No table.", "- a\n\n  | b |\n  |---|\n  | c | |"):
        assert repair_table(text) == text


# --- the table as text ---

CELL = st.text(st.sampled_from("ab1,;\"' é犬"), max_size=6).map(str.strip)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width).filter(any), max_size=4)
)


@given(TABLES)
def test_every_table_comes_out_as_it_went_in(rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 2
    columns = [f"Column {number}" for number in range(width)]
    text = f"| {' | '.join(columns)} |\n|{' --- |' * width}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    report = check_table(text, columns)
    assert report.rows == (tuple(columns), *map(tuple, rows))
    assert [tuple(row) for row in csv.reader(StringIO(as_csv(report.rows), newline=""))] == list(report.rows)
    assert [tuple(line.split("\t")) for line in as_tsv(report.rows).splitlines()] == list(report.rows)


def test_a_table_repaired_below_a_list_stays_a_table() -> None:
    text = "- one\na\tb\n1\t2"
    assert repair_table(text) == "- one\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert check_table(repair_table(text)).rows == check_table(text).rows


@example("- 0\n0\t", [])
@example("0\t\n--\t", [])
@given(st.text() | st.text(st.sampled_from("|-,\t\n ab")), st.lists(st.sampled_from("ab"), max_size=3))
def test_any_text_gives_a_report(text: str, columns: list[str]) -> None:
    report = check_table(text, columns)
    assert report.problems or len({len(row) for row in report.rows}) == 1
    again = check_table(repair_table(text, columns), columns)
    assert [len(row) for row in again.rows] == [len(row) for row in report.rows]


def test_a_formula_does_not_run() -> None:
    rows = check_table("| a | b |\n|---|---|\n| =1+1 | -5 |\n").rows
    assert as_csv(rows) == "a,b\r\n'=1+1,-5\r\n"
    assert as_tsv(rows) == "a\tb\n'=1+1\t-5\n"


def test_a_line_end_in_a_cell_does_not_end_the_row() -> None:
    assert as_tsv(check_table('a,b\n"x\ny",z\n', ["a", "b"]).rows) == "a\tb\nx y\tz\n"
