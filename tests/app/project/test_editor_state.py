"""What a page's editor sends: taken as it is, or refused."""

from typing import Any

import pytest

from app.project.editor_state import EditorState
from app.say.errors import AppError


def test_what_the_editor_holds() -> None:
    sent = {"text": "Mine.", "start": 1, "end": 5, "revision": 7, "project": "a", "serial": 3, "more": "left out"}
    assert EditorState.of(sent, "page") == EditorState("Mine.", 1, 5, 7, "a", "page", 3)


@pytest.mark.parametrize("number", [None, -1, 2.5, "3", [], float("nan")])
def test_a_number_that_is_none_counts_as_0(number: Any) -> None:
    sent = {"text": "", "start": number, "end": number, "revision": number, "serial": number, "project": None}
    assert EditorState.of(sent) == EditorState("", 0, 0, 0)


@pytest.mark.parametrize("sent", [None, [], "text", {}, {"text": None}, {"text": 5}, {"text": ["Mine."]}])
def test_without_a_text_nothing_is_taken(sent: Any) -> None:
    with pytest.raises(AppError, match="did not send the draft's text"):
        EditorState.of(sent)
