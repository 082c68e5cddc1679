"""The small pieces of HTML: exact numbers, and text that stays text."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from app.engine.statistics import RunStatistics
from app.export.table_check import check_table
from app.prompt.window import Budget, SourceTokens
from app.text.diff import Change
from app.web.html import panels
from app.web.html.run_lines import status


@given(st.text())
def test_escaped_text_shows_itself_and_nothing_else(text: str) -> None:
    escaped = panels.escape(text)
    assert html.unescape(escaped) == html.unescape(html.escape(text))
    assert not re.search(r"[<>\"'${}`\\]", escaped)


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
    assert 'class="window over"' in over
    assert "Too long by 1,000 tokens" in over
    assert "draft 200" in over
    split = panels.window_bar(Budget((SourceTokens("<b>.pdf", (1, 2), (500, 700)),), 100, 0, 100, window=1000))
    assert "page 1 of &lt;b&gt;.pdf" in split


def test_what_continue_would_take_is_said_apart_from_what_write_takes() -> None:
    budget = Budget((), 100, 0, 100, window=1000)
    alone, both = panels.window_bar(budget), panels.window_bar(budget, "Continue: <b>")
    assert f"<p>{budget.message}</p>" in alone
    assert "Continue" not in alone
    assert f"<p>Write: {budget.message}</p>" in both
    assert both.endswith('<p class="going-on">Continue: &lt;b&gt;</p>')


def test_changes_keep_their_text_text() -> None:
    found = [Change("equal", "a "), Change("delete", "<b>"), Change("insert", "${c}")]
    assert panels.changes(found) == (
        '<div class="changes"><span>a </span><del>&lt;b&gt;</del><ins>&#36;&#123;c&#125;</ins></div>'
    )


def test_progress_has_a_bar_where_the_fraction_is_known() -> None:
    assert 'aria-valuenow="33"' in panels.progress(1 / 3, "Reading")
    assert "width:33%" in panels.progress(1 / 3, "Reading")
    assert panels.progress(None, "<i>") == '<div class="progress"><p>&lt;i&gt;</p></div>'
    assert '<p class="notice" role="alert">&lt;i&gt;</p>' in panels.notice("<i>")


def test_rates_show_what_is_known() -> None:
    unknown = status(RunStatistics(30))
    assert panels.rates(unknown).count("–") == 8
    steps = "12 full, 108 partial (10% full)"
    figures = {"decodeRate": 23.456, "steps": steps, "firstToken": 2.04, "times": [("a step", 41.6)]}
    known = panels.rates({**unknown, **figures})
    assert known.startswith('<span class="rate"><b>23.5</b> tokens/s</span><dl class="rates">')
    assert f"<dd>{steps}</dd>" in known
    assert "<dt>first token</dt><dd>2.0 s</dd>" in known
    assert "<dt>a step</dt><dd>42 ms</dd>" in known


def test_the_steps_say_what_is_done_and_what_is_next() -> None:
    def read(documents: bool, asked: bool) -> list[tuple[str, str]]:
        items = re.findall(r"<li([^>]*)>(.*?)</li>", panels.steps(documents, asked))
        return [(re.sub("<[^>]*>", "", text), state) for state, text in items]

    here = ' aria-current="step"'
    assert read(False, False) == [("1 Add documents", here), ("2 Say what to write", ""), ("3 Press Write", "")]
    assert read(True, False) == [("✓ Add documents", ""), ("2 Say what to write", here), ("3 Press Write", "")]
    assert read(True, True) == [("✓ Add documents", ""), ("✓ Say what to write", ""), ("3 Press Write", here)]
    assert read(False, True)[:2] == [("1 Add documents", here), ("✓ Say what to write", "")]
    assert 'aria-label="done"' in panels.steps(True, False)


def test_the_line_of_a_model_shows_its_name_and_what_it_does_and_opens_its_facts() -> None:
    assert panels.model_line("<m>", "", "window 8") == (
        '<details class="model"><summary><b>&lt;m&gt;</b></summary><p>window 8</p></details>'
    )
    assert "<summary><b>m</b> <span>compiling</span></summary>" in panels.model_line("m", "compiling", "window 8")


def test_a_checked_table_lists_what_is_wrong_and_what_was_put_right() -> None:
    fine = panels.table_check(check_table("| a | b |\n|---|---|\n| 1 | 2 |\n"))
    assert "The table is as asked for: 1 row below its head." in fine
    wrong = panels.table_check(check_table("| a | <b> |\n|---|---|\n| 1 |\n| | |\n"))
    assert "<li>Row 2 has 1 cell, the head has 2: “1”.</li>" in wrong
    assert "<li>Row 3 was empty, and left out.</li>" in wrong
    assert "&lt;c&gt;" in panels.table_check(check_table("| a | <c> |\n|---|---|\n| 1 | 2 |\n", ["a"]))
