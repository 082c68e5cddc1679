"""The 4-bit format and its linear, with the compiled kernels and without."""

import pytest
import torch
from torch import nn

from core import int4, kernels
from core.int4 import GROUP_SIZE, KERNEL_ROWS, Int4Linear, dense, quantize


def test_every_weight_is_within_half_a_step_of_its_level() -> None:
    torch.manual_seed(0)
    weight = torch.randn(24, 96) * torch.logspace(-4, 1, 24)[:, None]
    stored, scale = quantize(weight)
    assert (stored.dtype, stored.shape) == (torch.uint8, (2, 3, 4, 16, 4))
    assert (scale.dtype, scale.shape) == (torch.bfloat16, (2, 3, 2, 16))
    step = scale[:, :, 0].float().transpose(1, 2).flatten(0, 1)[:24].repeat_interleave(GROUP_SIZE, dim=1)
    # Step and minimum are bfloat16, so the ends of the range are off by up to 2^-8 of 15 steps.
    assert ((dense(stored, scale)[:24] - weight).abs() <= (0.5 + 15 * 2**-7) * step).all()
    assert (dense(stored, scale)[24:] == 0).all()


def test_a_weight_is_stored_in_the_order_of_multiplication() -> None:
    levels = torch.randint(16, (40, 64))
    levels[:, ::32], levels[:, 1::32] = 0, 15  # so that a level is a weight
    stored, _ = quantize(levels.float())
    for output, value in ((0, 5), (17, 3), (39, 63)):
        group, at = divmod(value, 32)
        half, place = divmod(at, 16)
        packed = stored[output // 16, group, place // 4, output % 16, place % 4]
        assert packed >> 4 * half & 15 == levels[output, value]


def test_levels_that_fit_the_format_are_kept_exactly() -> None:
    levels = torch.arange(GROUP_SIZE).remainder(16).float()
    weight = torch.stack([levels * 0.25 - 2, levels.flip(0) * 0.5 - 1, levels])
    stored, scale = quantize(weight)
    assert torch.equal(dense(stored, scale)[:3], weight)


def test_a_group_of_equal_weights_is_kept() -> None:
    weight = torch.full((2, GROUP_SIZE), 0.5)
    weight[1] = 0
    assert torch.equal(dense(*quantize(weight))[:2], weight)


@pytest.mark.parametrize("with_kernels", [True, False])
@pytest.mark.parametrize("rows", [1, KERNEL_ROWS, KERNEL_ROWS + 1])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_linear_multiplies_by_the_stored_weight(
    with_kernels: bool, rows: int, bias: bool, dtype: torch.dtype, built_kernels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    plain = nn.Linear(64, 70, bias=bias, dtype=dtype).requires_grad_(False)
    linear = Int4Linear(plain)
    x = torch.randn(1, rows, 64, dtype=dtype)
    expected = x.double() @ dense(linear.weight, linear.scale)[:70].double().T + (plain.bias.double() if bias else 0)
    if not with_kernels:
        monkeypatch.setattr(kernels, "available", lambda: False)
    out = linear(x)
    assert (out.dtype, out.shape) == (dtype, (1, rows, 70))
    tolerance = 2**-13 if dtype == torch.float32 and not (with_kernels and rows > KERNEL_ROWS) else 2**-6
    assert (out.double() - expected).abs().max() <= tolerance * expected.abs().max()


def test_the_model_keeps_linears_that_do_not_divide_into_groups() -> None:
    from core.quantization import quantize_int4
    from tests.core.tiny import tiny_model

    model = tiny_model()
    quantize_int4(model)
    layer = model.model.layers[0]
    assert isinstance(layer.self_attn.q_proj, Int4Linear)
    assert type(layer.mlp.down_proj) is nn.Linear  # 48 inputs
    assert type(model.lm_head).__name__ == "Int8Linear"
    assert int4.GROUP_SIZE == 32
