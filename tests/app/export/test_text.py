"""Markdown and plain text."""

from hypothesis import given
from hypothesis import strategies as st

from app.export import Draft
from app.export.blocks import parse
from app.export.markdown import write_markdown
from app.export.text import plain_text
from tests.app.export.reading import squeezed, texts

DRAFT = """# Report

Some **bold** [words](https://a.b/c), and <https://d.e>.

- one
- two
  - deep
- three

3. c

   more
4. d

> said *twice*

    code
      here

| Name | 高さ |
|---|---|
| Bell Rock | **35 m** |
| 犬吠埼灯台 | 31 |

---
"""
TEXT = """Report

Some bold words (https://a.b/c), and https://d.e.

- one
- two
  - deep
- three

3. c

   more

4. d

    said twice

code
  here

Name        高さ
----------  ----
Bell Rock   35 m
犬吠埼灯台  31

--------------------
"""


def test_plain_text_has_no_marks_and_keeps_the_layout() -> None:
    assert plain_text(DRAFT) == TEXT


def test_columns_stand_below_each_other_beside_emoji_and_marks() -> None:
    table = "| a | b |\n|-|-|\n| 👨‍👩‍👧 | x |\n| ❤️ | x |\n| e\u0301\u200d | x |\n| 日 | x |\n"
    assert plain_text(table) == "a   b\n--  -\n👨‍👩‍👧  x\n❤️  x\ne\u0301\u200d   x\n日  x\n"


def test_an_empty_draft_is_an_empty_text() -> None:
    assert plain_text(" \n\n") == ""


@given(st.text())
def test_any_draft_reads_back_from_markdown(draft: str) -> None:
    assert write_markdown(Draft("", draft)).decode() == draft


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    assert write_markdown(Draft("", "a\ud83db")).decode() == "a\ufffdb"


@given(st.text())
def test_all_text_of_any_draft_is_in_the_plain_text(draft: str) -> None:
    text = iter(plain_text(draft).encode().decode())
    assert all(character in text for character in squeezed(texts(parse(draft))))
