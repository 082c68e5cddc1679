"""What is asked for a marked passage, and what of the answer stands in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompt.passages import (
    AFTER_CHARACTERS,
    BEFORE_CHARACTERS,
    PASSAGE_TASKS,
    clean_passage,
    passage_instruction,
    passage_max_new_tokens,
)
from app.say.errors import PromptError

OLD = "The lamp was lit at dusk."
NEW = "At dusk, the keeper lit the lamp."


@pytest.mark.parametrize("kind", list(PASSAGE_TASKS))
def test_the_instruction_holds_the_passage_and_what_surrounds_it(kind: str) -> None:
    text = passage_instruction(kind, f" {OLD}\n", "It was cold. ", " Fog came.", "more formal")
    assert text.index("It was cold.") < text.index("Fog came.") < text.index(OLD)
    assert PASSAGE_TASKS[kind].request in text
    assert "more formal" in text


def test_what_is_not_given_is_not_mentioned() -> None:
    text = passage_instruction("rewrite", OLD)
    assert "Context" not in text
    assert text == passage_instruction("rewrite", OLD, " ", "\n", " ")


WORDS = st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=12), max_size=300)


@given(WORDS, WORDS)
def test_context_is_bounded_and_next_to_the_passage(before: list[str], after: list[str]) -> None:
    text = passage_instruction("expand", "PASSAGE", " ".join(before), "\n".join(after))
    frame = passage_instruction("expand", "PASSAGE", "a", "a")
    assert len(text) <= len(frame) + BEFORE_CHARACTERS + AFTER_CHARACTERS
    context, _, _ = text.removeprefix("Context, not to be rewritten:\n").rpartition("\n\nText:\nPASSAGE")
    parts = context.split(" […] ")
    assert not before or parts[0].split()[-5:] == before[-5:]
    assert not after or parts[-1].split()[:5] == after[:5]


def test_context_begins_and_ends_with_whole_words() -> None:
    text = passage_instruction("rewrite", OLD, "abcdefghi " * 200, "jklmnopqr " * 200)
    words = set(text.split())
    assert {word for word in words if word in "abcdefghi" and len(word) > 1} == {"abcdefghi"}
    assert {word for word in words if word in "jklmnopqr" and len(word) > 1} == {"jklmnopqr"}


def test_nothing_marked_is_refused() -> None:
    with pytest.raises(PromptError, match="Nothing is marked"):
        passage_instruction("rewrite", " \n")


def test_tokens_grow_with_the_passage() -> None:
    assert [passage_max_new_tokens(kind, 100) for kind in ("rewrite", "expand", "shorten")] == [160, 304, 112]
    assert passage_max_new_tokens("shorten", 1) == 64


# --- cleaning ---


@pytest.mark.parametrize(
    "answer",
    [
        NEW,
        f"\n  {NEW}\n",
        f'"{NEW}"',
        f"“{NEW}”",
        f"「{NEW}」",
        f'"{NEW}',
        f"```\n{NEW}\n```",
        f"```markdown\n{NEW}\n```\nI hope this helps!",
        f"```\n{NEW}",
        f"Here is the rewritten passage:\n\n{NEW}",
        f"Here's the passage, rewritten in a more formal tone:\n{NEW}",
        f"Sure! Here is a shorter version: {NEW}",
        f"Certainly!\n\n{NEW}",
        f"Rewritten passage:\n{NEW}",
        f"The new passage: {NEW}",
        f"**Revised version:**\n\n{NEW}",
        f"### Rewritten passage:\n\n{NEW}",
        f'Here is the rewritten passage:\n\n"{NEW}"\n\nNote: I kept the meaning.',
        f"{NEW}\n\nLet me know if you want it shorter.",
        f'"```\n{NEW}\n```"',
    ],
)
def test_the_new_passage_alone(answer: str) -> None:
    assert clean_passage(answer, OLD) == NEW


@pytest.mark.parametrize(
    "answer",
    [
        '"Go," he said, and "now".',
        "He said: go.",
        "First.\n\nSecond.",
        "The passage was narrow: no ship came.",
        "Notes were kept.\n\nNoted men came.",
        "It's the keepers' house.",
    ],
)
def test_what_belongs_to_the_passage_stays(answer: str) -> None:
    assert clean_passage(answer, OLD) == answer


def test_marks_that_the_passage_has_stay() -> None:
    assert clean_passage(f'"{NEW}"', f'"{OLD}"') == f'"{NEW}"'
    assert clean_passage("```\nb\n```", "```\na\n```") == "```\nb\n```"
    assert clean_passage("Here is the list: new", "Here is the list: old") == "Here is the list: new"
    assert clean_passage("New.\n\nNote: new", "Old.\n\nNote: old") == "New.\n\nNote: new"


def test_blanks_around_the_passage_stay() -> None:
    assert clean_passage(f"{NEW}\n\n", f"\n {OLD} ") == f"\n {NEW} "


@pytest.mark.parametrize("answer", ["", " \n", '""', "```\n```", "Here is the rewritten passage:"])
def test_an_empty_answer_is_empty(answer: str) -> None:
    assert clean_passage(answer, f" {OLD} ") == ""


@given(st.text(), st.text(min_size=1))
def test_cleaning_twice_changes_nothing_more(answer: str, passage: str) -> None:
    once = clean_passage(answer, passage)
    assert clean_passage(once, passage) == once or not once.strip()
