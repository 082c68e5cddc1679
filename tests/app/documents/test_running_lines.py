"""Running headers, footers and page numbers are found, and nothing that only looks like them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from app.documents.running_lines import body_spans


def bodies(texts: Sequence[str], labels: Sequence[str | None] | None = None) -> list[str]:
    spans = body_spans(texts, labels or [None] * len(texts))
    return [text[start:end] for text, (start, end) in zip(texts, spans, strict=True)]


def pages(form: Callable[[int, str], str], count: int = 6) -> tuple[list[str], list[str]]:
    """Pages in the given form, each with a body of its own; and these bodies."""
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"][:count]
    own = [f"  The {word} begins.\n\nIt ends with {word}." for word in words]
    return [form(number, body) for number, body in enumerate(own, 1)], own


@pytest.mark.parametrize(
    "form",
    [
        lambda n, body: f"{body}\n{n}",
        lambda n, body: f"{body}\n- {n} -\n",
        lambda n, body: f"{body}\n\n{n + 36}\n  \n",
        lambda n, body: f"{body}\nPage {n} of 6",
        lambda n, body: f"{body}\n{n}/6",
        lambda n, body: f"{n}\n{body}",
        lambda n, body: f"\n\nA report, {n}\n\n{body}",
        lambda n, body: f"{n} Chapter {'one' if n < 4 else 'two'}\n{body}",
        lambda n, body: f"{body}\n{f'{n} The report' if n % 2 else f'Chapter {n * n} {n}'}",
        lambda n, body: f"A   report {n}\nof the\tharbour\n{body}\n1 July 2024\npage {n}",
    ],
)
def test_lines_with_the_page_number_are_left_out(form: Callable[[int, str], str]) -> None:
    if "of the" in form(1, ""):
        texts, own = pages(form)
        assert bodies(texts)[1:] == own[1:]
        assert bodies(texts)[0] == f"of the\tharbour\n{own[0]}\n1 July 2024"
    else:
        texts, own = pages(form)
        assert bodies(texts) == own


@pytest.mark.parametrize(
    "form",
    [
        lambda n, body: f"Annual report\n{body}",
        lambda n, body: f"{body}\nConfidential",
        lambda n, body: f"{body}\n{'All rights reserved. ' * 20}",
        lambda n, body: f"{'Author' if n % 2 else 'Title'}\n{body}",
        lambda n, body: f"Annual report\n{body}" if n != 3 else body,
    ],
)
def test_other_lines_that_repeat_stay_on_the_first_page_alone(form: Callable[[int, str], str]) -> None:
    texts, own = pages(form)
    assert bodies(texts) == [texts[0], *own[1:]]


def test_printed_labels_are_page_numbers() -> None:
    labels = ["i", "ii", "iii", "iv", "1", "2", "A-1"]
    texts, own = pages(lambda n, body: f"{body}\n{labels[n - 1]} Section {n * 7}.{n}", count=7)
    assert bodies(texts, labels) == own
    # Without labels neither the four nor the two make most pages.
    assert bodies(texts) == texts


@pytest.mark.parametrize(
    "form",
    [
        lambda n, body: body,
        lambda n, body: f"{body}\n{n * n}",  # numbers that do not count pages
        lambda n, body: f"{n}. Point\n{body}" if n < 3 else body,  # too few
        lambda n, body: f"{n}. A point called {n * n}\n{body}",  # an enumeration, each with a text of its own
        lambda n, body: f"{'Romeo' if n % 3 else 'Juliet'}\n{body}" if n < 5 else body,
        lambda n, body: f"{body}\n{'word ' * 30}{n}",  # longer than a line
        lambda n, body: f"{body}\nTotal {n * 100}.00",
        lambda n, body: f"{body}\n2.{n}",
        lambda n, body: "\n".join(f"field {k}" for k in range(7)) + f"\n{body}",  # a form
        lambda n, body: "The same on every page.",
        lambda n, body: f"Page {n}" if n > 2 else body,  # a document of hardly more than its headers
    ],
)
def test_what_only_looks_like_running_lines_stays(form: Callable[[int, str], str]) -> None:
    texts, _ = pages(form)
    assert bodies(texts) == texts


def test_two_pages_have_no_running_lines() -> None:
    texts, _ = pages(lambda n, body: f"Report\n{body}\n{n}", count=2)
    assert bodies(texts) == texts


def test_most_pages_must_agree() -> None:
    with_header = lambda last: lambda n, body: f"{body}\nConfidential" if n <= last else body  # noqa: E731
    half, _ = pages(with_header(4), count=8)
    assert bodies(half) == half
    most, own = pages(with_header(5), count=8)
    assert bodies(most) == [most[0], *own[1:]]


def test_empty_pages_do_not_count() -> None:
    texts, own = pages(lambda n, body: f"{body}\n{n}" if n % 2 else " \n")
    assert bodies(texts) == [own[0], " \n", own[2], " \n", own[4], " \n"]


def test_a_page_may_be_nothing_but_its_header() -> None:
    texts, own = pages(lambda n, body: f"Report {n}\n{body}" if n != 4 else f"Report {n}")
    assert bodies(texts) == [*own[:3], "", *own[4:]]
