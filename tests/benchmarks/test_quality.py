"""What the figures of benchmarks.quality are made of."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from benchmarks.quality.configurations import Configuration, configurations, of_free_text, of_tasks
from benchmarks.quality.forms import RULES
from benchmarks.quality.free import ASKS, FreeText, prompt
from benchmarks.quality.free import KEYS as FREE_KEYS
from benchmarks.quality.items import Line, passage
from benchmarks.quality.metrics import agreements, divergences, interval, likelihoods, percentile, ratio, repeated
from benchmarks.quality.plot import plot
from benchmarks.quality.record import Record
from benchmarks.quality.report import by_configuration, milliseconds, report
from benchmarks.quality.tasks import TASKS, TURNS
from benchmarks.quality.teacher import prefill
from benchmarks.quality.texts import TEXTS, Case
from benchmarks.quality.turns import (
    FEWEST,
    InTurns,
    Text,
    Writer,
    answered,
    answers,
    is_known,
    paragraphs,
    share_right,
)
from core import FullAttention, PolicyCache, SnapKV
from core.policies import METHODS
from tests.core.tiny import byte_tokenizer, tiny_model

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
    # Exact has no budget: what it writes is full attention's.
    wanted = {name for name, method in METHODS.items() if hasattr(method, "budget")} | {"FullAttention"}
    assert wanted <= {configuration.method for configuration in configurations()}
    assert wanted <= {configuration.method for configuration in of_tasks()}
    assert [configuration.name for configuration in of_free_text()].count("KeyIndex 1/32") == 1


LINES_AGAIN = ("look-up", "chains", "variable tracking")


@pytest.mark.parametrize("task", TASKS)
def test_an_item_is_the_same_for_every_method_and_another_for_every_seed(task: str) -> None:
    item = TASKS[task](3, PARAGRAPHS)
    assert item == TASKS[task](3, PARAGRAPHS)
    assert item != TASKS[task](4, PARAGRAPHS)
    assert len(item.openings) == len(item.turns)
    lines = item.context.splitlines()
    assert [line for line in lines if line in PARAGRAPHS] == PARAGRAPHS


@pytest.mark.parametrize("task", LINES_AGAIN)
def test_what_is_asked_for_stands_in_the_text(task: str) -> None:
    item = TASKS[task](3, PARAGRAPHS)
    assert len(item.turns) == TURNS
    begun = [question[0].begun for turn in item.turns for question in turn]
    assert len(begun) == len(set(begun))
    for question in (question for turn in item.turns for question in turn):
        for line in question:
            stands = f"{line.begun}{line.answer}" in item.context.splitlines()
            assert stands is (task != "variable tracking")


def test_thirty_keys_are_looked_up_six_a_turn() -> None:
    assert [len(turn) for turn in TASKS["look-up"](0, PARAGRAPHS).turns] == [6] * 5


def test_a_table_is_written_again_in_its_order_row_by_row() -> None:
    item = TASKS["HTML to TSV"](3, PARAGRAPHS)
    assert item.by_token
    assert [len(turn) for turn in item.turns] == [3] * 5
    rows = [row for row in item.context.splitlines() if row.startswith("<tr><td>")]
    written = [question for turn in item.turns for question in turn]
    assert rows == ["<tr>" + "".join(f"<td>{line.answer}</td>" for line in question) + "</tr>" for question in written]
    assert all("".join(line.end for line in question) == "\t\t\n" for question in written)
    assert [bool(opening) for opening in item.openings] == [True, False, False, False, False]


def test_rules_stand_before_the_text_and_in_its_middle_and_each_is_asked_for_once() -> None:
    item = TASKS["constraints"](3, PARAGRAPHS)
    lines = item.context.splitlines()
    asked = [line for turn in item.turns for (line,) in turn]
    assert [len(turn) for turn in item.turns] == [5, 5]
    assert lines[5:10] == PARAGRAPHS[:5]
    assert lines[15:] == PARAGRAPHS[5:]
    assert sorted(line.begun for line in asked) == sorted(rule.begun for rule in RULES)
    for line, stands in zip(asked, lines[:5] + lines[10:15], strict=True):
        (rule,) = (rule for rule in RULES if rule.begun == line.begun)
        assert stands == rule.wording.format(line.answer)
        assert {line.answer, *line.others} == set(rule.choices)


@pytest.mark.model
def test_the_choices_of_a_rule_differ_in_their_first_tokens(
    smollm2: tuple[PreTrainedModel, PreTrainedTokenizerBase],
) -> None:
    _, tokenizer = smollm2
    for rule in RULES:
        assert len({tokenizer(choice)["input_ids"][0] for choice in rule.choices}) == len(rule.choices)


def likeliest_after(text: str, writer: Writer) -> str:
    """One character, under full attention."""
    cache = PolicyCache(writer.model.config, FullAttention())
    return str(writer.tokenizer.decode([int(prefill(writer.model, writer.ids(text), cache).argmax())]))


def test_answers_are_told_token_by_token_and_right_ones_put_in() -> None:
    writer = Writer(tiny_model(), byte_tokenizer())
    cache = PolicyCache(writer.model.config, FullAttention())
    text = Text(writer, cache, prefill(writer.model, writer.ids("Given. "), cache))
    said = likeliest_after("Given. a:", writer)
    other = "x" if said != "x" else "y"
    then = likeliest_after(f"Given. a:{other}", writer)
    right, heard = text.answer(Line("a:", f"{other}{then}"))
    assert (right, heard) == ([False, True], f"{said}{then}")
    assert cache.token_ids == writer.ids(f"Given. a:{other}{then}\n")[0].tolist()


def test_of_choices_the_first_tokens_are_compared() -> None:
    writer = Writer(tiny_model(), byte_tokenizer())
    cache = PolicyCache(writer.model.config, FullAttention())
    logits = prefill(writer.model, writer.ids("Given. "), cache)
    first, second = (str(writer.tokenizer.decode([token])) for token in logits[0, :128].topk(2).indices.tolist())
    text = Text(writer, cache, logits)
    assert text.answer(Line("", f"{second}!", "", (f"{first}?",))) == ([False], first)
    again = Text(writer, cache, logits)
    assert again.answer(Line("", f"{first}!", "", (f"{second}?",)))[0] == [True]


def test_a_question_is_right_as_a_whole_or_token_by_token() -> None:
    class Said:
        def answer(self, line: Line) -> tuple[list[bool], str]:
            return [character == line.begun for character in line.answer], line.answer

    question = (Line("a", "ab"), Line("a", "a"))
    assert answered(Said(), question, by_token=True) == ([True, False, True], "ab,a")  # type: ignore[arg-type]
    assert answered(Said(), question, by_token=False) == ([False], "ab,a")  # type: ignore[arg-type]


def test_a_method_is_known_once_its_interval_is_narrow(tmp_path: Path) -> None:
    record = Record(tmp_path / "k.jsonl", ("task", "item", "name"))
    for item in range(FEWEST):
        assert not is_known(record, "look-up", "same")
        record.add({"task": "look-up", "item": item, "name": "same", "right": [[True, False]]})
        record.add({"task": "look-up", "item": item, "name": "unlike", "right": [[item % 2 == 0]]})
    assert is_known(record, "look-up", "same")
    assert not is_known(record, "look-up", "unlike")


class Played(InTurns):
    """Answers that are given in advance, in place of a model's: by task and configuration, right in which items."""

    right: Mapping[tuple[str, str], Callable[[int], bool]]

    def _measure(self, task: str, seed: int, configuration: Configuration) -> None:
        right = self.right[task, configuration.name](seed)
        self._record.add({"task": task, "item": seed, "name": configuration.name, "right": [[right]]})


