"""A table over the whole of documents: written by several runs along their parts, whose rows are merged.

Small models write no rows worth reading (docs/benchmarks.md): for them the rows are what the documents name and what
they say of it. Larger models write them, held to the names and numbers of the parts that a run reads; a row stays only
if one of these parts says all of it. Which pages a row comes from is told by the program, never by the model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.export.blocks import split_row
from app.export.table_check import check_table
from app.export.table_merge import SourcedRow, agree, cell_key, merged
from app.project.row_support import RowSupport
from app.project.run_spec import RunSpec
from app.project.whole import SectionText, reference
from app.prompt.request import WriteRequest
from app.prompt.sections import SectionPlace, gap
from app.prompt.tasks import TOKENS_PER_WORD, split_columns
from app.reading.candidates import heading_of, most_relevant
from app.reading.entries import cells, entries, titled
from app.reading.plan import Choices, Plan, PlannedSection, unplanned
from app.reading.reading import Reading, Saying
from app.reading.terms import asked, terms
from app.say.errors import PromptError
from app.text.citations import cited, without_citations

ROW_WORDS = 25
"""Of a row: a table of n words has about n / 25 rows."""

ROWS_IN_PART = 2
"""That a part has for a table, about, where the model writes them."""

PARTS_IN_RUN = 3
"""That a run reads."""

LEAST_WORDS = 90
"""Of what a run may write."""

COMMON = 3
"""Headings of one name, as which they say what stands below others ("Purpose"), and begin no row."""

Spec: TypeAlias = Callable[[PlannedSection, SectionText], RunSpec]


@dataclass(frozen=True)
class TablePlan:
    """The runs of a table, as sections of a plan, with the rows of each where they are the documents' own."""

    whole: Plan
    columns: tuple[str, ...]
    rows: tuple[tuple[SourcedRow, ...], ...]
    quoted: bool

    def left(self, known: Sequence[Sequence[str]]) -> TablePlan:
        """What is left to write after a table with the rows `known`: rows of the documents that it does not have, else
        the runs after the last one from whose parts it has a row."""
        if self.quoted:
            rows = [tuple(each for each in run if not _covered(each.cells, known)) for run in self.rows]
            pairs = [pair for pair in zip(self.whole.sections, rows, strict=True) if pair[1]]
        else:
            checks = [RowSupport(self.whole.reading, section.parts) for section in self.whole.sections]
            sources = [next((at for at, check in enumerate(checks) if check.pages(each)), -1) for each in known]
            pairs = [(section, ()) for section in self.whole.sections[max(sources, default=-1) + 1 :]]
        sections = tuple(section for section, _ in pairs)
        return replace(self, whole=replace(self.whole, sections=sections), rows=tuple(each for _, each in pairs))


