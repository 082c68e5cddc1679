"""Caches that are put together, clustered or rounded: the arithmetic of the prototypes."""

import pytest
import torch
from transformers import PreTrainedModel

from benchmarks.prototypes.clusters import Clusters, kmeans
from benchmarks.prototypes.forced import predictions
from benchmarks.prototypes.order import in_full, joint, read_alone
from benchmarks.prototypes.rounding import CHANNELS, TOKENS, by_token, in_groups
from tests.core.tiny import tiny_model

BEFORE, FIRST, SECOND = torch.tensor([7, 8, 9]), torch.arange(10, 30), torch.arange(40, 65)


@pytest.fixture
def model(one_thread: None) -> PreTrainedModel:
    return tiny_model()


def test_the_first_layer_of_documents_put_together_is_that_of_their_prefill(model: PreTrainedModel) -> None:
    states = [read_alone(model, BEFORE, ids) for ids in (SECOND, FIRST)]
    together = joint(model, BEFORE, states, 4)
    full = in_full(model, torch.cat([BEFORE, SECOND, FIRST]))
    assert together.token_ids == full.token_ids
    for ours, theirs in zip(together.policy_layers[0].full, full.policy_layers[0].full, strict=True):
        torch.testing.assert_close(ours.view, theirs.view, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("again", [0, 5])
def test_a_document_behind_what_it_was_read_behind_is_as_prefilled(model: PreTrainedModel, again: int) -> None:
    following, full = torch.arange(3, 12), in_full(model, torch.cat([BEFORE, FIRST]))
    found = joint(model, BEFORE, [read_alone(model, BEFORE, FIRST)], again)
    for _ in range(2):  # what is predicted leaves the cache as it was
        torch.testing.assert_close(
            predictions(model, found, following, 5), predictions(model, full, following, 5), rtol=1e-3, atol=1e-4
        )


def test_all_computed_again_is_the_full_prefill(model: PreTrainedModel) -> None:
    states = [read_alone(model, BEFORE[:0], ids) for ids in (FIRST, SECOND)]
    found, full = joint(model, BEFORE, states, len(SECOND)), in_full(model, torch.cat([BEFORE, FIRST, SECOND]))
    following = torch.arange(3, 12)
    torch.testing.assert_close(
        predictions(model, found, following, 5), predictions(model, full, following, 5), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(("axis", "shape"), [(TOKENS, (1, 2, 70, 64)), (CHANNELS, (1, 2, 70, 64))])
def test_groups_have_ranges_of_their_own(axis: int, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    # One channel, or one token, is a hundred times larger: others must not suffer where they have their own range.
    states = torch.randn(shape)
    states.select(5 - axis, 3).mul_(100)
    rounded = in_groups(states, 4, axis)
    rest = [index for index in range(shape[5 - axis]) if index != 3]
    apart = (rounded - states).index_select(5 - axis, torch.tensor(rest)).abs().max()
    assert apart < 8 / 15 / 2 * 1.01
    assert (axis == TOKENS) == torch.equal(rounded[:, :, 64:], states[:, :, 64:])


def test_int8_is_within_half_a_step_of_each_token() -> None:
    torch.manual_seed(0)
    states = torch.randn(1, 2, 9, 64)
    steps = states.abs().amax(3, keepdim=True) / 127
    # The step itself is rounded to bfloat16, by 2**-9 at most, and so is the largest level.
    assert ((by_token(states) - states).abs() <= steps * (0.5 + 127 / 512 + 0.01)).all()


def test_clusters_are_of_keys_of_like_direction_and_one_each_scores_as_the_keys_do() -> None:
    torch.manual_seed(0)
    directions = torch.eye(8)[:4].repeat_interleave(10, 0) * torch.rand(40, 1).add(0.1)
    found = kmeans(directions, 20)
    assert all(len(set(found[found == cluster].tolist())) == 1 for cluster in found.unique())
    assert len({tuple(directions[found == cluster].sum(0).sign().tolist()) for cluster in found.unique()}) == 4
    keys, query = torch.randn(2, 16, 8), torch.randn(1, 6, 1, 8)
    scores = Clusters(keys, 16).scores(query, 1.0, 18)
    exact = (query.view(2, 3, 8) @ keys.transpose(1, 2)).log_softmax(2).amax(1)
    assert scores.shape == (1, 2, 18)
    torch.testing.assert_close(scores[0, :, :16], exact, rtol=0.02, atol=0.05)
