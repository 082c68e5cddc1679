"""A request fits or does not, to the token; and if not, what is said to help does."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.documents import Document, Page, select_pages
from app.prompt.reading_plan import PartPlan, ReadingPlan, SectionPlan
from app.prompt.window import Budget, Choice, FewerPages, FewerSources, ShorterDraft, ShorterOutput, SourceTokens


def source(name: str, *tokens: int) -> SourceTokens:
    return SourceTokens(name, tuple(range(1, len(tokens) + 1)), tokens)


def budget(*sources: SourceTokens, instruction: int = 100, draft: int = 0, output: int = 1000) -> Budget:
    return Budget(sources, instruction, draft, output, window=8192)


def after(choice: Choice, over: Budget) -> Budget:
    """The request as it is when a choice was taken."""
    sources, output, draft = list(over.sources), over.output, over.draft
    if isinstance(choice, ShorterOutput):
        output = choice.tokens
    elif isinstance(choice, ShorterDraft):
        draft = choice.tokens
    elif isinstance(choice, FewerSources):
        sources = [source for index, source in enumerate(sources) if index not in choice.left_out]
    else:
        chosen = []
        for whole, pages in zip(sources, choice.pages, strict=True):
            if pages:
                document = Document("a", tuple(Page(number, None, "x") for number in range(1, whole.pages[-1] + 1)))
                numbers = [page.number for page in select_pages(document, pages)]
                chosen.append(SourceTokens(whole.name, tuple(numbers), whole.tokens[: len(numbers)]))
                assert whole.pages[: len(numbers)] == tuple(numbers)
        sources = chosen
    return Budget(tuple(sources), over.instruction, draft, output, over.window)


def test_what_fits_says_what_is_to_spare() -> None:
    fits = budget(source("a.pdf", *[750] * 8), output=512)
    assert (fits.source_tokens, fits.total, fits.excess, fits.choices) == (6000, 6612, -1580, ())
    assert fits.message == "It fits: 6,612 of 8,192 tokens, 1,580 to spare."
    exact = budget(source("a.pdf", 7092))
    assert (exact.excess, exact.choices) == (0, ())
    assert exact.message.startswith("It fits")


def test_what_is_too_long_says_by_how_much_and_what_would_help() -> None:
    over = budget(source("a.pdf", *[300] * 33), draft=40)
    assert over.excess == 2848
    assert over.choices == (FewerPages(("1-23",), "Read only pages 1-23 of a.pdf."),)
    assert over.message == (
        "Too long by 2,848 tokens: documents 9,900 + instruction 100 + draft 40 + answer 1,000 = 11,040; "
        "the model's window is 8,192. Read only pages 1-23 of a.pdf."
    )


def test_all_ways_out_are_named() -> None:
    over = budget(source("a.pdf", 3000, 3000), source("b.pdf", 300, 300, 900))
    assert over.choices == (
        FewerPages(("1-2", "1-2"), "Read only a.pdf and pages 1-2 of b.pdf."),
        FewerSources((1,), "Leave out b.pdf (1,500 tokens)."),
        ShorterOutput(592, "Ask for an answer of at most 592 tokens."),
    )
    assert over.message.endswith(
        "Any of these would do. Read only a.pdf and pages 1-2 of b.pdf. Leave out b.pdf (1,500 tokens). "
        "Ask for an answer of at most 592 tokens."
    )


def test_pages_are_named_as_they_were_chosen() -> None:
    chosen = SourceTokens("a.pdf", (2, 3, 7, 9, 10), (1500,) * 5)
    assert budget(chosen).choices[0] == FewerPages(("2-3, 7, 9",), "Read only pages 2-3, 7, 9 of a.pdf.")
    first = budget(source("a.pdf", 5000, 5000), source("b.pdf", 10))
    assert first.choices[0] == FewerPages(("1", ""), "Read only page 1 of a.pdf; leave out b.pdf.")


def test_each_source_is_named_whatever_the_length_of_its_name() -> None:
    one, two = (f"{which} annual report of the lighthouse board, with all its tables.pdf" for which in ("1810", "1811"))
    over = budget(source(one, 7000), source(two, 6500))
    short = [f"{name[:24]}…with all its tables.pdf" for name in (one, two)]
    assert over.choices == (
        FewerPages(("1", ""), f"Read only {short[0]}; leave out {short[1]}."),
        FewerSources((1,), f"Leave out {short[1]} (6,500 tokens)."),
    )
    three = budget(source("a.pdf", 5000), source("b.pdf", 4000), source("c.pdf", 10))
    assert three.choices[0].sentence == "Read only a.pdf; leave out b.pdf and c.pdf."


def test_sources_to_leave_out_are_as_few_and_small_as_will_do() -> None:
    def left_out(*sizes: int) -> tuple[int, ...] | None:
        choices = budget(*(source(f"{size}.pdf", size) for size in sizes)).choices
        return next((choice.left_out for choice in choices if isinstance(choice, FewerSources)), None)

    assert left_out(4000, 2000, 3000) == (1,)
    assert left_out(6000, 5000, 4000) == (0, 1)
    assert left_out(9000, 9000) is None
    assert left_out(9000) is None


def test_where_no_choice_is_enough_the_last_resort_is_named() -> None:
    one_page = budget(source("a.txt", 9900))
    assert one_page.choices == ()
    assert one_page.message.endswith(
        "Not even the first page fits: split the file, or paste the part that matters as text."
    )
    assert budget(instruction=8190).message.endswith("Shorten the instruction or the draft.")


SOURCES = st.lists(st.lists(st.integers(1, 500), min_size=1, max_size=9), max_size=5)


@given(SOURCES, st.integers(0, 500), st.integers(0, 500), st.integers(1, 1500))
def test_every_choice_makes_it_fit(sizes: list[list[int]], instruction: int, draft: int, output: int) -> None:
    over = Budget(
        tuple(source(f"{i}.pdf", *tokens) for i, tokens in enumerate(sizes)), instruction, draft, output, window=2048
    )
    for choice in over.choices:
        assert over.excess > 0
        changed = after(choice, over)
        assert changed.excess <= 0
        assert choice.sentence in over.message
        if isinstance(choice, FewerPages):
            # One more page would not fit, but for the few tokens kept for how the seam is divided.
            rest = [tokens for whole in over.sources for tokens in whole.tokens][
                sum(len(s.pages) for s in changed.sources) :
            ]
            assert changed.excess + rest[0] > -4
        if isinstance(choice, ShorterOutput):
            assert changed.excess == 0


def test_of_a_long_draft_the_end_can_be_kept() -> None:
    over = budget(source("a.pdf", 4000), draft=4000, output=512)
    assert over.excess == 420
    assert ShorterDraft(3576, "Let the model see only the last 3,576 tokens of the draft.") in over.choices
    assert not any(isinstance(choice, ShorterDraft) for choice in budget(source("a.pdf", 8000), draft=900).choices)


def test_sections_have_the_length_that_the_task_gives_them() -> None:
    over = replace(budget(source("a.pdf", 7000)), output=2000, in_sections=True)
    assert not any(isinstance(choice, ShorterOutput) for choice in over.choices)
    assert over.message.endswith("Choose a shorter length.")


def test_what_is_read_of_long_documents_is_said() -> None:
    def said(*plan: object) -> str:
        return replace(budget(), plan=ReadingPlan(*plan)).message

    assert said(20, 7) == "Longer than the window: reads the 7 of 20 pages that have most to do with it."
    assert said(1, 1) == "Longer than the window: reads the parts that have most to do with it."
    parts = [
        PartPlan(str(number), "Oil", "1", state, (0.0, 0.1)) for number, state in enumerate(("full", "none", "note"))
    ]
    one = (SectionPlan("Lamps", "1", tuple(parts)), SectionPlan("Keepers", "1", tuple(parts[:1])))
    others = (SectionPlan("Index", "", tuple(parts[1:2])),)
    assert said(1, 1, one, False, True, others) == "Sections: 2. Parts written from: 2 of 5."
    assert said(1, 1, one, False, True, others, 0, True) == "Runs that write rows: 2. Parts with rows: 2 of 5."
    four = (SectionPlan("Lamps", "1-2", ((0.0, 0.1),)),) * 4
    sections = "Sections: 4. Pages read: 20; written from: 9."
    assert said(20, 9, four) == sections
    missing = "No word of yours about the task is in the documents: the text is about all of them."
    assert said(20, 9, four, False, False) == f"{sections} {missing}"


def test_of_a_planned_reading_no_sources_are_offered() -> None:
    over = budget(source("a.pdf", 3000, 3000), source("b.pdf", 3000))
    assert {type(choice) for choice in over.choices} >= {FewerPages, FewerSources}
    planned = replace(over, plan=ReadingPlan(20, 3))
    assert not any(isinstance(choice, FewerPages | FewerSources) for choice in planned.choices)
