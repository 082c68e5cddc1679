import pytest

from app.prompt.marks import PageMark


@pytest.mark.parametrize(("label", "title"), [(None, "6"), ("6", "6"), ("iv", "iv (6)"), ("", "6")])
def test_a_page_has_its_label_and_its_number(label: str | None, title: str) -> None:
    mark = PageMark("a.pdf", 6, label, 0)
    assert (mark.page, mark.title) == (title, f"a.pdf · page {title}")
