import json
from pathlib import Path

import pytest

from benchmarks.protocol import Measurement
from benchmarks.report import Outcome, Report, summarize, times_memory_bound


def report(results: dict[str, dict[int, Outcome]]) -> Report:
    return Report(results, {"a": "version 1"}, "a machine", 10e9, new_tokens=41, repetitions=3, threads=2)


A = Measurement(2.0, 10.0, bytes_per_token=200e6, peak_mb=1234.4)
B = Measurement(4.0, 25.0, full_ms=70.4, partial_ms=30.6, peak_mb=500.0)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in table.splitlines() if line.startswith("|")]


def test_a_summary_takes_the_median_of_each_figure_and_the_first_peak() -> None:
    runs = [
        Measurement(1.0, 9.0, 100.0, 3.0, None, peak_mb=10),
        Measurement(5.0, 7.0, 300.0, 1.0, None, peak_mb=30),
        Measurement(2.0, 8.0, 200.0, 2.0, None, peak_mb=30),
    ]
    assert summarize(runs) == Measurement(2.0, 8.0, 200.0, 2.0, None, peak_mb=10)


def test_the_memory_bound_is_the_time_to_read_the_bytes_of_a_token() -> None:
    # 200 MB at 10 GB/s take 20 ms, and a token took 100 ms.
    assert times_memory_bound(A, 10e9) == pytest.approx(5.0)
    assert times_memory_bound(B, 10e9) is None


def test_a_row_of_the_table_for_each_context_and_method() -> None:
    head, rule, *rows = cells(report({"a": {1024: A, 7000: A}, "b": {1024: B, 7000: B}}).table())
    assert len(head) == len(rule) == 10
    assert rows == [
        ["| 1,024", "a", "512", "2.0", "10.0", "1.0", "–", "–", "5.0", "1,234 |"],
        ["| 1,024", "b", "256", "4.0", "25.0", "2.5", "70", "31", "–", "500 |"],
        ["| 7,000", "a", "3,500", "2.0", "10.0", "1.0", "–", "–", "5.0", "1,234 |"],
        ["| 7,000", "b", "1,750", "4.0", "25.0", "2.5", "70", "31", "–", "500 |"],
    ]


def test_a_method_without_figures_is_named_once_with_the_reason() -> None:
    table = report({"a": {1024: A, 7000: A}, "b": {1024: "not | installed", 7000: "not | installed"}}).table()
    assert [row[:2] for row in cells(table)[2:]] == [
        ["| 1,024", "a"],
        ["| 7,000", "a"],
        ["| all", r"b (not measured: not \| installed)"],
    ]


def test_a_method_that_failed_at_one_context_is_named_there() -> None:
    rows = cells(report({"a": {1024: A, 7000: "out of memory"}, "b": {1024: B, 7000: B}}).table())[2:]
    assert rows[2] == ["| 7,000", "a (not measured: out of memory)", *["–"] * 7, "– |"]
    assert rows[3][5] == "–"  # no first row to compare with


def test_the_notes_name_machine_bandwidth_and_versions() -> None:
    table = report({"a": {1024: A}}).table()
    assert "2 threads of a machine" in table
    assert "10.0 GB/s" in table
    assert table.endswith("- a: version 1")


@pytest.mark.slow
def test_the_files_hold_every_method_and_the_plot_those_with_figures(tmp_path: Path) -> None:
    results: dict[str, dict[int, Outcome]] = {
        "a": {1024: A, 7000: A},
        "b": {1024: B, 7000: B},
        "c": {1024: "x", 7000: "x"},
    }
    report(results).write(tmp_path)
    values = json.loads((tmp_path / "decode.json").read_text())
    assert values["results"]["b"]["7000"]["ratio"] == 2.5
    assert values["results"]["a"]["1024"]["times_memory_bound"] == pytest.approx(5.0)
    assert values["results"]["c"] == {"1024": "x", "7000": "x"}
    assert (tmp_path / "decode.md").read_text() == report(results).table() + "\n"
    with_a_failure = (tmp_path / "decode.svg").read_text()
    report({name: results[name] for name in "ab"}).plot(tmp_path / "decode.svg")
    assert (tmp_path / "decode.svg").read_text() == with_a_failure
    report({name: results[name] for name in "ac"}).plot(tmp_path / "decode.svg")
    assert (tmp_path / "decode.svg").read_text() != with_a_failure
