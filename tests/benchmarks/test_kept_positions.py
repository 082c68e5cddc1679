"""How kept positions are compared with kvpress's; the comparison itself fetches kvpress."""

from pathlib import Path

from benchmarks.kept_positions import PAIRS, ours, random_model, row


def test_sets_that_are_equal_are_counted_and_positions_that_both_keep() -> None:
    own = [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    found = [[[0, 1], [2, 9]], [[5, 4], [6, 7]]]
    assert row("model", "press", own, found) == "| model | press | 3 | 4 | 0.8750 |"


def test_every_set_of_ours_has_an_eighth_of_the_prompt(tmp_path: Path) -> None:
    folder = random_model(tmp_path)
    for policy, _, _ in PAIRS:
        kept = ours(folder, list(range(128)), policy)
        assert [[len(head) for head in layer] for layer in kept] == [[32 if "SnapKV" in repr(policy) else 16] * 2] * 2
