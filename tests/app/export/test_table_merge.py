"""Rows about the same item become one."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.export.table_merge import SourcedRow, agree, alike, cell_key, merged

CELLS = st.sampled_from(["", "oil", "Oil.", "gas", "not gas", "1801"])
KEYS = st.sampled_from(["Lamp", "lamp", "LAMP ", "Lens", "Fog 1", "Fog 2", "C", "C++"])
ROWS = st.lists(
    st.builds(
        SourcedRow, st.tuples(KEYS, CELLS, CELLS), st.frozensets(st.tuples(st.just(0), st.integers(1, 9)), min_size=1)
    ),
    max_size=12,
)


def reference(rows: list[SourcedRow]) -> list[SourcedRow]:
    """One pair after another, the first that can be, until none can: items and cells are equal here or differ."""

    def plain(cell: str) -> str:
        return "".join(cell.casefold().split()).rstrip(".")

    def can(one: SourcedRow, other: SourcedRow) -> bool:
        cells = list(zip(map(plain, one.cells), map(plain, other.cells), strict=True))
        return cells[0][0] == cells[0][1] and all("" in pair or pair[0] == pair[1] for pair in cells[1:])

    rows = list(rows)
    while True:
        pairs = [(b, a) for a, b in combinations(range(len(rows)), 2) if can(rows[a], rows[b])]
        if not pairs:
            return rows
        later, first = min(pairs)
        one, other = rows[first], rows.pop(later)
        rows[first] = SourcedRow(
            tuple(a or b for a, b in zip(one.cells, other.cells, strict=True)), one.pages | other.pages
        )


@given(ROWS)
def test_rows_are_merged_as_one_pair_after_another(rows: list[SourcedRow]) -> None:
    assert merged(rows) == reference(rows)


@given(ROWS)
def test_nothing_that_rows_say_is_lost_and_no_two_that_are_left_agree(rows: list[SourcedRow]) -> None:
    found = merged(rows)
    assert not any(agree(one.cells, other.cells) for one, other in combinations(found, 2))
    for row in rows:
        assert any(
            row.pages <= other.pages and all(not a or alike(a, b) for a, b in zip(row.cells, other.cells, strict=True))
            for other in found
        )
    assert merged(found) == found


def test_contradictions_stay_with_their_pages() -> None:
    oil, gas = SourcedRow(("Lamp", "oil"), frozenset({(0, 1)})), SourcedRow(("lamp", "gas"), frozenset({(0, 7)}))
    assert merged([oil, gas, SourcedRow(("LAMP", ""), frozenset({(0, 9)}))]) == [
        SourcedRow(("Lamp", "oil"), frozenset({(0, 1), (0, 9)})),
        gas,
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Light houses", "light-houses", True),
        ("It burns oil.", "It burns oils", True),
        ("must be cleared", "must not be cleared", False),
        ("possible", "impossible", False),
        ("Year 1801", "Year 1802", False),
        ("C", "C++", False),
        ("/run", "run", False),
        ("油のランプ", "油の ランプ。", True),
    ],
)
def test_cells_are_alike_but_for_spelling(one: str, other: str, same: bool) -> None:
    assert alike(one, other) == alike(other, one) == same


def test_names_that_are_nearly_alike_are_one_only_if_a_cell_is_too() -> None:
    def rows(*cells: str) -> list[SourcedRow]:
        return merged([SourcedRow(("contact", cells[0])), SourcedRow(("contract", cells[1]))])

    assert len(rows("by letter", "by letter")) == 1
    assert len(rows("by letter", "")) == 2
    assert len(rows("by letter", "for a year")) == 2


def test_signs_alone_are_a_key() -> None:
    assert (cell_key("..."), cell_key("-"), cell_key(" Öl-Lampe. ")) == ("...", "-", "ollampe")
