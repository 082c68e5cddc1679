"""What the figures of benchmarks.quality are made of."""

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.quality.configurations import configurations, of_tasks
from benchmarks.quality.metrics import agreements, divergences, interval, likelihoods, percentile, ratio
from benchmarks.quality.plot import plot
from benchmarks.quality.record import Record
from benchmarks.quality.report import by_configuration, milliseconds, report
from benchmarks.quality.tasks import TASKS, TURNS, passage
from benchmarks.quality.turns import paragraphs, share_right
from core.policies import METHODS

PARAGRAPHS = [f"Paragraph {number} says nothing of it." for number in range(10)]


def test_divergence_agreement_and_likelihood_are_those_of_the_definitions() -> None:
    reference = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log()
    found = torch.tensor([[0.25, 0.75], [0.9, 0.1]]).log()
    assert divergences(reference, found) == pytest.approx([0.1438, 0.0], abs=1e-4)
    assert agreements(reference, torch.tensor([[0.6, 0.4], [0.2, 0.8]]).log()) == [True, False]
    assert likelihoods(found, torch.tensor([1, 0])) == pytest.approx([0.2877, 0.1054], abs=1e-4)


def test_an_interval_is_over_groups_each_of_which_counts_once() -> None:
    mean, low, high = interval({"long": [1.0] * 100, "short": [3.0]})
    assert (mean, low, high) == (2.0, 1.0, 3.0)
    assert interval({"a": [2.0], "b": [2.0]}) == (2.0, 2.0, 2.0)


def test_a_ratio_draws_the_same_groups_above_and_below() -> None:
    under = {"a": [1.0], "b": [100.0], "c": [5.0]}
    over = {"a": [0.5], "b": [50.0], "c": [2.5], "elsewhere": [9.0]}
    assert ratio(over, under) == pytest.approx((0.5, 0.5, 0.5))


def test_a_percentile_lies_between_the_least_and_the_most() -> None:
    assert percentile([0.0, 1.0, 2.0, 3.0], 0.5) == 1.5


def test_a_record_goes_on_behind_a_line_that_was_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Record(path, ("case",)).add({"case": "a", "value": 1})
    with path.open("a") as file:
        file.write('{"case": "b", "val')
    record = Record(path, ("case",))
    assert ("a",) in record
    assert ("b",) not in record
    record.add({"case": "b", "value": 2})
    assert [row["value"] for row in Record(path, ("case",))] == [1, 2]


def test_every_method_is_measured_and_none_twice() -> None:
    names = [configuration.name for configuration in configurations()]
    assert len(names) == len(set(names))
    assert {*METHODS} <= {configuration.method for configuration in configurations()}
    assert {*METHODS} <= {configuration.method for configuration in of_tasks()}


@pytest.mark.parametrize("task", TASKS)
def test_what_is_asked_for_stands_in_the_text(task: str) -> None:
    item = TASKS[task](3, PARAGRAPHS)
    assert item == TASKS[task](3, PARAGRAPHS)
    assert item != TASKS[task](4, PARAGRAPHS)
    assert len(item.turns) == TURNS
    lines = item.context.splitlines()
    assert [line for line in lines if line in PARAGRAPHS] == PARAGRAPHS
    begun = [question[0].begun for turn in item.turns for question in turn]
    assert len(begun) == len(set(begun))
    for question in (question for turn in item.turns for question in turn):
        for line in question:
            stands = f"{line.begun} {line.answer}" in lines
            assert stands is (task != "variable tracking")


def test_a_tracked_name_is_that_of_the_one_referred_to() -> None:
    item = TASKS["variable tracking"](0, PARAGRAPHS)
    lines = item.context.splitlines()
    for (line,) in (question for turn in item.turns for question in turn):
        (reference,) = [each for each in lines if each.startswith(line.begun.replace(":", " = "))]
        assert f"{reference.partition(' = ')[2]}: {line.answer}" in lines


def test_a_passage_is_paragraphs_in_a_row() -> None:
    chosen = passage(PARAGRAPHS, 1, 4)
    begin = PARAGRAPHS.index(chosen[0])
    assert chosen == PARAGRAPHS[begin : begin + 4]


def test_paragraphs_are_running_text_on_one_line() -> None:
    text = "Title\n\n" + "A line of text\nthat goes on " * 6 + "\n\n" + "x" * 900
    assert paragraphs(text) == [("A line of text that goes on " * 6).strip()]


def row(case: str, name: str, kl: float, ms: float = 10.0) -> dict[str, Any]:
    steps = 12
    return {
        "case": case,
        "text": case.partition("/")[0],
        "name": name,
        "prompt": 100,
        "kl": [kl] * steps,
        "agrees": [True] * steps,
        "nll": [2.0] * steps,
        "read": [1000] * steps,
        "held": 2000,
        "ms": [ms] * steps,
    }


def test_the_tables_name_what_was_measured(tmp_path: Path) -> None:
    teacher, tasks = (
        Record(tmp_path / "t.jsonl", ("case", "name")),
        Record(tmp_path / "k.jsonl", ("task", "item", "name")),
    )
    for case in ("a/0", "b/0"):
        teacher.add(row(case, "FullAttention", 0.0))
        teacher.add(row(case, "RefreshKV.paper 1/8", 0.2))
        teacher.add(row(case, "SnapKV 1/8", 0.4))
        teacher.add(row(case, "TOVA 1/8", 0.5))
    tasks.add({"task": "look-up", "item": 0, "name": "FullAttention", "right": [[True, True], [True, False]]})
    tasks.add({"task": "hard", "item": 0, "name": "FullAttention", "right": [[False, True], [False, False]]})
    lines = report(teacher, tasks).splitlines()
    assert "| RefreshKV.paper 1/8 | SnapKV 1/8 | 2 | 0.500 | 0.500–0.500 | 1.00 | 1 |" in lines
    assert "| look-up | FullAttention | 1 | 0.750 | 0.750–0.750 | 1.00 | 1.00 | 0.50 |" in lines
    assert any(line.startswith("| hard | FullAttention (below 0.5: no other method) | 1 | 0.250") for line in lines)
    assert share_right(tasks, "look-up", "FullAttention") == 0.75
    plot(teacher, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text("utf-8").count("RefreshKV") >= 1


def test_the_time_of_a_step_is_the_least_of_all_cases() -> None:
    busy = row("a/0", "x", 0.0, ms=30.0)
    busy["ms"][3] = 5.0
    assert milliseconds([busy, row("b/0", "x", 0.0, ms=12.0)]) == pytest.approx((11 * 12 + 5) / 12)


def test_only_cases_that_all_of_the_first_tier_have_are_compared(tmp_path: Path) -> None:
    teacher = Record(tmp_path / "t.jsonl", ("case", "name"))
    for case in ("a/0", "b/0"):
        teacher.add(row(case, "FullAttention", 0.0))
    teacher.add(row("a/0", "SnapKV 1/8", 0.4))
    teacher.add(row("b/0", "SnapKV 1/16", 0.4))
    assert {name: len(rows) for name, rows in by_configuration(teacher).items()} == {
        "FullAttention": 1,
        "SnapKV 1/8": 1,
    }
