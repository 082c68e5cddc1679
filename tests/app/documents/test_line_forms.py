"""Running lines of a PDF are those that are set as running lines; headings and sums that count as pages do stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.documents import RemovedLine, read_document
from app.documents.line_forms import LineForm, PageForms
from tests.app.documents.pdf_files import draw, drawn, helvetica, save

NUMBERS = ("one", "two", "three", "four", "five", "six")
PLACES = ["harbour", "island", "river", "mountain", "forest", "desert"]
TOP, BODY, FOOT = 280, 250, 15


def body(page: int, lines: int = 5) -> str:
    """Lines that no other page has, from BODY down, 12 points apart."""
    return "".join(
        draw(30, BODY - 12 * line, f"Of the {PLACES[page]} tell {NUMBERS[line]} tales.") for line in range(lines)
    )


def read(tmp_path: Path, form: Callable[[int], str]) -> tuple[list[str], tuple[RemovedLine, ...]]:
    """What is left of six pages, without their bodies, and what was removed."""
    path = save(drawn(helvetica(), *(form(page).encode() for page in range(6))), tmp_path / "pages.pdf")
    document = read_document(path)
    rest = [
        "\n".join(line for line in page.text.split("\n") if not line.startswith("Of the ")) for page in document.pages
    ]
    return rest, document.removed


@pytest.mark.parametrize(
    "head",
    [
        lambda n: draw(30, TOP, f"Question {n}"),
        lambda n: draw(30, TOP, f"Article {40 + n}"),
        lambda n: draw(30, TOP, f"Table {n}"),
        lambda n: draw(30, TOP, f"{2018 + n}"),
        lambda n: draw(30, TOP, f"{n} July 2024"),
        lambda n: draw(30, TOP, f"July {n}, 2024"),
        lambda n: draw(30, TOP, f"2024-07-0{n}"),
        lambda n: draw(30, TOP, f"{n}", size=16),
        lambda n: draw(30, TOP, f"Lesson {n}", size=16),
    ],
)
def test_headings_that_count_as_pages_do_stay(tmp_path: Path, head: Callable[[int], str]) -> None:
    rest, removed = read(tmp_path, lambda page: head(page + 1) + body(page))
    assert all(rest)
    assert removed == ()


@pytest.mark.parametrize(
    "last",
    [
        lambda n: draw(30, 190, f"Total {99 + n}"),
        lambda n: draw(30, 150, f"Total {99 + n}"),  # apart, but in no margin
        lambda n: draw(30, 190, "Sum:") + draw(200, 190, str(n)),
        lambda n: draw(30, 190 - 12 * n, "Thank you."),  # the same, at another place on each page
    ],
)
def test_last_lines_of_the_text_stay(tmp_path: Path, last: Callable[[int], str]) -> None:
    rest, removed = read(tmp_path, lambda page: body(page) + last(page + 1))
    assert all(rest)
    assert removed == ()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (lambda n: draw(145, FOOT, str(n)), lambda n: str(n)),
        (lambda n: draw(145, FOOT, f"- {n + 30} -"), lambda n: f"- {n + 30} -"),
        (lambda n: draw(145, FOOT, f"Page {n} of 6"), lambda n: f"Page {n} of 6"),
        (lambda n: draw(145, FOOT, f"Seite {n}", size=8), lambda n: f"Seite {n}"),
        (lambda n: draw(30, FOOT, f"Harbour report {n}", size=8), lambda n: f"Harbour report {n}"),
        (lambda n: draw(30, FOOT, f"Harbour report | {n}"), lambda n: f"Harbour report | {n}"),
        (
            lambda n: draw(30, TOP, f"Chapter {'one' if n < 4 else 'two'}") + draw(250, TOP, str(n)),
            lambda n: f"Chapter {'one' if n < 4 else 'two'} {n}",
        ),
    ],
)
def test_lines_with_page_numbers_in_a_margin_go(
    tmp_path: Path, line: Callable[[int], str], text: Callable[[int], str]
) -> None:
    rest, removed = read(tmp_path, lambda page: line(page + 1) + body(page))
    assert rest == [""] * 6
    assert removed == tuple(RemovedLine(number, text(number)) for number in range(1, 7))


def test_titles_that_change_from_chapter_to_chapter_go(tmp_path: Path) -> None:
    titles = ["The north", "The north", "The north", "The south", "The south", "The south"]
    rest, removed = read(tmp_path, lambda page: draw(30, TOP, titles[page], size=8) + body(page))
    assert rest == ["The north", "", "", "", "", ""]  # the first may be the document's title
    assert removed == tuple(RemovedLine(number, titles[number - 1]) for number in range(2, 7))


def test_a_foot_that_is_drawn_first_stands_last(tmp_path: Path) -> None:
    path = save(drawn(helvetica(), (draw(145, FOOT, "7") + body(0)).encode()), tmp_path / "foot.pdf")
    assert read_document(path).pages[0].text.split("\n")[-1] == "7"


def test_the_text_is_set_as_most_different_lines_are() -> None:
    foot = LineForm(("Page 7",), 8, False, 0.05)
    forms = PageForms([[LineForm((f"{word} of it",), 10, False, 0.5), foot] for word in ("Much", "More", "Most")])
    assert forms.body is not None
    assert (forms.body.size, forms.body.bold) == (10, False)
    assert PageForms([[], []]).body is None
