"""How a file is to be read, as it arrives."""

from typing import Any

import pytest

from app.documents import ReadAs
from app.web.read_as import given_read_as


def test_what_is_named_is_taken_and_the_rest_is_as_ever() -> None:
    assert given_read_as({}) == ReadAs()
    assert given_read_as({"comments": True, "languages": "deu+eng"}) == ReadAs(comments=True, languages="deu+eng")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"comments": 1},
        {"encoding": None},
        {"other": True},
        {"encoding": "x" * 300},
        {"running_lines": "keep"},
    ],
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # it names the field alone
        given_read_as(value)
