"""Tiny random models of every supported architecture."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

LATENT: dict[str, object] = {
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 12,
    "n_routed_experts": 4,
}
"""Of DeepSeek's attention and experts."""

SMALL = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": None,
}
MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention", "full_attention"],
    "head_dim": 16,
}
SLIDING = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention", "full_attention"]}

ARCHITECTURES: dict[str, dict[str, object]] = {
    "llama": SMALL,
    "qwen2": SMALL,
    "qwen3": {**SMALL, "head_dim": 8},
    "qwen3_moe": {**SMALL, **MOE, "head_dim": 8},
    "qwen3_5_text": {**SMALL, **LINEAR},
    "qwen3_next": {**SMALL, **LINEAR, **MOE, "shared_expert_intermediate_size": 16, "decoder_sparse_step": 1},
    "mistral": {**SMALL, "sliding_window": None},
    "mixtral": {**SMALL, "sliding_window": None, "num_local_experts": 4},
    "gemma": {**SMALL, "head_dim": 8},
    "gemma2": {**SMALL, **SLIDING, "head_dim": 8, "attn_logit_softcapping": 5.0, "query_pre_attn_scalar": 8},
    "gemma3_text": {**SMALL, **SLIDING, "head_dim": 8, "query_pre_attn_scalar": 8},
    "smollm3": {**SMALL, "no_rope_layers": [1, 0, 1]},
    "phi3": {**SMALL, "sliding_window": None},
    "granite": SMALL,
    "olmo2": SMALL,
    "cohere2": {**SMALL, **SLIDING, "head_dim": 8},
    "glm4": {**SMALL, "head_dim": 8},
    "gpt_oss": {**SMALL, **SLIDING, "head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt2": {
        "vocab_size": 96,
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 512,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": None,
    },
    "opt": {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "deepseek_v3": {
        **SMALL,
        **LATENT,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "n_group": 2,
        "topk_group": 1,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
    },
    "llama4_text": {
        **SMALL,
        "num_hidden_layers": 4,
        "head_dim": 8,
        "num_local_experts": 2,
        "intermediate_size_mlp": 48,
        "attention_chunk_size": 16,
        "layer_types": ["chunked_attention", "full_attention", "full_attention", "full_attention"],
    },
}

EACH = [pytest.param(name, marks=() if name == "llama" else pytest.mark.slow) for name in ARCHITECTURES]
"""Their names for parametrize: together they take half a minute."""


def make_model(name: str, attention: str = "eager") -> PreTrainedModel:
    """The architecture's tiny model in float32: the same weights at every call."""
    config = AutoConfig.for_model(name, **ARCHITECTURES[name])
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).float().eval()
    # Random weights of the usual size attend almost evenly; larger ones make attention and greedy choices decisive.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return model
