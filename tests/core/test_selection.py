"""Selection against loops written out, and its ties and padding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.selection import gather_positions, group_max, look_ahead, pool_scores, top_positions


def test_group_max_then_pooling_then_top() -> None:
    weights = torch.tensor([[[[0.1, 0.0, 0.5, 0.0, 0.0, 0.0], [0.0, 0.3, 0.0, 0.0, 0.0, 0.2]]]])
    scores = group_max(weights)
    assert scores.tolist() == [[pytest.approx([0.1, 0.3, 0.5, 0.0, 0.0, 0.2])]]
    pooled = pool_scores(scores, 3)
    assert pooled.tolist() == [[pytest.approx([0.3, 0.5, 0.5, 0.5, 0.2, 0.2])]]
    # Ties go to the later position: 3 ranks above 2 above 1, and 5 above 4.
    assert top_positions(pooled, 5).tolist() == [[[4, 5, 0, 1, 2, 3][1:]]]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(0, 50))
def test_looking_ahead_is_the_largest_so_far_within_reach(values: list[int], reach: int) -> None:
    expected = [max(values[max(0, place - reach) : place + 1]) for place in range(len(values))]
    scores = torch.tensor([[values, values[::-1]]], dtype=torch.float32)
    ahead = look_ahead(scores, reach)
    assert ahead[0, 0].tolist() == expected
    assert scores[0, 0].tolist() == values
    assert ahead[0, 1].tolist() == [max(values[::-1][max(0, p - reach) : p + 1]) for p in range(len(values))]


@given(
    st.lists(st.sampled_from([0.0, 1e-30, 0.25, 0.5, 1.0]), min_size=1, max_size=40),
    st.integers(1, 40),
    st.randoms(use_true_random=False),
)
def test_top_positions_is_the_sorted_order(values: list[float], count: int, random: object) -> None:
    count = min(count, len(values))
    valid = [random.random() > 0.3 for _ in values]  # type: ignore[attr-defined]
    actual = top_positions(torch.tensor([[values]]), count, torch.tensor([[valid]]))[0, 0].tolist()
    ranked = sorted(range(len(values)), key=lambda p: (valid[p], values[p] if valid[p] else 0, p))
    assert actual[-sum(valid) :] == ranked[-count:][-sum(valid) :] if any(valid) else len(actual) == count
    assert len(set(actual)) == count


def test_padding_is_chosen_only_when_nothing_else_is_left() -> None:
    scores = torch.tensor([[[0.9, 0.9, 0.1, 0.2]]])
    valid = torch.tensor([[[False, False, True, True]]])
    assert top_positions(scores, 2, valid).tolist() == [[[2, 3]]]
    assert top_positions(scores, 3, valid)[0, 0].tolist()[1:] == [2, 3]


def test_gather_positions_is_per_head() -> None:
    states = torch.arange(2 * 3 * 4 * 2).view(2, 3, 4, 2)
    positions = torch.tensor([[[3, 0], [1, 1], [2, 3]], [[0, 1], [2, 0], [3, 3]]])
    gathered = gather_positions(states, positions)
    for batch in range(2):
        for head in range(3):
            for slot in range(2):
                expected = states[batch, head, positions[batch, head, slot]]
                assert gathered[batch, head, slot].tolist() == expected.tolist()
