"""Where a section of a draft stands."""

from hypothesis import given
from hypothesis import strategies as st

from app.project.section_point import section_point, sections_in

DRAFT = "# Title\n\n## Lamps\n\nOil burns.\n\n### Wicks\n\nThey are cut.\n\n## Fog  \n\nIt comes.\n\n# End\n\nOf it.\n"


def test_a_section_reaches_up_to_the_next_of_its_level_or_above() -> None:
    point = section_point(DRAFT, "Lamps")
    assert point is not None
    assert point.replaced == "## Lamps\n\nOil burns.\n\n### Wicks\n\nThey are cut."
    assert (point.before, point.after[:8]) == ("# Title\n\n", "\n\n## Fog")
    fog = section_point(DRAFT, "fog")
    assert fog is not None
    assert fog.replaced == "## Fog  \n\nIt comes."
    assert fog.after == "\n\n# End\n\nOf it.\n"


def test_what_is_no_section_has_no_place() -> None:
    assert section_point(DRAFT, "Title") is None
    assert section_point(DRAFT, "Wicks") is None
    assert section_point("", "Lamps") is None
    assert sections_in(DRAFT) == {"lamps", "fog"}


@given(st.text("# \nab", max_size=60), st.sampled_from(["a", "b", "ab", "a b"]))
def test_nothing_of_the_draft_is_lost(draft: str, heading: str) -> None:
    point = section_point(draft, heading)
    if point is not None:
        assert point.text == draft
        assert point.replaced.startswith("## ")
        assert point.replaced == point.replaced.rstrip()