def test_a_task_goes_on_if_full_attention_does_it_and_a_method_until_it_is_known(tmp_path: Path) -> None:
    record = Record(tmp_path / "k.jsonl", ("task", "item", "name"))
    given = [Configuration(name, FullAttention()) for name in ("FullAttention", "certain", "wavering")]
    played = Played(Writer(tiny_model(), byte_tokenizer()), record, [])
    played.right = {
        ("easy", "FullAttention"): lambda seed: seed % 4 > 0,
        ("easy", "certain"): lambda seed: False,
        ("easy", "wavering"): lambda seed: seed % 2 == 0,
        ("hard", "FullAttention"): lambda seed: seed % 4 == 0,
    }
    played.run(FEWEST + 4, ["easy", "hard"], given)
    counts = {key: len(answers(record, *key)) for key in played.right}
    assert counts == {
        ("easy", "FullAttention"): FEWEST + 4,
        ("easy", "certain"): FEWEST,
        ("easy", "wavering"): FEWEST + 4,
        ("hard", "FullAttention"): FEWEST,
    }
    assert is_known(record, "easy", "certain")
    assert {row["name"] for row in record if row["task"] == "hard"} == {"FullAttention"}


def test_a_tracked_name_is_that_of_the_one_referred_to() -> None:
    item = TASKS["variable tracking"](0, PARAGRAPHS)
    lines = item.context.splitlines()
    for (line,) in (question for turn in item.turns for question in turn):
        (reference,) = [each for each in lines if each.startswith(line.begun.replace(":", " = "))]
        assert f"{reference.partition(' = ')[2]}:{line.answer}" in lines


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


