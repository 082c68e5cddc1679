"""Markdown as blocks: structure, and that no text disappears."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.export.blocks import (
    DEEPEST,
    Code,
    Heading,
    Items,
    Paragraph,
    Quote,
    Rule,
    Span,
    Table,
    clean,
    parse,
    plain,
    walk,
)
from tests.app.export.reading import squeezed, texts


def spans(text: str) -> tuple[Span, ...]:
    return (Span(text),)


def paragraph(text: str) -> Paragraph:
    return Paragraph(spans(text))


def test_blocks_of_a_report() -> None:
    draft = """# Report

First *line*
second.

- a

  more
- b
  1. x

> said
>
> > twice

```python
if x:
    y
```

***
"""
    assert parse(draft) == (
        Heading(1, spans("Report")),
        Paragraph((Span("First "), Span("line", italic=True), Span(" second."))),
        Items(None, ((paragraph("a"), paragraph("more")), (paragraph("b"), Items(1, ((paragraph("x"),),))))),
        Quote((paragraph("said"), Quote((paragraph("twice"),)))),
        Code("if x:\n    y"),
        Rule(),
    )


def test_spans_carry_their_style() -> None:
    draft = "a **b *c* ~~d~~** `e` [f](https://g.h) <mailto:i@j.k> ![l](https://m.n/o.png) [p](q.md)  \nr"
    assert parse(draft) == (
        Paragraph(
            (
                Span("a "),
                Span("b ", bold=True),
                Span("c", bold=True, italic=True),
                Span(" ", bold=True),
                Span("d", bold=True, struck=True),
                Span(" "),
                Span("e", code=True),
                Span(" "),
                Span("f", link="https://g.h"),
                Span(" "),
                Span("mailto:i@j.k", link="mailto:i@j.k"),
                Span(" "),
                Span("l", link="https://m.n/o.png"),
                Span(" p\nr"),
            )
        ),
    )


def test_nested_marks_of_one_kind_end_together() -> None:
    assert parse("__a **b** c__ d") == (Paragraph((Span("a b c", bold=True), Span(" d"))),)


@pytest.mark.parametrize("scheme", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "#top", "b.md"])
def test_only_web_addresses_become_links(scheme: str) -> None:
    assert not any(span.link for block in parse(f"[a]({scheme})") for span in block.spans)  # type: ignore[union-attr]


def test_a_list_begins_where_its_first_number_says() -> None:
    assert [block.start for block in parse("0. a\n\n<!-- -->\n\n7. b") if isinstance(block, Items)] == [0, 7]


def test_rows_of_a_table_keep_what_their_head_has_no_column_for() -> None:
    draft = "| a | b |\n|---|---|\n| 1 | 2 | **3** | 4 |\n| 5 |\n| x \\| y | `z` |"
    (table,) = parse(draft)
    assert isinstance(table, Table)
    assert [[plain(cell) for cell in row] for row in table.rows] == [
        ["a", "b"],
        ["1", "2", "3", "4"],
        ["5"],
        ["x | y", "z"],
    ]
    assert table.rows[1][2] == (Span("3", bold=True),)
    assert table.columns == 4


def test_html_and_link_definitions_stay_as_typed() -> None:
    assert parse("<b>x</b> &amp; y\n\n[Page 3]: see") == (paragraph("<b>x</b> & y"), paragraph("[Page 3]: see"))


def test_text_after_a_fence_is_kept_and_a_language_is_not() -> None:
    assert parse("```python\nx\n```") == (Code("x"),)
    assert parse("```the tide turns\nx\n```") == (Code("the tide turns\nx"),)


@pytest.mark.parametrize("mark", ["> ", "- ", "1. ", "- > "])
def test_nesting_without_end_keeps_its_text(mark: str) -> None:
    found = list(walk(parse(mark * 300 + "deep")))
    assert sum(isinstance(block, Quote | Items) for block in found) <= DEEPEST
    assert squeezed(texts(found)).endswith("deep")


def test_characters_no_document_can_hold_are_dropped() -> None:
    assert clean("a\x00b\x0bc\ud800d\ufffee\x85f\r\ng\rh\ti") == "abcdef\ng\nh\ti"


MARKED = st.lists(
    st.sampled_from(["# ", "> ", "- ", "1) ", "**", "_", "~~", "`", "| ", "|\n", "|-|-|\n", "\n", "\n\n", "    ", " "])
    | st.text("abäßж日\\", min_size=1, max_size=6),
    max_size=40,
).map("".join)


@given(MARKED)
def test_every_letter_of_a_draft_is_in_its_blocks_in_order(draft: str) -> None:
    def letters(text: str) -> str:
        return "".join(character for character in text if character.isalpha())

    assume("~~~" not in draft and "```" not in draft)  # the language of a fence is no text, see above
    assert letters("".join(texts(parse(draft)))) == letters(draft)


@given(st.text())
def test_any_text_is_a_draft(draft: str) -> None:
    for text in texts(parse(draft)):
        assert clean(text) == text
