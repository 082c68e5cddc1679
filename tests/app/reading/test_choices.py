"""What a person chooses to be read comes before what would be."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.reading.plan import Plan, PlannedSection, State, plan
from app.reading.reading import Reading
from tests.app.reading.books import book

STATES: st.SearchStrategy[State] = st.sampled_from(["full", "note", "none"])


def reading() -> Reading:
    return Reading([book([("Lamps", [9] * 12), ("Fog", [9] * 12), ("Oil", [9] * 12)])])


def section(found: Plan, heading: str) -> PlannedSection:
    return next(section for section in found.sections if section.heading == heading)


def test_a_part_that_is_taken_in_is_written_about_beside_the_others() -> None:
    read = reading()
    before = section(plan(read, "", 180), "Fog")
    other = next(number for number in before.candidates if number not in before.parts)
    after = section(plan(read, "", 180, choices={other: "full"}), "Fog")
    assert set(after.parts) == {*before.parts, other}
    assert after.said[other]


def test_a_part_that_is_taken_out_leaves_the_others_and_a_section_without_any_is_left_out() -> None:
    read = reading()
    whole = plan(read, "", 180)
    first, *others = section(whole, "Fog").candidates
    only = plan(read, "", 180, choices={**dict.fromkeys(others, "none"), first: "full"})
    assert section(only, "Fog").parts == (first,)
    without = plan(read, "", 180, choices=dict.fromkeys((first, *others), "none"))
    assert [each.heading for each in without.sections] == ["Lamps", "Oil"]
    assert without.others == (("Fog", (first, *others)),)
    assert {section(without, "Oil").parts} == {section(whole, "Oil").parts}


def test_a_chapter_that_had_no_section_gets_one_in_its_place() -> None:
    read = reading()
    short = plan(read, "", 20)
    assert len(short.sections) == 1
    heading, parts = short.others[0]
    more = plan(read, "", 20, choices={parts[1]: "full"})
    assert sorted(each.heading for each in more.sections) == sorted([short.sections[0].heading, heading])
    assert section(more, heading).parts == (parts[1],)
    assert [each.parts[0] for each in more.sections] == sorted(each.parts[0] for each in more.sections)


def test_below_the_persons_headings_a_part_goes_where_it_fits_best() -> None:
    read = reading()
    lamps = next(chapter for chapter in read.chapters if chapter.title == "Lamps")
    headings = ["Fog", "Zzyzx"]
    chosen = plan(read, "", 180, headings, {lamps.parts[-1]: "full"})
    assert [each.heading for each in chosen.sections] == headings
    assert sum(lamps.parts[-1] in each.parts for each in chosen.sections) == 1


def test_notes_are_of_the_other_parts_of_a_section_as_far_as_there_is_room() -> None:
    read = reading()
    whole = plan(read, "", 180, notes=True, most=10)
    for each in whole.sections:
        assert set(each.notes) == set(each.candidates) - set(each.parts)
    tight = plan(read, "", 180, notes=True, most=1)
    assert all(len(each.parts) == 1 and not each.notes for each in tight.sections)
    away = section(whole, "Fog").notes[0]
    assert away not in section(plan(read, "", 180, choices={away: "none"}, notes=True), "Fog").notes
    assert away in section(plan(read, "", 180, choices={away: "note"}, notes=True, most=1), "Fog").notes
    assert not any(each.notes for each in plan(read, "", 180).sections)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 40), STATES, max_size=12), st.integers(20, 600), st.sampled_from(["", "fog oil"]))
def test_every_choice_is_followed(choices: Mapping[int, State], words: int, focus: str) -> None:
    read = READ
    choices = {number: state for number, state in choices.items() if number < len(read.parts)}
    found = plan(read, focus, words, choices=choices, most=len(read.parts), notes=True)
    full = {number for each in found.sections for number in each.parts}
    notes = {number for each in found.sections for number in each.notes}
    chaptered = {number for chapter in read.chapters for number in chapter.parts}
    for number, state in choices.items():
        if number in chaptered:
            assert (number in full) == (state == "full")
            assert not (state == "none" and number in notes)
    assert all(each.parts for each in found.sections)
    said = [saying.text for each in found.sections for sayings in each.sayings for saying in sayings]
    assert len(said) == len(set(said))
    known = [number for each in found.sections for number in each.candidates]
    assert sorted([*known, *(number for _, parts in found.others for number in parts)]) == sorted(chaptered)


READ = reading()
