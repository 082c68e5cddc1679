"""The most tokens follow the task, the length and the language, when one of them changes."""

from typing import Any

import pytest

from app.prompt.tasks import TASKS, Shape
from app.say.errors import PromptError
from app.web.page.task import NumberField, suggestion


def now(task: str = "report", length: str | None = "", language: str | None = "") -> dict[str, Any]:
    return {"task": task, "length": length, "language": language}


def test_nothing_is_suggested_where_nothing_changed() -> None:
    assert suggestion({}, now()) is None  # of a new project
    assert suggestion({}, now(length=None, language=None)) is None
    kept = {**now("summary", "800", "Deutsch"), "max_new_tokens": 704, "tone": "formal"}
    assert suggestion(kept, now("summary", "800", "Deutsch")) is None


@pytest.mark.parametrize("changed", [now("summary"), now(length="long"), now(language="日本語")])
def test_each_of_the_three_changes_it(changed: dict[str, Any]) -> None:
    length = changed["length"] or None
    wanted = TASKS[changed["task"]].max_new_tokens(Shape(length, language=changed["language"]))
    assert suggestion({}, changed) == wanted
    assert suggestion(changed, now()) == TASKS["report"].max_new_tokens(Shape())


def test_a_task_that_is_made_up_is_a_free_one_and_a_length_that_means_nothing_says_so() -> None:
    assert suggestion({}, now("no such task")) == TASKS["free"].max_new_tokens(Shape())
    with pytest.raises(PromptError, match="The length is “endless”"):
        suggestion({}, now(length="endless"))
    assert suggestion(now(length="endless"), now(length="endless")) is None  # it was said


@pytest.mark.parametrize("value", [0, -3, 1e308, 2.5, None, "x", []])
def test_a_number_comes_as_the_page_holds_it_so_that_what_is_wrong_with_it_is_said_of_its_field(value: Any) -> None:
    field = NumberField(10, label="Steps", minimum=1, precision=0)
    assert field.preprocess(value) == value
    assert (field.get_block_name(), field.get_config()["minimum"]) == ("number", 1)  # the browser's arrows end there
