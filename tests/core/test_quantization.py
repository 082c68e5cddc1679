"""Linears stored as bfloat16 or int8, against plain float64 products and against bitsandbytes' own linears."""

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from core import quantization
from core.default_model import cache_folder, embedded_model
from core.quantization import (
    BFloat16Embedding,
    BFloat16Linear,
    Int8Linear,
    bitsandbytes_config,
    nf4_rounded,
    quantize_int8,
    quantize_nf4,
    use_float32_activations,
)

ROWS = [1, quantization.BFLOAT16_ROWS, quantization.BFLOAT16_ROWS + 1, quantization.INT8_ROWS + 1]


def linear(inputs: int = 64, outputs: int = 96, bias: bool = False) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(inputs, outputs, bias=bias).requires_grad_(False)


def exact(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    out = x.double() @ weight.double().T
    return out if bias is None else out + bias.double()


def assert_close(actual: torch.Tensor, expected: torch.Tensor, relative: float) -> None:
    """`relative` to the largest value: rounding errors add up over the inputs and do not shrink with a small sum."""
    assert (actual.double() - expected).abs().max() <= relative * expected.abs().max()


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("bias", [False, True])
def test_bfloat16_linear_multiplies_by_the_rounded_weight(rows: int, bias: bool) -> None:
    plain = linear(bias=bias)
    expected_weight = plain.weight.clone().bfloat16()
    module = BFloat16Linear(plain)
    x = torch.randn(1, rows, 64)
    out = module(x)
    assert out.shape == (1, rows, 96)
    assert out.dtype == torch.float32
    assert torch.equal(module.weight, expected_weight)
    # Few rows: activations and result have 8 bits. Many rows: float32 throughout.
    assert_close(out, exact(x, expected_weight, plain.bias), 2**-7 if rows <= quantization.BFLOAT16_ROWS else 1e-6)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("bias", [False, True])
def test_int8_linear_multiplies_by_the_rounded_weight(rows: int, bias: bool) -> None:
    plain = linear(bias=bias)
    module = Int8Linear(plain)
    rounded = module.weight.double() * module.scale.double()[:, None]
    x = torch.randn(1, rows, 64)
    out = module(x)
    assert module.weight.dtype == torch.int8
    assert out.shape == (1, rows, 96)
    assert_close(out, exact(x, rounded, plain.bias), 2**-7 if rows <= quantization.INT8_ROWS else 1e-6)
    # Half a step of the largest weight's 127, and a little for the scale's own rounding.
    steps = (rounded - plain.weight.double()).abs().amax(dim=1) / module.scale.double()
    assert steps.max() <= 1.0


def test_int8_linear_takes_any_size_and_rows_of_zeros() -> None:
    plain = linear(inputs=37, outputs=5)
    plain.weight[2] = 0
    module = Int8Linear(plain)
    for rows in ROWS:
        x = torch.randn(rows, 37)
        assert_close(module(x), exact(x, plain.weight, None), 0.03)
        assert not module(x)[:, 2].any()


def test_weights_converted_in_blocks_give_the_same_product(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x = BFloat16Linear(linear()), torch.randn(2, 20, 64)
    whole = module(x)
    monkeypatch.setattr(quantization, "BLOCK_SIZE", 64 * 40)  # 96 outputs: two blocks of 40 and one of 16
    torch.testing.assert_close(module(x), whole)


def test_nf4_is_bitsandbytes_nf4() -> None:
    from bitsandbytes import functional
    from bitsandbytes.nn import Linear4bit

    plain = linear(inputs=128, outputs=64)
    theirs = Linear4bit(128, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4")
    theirs.load_state_dict(plain.state_dict())
    theirs = theirs.to("cpu")
    if theirs.weight.quant_state is None:
        theirs.weight = theirs.weight._quantize(torch.device("cpu"))
    expected = functional.dequantize_4bit(theirs.weight.data, theirs.weight.quant_state)
    rounded = nf4_rounded(plain.weight.data)
    torch.testing.assert_close(rounded, expected)
    assert max(len(block.unique()) for block in rounded.flatten().split(64)) <= 16


@pytest.mark.parametrize(
    "shape",
    [
        (64, 32),
        (30, 96),
        (16, 576),
        pytest.param((3, 33), marks=pytest.mark.slow),
    ],  # bitsandbytes compiles for the last
)
def test_nf4_rounds_blocks_of_64_whatever_the_shape(shape: tuple[int, int]) -> None:
    from bitsandbytes import functional

    torch.manual_seed(0)
    weight = torch.randn(shape)
    levels = functional.get_4bit_type("nf4", device="cpu")
    blocks = nn.functional.pad(weight.flatten(), (0, -weight.numel() % 64)).view(-1, 64)
    largest = blocks.abs().amax(1, keepdim=True)
    expected = levels[((blocks / largest).unsqueeze(-1) - levels).abs().argmin(-1)] * largest
    # The largest of each block is itself rounded to 8 bits.
    assert (nf4_rounded(weight) - expected.flatten()[: weight.numel()].view(shape)).abs().max() < 0.03


def tiny(**overrides: object) -> PreTrainedModel:
    """A qwen2 (its linears have biases) of two layers."""
    sizes = {"vocab_size": 96, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128}
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("qwen2", **sizes, **heads, **overrides)).eval()


@pytest.mark.parametrize("tied", [True, False])
def test_model_computes_in_float32_and_stores_bfloat16(tied: bool) -> None:
    model = tiny(tie_word_embeddings=tied).bfloat16()
    reference = tiny(tie_word_embeddings=tied).bfloat16().float()
    use_float32_activations(model)
    ids = torch.arange(40)[None]
    out = model(ids)
    assert model.dtype == model.config.dtype == out.logits.dtype == torch.float32
    assert out.past_key_values.layers[0].keys.dtype == torch.float32
    # 40 rows are multiplied in float32: only the order of summation differs.
    torch.testing.assert_close(out.logits, reference(ids).logits, rtol=1e-4, atol=1e-5)
    assert isinstance(model.get_input_embeddings(), BFloat16Embedding)
    assert isinstance(model.lm_head, BFloat16Linear)
    shared = model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert shared == tied
    assert not any(type(module) is nn.Linear for module in model.modules())


@pytest.mark.parametrize("quantize", [quantize_int8, quantize_nf4])
def test_quantizers_spare_the_output_head(quantize) -> None:  # noqa: ANN001
    model = tiny(tie_word_embeddings=True)
    head = model.lm_head.weight.clone()
    quantize(model)
    assert type(model.lm_head) is nn.Linear
    assert torch.equal(model.lm_head.weight, head)
    assert not torch.equal(model.model.layers[0].mlp.up_proj.weight.float(), tiny().model.layers[0].mlp.up_proj.weight)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, quantize_int8, quantize_nf4])