def table_plan(reading: Reading, request: WriteRequest, choices: Choices, most: int, *, quoted: bool) -> TablePlan:
    """Of a table from its beginning, with what a person has chosen for parts; a run reads at most `most`. Where the
    documents name nothing that could be a row, the model writes them after all."""
    columns = split_columns(request.detail)
    words = min(request.kind.word_count(request.shape), round(request.max_new_tokens / TOKENS_PER_WORD))
    wanted = max(1, words // ROW_WORDS)
    query = " ".join(columns)
    scores = reading.relevance(query)
    found = any(scores)
    ranked = [
        number
        for number in most_relevant(reading, query, len(reading.parts) if found else wanted)
        if choices.get(number, "full") == "full" and (scores[number] or not found)
    ]
    full = [number for number in choices if choices[number] == "full"]
    ranked = [*full, *(number for number in ranked if number not in choices)]
    rows: dict[int, tuple[SourcedRow, ...]] = {}
    if quoted:
        rows = _quoted(reading, columns, ranked, wanted, len(full))
        quoted = any(rows.values())
    numbers = sorted(rows) if quoted else sorted(ranked[: max(len(full), wanted // ROWS_IN_PART, 1)])
    size = max(1, min(PARTS_IN_RUN, most))
    groups = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    each = max(LEAST_WORDS, words // max(len(groups), 1))
    sections = tuple(_section(reading, group, each, rows) for group in groups)
    whole = Plan(reading, sections, found, unplanned(reading, sections))
    own = tuple(tuple(row for number in group for row in rows.get(number, ())) for group in groups)
    return TablePlan(whole, columns, own, quoted)


def _section(
    reading: Reading, group: Sequence[int], words: int, rows: dict[int, tuple[SourcedRow, ...]]
) -> PlannedSection:
    names = [
        heading_of(reading, reading.chapter_of[number]) if number in reading.chapter_of else reading.parts[number].title
        for number in (group[0], group[-1])
    ]
    said = {
        number: tuple(Saying(" – ".join(filter(None, row.cells)), *min(row.pages)) for row in rows[number])
        for number in group
        if rows.get(number)
    }
    return PlannedSection(" … ".join(dict.fromkeys(names)), words, tuple(group), said, candidates=tuple(group))


def _quoted(
    reading: Reading, columns: Sequence[str], ranked: Sequence[int], wanted: int, chosen: int
) -> dict[int, tuple[SourcedRow, ...]]:
    """Of the first parts that have about so many rows together, and of those that are chosen, the rows."""
    titles = [" ".join(heading.title.split()) for document in reading.documents for heading in document.headings]
    common = Counter(titled(title)[0].casefold() for title in titles)
    labels = {name for name, count in common.items() if count >= COMMON} | {name.casefold() for name in columns}
    found: dict[int, tuple[SourcedRow, ...]] = {}
    for place, number in enumerate(ranked):
        if place >= chosen and sum(map(len, found.values())) >= wanted:
            break
        if rows := _rows(reading, number, columns, frozenset(titles), labels):
            found[number] = rows
    return found


def _rows(
    reading: Reading, number: int, columns: Sequence[str], titles: Collection[str], labels: Collection[str]
) -> tuple[SourcedRow, ...]:
    plain, document = reading.plain(number), reading.parts[number].document
    found = []
    for entry in entries(plain.text, titles, labels):
        said = cells(plain.text, entry, columns[1:])
        about = set(asked(columns[0])).intersection(terms(f"{entry.key} {plain.text[entry.start : entry.end]}"))
        if any(said) or (len(columns) == 1 and about):
            starts = [cell.start for cell in said if cell] or [max(entry.start - 1, 0)]
            pages = frozenset((document, plain.page(start)) for start in starts)
            found.append(SourcedRow((entry.key, *(cell.text if cell else "" for cell in said)), pages))
    return tuple(merged(found))


class Table:
    """What is written of a table so far, by one command. As an Advance it gives the next run.

    left_out: rows of the model's that the parts it read do not say.
    """

    def __init__(self, plan: TablePlan, request: WriteRequest, before: str, spec: Spec) -> None:
        """`before`: the draft that it goes on from. Raises PromptError if all rows stand there already."""
        self._request, self._spec = request, spec
        self._head = request.kind.opening(request.detail, request.shape).removesuffix("\n|")
        self._known = rows_at_end(before, plan.columns)
        self._goes_on = self._known is not None
        self.plan = plan.left(self._known or ())
        if self._known and not self.plan.whole.sections and plan.whole.sections:
            raise PromptError(
                "All rows that were found for these columns stand in the draft. Name other columns, choose a longer "
                "length, or press Write for a new table."
            )
        self._next = 0
        self._rows: list[SourcedRow] = []
        self._kept = 0
        self.left_out = 0

    def __call__(self, before: str, written: str) -> RunSpec | None:
        """The next run, after what stands before the table's place and what was written there."""
        sections = self.plan.whole.sections
        if self._next == len(sections):
            return None
        section = sections[self._next]
        text = self.text(self._next, before + written, begun=bool(written))
        self._next += 1
        spec = self._spec(section, text)
        return replace(
            spec, section=SectionPlace(self._next, len(sections), section.heading), tidy=None, merge=self.merge
        )

    def text(self, index: int, before: str, *, begun: bool) -> SectionText:
        """What the run of that index is asked; `begun`: the table stands at the end of `before` already."""
        quoted, section = self.plan.quoted, self.plan.whole.sections[index]
        mark = "" if quoted else "|"
        goes_on = begun or self._goes_on
        if goes_on:
            head = "" if before.endswith("\n") else "\n"
        else:
            head = f"{gap(before) if before.strip() else ''}{self._head}\n"
        rows = "\n".join(map(self._line, self.plan.rows[index])) if quoted else ""
        instruction = self._request.kind.instruction(self._request.detail, self._request.shape)
        return SectionText(
            head + mark, instruction, section.words, ("\n\n", "\n#"), rows, start=f"{self._head}\n{mark}"
        )

    def merge(self, text: str) -> str:
        """All that was written so far, with the rows of the latest run checked and merged with those before, and what
        is no row left out."""
        lines = text.split("\n")
        first = next((at for at, line in enumerate(lines) if line.startswith("|")), len(lines))
        begun = lines[first:]
        head = [] if self._goes_on else begun[:2]
        raw = begun[len(head) + self._kept :]
        new = [row for row in self._checked(raw) if not _covered(row.cells, self._known or ())]
        self._rows = merged([*self._rows, *new])
        self._kept = len(self._rows)
        return "\n".join([*lines[:first], *head, *map(self._line, self._rows)])

    def _checked(self, lines: Sequence[str]) -> list[SourcedRow]:
        """Of lines that the latest run wrote the rows that its parts say; the others are counted."""
        latest = self._next - 1
        if self.plan.quoted:
            return [row for row in self.plan.rows[latest] if self._line(row) in lines]
        whole = [line for line in lines if line.startswith("|") and line.rstrip().endswith("|")]
        report = check_table("\n".join([self._head, *whole]), self.plan.columns)
        check, found = RowSupport(self.plan.whole.reading, self.plan.whole.sections[latest].parts), []
        for row in report.rows[1:]:
            cells = _mended(row, len(self.plan.columns))
            if cells is None:
                continue
            if pages := check.pages(cells):
                found.append(SourcedRow(cells, pages))
            else:
                self.left_out += 1
        return found

    def _line(self, row: SourcedRow) -> str:
        """With its pages after the last cell."""
        *cells, last = row.cells
        reading = self.plan.whole.reading
        for document in sorted({document for document, _ in row.pages}, reverse=True):
            pages = {page for other, page in row.pages if other == document}
            last = cited(last, *reference(reading, document, pages)).strip()
        escaped = [re.sub(r"(?<!\\)\|", r"\|", " ".join(cell.split())) for cell in (*cells, last)]
        return f"| {' | '.join(escaped)} |"


def rows_at_end(text: str, columns: Sequence[str]) -> list[tuple[str, ...]] | None:
    """The rows of a table with these columns with which a text ends, without references to pages; None if it ends
    with none."""
    lines: list[str] = []
    for line in reversed(text.rstrip().split("\n")):
        if not line.startswith("|"):
            break
        lines.insert(0, line)
    if len(lines) < 2 or list(map(cell_key, split_row(lines[0]))) != list(map(cell_key, columns)):
        return None
    rows = [tuple(" ".join(without_citations(cell).split()) for cell in split_row(line)) for line in lines[2:]]
    return [row for row in rows if len(row) == len(columns)]


def _mended(row: Sequence[str], width: int) -> tuple[str, ...] | None:
    """A row of that many cells without references of the model's own, and without cells that only repeat the first;
    None for one that says nothing."""
    if len(row) != width:
        return None
    cells = [" ".join(without_citations(cell).split()) for cell in row]
    key = cell_key(cells[0])
    cells = [cells[0], *("" if cell_key(cell) == key else cell for cell in cells[1:])]
    return tuple(cells) if key and (width == 1 or any(cells[1:])) else None


def _covered(cells: Sequence[str], known: Iterable[Sequence[str]]) -> bool:
    """Whether a row is there that has all of these cells."""
    return any(
        agree(other, cells) and all(there or not cell for cell, there in zip(cells, other, strict=True))
        for other in known
    )
