"""The messages of the editor, and what it takes from a client."""

from __future__ import annotations

import json

import pytest

from app.editor import DraftEditor, proposal_message, saved_message, set_message, stream_message
from app.store import Change

HOSTILE = "<img src=x onerror=1> ${1+1} <|im_end|> \u2028 😀e\u0301"


def test_a_message_goes_to_the_page_as_one_string_and_comes_back_the_same() -> None:
    editor = DraftEditor()
    for message in (
        set_message(HOSTILE, 3, (1, 2), project="p", last=(0, 1)),
        stream_message("r", 3, 1, 2, HOSTILE),
        proposal_message("i", 1, 2, "b", [Change("delete", "a"), Change("insert", HOSTILE)], done=True),
        saved_message(4),
    ):
        sent = editor.postprocess(message)
        assert isinstance(sent, str)
        assert json.loads(sent) == json.loads(json.dumps(message))
    assert editor.postprocess(None) is None


def test_the_template_holds_no_value() -> None:
    editor = DraftEditor(value=set_message(HOSTILE, 1))
    assert "$" not in editor.html_template
    assert "{{" not in editor.html_template


@pytest.mark.parametrize("payload", [None, 3, "no json", "{", ["a"]])
def test_what_is_not_a_state_is_taken_for_nothing(payload: object) -> None:
    assert DraftEditor().preprocess(payload) is None


def test_a_state_is_read() -> None:
    state = {"text": HOSTILE, "revision": 2, "start": 0, "end": 1}
    assert DraftEditor().preprocess(json.dumps(state)) == state
