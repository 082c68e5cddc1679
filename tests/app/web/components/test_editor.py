"""The editor's messages, and what a client may send in place of its state."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.components.editor import DraftEditor, kept_message, saved_message, set_message


@pytest.fixture(scope="module")
def editor() -> DraftEditor:
    return DraftEditor()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.one_of(JSON, JSON.map(json.dumps), st.text(), st.binary()))
def test_the_state_is_a_dict_or_nothing(editor: DraftEditor, payload: object) -> None:
    try:
        expected = json.loads(payload) if isinstance(payload, str) else None
    except ValueError:
        expected = None
    assert editor.preprocess(payload) == (expected if isinstance(expected, dict) else None)


def test_a_state_nested_beyond_measure_is_nothing(editor: DraftEditor) -> None:
    assert editor.preprocess('{"text":' + "[" * 200_000) is None


def test_the_state_of_the_page_arrives_as_it_was_sent(editor: DraftEditor) -> None:
    state = {"text": "灯台 ${x} \ud83d\ude42", "start": 1, "end": 2, "revision": 3}
    assert editor.preprocess(json.dumps(state)) == {**state, "text": "灯台 ${x} 🙂"}


def test_a_message_is_one_string_and_none_leaves_the_page_alone(editor: DraftEditor) -> None:
    message = set_message("“text”</script>", 4, (1, 2), project="p", last=(0, 6))
    sent = editor.postprocess(message)
    assert sent is not None
    assert {**json.loads(sent), "mark": ""} == {
        "kind": "set", "text": "“text”</script>", "revision": 4, "select": [1, 2], "project": "p", "last": [0, 6],
        "previous": "", "running": False, "proposal": None, "mark": "",
    }  # fmt: skip
    assert editor.postprocess(message) != sent  # or the browser would not tell the script
    assert editor.postprocess(None) is None


def test_messages_name_their_kind_and_project() -> None:
    """Those of what a run writes are in test_subscription."""
    assert saved_message("p", 7, "full") == {"kind": "saved", "project": "p", "revision": 7, "error": "full"}
    assert kept_message("p") == {"kind": "kept", "project": "p"}
