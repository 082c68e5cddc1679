"""A comparison as HTML: what is better in words, what differs marked, and text that stays text."""

import re
from typing import Any

from app.engine.engine import Engine
from app.project.comparison import Comparison, Trial
from app.project.follow import FollowedRun
from app.say.wording import Message
from app.text.diff import diff
from app.web.html.comparison import comparison_html
from core import PrefillProgress, TokenGenerated
from tests.app.project.test_comparison import finished, methods
from tests.app.scripted import ScriptedEngine, ScriptedRun

ENGINE: Any = ScriptedEngine()


def trial(
    name: str, text: str, *, rate: float = 10.0, first_token: float = 1.0, cache_bytes: int | None = None,
    tokens: int = 0,
) -> Trial:  # fmt: skip
    """One that is over."""
    spec = ScriptedRun().spec()
    followed = FollowedRun(spec, spec.feed(name, ENGINE, 0), 3)
    followed.run.begin()
    followed.run.end("finished")
    followed.text, followed.statistics.started, followed.statistics.cache_bytes = text, 0.0, cache_bytes
    for step in range(tokens):
        followed.statistics.add(first_token, TokenGenerated(1, "a", step, 0, 1 / rate))
    return Trial(name, spec, followed)


def planned(name: str) -> Trial:
    return Trial(name, ScriptedRun().spec())


def comparison_of(*trials: Trial) -> Comparison:
    """With the changes from the first text, after a prompt of 300 tokens was read in 3.21 s."""
    comparison = Comparison(ENGINE, [(each.name, each.spec) for each in trials])
    comparison.trials, comparison.reading = list(trials), trial("Reading", "")
    for each in trials[1:]:
        each.changes = diff(trials[0].text, each.text) if each.text else []
    statistics = comparison.reading.statistics
    statistics.prompt_tokens = 300
    statistics.add(0.0, PrefillProgress(0, 300))
    statistics.add(3.21, PrefillProgress(300, 300))
    return comparison


def shown(*trials: Trial) -> str:
    return comparison_html(comparison_of(*trials))


def cells(html: str, title: str) -> list[str]:
    row = html.split(f'<th scope="row">{title}</th>')[1].split("</tr>")[0]
    return [cell.split("</td>")[0] for cell in row.split("<td")[1:]]


def test_the_better_figure_is_marked_in_words_and_only_where_they_differ() -> None:
    fast = trial("A", "x", rate=20.0, first_token=0.5, cache_bytes=5_000_000, tokens=9)
    slow = trial("B", "x", rate=10.0, first_token=0.2, cache_bytes=5_000_001, tokens=9)
    html = shown(fast, slow)
    marked = {
        title: [">" in cell and "✓" in cell for cell in cells(html, title)]
        for title in ("Tokens per second", "Time to first token", "Memory of keys and values", "Tokens written")
    }
    assert marked == {
        "Tokens per second": [True, False],
        "Time to first token": [False, True],
        "Memory of keys and values": [False, False],  # the same as they are shown
        "Tokens written": [False, False],
    }
    assert 'aria-label="better"' in html
    assert [cell.split(">")[1].split("<")[0] for cell in cells(html, "Tokens per second")] == ["20.0", "10.0"]
    assert "300 of 300 tokens were new, 3.2 s" in html


def test_nothing_is_better_while_a_method_is_missing() -> None:
    html = shown(trial("A", "x", rate=20.0, tokens=3), planned("B"))
    assert "✓" not in html.split("<tbody>")[1]
    assert "Its turn comes." in html


def test_text_means_nothing_to_html_or_to_gradios_templates() -> None:
    hostile = "<img src=x onerror=alert(1)> ${value} {{value}} <|im_end|>"
    unmarked = comparison_of(trial("A", hostile, tokens=2), trial("B ${value}<b>", hostile + " more", tokens=2))
    unmarked.trials[1].changes = []
    marked = shown(trial("A", hostile), trial("B ${value}<b>", hostile + " more", tokens=2))
    failed = trial("A", "x")
    failed.error = Message("<img> ${value} {{value}} <b>")
    for page in (comparison_html(unmarked), marked, shown(failed, planned("B"))):
        assert "<img" not in page
        assert "${" not in page
        assert "{{" not in page
        assert "<b>" not in page
    assert "<mark> more</mark>" in marked


def test_it_says_how_long_the_texts_are_the_same() -> None:
    first, same = trial("A", "one two three four"), trial("C", "one two three four")
    html = shown(first, trial("B", "one two five four"), same)
    assert "The first 2 words are those of A; of all 4 words it shares 3." in html
    assert "Word for word the same as A." in html
    assert "Underlined" in html
    assert "Underlined" not in shown(first, same)


def test_each_text_is_whole_and_what_differs_in_it_is_marked() -> None:
    comparison = comparison_of(trial("A", "one two three"), trial("B", "one three four"), trial("C", "one two five"))
    html = comparison_html(comparison)
    texts = re.findall(r'<div class="changes">(.*?)</div>', html)
    assert texts == [
        "one <mark>two</mark> <mark>three</mark>",
        "one <mark>three</mark> <mark>four</mark>",
        "one two <mark>five</mark>",
    ]
    assert "under A, what another does not have" in html
    comparison.trials[1].changes = diff("one two three", "two")
    assert "Other than A from the first word on; of all 1 words it shares 1." in comparison_html(comparison)


def test_a_comparison_that_is_over_says_where_its_runs_are_shown(engine: Engine) -> None:
    comparison = finished(Comparison(engine, methods(2)))
    html = comparison_html(comparison)
    assert "Each is among the runs that the map shows." in html
    assert html.count("Finished.") == 3


def test_a_prompt_that_was_not_read_to_its_end_is_said(engine: Engine) -> None:
    html = comparison_html(finished(Comparison(engine, methods(20, "x" * 1030))))
    assert "not read to its end" in html
    assert "the map shows" not in html
    assert html.count('role="alert"') == 3
