"""Architectures in which a policy cannot act: refused for the reason that holds, with a way out that works."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from core import (
    FullAttention,
    InvalidParameterError,
    PolicyCache,
    PolicyInactiveError,
    RefreshKV,
    enable,
    generate,
)
from tests.core.architectures import LATENT, SMALL
from tests.core.tiny import byte_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread", "built_kernels")

INDEXED = {**LATENT, "index_topk": 8}
MAMBA = {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1}
ZAMBA = {
    "num_key_value_heads": 4,
    "layers_block_type": ["mamba", "hybrid", "mamba"],
    "hybrid_layer_ids": [1],
    "num_mem_blocks": 1,
    "mamba_d_state": 8,
    "mamba_ngroups": 1,
    "n_mamba_heads": 4,
    "mamba_headdim": 16,
    "chunk_size": 16,
}

REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "falcon_h1": ({"head_dim": 8, "mamba_chunk_size": 16, **MAMBA}, "model-with-hybrid-layers"),
    "zamba2": (ZAMBA, "model-with-hybrid-layers"),
    "zaya": ({"head_dim": 8, "num_experts": 4}, "model-with-hybrid-layers"),
    "doge": ({"sliding_window": None}, "model-with-values-in-its-mask"),
    "mistral": ({"sliding_window": 16}, "model-without-full-attention"),
}
"""What is refused with a small cache and works, as its message says, with FullAttention()."""

WITHOUT_CACHE: dict[str, tuple[dict[str, object], str]] = {
    "mamba": ({}, "model-without-attention"),
    "mamba2": ({}, "model-without-attention"),
    "minimax": ({}, "model-with-its-own-cache"),
    "deepseek_v32": (INDEXED, "model-with-an-index"),
    "glm_moe_dsa": (INDEXED, "model-with-an-index"),
    "deepseek_v4": ({}, "model-with-compressed-keys"),
    "t5": ({}, "model-with-encoder"),
    "gemma3n_text": ({}, "model-with-shared-keys"),
}
"""What no policy is for."""


def make(name: str, settings: dict[str, object], **options: object) -> PreTrainedModel:
    torch.manual_seed(0)
    config = AutoConfig.for_model(name, **{**SMALL, **settings, **options})
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return model


@pytest.mark.parametrize(("name", "settings", "code"), [(name, *expected) for name, expected in REFUSED.items()])
def test_a_small_cache_is_refused_and_full_attention_advised(name: str, settings: dict[str, object], code: str) -> None:
    config = AutoConfig.for_model(name, **{**SMALL, **settings})
    with pytest.raises(PolicyInactiveError, match=rf"^{name} .*Use FullAttention\(\)") as refused:
        PolicyCache(config, RefreshKV(budget=1000))
    assert refused.value.code == code


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), [(name, settings) for name, (settings, _) in REFUSED.items()])
def test_the_advice_to_use_full_attention_is_right(name: str, settings: dict[str, object]) -> None:
    ids = torch.randint(2, 96, (2, 24), generator=torch.Generator().manual_seed(1))
    options = {"attention_mask": torch.ones_like(ids), "do_sample": False, "max_new_tokens": 8}
    expected = make(name, settings).generate(ids, **options)
    model = enable(make(name, settings))
    found = model.generate(ids, cache=PolicyCache(model.config, FullAttention()), **options)
    assert found.tolist() == expected.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), [(name, settings) for name, (settings, _) in REFUSED.items()])
def test_so_it_is_in_streaming_where_a_cache_is_continued_with_another_prompt(
    name: str, settings: dict[str, object]
) -> None:
    model, tokenizer = enable(make(name, settings, vocab_size=260)), byte_tokenizer()
    cache = PolicyCache(model.config, FullAttention())
    for prompt in ("The tide turns", "The tide turns twice", "The harbour"):
        expected = generate(model, tokenizer, prompt, policy=FullAttention(), max_new_tokens=5)
        assert generate(model, tokenizer, prompt, cache=cache, max_new_tokens=5) == expected


@pytest.mark.parametrize("policy", [RefreshKV(), FullAttention()])
@pytest.mark.parametrize(("name", "settings", "code"), [(name, *expected) for name, expected in WITHOUT_CACHE.items()])
def test_no_policy_is_for_it(name: str, settings: dict[str, object], code: str, policy: object) -> None:
    config = AutoConfig.for_model(name, **settings)
    with pytest.raises(PolicyInactiveError, match=rf"^{name} .*(without past_key_values|transformers)") as refused:
        PolicyCache(config, policy)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["deepseek_v32", "glm_moe_dsa", "deepseek_v4"])
def test_a_model_whose_choice_would_be_lost_is_not_switched(name: str) -> None:
    """Under any attention function but two it hands its choice on in arguments, or in a form, of its own."""
    settings, code = WITHOUT_CACHE[name]
    model = make(name, settings)
    with pytest.raises(PolicyInactiveError, match="would be lost") as refused:
        enable(model)
    assert refused.value.code == code
    assert model.config._attn_implementation == "eager"


def test_what_cannot_be_enabled() -> None:
    with pytest.raises(PolicyInactiveError, match=r"BloomForCausalLM .*Use it without one, with transformers' own"):
        enable(AutoModelForCausalLM.from_config(AutoConfig.for_model("bloom", vocab_size=96, n_layer=1, n_head=4)))
    for wrong in (torch.nn.Linear(1, 1), AutoConfig.for_model("llama"), None):
        with pytest.raises(InvalidParameterError, match=f"and got {type(wrong).__name__}"):
            enable(wrong)