def test_converted_model_generates_saves_its_state_and_moves(quantize) -> None:  # noqa: ANN001
    def converted(seed_model: PreTrainedModel) -> PreTrainedModel:
        if quantize:
            quantize(seed_model)
        use_float32_activations(seed_model)
        return seed_model

    model, other = converted(tiny()), converted(tiny(rope_parameters={"rope_type": "default", "rope_theta": 10000.0}))
    for buffer in other.buffers():
        buffer.zero_()
    other.load_state_dict(model.state_dict(), strict=True)
    ids = torch.arange(12)[None]
    torch.testing.assert_close(
        other.model.layers[0].mlp(torch.ones(1, 1, 64)), model.model.layers[0].mlp(torch.ones(1, 1, 64))
    )
    tokens = model.generate(ids, max_new_tokens=5, do_sample=False, eos_token_id=None)
    assert tokens.shape == (1, 17)
    wide = model.to(torch.float32)
    assert wide.generate(ids, max_new_tokens=5, do_sample=False, eos_token_id=None).shape == (1, 17)


def test_bitsandbytes_settings() -> None:
    four = bitsandbytes_config("nf4")
    assert four.load_in_4bit
    assert four.bnb_4bit_quant_type == "nf4"
    assert four.bnb_4bit_use_double_quant
    assert four.bnb_4bit_compute_dtype == torch.bfloat16
    assert bitsandbytes_config("int8").load_in_8bit


@pytest.mark.model
@torch.no_grad()
def test_embedded_model_in_nf4_agrees_with_bitsandbytes_own_linears(one_thread: None) -> None:
    """One prompt token by token (few rows) and at once (many rows) against Linear4bit in float32."""
    folder = embedded_model(cache_folder(), lambda *_: None)
    theirs = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, quantization_config=bitsandbytes_config("nf4", torch.float32)
    ).eval()
    ours = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    quantize_nf4(ours)
    use_float32_activations(ours)
    ids = torch.tensor([[1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411]])
    expected = theirs(ids).logits
    at_once = ours(ids).logits
    step, cache = [], None
    for token in ids[0, :4]:
        out = ours(token.view(1, 1), cache=cache)
        step.append(out.logits)
        cache = out.past_key_values
    # The dequantized weights are rounded to bfloat16 (2**-9), in single rows the activations as well, in each of the 30
    # layers. Measured as the largest deviation over the spread of the logits: 0.06 and 0.07.
    scale = expected.std()
    assert (at_once - expected).abs().max() < 0.15 * scale
    assert (torch.cat(step, dim=1) - expected[:, :4]).abs().max() < 0.15 * scale
