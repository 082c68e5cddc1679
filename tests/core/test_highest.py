"""The choice among old positions beyond the window: the kernel, which looks through the scores once and ranks a few,
against all of them ranked."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from core.key_codes import KeyCodes
from core.old_keys import POOL, SINKS, highest
from tests.core.test_key_codes import BITS, keys_like

pytestmark = pytest.mark.usefixtures("built_kernels", "one_thread")
SCALING = 0.05
NEAR, NEAR_OF_MANY, MANY = 1e-4, 0.02, 1 << 15
"""By so much scores may differ between two ways to compute them; of many a part is summed for all."""


def pooled(codes: KeyCodes, queries: Tensor) -> Tensor:
    """The scores `(1, heads, length)` by which `queries` `(1, heads, count, dim)` choose."""
    of_each = [codes.scores(query.flatten(0, 1)[None], SCALING) for query in queries.split(1, dim=2)]
    return max_pool1d(torch.stack(of_each).amax(0), POOL, stride=1, padding=POOL // 2)


def require_highest(chosen: Tensor, scores: Tensor, count: int) -> None:
    assert chosen.shape == (1, scores.shape[1], count)
    assert (chosen.diff(dim=2) > 0).all()
    scores[:, :, :SINKS] = torch.inf
    lowest = scores.topk(count).values[:, :, -1:]
    near = NEAR if scores.shape[2] < MANY else NEAR_OF_MANY
    is_chosen = torch.zeros_like(scores, dtype=torch.bool).scatter_(2, chosen, True)
    assert is_chosen[scores > lowest + near].all()
    assert not is_chosen[scores < lowest - near].any()


@BITS
@pytest.mark.parametrize(("length", "count"), [(20, 5), (20, 20), (300, 40), (5000, 700), (20_011, 64), (70_000, 1024)])
@pytest.mark.parametrize("asking", [1, 3, 13])
def test_the_highest_of_all(bits: int, length: int, count: int, asking: int) -> None:
    codes = KeyCodes(keys_like(1, 2, length, 64), bits)
    queries = torch.randn(1, 2, asking, 64)
    require_highest(highest(codes, queries, count, SCALING), pooled(codes, queries), count)


def test_scores_lie_where_nobody_looks() -> None:
    """Some are looked at for a threshold: what stands out is among none of them, or one in every sixteen."""
    length = 40_000
    for peaks in (torch.arange(1000, 1040), torch.arange(0, length, 16)[:100] * 16 + 7):
        keys = torch.randn(1, 1, length, 64) * 0.01
        keys[0, 0, peaks] = torch.randn(64)
        codes, query = KeyCodes(keys, 4), keys[:, :, peaks[:1]] * 20
        for count in (SINKS, 5, 50, 600):
            require_highest(highest(codes, query, count, SCALING), pooled(codes, query), count)


def test_of_equal_scores_the_later() -> None:
    codes = KeyCodes(torch.ones(1, 2, 9000, 64), 3)
    queries = torch.randn(1, 2, 3, 64)
    chosen = highest(codes, queries, 100, SCALING)
    assert chosen.tolist() == [[[*range(SINKS), *range(9000 - 100 + SINKS, 9000)]] * 2]
    assert highest(codes, queries, SINKS, SCALING).tolist() == [[[*range(SINKS)]] * 2]
    assert highest(codes, queries, 9000, SCALING).tolist() == [[[*range(9000)]] * 2]


def test_scores_of_any_size() -> None:
    """The first of a stretch says little of those behind it: neither more than floats hold nor nothing."""
    keys = torch.randn(1, 1, 3000, 64)
    keys[:, :, ::512] *= -1
    keys[:, :, 700] = keys[:, :, 0].sign() * 4
    codes, queries = KeyCodes(keys, 4), keys[:, :, 700:701] * 10
    weights = codes.log_weights(queries[:, :, 0:1], SCALING)
    assert weights.isfinite().all()
    assert torch.isclose(weights.double().logsumexp(3), torch.zeros(()).double(), atol=1e-3).all()
    require_highest(highest(codes, queries, 50, SCALING), pooled(codes, queries), 50)


@pytest.mark.parametrize("length", [3, 200, 5000, 40_000])
@pytest.mark.parametrize("broken", ["query", "key", "large keys", "large queries"])
def test_what_is_no_number_chooses_some(length: int, broken: str) -> None:
    keys, queries, count = torch.randn(1, 1, length, 32), torch.randn(1, 1, 3, 32), min(40, length)
    if broken == "query":
        queries[0, 0, 1, 5] = torch.nan
    elif broken == "key":
        keys[0, 0, 1, 3] = torch.inf
    else:
        (keys if broken == "large keys" else queries).mul_(1e38)
    chosen = highest(KeyCodes(keys, 4), queries, count, SCALING)
    assert chosen.shape == (1, 1, count)
    assert (chosen.diff(dim=2) > 0).all()
    assert 0 <= chosen.min() <= chosen.max() < length


def test_without_kernels(without_kernels: Callable[[], None]) -> None:
    without_kernels()
    codes = KeyCodes(keys_like(1, 2, 3000, 64), 3)
    queries = torch.randn(1, 2, 7, 64)
    require_highest(highest(codes, queries, 90, SCALING), pooled(codes, queries), 90)
