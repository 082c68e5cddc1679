"""Text in columns that is drawn line by line across them, put in the order in which it is read.

Only prose is taken apart. The rows of a table, a list of contents or a program belong together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from app.documents.pdf.lines import CLOSE_SCRIPTS, WIDE, Row

_FEWEST_ROWS, _MOST_ROWS = 4, 300
_FEWEST_CHARACTERS, _FEWEST_WORDS = 15, 3  # of the median line
_FILLED = 0.6  # of a column's width, by half of its lines
_MOST_CAPITALS = 0.65  # of the lines; nearly every cell of a table begins with one, or with a digit
_ALIGNED = 0.6


@dataclass
class _Block:
    """Rows in a row that leave a gutter free, from `left` to `right`."""

    first: int
    left: float
    right: float
    rows: list[tuple[Row | None, Row | None]] = field(default_factory=list)

    def takes(self, row: Row) -> bool:
        """Whether `row` leaves the gutter free too; then it is a part of the block."""
        cells = row.cells()
        beside = [cell for cell in cells if cell.x1 <= self.right], [cell for cell in cells if cell.x0 >= self.left]
        left = [cell for cell in beside[0] if cell.x0 < self.left]
        right = [cell for cell in beside[1] if cell.x1 > self.right]
        if len(left) + len(right) != len(cells) or row.form.turns:
            return False
        edge = max([self.left, *(cell.x1 for cell in left)]), min([self.right, *(cell.x0 for cell in right)])
        if edge[1] - edge[0] < 0.8 * row.form.size:
            return False
        self.left, self.right = edge
        self.rows.append((_row(left), _row(right)))
        return True

    def is_prose(self) -> bool:
        """Whether both sides are text that goes on from line to line."""
        both = [(left, right) for left, right in self.rows if left and right]
        if len(both) < _FEWEST_ROWS:
            return False
        return all(_is_prose([pair[side] for pair in both]) for side in (0, 1))


def in_reading_order(rows: Sequence[Row]) -> list[Row]:
    """The rows, columns of prose one after the other."""
    ordered: list[Row] = []
    index = 0
    while index < len(rows):
        block = _block(rows, index)
        if block and block.is_prose():
            for side in (0, 1):
                ordered += in_reading_order([row for pair in block.rows if (row := pair[side])])
            index = block.first + len(block.rows)
        else:  # its second half may still be prose; from each row on, a long table would be looked at too often
            step = max(1, len(block.rows) // 2) if block else 1
            ordered += rows[index : index + step]
            index += step
    return ordered


def _block(rows: Sequence[Row], first: int) -> _Block | None:
    """The rows from `first` on that leave the leftmost gutter of that row free."""
    cells = rows[first].cells()
    if len(cells) < 2 or rows[first].form.turns:
        return None
    block = _Block(first, cells[0].x1, cells[1].x0)
    for row in rows[first : first + _MOST_ROWS]:
        if not block.takes(row):
            break
    while block.rows and not all(block.rows[-1]):  # what follows on one side alone may be anything
        block.rows.pop()
    return block


def _row(cells: Sequence[Row]) -> Row | None:
    return Row([span for cell in cells for span in cell.spans]) if cells else None


def _is_prose(cells: Sequence[Row | None]) -> bool:
    column = [cell for cell in cells if cell]
    texts = [cell.text_line().text for cell in column]
    edges = Counter(round(cell.x0 / WIDE / cell.form.size) for cell in column)
    width = max(cell.x1 for cell in column) - min(cell.x0 for cell in column)
    capitals = sum(not text[:1].isalpha() or text[:1].isupper() for text in texts)
    letters = sum(map(str.isalpha, "".join(texts))) / max(1, sum(map(len, texts)))
    return (
        median(map(len, texts)) >= _FEWEST_CHARACTERS
        and (
            median(len(text.split()) for text in texts) >= _FEWEST_WORDS
            or CLOSE_SCRIPTS.search("".join(texts)) is not None
        )
        and median(cell.x1 - cell.x0 for cell in column) >= _FILLED * width
        and edges.most_common(1)[0][1] >= _ALIGNED * len(column)
        and capitals <= _MOST_CAPITALS * len(column)
        and letters >= 0.6
        and not any(cell.form.monospaced for cell in column)
    )
