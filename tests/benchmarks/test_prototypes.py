"""Rules that became no policy: what each does where it can be told."""

import pytest
import torch

from benchmarks.prototypes.hip import HiP
from benchmarks.prototypes.rules import Coded, ExactTop, Rule, Window, attention
from benchmarks.prototypes.subgen import Centres, SubGen, clustered

LENGTH = 96
RULES = (ExactTop, Coded, Window, HiP, Centres)


def states() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 3, 8), torch.randn(2, LENGTH, 8), torch.randn(2, LENGTH, 8)


@pytest.mark.parametrize("kind", RULES)
def test_with_room_for_everything_a_rule_is_full_attention(kind: type[Rule]) -> None:
    query, keys, values = states()
    rule = kind(LENGTH)
    rule.begin(query, keys, values)
    torch.testing.assert_close(rule.attend(query, keys, values), attention(query, keys, values), rtol=1e-4, atol=1e-5)


def test_the_tree_finds_what_stands_out_from_its_surroundings_at_every_level() -> None:
    length = 4 + 64 + 32
    query, keys, values = torch.ones(1, 1, 8), torch.zeros(1, length, 8), torch.randn(1, length, 8)
    keys[:, 20:28] = 5.0
    rule = HiP(4 + 32 + 8)
    found = rule.attend(query, keys, values)
    torch.testing.assert_close(found, values[:, 20:28].mean(dim=1, keepdim=True), rtol=1e-3, atol=1e-3)
    assert rule.read == (16 + 16 + 16) / 2 + 44  # 64 positions in 8 stretches of 8: three times halved


def test_centres_are_those_farthest_apart() -> None:
    keys = torch.tensor([[[0.0], [0.1], [10.0], [10.1], [10.2], [5.0]]])
    clusters, sizes = clustered(keys, 3)
    assert clusters.tolist() == [[0, 0, 1, 1, 1, 2]]
    assert sizes.tolist() == [[2.0, 3.0, 1.0]]


def test_samples_give_the_mean_of_values_where_all_keys_are_alike() -> None:
    query, keys = torch.ones(1, 1, 8), torch.zeros(1, LENGTH, 8)
    values = torch.ones(1, LENGTH, 8)
    rule = SubGen(48)
    rule.begin(query, keys, values)
    torch.testing.assert_close(rule.attend(query, keys, values), values[:, :1])
