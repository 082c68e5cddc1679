"""A log only grows, says all that was told and written, and costs about as much as what was added to it."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from gradio.utils import diff
from hypothesis import given
from hypothesis import strategies as st

from app.text.valid import valid_text
from app.web.components.cache_map import CacheMap
from app.web.components.editor import DraftEditor
from app.web.components.log import Log
from tests.app.web.log_reader import LogReader

MESSAGES = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.text(), max_size=3), max_size=3)
TEXTS = st.text().map(valid_text)
"""What arrives: without control characters and halves of a surrogate pair."""


@st.composite
def writes(draw: st.DrawFn) -> list[str]:
    """A text again and again: it goes on, is cut, loses its end to another, or is another."""
    text, made = "", list[str]()
    for _ in range(draw(st.integers(0, 12))):
        kept = draw(st.sampled_from([len(text), draw(st.integers(0, len(text)))]))
        text = text[:kept] + draw(TEXTS | st.sampled_from(["", "1", ";", "12;", "\n", "\u2028"]))
        made.append(text)
    return made


def said(texts: Sequence[str]) -> tuple[Log, list[str]]:
    """A log in which they were written, and its values."""
    log = Log({"kind": "run"})
    values = [log.value]
    for text in texts:
        log.write(text)
        values.append(log.value)
    return log, values


@given(writes())
def test_each_value_begins_with_the_one_before(texts: list[str]) -> None:
    _, values = said(texts)
    assert all(later.startswith(earlier) for earlier, later in pairwise(values))


@given(writes(), st.sets(st.integers(0, 12)))
def test_a_reader_has_the_text_however_many_values_it_saw(texts: list[str], dropped: set[int]) -> None:
    _, values = said(texts)
    reader = LogReader()
    for number, value in enumerate(values):
        if number not in dropped or number == len(values) - 1:  # a browser may drop those between
            reader.read(value)
            assert reader.text == (["", *texts])[number]
    late = LogReader.of(values[-1])
    assert (late.messages, late.text) == (reader.messages, reader.text)


@given(st.lists(MESSAGES | TEXTS))
def test_messages_arrive_in_order_and_leave_the_text_alone(told: list[Any]) -> None:
    log, text = Log({"kind": "run", "run": "r"}), ""
    for one in told:
        if isinstance(one, str):
            text = one
            log.write(text)
        else:
            log.tell(one)
    reader = LogReader.of(log.value)
    head, *messages = reader.messages
    assert (head["kind"], head["run"]) == ("run", "r")
    assert messages == [one for one in told if isinstance(one, dict)]
    assert reader.text == text


def test_two_logs_of_the_same_have_different_heads() -> None:
    heads = {Log({"kind": "run", "run": "r"}).value for _ in range(20)}
    assert len(heads) == 20
    assert all(head.startswith("\x1b") and head.endswith("\n") and head.count("\n") == 1 for head in heads)


def test_what_goes_on_is_written_as_it_is_and_what_is_taken_back_as_a_cut() -> None:
    log, (head, *_) = said([])
    log.write("It stood")
    log.write("It stood on")
    assert log.value == head + "It stood on"
    log.write("It stood.")
    assert log.value == head + "It stood on\x1a8;."
    log.write("")
    assert log.value == head + "It stood on\x1a8;.\x1a0;"


@given(writes())
def test_gradio_sends_what_was_added_and_nothing_else(texts: list[str]) -> None:
    _, values = said(texts)
    for earlier, later in pairwise(values):
        expected = [] if earlier == later else [["append", [], later[len(earlier) :]]]
        assert diff(earlier, later) == expected


def test_a_thousand_updates_cost_little_more_than_their_text() -> None:
    words = [f" word{number}" for number in range(1000)]
    text = "".join(words)
    _, values = said(["".join(words[: number + 1]) for number in range(1000)])
    edits = [edit for earlier, later in pairwise(values) for edit in diff(earlier, later)]
    assert [kind for kind, _, _ in edits] == ["append"] * 1000
    assert "".join(added for _, _, added in edits) == text
    # Names and brackets of the updates; sent whole, it would be 500 times the text.
    assert len(json.dumps(edits)) < 4 * len(text)


@given(writes())
def test_the_components_pass_a_log_on_as_it_is(texts: list[str]) -> None:
    log, _ = said(texts)
    for component in (DraftEditor, CacheMap):
        assert component.postprocess(component.__new__(component), log.value) == log.value