def free_row(case: str, seed: int, name: str, length: int) -> dict[str, Any]:
    return {
        "ask": "one paragraph",
        "case": case,
        "seed": seed,
        "name": name,
        "length": length,
        "ended": seed == 0,
        "repeated": [0.5, 0.4, 0.25],
        "nll": [1.0, 2.0],
    }


def test_what_stood_before_is_repeated() -> None:
    assert repeated([1, 2, 3, 1, 2, 3], 2) == pytest.approx(2 / 5)
    assert repeated([1, 2, 3, 4], 1) == 0.0
    assert repeated([1], 4) == 0.0


@pytest.mark.slow
def test_a_free_text_ends_is_kept_and_is_as_likely_as_full_attention_says(tmp_path: Path) -> None:
    model, tokenizer = tiny_model(), byte_tokenizer()
    path = tmp_path / "f.jsonl"
    case = Case(TEXTS[0], 0, torch.tensor([tokenizer("Words of a document. " * 12)["input_ids"]]))
    wanted = [Configuration("FullAttention", FullAttention()), Configuration("SnapKV", SnapKV(budget=40))]
    FreeText(model, tokenizer, Record(path, FREE_KEYS), 12).run(["one paragraph"], [case], 2, wanted)
    rows = list(Record(path, FREE_KEYS))
    assert [(row["seed"], row["name"]) for row in rows] == [
        (seed, name) for seed in range(2) for name in ("FullAttention", "SnapKV")
    ]
    for row in rows:
        assert row["length"] == len(row["nll"]) == 12
        assert all(value >= 0 for value in row["nll"])
    prompt_ids = prompt(tokenizer, case.ids, ASKS["one paragraph"])
    written = torch.tensor([rows[0]["ids"]])
    logits = model(input_ids=torch.cat([prompt_ids, written], dim=1)).logits[0, -13:-1]
    expected = likelihoods(logits.log_softmax(-1), written[0])
    assert rows[0]["nll"] == pytest.approx(expected, rel=1e-2, abs=1e-3)


def test_the_tables_name_what_was_measured(tmp_path: Path) -> None:
    teacher, tasks, free = (
        Record(tmp_path / "t.jsonl", ("case", "name")),
        Record(tmp_path / "k.jsonl", ("task", "item", "name")),
        Record(tmp_path / "f.jsonl", ("case", "seed", "name")),
    )
    for case in ("a/0", "b/0"):
        teacher.add(row(case, "FullAttention", 0.0))
        teacher.add(row(case, "RefreshKV.paper 1/8", 0.2))
        teacher.add(row(case, "SnapKV 1/8", 0.4))
        teacher.add(row(case, "TOVA 1/8", 0.5))
    tasks.add({"task": "look-up", "item": 0, "name": "FullAttention", "right": [[True, True], [True, False]]})
    tasks.add({"task": "look-up", "item": 0, "name": "SnapKV 1/8", "right": [[False, True], [True, False]]})
    tasks.add({"task": "hard", "item": 0, "name": "FullAttention", "right": [[False, True], [False, False]]})
    rules = [rule.begun for rule in RULES]
    followed = {"asked": [rules[:5], rules[5:]], "right": [[True] * 5, [False, *[True] * 4]]}
    tasks.add({"task": "constraints", "item": 0, "name": "FullAttention", **followed})
    for seed in range(2):
        free.add(free_row("a/0", seed, "FullAttention", 100))
        free.add(free_row("a/0", seed, "SnapKV 1/8", 150))
    free.add(free_row("b/0", 0, "SnapKV 1/8", 900))  # not of all
    lines = report(teacher, tasks, free).splitlines()
    assert "| RefreshKV.paper 1/8 | SnapKV 1/8 | 2 | 0.500 | 0.500–0.500 | 1.00 | 1 |" in lines
    assert "| FullAttention | 1 | 0.750 | 0.750–0.750 | 1.00 | 1.00–1.00 | 1.00 | 0.50 |" in lines
    assert "| SnapKV 1/8 | 1 | 0.500 | 0.500–0.500 | 0.67 | 0.67–0.67 | 0.50 | 0.50 |" in lines
    assert any(line.startswith("| FullAttention (below 0.5: no other method) | 1 | 0.250") for line in lines)
    assert f"| FullAttention |{' 1.00 |' * 5} 0.00 |{' 1.00 |' * 4}" in lines
    assert any(line.startswith("| SnapKV 1/8 | 2 | 150 | 150–150 | 1.50 | 1.50–1.50 | 0.50 | 0.250") for line in lines)
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
