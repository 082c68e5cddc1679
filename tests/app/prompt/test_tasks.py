"""Instructions hold the person's words and what was chosen, and nothing where nothing was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import Document, Page
from app.prompt.messages import Source, build_messages
from app.prompt.tasks import LENGTHS, TASKS, TONES, Shape, parse_length, split_columns
from app.say.errors import PromptError

ALL = Shape("long", "formal", "Japanese", "engineers")


def test_tasks_are_keyed_and_in_order() -> None:
    assert list(TASKS) == ["summary", "report", "essay", "notes", "outline", "table", "continue", "free"]
    assert all(key == task.key for key, task in TASKS.items())


@pytest.mark.parametrize("key", list(TASKS))
def test_a_task_takes_the_persons_words_as_they_are(key: str) -> None:
    words = "{Year}, Height {0}"
    assert words in TASKS[key].instruction(f" {words} ", ALL)


@pytest.mark.parametrize("key", list(TASKS))
def test_an_empty_shape_adds_nothing(key: str) -> None:
    task = TASKS[key]
    assert task.instruction("Fog") == task.instruction("Fog", Shape()) == task.instruction("Fog", Shape(tone=" \n"))
    assert task.opening("Fog") == task.opening("Fog", Shape())
    assert task.max_new_tokens() == task.max_new_tokens(Shape())


def test_words_of_ones_own_are_left_out_where_there_are_none() -> None:
    assert TASKS["summary"].instruction().endswith("without adding anything that is not in it.")
    assert TASKS["summary"].instruction("the fog").endswith(" Pay attention above all to this: the fog.")
    assert TASKS["summary"].instruction("Why fog?").endswith(" Pay attention above all to this: Why fog?")


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (Shape(length="short"), "Write about 400 words."),
        (Shape(length=750), "Write about 750 words."),
        (Shape(tone="plain"), "The tone is plain."),
        (Shape(language="Deutsch"), "Write in Deutsch."),
        (Shape(audience="my\n boss, who is in a hurry."), "The readers are my boss, who is in a hurry."),
    ],
)
def test_each_field_is_one_sentence_at_the_end(shape: Shape, sentence: str) -> None:
    report = TASKS["report"]
    assert report.instruction("fog", shape) == f"{report.instruction('fog')} {sentence}"


def test_all_fields_together() -> None:
    assert TASKS["free"].instruction("Go.", ALL) == (
        "Go. Write about 1000 words. The tone is formal. The readers are engineers. Write in Japanese."
    )


def test_a_table_takes_the_language_alone() -> None:
    table = TASKS["table"]
    assert table.instruction("Year", ALL) == f"{table.instruction('Year')} Write in Japanese."


@pytest.mark.parametrize("key", list(TASKS))
def test_longer_answers_may_take_more_tokens(key: str) -> None:
    task = TASKS[key]
    short, medium, long = (task.max_new_tokens(Shape(length)) for length in LENGTHS)
    assert short < medium < long
    assert task.max_new_tokens() == medium
    assert all(tokens % 16 == 0 for tokens in (short, medium, long))
    assert task.max_new_tokens(Shape(1000)) == 1504
    assert task.max_new_tokens(Shape(1000, language="Japanese")) == 3008


@given(st.integers(1, 10**6))
def test_there_is_room_for_the_words_asked_for(words: int) -> None:
    assert TASKS["essay"].max_new_tokens(Shape(words)) >= words


@pytest.mark.parametrize("length", [0, -3, "huge"])
def test_a_length_that_is_none_is_refused(length: object) -> None:
    with pytest.raises(PromptError, match="Choose short, medium, long, or write a number of words"):
        Shape(length)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "length"),
    [
        ("", None),
        ("  ", None),
        ("Medium ", "medium"),
        ("800", 800),
        ("1,200 words", 1200),
        ("1.200", 1200),
        ("1 word", 1),
    ],
)
def test_a_length_is_read_as_typed(typed: str, length: object) -> None:
    assert parse_length(typed) == length


@pytest.mark.parametrize("typed", ["0", "-5", "1.5", "ten", "12 pages", "1,20"])
def test_another_length_is_refused(typed: str) -> None:
    with pytest.raises(PromptError, match=f"The length is “{typed}”"):
        parse_length(typed)


# --- openings ---


def test_a_table_without_columns_leaves_them_to_the_model() -> None:
    assert "the ones that suit the document" in TASKS["table"].instruction()
    assert TASKS["table"].opening() == ""


def test_a_table_opens_with_the_named_columns() -> None:
    table = TASKS["table"]
    assert table.opening(" Year, Height | m,, ") == "| Year | Height / m |\n| --- | --- |\n|"
    assert split_columns(" Year, Height |\n m,, ") == ("Year", "Height / m")
    assert table.opening("Year", ALL) == "| Year |\n| --- |\n|"
    pages = (Page(1, None, "one"),)
    sources = [Source(Document("a.pdf", pages), pages)]
    messages = build_messages(sources, table.instruction("Year"), draft=table.opening("Year"))
    assert messages[-1] == {"role": "assistant", "content": "| Year |\n| --- |\n|"}


@pytest.mark.parametrize("key", list(TASKS))
@pytest.mark.parametrize("language", ["Japanese", "Deutsch", "engl"])
def test_in_another_language_no_english_word_stands_at_the_beginning(key: str, language: str) -> None:
    assert not any(letter.isalpha() for letter in TASKS[key].opening("", Shape(language=language)))


@pytest.mark.parametrize("language", ["", "English", " en "])
def test_in_english_a_report_opens_with_its_headings(language: str) -> None:
    assert TASKS["report"].opening("Year", Shape(language=language)) == "# Report\n\n## Introduction\n\n"
    assert TASKS["summary"].opening("Year", Shape(language=language)) == ""


def test_a_free_instruction_is_required() -> None:
    with pytest.raises(PromptError, match="My own instruction: the field “Instruction” is empty"):
        TASKS["free"].instruction("  ")


def test_the_tones_on_offer_are_words() -> None:
    assert {f"The tone is {tone}." in TASKS["free"].instruction("Go", Shape(tone=tone)) for tone in TONES} == {True}
