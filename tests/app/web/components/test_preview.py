"""The preview's nodes, and what travels of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.export.blocks import placed
from app.text.citations import PageReference
from app.web.components.preview import Preview, split_sections
from app.web.components.preview_nodes import Mark, NodeMaker, Page

PIECES = (
    *(
        "# A",
        "## B ##",
        "text",
        "*em*",
        "",
        "```",
        "````",
        "~~~",
        "``` x`y",
        "- item",
        "  more",
        "> quote",
        "| a | b |",
    ),
    *("| - | - |", "    code", "#x", "===", "---", "1. one", "  ```", "- ```", "> ~~~", "<div>", "# ", "\ttab"),
)
HOSTILE = '<script>window.pwn=1</script> <img src=x onerror="window.pwn=1"> ${window.pwn=1} {{x}} '
HOSTILE += "[a](javascript:alert(1)) [b](data:text/html,x) ![c](https://evil.example/x.png)"


def nobody(reference: PageReference) -> None:
    return None


def manual(reference: PageReference) -> Page | None:
    return (
        Page("f", "manual.pdf", reference.page, f"p. {reference.page}")
        if reference.name in ("", "manual (1).pdf")
        else None
    )


def nodes(draft: str, *marks: str, find: Any = nobody) -> list[Any]:
    maker = NodeMaker(find)
    return [maker.node(block, [Mark(mark, "near", "t") for mark in marks]) for _, block in placed(draft)]


def held(messages: list[str]) -> list[Any]:
    """What a page has made of the messages."""
    blocks: list[Any] = []
    for text in messages:
        message = json.loads(text)
        blocks = blocks if message["base"] else []
        blocks[message["at"] : message["at"] + message["cut"]] = message["blocks"]
    return blocks


def test_blocks_and_styles_become_nodes() -> None:
    draft = "## A *b*\n\nc **d** `e`  \nf ~~g~~\n\n- h\n\n3. i\n\n---\n\n> j\n\n```\nk\n```\n\n| l |\n| - |\n| m |"
    assert nodes(draft) == [
        ["h2", {}, "A ", ["em", {}, "b"]],
        ["p", {}, "c ", ["strong", {}, "d"], " ", ["code", {}, "e"], ["br", {}], "f ", ["s", {}, "g"]],
        ["ul", {}, ["li", {}, ["p", {}, "h"]]],
        ["ol", {"start": 3}, ["li", {}, ["p", {}, "i"]]],
        ["hr", {}],
        ["blockquote", {}, ["p", {}, "j"]],
        ["pre", {}, ["code", {}, "k"]],
        ["table", {}, ["tr", {}, ["th", {}, "l"]], ["tr", {}, ["td", {}, "m"]]],
    ]  # fmt: skip


def test_a_hostile_draft_is_text_and_links_to_the_web() -> None:
    (paragraph,) = nodes(HOSTILE)
    assert paragraph[0] == "p"
    links = [node for node in paragraph[2:] if isinstance(node, list)]
    assert links == [["a", {"href": "https://evil.example/x.png"}, "c"]]
    text = "".join(node for node in paragraph[2:] if isinstance(node, str))
    assert text.startswith('<script>window.pwn=1</script> <img src=x onerror="window.pwn=1"> ${window.pwn=1} {{x}} ')


def test_pages_that_can_be_opened_are_links() -> None:
    (paragraph,) = nodes("It shone (manual (1).pdf, pp. 3, 5). So (other.pdf, p. 1). And *this (p. 12)*.", find=manual)
    assert paragraph[2:] == [
        "It shone (manual (1).pdf, pp. ",
        ["ref", {"file": "f", "name": "manual.pdf", "page": 3, "title": "p. 3"}, "3"],
        ", ",
        ["ref", {"file": "f", "name": "manual.pdf", "page": 5, "title": "p. 5"}, "5"],
        "). So (other.pdf, p. 1). And ",
        ["em", {}, "this (p. "],
        ["ref", {"file": "f", "name": "manual.pdf", "page": 12, "title": "p. 12"}, ["em", {}, "12"]],
        ["em", {}, ")"],
        ".",
    ]


def test_sentences_are_marked_under_the_marks_of_markdown() -> None:
    (paragraph,) = nodes(
        "One. **Two** [is](http://a.b) *here* (p. 2). Three.", "**Two** [is](http://a.b) *here* (p. 2)."
    )
    said = ["said", {"kind": "near", "title": "t"}]
    assert paragraph[2:] == [
        "One. ",
        [*said, ["strong", {}, "Two"], " ", ["a", {"href": "http://a.b"}, "is"], " ", ["em", {}, "here"], " (p. 2)."],
        " Three.",
    ]
    (listed,) = nodes("- One.\n- Two. Three.", "Two.")
    assert listed[3] == ["li", {}, ["p", {}, [*said, "Two."], " Three."]]
    (table,) = nodes("| a | b |\n| - | - |\n| One | 2 |", "| One | 2 |")
    assert table[3] == ["tr", {}, ["td", {}, [*said, "One"]], ["td", {}, [*said, "2"]]]
    assert nodes("灯台は岩の上に立つ。光る。", "光る。") == [["p", {}, "灯台は岩の上に立つ。", [*said, "光る。"]]]


def test_what_travels_is_what_changed() -> None:
    preview = Preview()
    draft = "".join(f"## Part {part}\n\nText of it.\n\n" for part in range(100))
    first = preview.update(draft, [], nobody, 0)
    second = preview.update(draft.replace("Part 50", "Part fifty"), [], nobody, 1)
    message = json.loads(second)
    assert (message["base"], message["at"], message["cut"]) == (1, 100, 1)
    assert message["blocks"] == [[2, ["h2", {}, "Part fifty"]]]
    whole = json.loads(preview.update(draft, [], nobody, 1))  # the last did not arrive
    assert whole["base"] == 0
    assert held([first, second])[100][1] == ["h2", {}, "Part fifty"]
    assert sum(lines for lines, _ in whole["blocks"]) == draft.count("\n") + 1


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("\n".join))
@settings(deadline=None, max_examples=300)
def test_sections_are_parsed_to_what_the_whole_is(draft: str) -> None:
    sections = split_sections(draft)
    assert "".join(sections) == draft
    line, blocks = 0, []
    for section in sections:
        blocks += [(line + first, block) for first, block in placed(section)]
        line += section.count("\n")
    assert blocks == list(placed(draft))


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=9).map("\n".join), max_size=5))
@settings(deadline=None, max_examples=100)
def test_a_page_holds_what_it_would_be_sent_at_once(drafts: list[str]) -> None:
    preview = Preview()
    messages = [preview.update(draft, [], nobody, at) for at, draft in enumerate(drafts)]
    if drafts:
        assert held(messages) == held([Preview().update(drafts[-1], [], nobody, 0)])
