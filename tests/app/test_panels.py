"""The small pieces of HTML: exact numbers, and text that stays text."""

import html
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app import panels
from app.budget import Budget, SourceTokens
from app.documents import Document, Page
from app.session import SourceFile


@given(st.text())
def test_escaped_text_shows_itself_and_nothing_else(text: str) -> None:
    escaped = panels.escape(text)
    assert html.unescape(escaped) == html.unescape(html.escape(text))
    assert not re.search(r"[<>\"'${}`\\]", escaped)


def test_a_file_card_names_pages_tokens_and_notes() -> None:
    pages = (Page(1, None, "a"), Page(2, None, "b"))
    file = SourceFile(Path("a<b>${x}.pdf"), Document("a.pdf", pages, ("1 of 2 pages has no text.",)), pages="2")
    card = panels.file_card(file, [1200])
    assert "1 of 2 pages · 1,200 tokens" in card
    assert "1 of 2 pages has no text." in card
    assert "a&lt;b&gt;&#36;&#123;x&#125;.pdf" in card
    assert "2 pages · 5 tokens" in panels.file_card(SourceFile(Path("a.pdf"), Document("a.pdf", pages)), [2, 3])
    assert "1 page · 7 tokens" in panels.file_card(SourceFile(Path("a.txt"), Document("a.txt", pages[:1])), [7])


def test_a_failed_file_says_why() -> None:
    card = panels.file_card(SourceFile(Path("x.pdf"), error="x.pdf is damaged."), [])
    assert "failed" in card
    assert "x.pdf is damaged." in card


def test_the_window_bar_is_to_scale_and_says_what_is_over() -> None:
    fits = panels.window_bar(Budget((SourceTokens("a.pdf", (1, 2), (300, 300)),), 100, 0, 100, window=1000))
    assert re.findall(r'class="(\w+)" style="width:([\d.]+)%', fits) == [
        ("documents", "60.00"),
        ("instruction", "10.00"),
        ("answer", "10.00"),
    ]
    assert 'class="window fits"' in fits
    over = panels.window_bar(Budget((SourceTokens("<b>.pdf", (1, 2), (900, 700)),), 100, 200, 100, window=1000))
    assert re.findall(r"width:([\d.]+)%", over) == ["80.00", "5.00", "10.00", "5.00"]
    assert "Too long by 1,000 tokens" in over
    assert "draft 200" in over
    split = panels.window_bar(Budget((SourceTokens("<b>.pdf", (1, 2), (500, 700)),), 100, 0, 100, window=1000))
    assert "page 1 of &lt;b&gt;.pdf" in split


def test_rates_show_what_is_known() -> None:
    unknown = dict.fromkeys(
        ("decodeRate", "recentRate", "prefillRate", "lastStep", "fullShare", "fullMilliseconds", "partialMilliseconds")
    )
    assert panels.rates(unknown).count("–") == 7
    known = panels.rates({**unknown, "decodeRate": 23.456, "fullShare": 0.1, "partialMilliseconds": 41.6})
    assert "<dd>23.5</dd>" in known
    assert "<dd>10%</dd>" in known
    assert "<dd>42 ms</dd>" in known
