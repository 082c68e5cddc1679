"""What of an answer stands in the place of a passage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompt.answers import Asked, in_form, usable, words

BEFORE = "The tower was finished in 1820 by the brothers Reid. Nobody had believed in it."
OLD = "The lamp was lit at dusk by the keeper, and it burned for the whole of the night."
AFTER = "In winter the boats stayed ashore for many weeks. The men mended their nets."
NEW = "At dusk the keeper lit the lamp, and it burned all night long until the morning."


def rewritten(answer: str, passage: str = OLD, kind: str = "rewrite") -> str:
    return usable(Asked(kind, passage, BEFORE, AFTER), answer)


@pytest.mark.parametrize(
    "answer",
    [
        NEW,
        f"Here is the rewritten text:\n\n{NEW}",
        f"Nobody had believed in it. {NEW}",
        f"{BEFORE} {NEW}",
        f"{NEW} In winter the boats stayed ashore for many weeks.",
        # Nearly.
        f"In winter, boats stayed ashore for many weeks. {NEW} The men mended the nets.",
        f"{NEW} Rewrite the text in other words while preserving its meaning.",
        f"Write only the new text.\n\n{NEW}",
        f"{NEW}\n\nThis story is reworked to make it more concise while preserving its meaning.",
        f"{NEW} The keeper was a man of",
        f"{NEW} {NEW}",
    ],
)
def test_the_new_passage_and_nothing_else(answer: str) -> None:
    assert rewritten(answer) == NEW


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("rewrite", ""),
        ("rewrite", OLD),
        ("rewrite", OLD.upper()),
        ("rewrite", BEFORE),
        ("rewrite", "Rewrite the text in other words while preserving its meaning."),
        ("rewrite", "The lamp was lit at dusk by the keeper, and then the"),
        ("rewrite", "The lamp was lit."),
        ("shorten", f"{NEW} It was a bright lamp with a fine wick, as the men of the port could tell."),
        ("shorten", NEW.replace("all night", "for all of the night")),
        ("expand", "The keeper lit the lamp, and it burned."),
        ("expand", NEW),
    ],
)
def test_what_is_of_no_use_is_nothing(kind: str, answer: str) -> None:
    assert rewritten(answer, kind=kind) == ""


def test_numbers_stay_unless_it_is_shortened() -> None:
    passage = "The tower of 1820 is 35.5 metres tall, and it has stood on the rock since then."
    without = "The tower is 35.5 metres tall, and it has stood upon that same rock ever since."
    assert rewritten(without, passage) == ""
    assert rewritten("The tower is 35.5 metres tall.", passage, "shorten") == "The tower is 35.5 metres tall."


def test_a_passage_within_a_sentence_need_not_end() -> None:
    assert rewritten("burned for all of the night", "burned for the whole night") == "burned for all of the night"
    assert rewritten(f"{NEW} ", f" {OLD}\n") == f" {NEW}\n"


@pytest.mark.parametrize(
    ("passage", "text", "formed"),
    [
        ("## Old title", "## New title", "## New title"),
        ("## Old title", "New title", "## New title"),
        ("## Old title", "New title\n\nAnd text.", ""),
        ("- One.\n- Two.", "- A.\n- B.", "- A.\n- B."),
        ("- One.\n- Two.", "A.\nB.", "- A.\n- B."),
        ("1. One.\n2. Two.", "A.\nB.", "1. A.\n2. B."),
        ("- One.\n- Two.", "A and B.", ""),
        ("Text.", "- A.", ""),
        ("Text.", "*New* text.", "*New* text."),
        ("Text.", "# A", ""),
        ("| a | b |", "| c | d |", "| c | d |"),
        ("| a | b |", "| c |", ""),
        ("| a | b |", "c and d", ""),
        ("Text.\n\nMore.", "Other.", "Other."),
    ],
)
def test_the_form_is_kept(passage: str, text: str, formed: str) -> None:
    assert in_form(text, passage) == formed


def test_words_are_without_capitals_and_signs() -> None:
    assert words("The Lamp, 灯台!") == ["the", "lamp", "灯", "台"]


@given(st.text(max_size=80), st.text(min_size=1, max_size=80), st.sampled_from(["rewrite", "expand", "shorten"]))
def test_what_is_usable_is_so_again(answer: str, passage: str, kind: str) -> None:
    once = usable(Asked(kind, passage, BEFORE, AFTER), answer)
    assert not once or words(once) != words(passage)
    assert not once or once[: len(passage) - len(passage.lstrip())] == passage[: len(passage) - len(passage.lstrip())]
