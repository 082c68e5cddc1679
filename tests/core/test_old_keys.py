"""The directions of old keys that their index has."""

import pytest
import torch
from torch import Tensor

from core.old_keys import directions, principal_basis


def keys_of_rank(rank: int, length: int = 300, noise: float = 1e-3) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    spread = torch.linspace(3, 1, rank)
    some = torch.randn(1, 2, length, rank, generator=generator) * spread
    keys = some @ torch.linalg.qr(torch.randn(1, 2, 64, rank, generator=generator)).Q.mT
    return keys + 5 + noise * torch.randn(keys.shape, generator=generator)


def test_a_basis_spans_what_keys_differ_by() -> None:
    keys = keys_of_rank(8)
    basis = principal_basis(keys, 8)
    assert basis.shape == (1, 2, 64, 8)
    assert (basis.mT @ basis - torch.eye(8)).abs().max() < 1e-5
    centred = keys - keys.mean(dim=2, keepdim=True)
    assert (centred - centred @ basis @ basis.mT).abs().max() < 1e-2
    assert (centred - centred @ principal_basis(keys, 7) @ principal_basis(keys, 7).mT).abs().max() > 0.5


def test_keys_that_differ_by_rounding_have_nearly_the_same_basis() -> None:
    """Though many directions are spread alike, so that their order is by chance."""
    keys = keys_of_rank(32)
    assert (principal_basis(keys, 32) - principal_basis(keys * (1 + 1e-6), 32)).abs().max() < 1e-3
    assert (principal_basis(keys, 32) - principal_basis(keys.flip(2), 32)).abs().max() < 1e-3


def test_axes_share_what_keys_differ_by() -> None:
    """A principal direction alone would have a range many times as wide as the last one's."""
    keys = torch.randn(1, 1, 2000, 64, generator=torch.Generator().manual_seed(1)) * torch.logspace(1, -1, 64)
    spread = (keys @ principal_basis(keys, 32)).std(dim=2)
    assert spread.max() / spread.min() < 6


@pytest.mark.parametrize("length", [1, 5, 40])
def test_few_keys_and_keys_all_alike(length: int) -> None:
    basis = principal_basis(torch.ones(1, 3, length, 16), 16)
    assert (basis.mT @ basis - torch.eye(16)).abs().max() < 1e-5


@pytest.mark.parametrize("broken", [torch.nan, torch.inf, 3e38])
def test_keys_of_a_model_that_breaks_down(broken: float) -> None:
    keys = torch.randn(1, 2, 60, 32, generator=torch.Generator().manual_seed(1))
    keys[:, :, ::7] = broken
    basis = principal_basis(keys, 32)
    assert (basis.mT @ basis - torch.eye(32)).abs().max() < 1e-5


def test_half_of_the_channels_in_whole_spans() -> None:
    assert [directions(dim) for dim in (16, 32, 64, 80, 128, 256)] == [16, 32, 32, 64, 64, 128]
