from pathlib import Path

import numpy as np
import pytest

from benchmarks.writing.baselines import lead, ranks, textrank
from benchmarks.writing.checker import check
from benchmarks.writing.llama import parts
from benchmarks.writing.product import begun, instructions, offered
from benchmarks.writing.support import Source, drawn, failing
from benchmarks.writing.table import COLUMNS, measured, report, write_text
from benchmarks.writing.tasks import TASKS, Written

TEXT = (
    "The old tower guides many ships near dangerous rocks. Storms damage every wooden tower near open water. "
    "Bread contains flour, yeast, salt and warm water. Keepers climb the tower and light lamps for ships."
)
SOURCE = Source([TEXT])


def test_what_a_refusal_offers() -> None:
    message = "Too long by 9 tokens: documents 99 = 9,999; the model's window is 8,192. Any of these would do. "
    one = message + "Read only pages 1-12 of R-exts.pdf. Ask for an answer of at most 90 tokens."
    assert offered(one, ["R-exts.pdf"]) == {"R-exts.pdf": "1-12"}
    three = message + "Read only a.pdf and pages 1-3, 5 of b.pdf. Leave out c.pdf (9,000 tokens)."
    assert offered(three, ["a.pdf", "b.pdf", "c.pdf"]) == {"a.pdf": "", "b.pdf": "1-3, 5"}
    assert offered(message + "Read only page 1 of a.txt.", ["a.txt"]) == {"a.txt": "1"}
    assert offered(message + "Not even the first page fits: split the file.", ["a.txt"]) is None
    assert offered("The file is damaged.", ["a.txt"]) is None


def test_instructions_are_the_long_texts_of_a_checkout_without_docstrings(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    code = '"""The docstring of this very module."""\nASK = "Write one paragraph about the text."\nKEY = "two words"\n'
    (tmp_path / "app" / "tasks.py").write_text(code)
    assert instructions(tmp_path) == ["Write one paragraph about the text."]


def test_a_text_has_begun_with_its_first_word_below_a_heading() -> None:
    assert [begun(text) for text in ("", "# Report\n\n", "# Report\n\n1. ", "# Report\n\n1. The")] == [False] * 3 + [
        True
    ]


def test_the_lead_is_the_first_whole_sentences() -> None:
    assert lead(SOURCE, 18).text == "\n\n".join(SOURCE.sentences[:2])


def test_textrank_takes_the_sentence_that_is_most_like_the_others() -> None:
    assert textrank(SOURCE, 10).text == SOURCE.sentences[1]  # the tower, and the water


def test_ranks_are_those_of_the_dense_matrix() -> None:
    stems = [["a", "b"], ["b", "c", "c"], ["a", "c"], ["d"]]
    columns = "abcd"
    counts = np.array([[row.count(word) for word in columns] for row in stems], dtype=float)
    unit = counts * np.log1p(4 / (counts > 0).sum(0))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    links = unit @ unit.T - np.eye(4)
    rank = np.full(4, 0.25)
    for _ in range(40):
        rank = 0.15 / 4 + 0.85 * links @ (rank / np.maximum(links.sum(0), 1e-9))
    assert ranks(stems) == pytest.approx(rank / rank.sum())


def test_parts_hold_the_whole_text_in_order() -> None:
    text = "\n\n".join(f"Paragraph {number} of the text." for number in range(30)) + "\n\n" + "x" * 250
    found = parts(text, 100)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert max(map(len, found)) <= 102


def test_sentences_of_the_document_pass_and_others_fail() -> None:
    other = Source(
        ["The parliament passed twelve new laws about public education budgets. Voters elect members yearly."]
    )
    assert failing(SOURCE, drawn(SOURCE, 9), [0.6]) == [0.0]
    assert failing(SOURCE, drawn(other, 9), [0.2, 0.6]) == [1.0, 1.0]


def test_a_table_for_each_document_and_the_means_over_the_english_ones(tmp_path: Path) -> None:
    good = Written("app", "Storms damage every wooden tower. Voters elect committees and parliament.", 1.0, 3.0)
    part = Written("app", "Storms damage every wooden tower.", 2.0, 4.0, remark="pages 1-2 only")
    refused = Written("app", "", remark="refused: no | way")
    rows = [
        measured(name, "report", japanese, written, check(written.text, SOURCE))
        for name, japanese, written in (
            ("a", False, good), ("b", False, part), ("c", False, refused), ("ja", True, good),
        )
    ]  # fmt: skip
    lines = report(rows, "a machine").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| report")]
    heads = [column.head for column in COLUMNS]
    assert [row[2] for row in cells] == ["all", "pages 1-2 only", r"refused: no \| way", "all", "2 documents"]
    mean = dict(zip(heads, cells[-1][3:], strict=True))
    assert (mean["words"], mean["supported"], mean["first word s"], mean["all s"]) == ("8", "75 %", "1.5", "3.5")
    path = write_text(rows[0], tmp_path)
    assert path == tmp_path / "a" / "report-app.md"
    assert "Voters elect" in path.with_suffix(".unsupported.txt").read_text()


def test_what_is_asked_in_plain_words() -> None:
    wordings = {task.name: task.wording("Why?") for task in TASKS}
    assert wordings["report"] == "Write a report about the document in about 1000 words."
    assert wordings["free"] == "Why?"
