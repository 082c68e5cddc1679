"""The outline is read in every form a model or a person gives it, and the sections follow it one by one to the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompt.sections import (
    HEADING_TOKENS,
    MOST_HEADINGS,
    Section,
    heading_count,
    next_step,
    parse_outline,
    tokens_to_come,
)
from app.prompt.tasks import TASKS, Shape
from app.say.errors import PromptError

OUTLINE = "1. Keepers\n2. Lamps"
DRAFT = f"{OUTLINE}\n\n---\n\n## Keepers\n\nThey kept.\n\n## Lamps\n\nThey lit."

KEEPERS_LAMPS = (Section("Keepers"), Section("Lamps"))
WITH_POINTS = (Section("Keepers", ("Pay", "Food")), Section("Lamps", ("Oil",)))

# --- outlines ---


@pytest.mark.parametrize(
    "text",
    [
        OUTLINE,
        "1) Keepers\n2) Lamps",
        "- Keepers\n- Lamps",
        "* Keepers\n\n* Lamps\n",
        "I. Keepers\nII. Lamps",
        "A. Keepers\nB. Lamps",
        "# Keepers\n# Lamps",
        "## 1. Keepers\n\n## 2. Lamps ##",
        "**Keepers**\n\n**Lamps:**",
        "1. **Keepers**: who they were\n2. **Lamps** – what they burnt",
        "- [ ] Keepers\n- [x] Lamps",
        "1. Section 1: Keepers\n2. Chapter 2 - Lamps",
        "# Lighthouses\n\n## Outline\n\n1. Keepers\n2. Lamps",
        "Here is an outline:\n\n1. Keepers\n2. Lamps\n\nThat is all.",
        "1. Keepers\n2. Lamps\n3. keepers",
        "1. Keepers\r\n2. Lamps\r\n",
        f"{OUTLINE}\n\n---\n\n## Keepers\n\n- not\n- these\n\n## More\n",
    ],
)
def test_outlines_in_one_level(text: str) -> None:
    assert parse_outline(text) == KEEPERS_LAMPS


@pytest.mark.parametrize(
    "text",
    [
        "1. Keepers\n   - Pay\n   - Food\n2. Lamps\n   - Oil",
        "1. Keepers\n- Pay\n- Food\n2. Lamps\n- Oil",
        "1. Keepers\na) Pay\nb) Food\n2. Lamps\na) Oil",
        "1. Keepers\n1.1 Pay\n1.2. Food\n2. Lamps\n2.1 Oil",
        "- Keepers\n\t- Pay\n\t- Food\n- Lamps\n\t- Oil",
        "# Lighthouses\n## 1. Keepers\n- Pay\n- Food\n## 2. Lamps\n- Oil",
        "## Keepers\n### Pay\n### Food\n## Lamps\n### Oil",
        "**Keepers**\n- Pay\n- Food\n\n**Lamps**\n- Oil",
        "- Lighthouses\n  - Keepers\n    - Pay\n    - Food\n  - Lamps\n    - Oil",
    ],
)
def test_nested_outlines(text: str) -> None:
    assert parse_outline(text) == WITH_POINTS


@pytest.mark.parametrize("text", ["", "Just prose.\n\nMore of it.", "2026 was dry.", "#hash", "1.", "- \n-"])
def test_prose_is_no_outline(text: str) -> None:
    assert [section.title for section in parse_outline(text)] == []


def test_a_single_section_stands_below_its_title() -> None:
    assert parse_outline("# Lighthouses\n\n1. Keepers") == (Section("Keepers"),)


def test_a_long_heading_ends_where_its_explanation_begins() -> None:
    explained = "Keepers: " + "how they lived and what they were paid " * 3
    assert parse_outline(f"1. {explained}\n2. Lamps: oil") == (Section("Keepers"), Section("Lamps: oil"))


TITLES = st.lists(
    st.from_regex(r"[A-Z][a-z]{2,8}( [a-z]{2,8}){0,3}", fullmatch=True), min_size=2, max_size=9, unique_by=str.casefold
)
MARKS = st.sampled_from(["{n}. {t}", "{n}) {t}", "- {t}", "## {t}", "### {n}. {t}", "**{n}. {t}**", "{n}. **{t}**"])


@pytest.mark.slow
@given(TITLES, MARKS, st.sampled_from(["\n", "\n\n"]))
def test_every_heading_is_found_in_every_form(titles: list[str], mark: str, gap: str) -> None:
    text = gap.join(mark.format(n=number, t=title) for number, title in enumerate(titles, 1))
    assert [section.title for section in parse_outline(text)] == titles


@given(st.text() | st.text(st.sampled_from("#-*1.) \t\nab:")))
def test_any_text_can_be_read(text: str) -> None:
    sections = parse_outline(text)
    assert all(section.title.strip() and "\n" not in section.title for section in sections)


# --- steps ---


def test_first_an_outline_is_asked_for() -> None:
    step = next_step(" \n", "fog")
    assert step is not None
    assert (step.section, step.place) == (None, None)
    assert step.opening == "## Outline\n\n1. Introduction\n2."
    assert step.instruction == TASKS["outline"].instruction("fog") + " The outline has 5 headings."
    assert "\n6." in step.stop_strings
    assert step.draft("") == step.opening


def test_then_each_section_under_its_heading() -> None:
    first = next_step(OUTLINE)
    assert first is not None
    assert first.section == Section("Keepers")
    assert first.draft(OUTLINE) == f"{OUTLINE}\n\n---\n\n## Keepers\n\nThe"
    second = next_step(first.draft(OUTLINE) + "y kept. ")
    assert second is not None
    assert second.section == Section("Lamps")
    assert [step.place for step in (first, second)] == [(1, 2, "Keepers"), (2, 2, "Lamps")]
    assert second.draft(first.draft(OUTLINE) + "y kept. ") == DRAFT.removesuffix("y lit.")
    assert next_step(DRAFT) is None
    assert first.instruction == second.instruction


def test_in_another_language_no_english_word_is_put_in() -> None:
    outline, section = next_step("", shape=Shape(language="日本語")), next_step(OUTLINE, shape=Shape(language="日本語"))
    assert outline is not None
    assert section is not None
    assert (outline.opening, section.opening) == ("1.", "\n\n---\n\n## Keepers\n\n")


def test_an_edited_outline_is_followed() -> None:
    step = next_step(DRAFT.replace("2. Lamps", "2. Lamps\n3. Fog signals"))
    assert step is not None
    assert step.opening == "\n\n## Fog signals\n\nThe"
    assert next_step(DRAFT.replace("2. Lamps\n", "\n")) is None


def test_headings_of_the_third_level_are_the_sections_own() -> None:
    step = next_step(f"{OUTLINE}\n\n---\n\n## 1. KEEPERS\n\n### Lamps\n\nThey kept.")
    assert step is not None
    assert step.section == Section("Lamps")


def test_a_draft_without_outline_says_what_to_do() -> None:
    with pytest.raises(PromptError, match="no outline to write sections from"):
        next_step("Once upon a time.")


def test_the_length_sets_headings_and_tokens() -> None:
    counts = [heading_count(Shape(length)) for length in ("short", None, "long", 100, 1500, 10**6)]
    assert counts == [3, 5, 8, 2, 6, MOST_HEADINGS]
    step = next_step(OUTLINE, shape=Shape(1000))
    assert step is not None
    assert step.max_new_tokens == TASKS["outline"].max_new_tokens(Shape(1000)) // 2
    tiny = next_step(OUTLINE, shape=Shape(10))
    assert tiny is not None
    assert tiny.max_new_tokens == 128


@given(st.text() | st.text(st.sampled_from("#-*1.) \t\nab:"), min_size=4), st.lists(st.text(), max_size=6))
def test_whatever_the_model_writes_there_is_an_end(outline: str, answers: list[str]) -> None:
    sections = parse_outline(outline)
    if not sections:
        return
    draft = outline
    for number in range(len(sections) + 1):
        step = next_step(draft)
        if step is None:
            break
        answer = answers[number % len(answers)] if answers else ""
        longer = step.draft(draft) + answer
        assert longer.startswith(draft.rstrip(" \t"))
        draft = longer
    assert next_step(draft) is None


def test_a_step_only_adds_to_what_the_cache_holds() -> None:
    draft = ""
    for _ in range(3):
        step = next_step(draft)
        assert step is not None
        answer = " Keepers" if step.section is None else "y did."
        assert step.draft(draft).startswith(draft)
        draft = step.draft(draft) + answer
    outline = "## Outline\n\n1. Introduction\n2. Keepers"
    assert draft == f"{outline}\n\n---\n\n## Introduction\n\nThey did.\n\n## Keepers\n\nThey did."


def test_the_tokens_to_come_are_those_of_all_steps_and_a_heading_each() -> None:
    shape = Shape("short")
    draft, steps = "", 0
    begin = tokens_to_come(draft, "", shape)
    while step := next_step(draft, "", shape):
        steps += step.max_new_tokens
        to_come = tokens_to_come(draft, "", shape)
        draft = step.draft(draft) + ("\n2. Lamps\n3. Oil" if step.section is None else " light.")
        left = tokens_to_come(draft, "", shape)
        assert to_come - left == step.max_new_tokens + (0 if step.section is None else HEADING_TOKENS)
    assert tokens_to_come(draft, "", shape) == 0
    assert begin == steps + 3 * HEADING_TOKENS
