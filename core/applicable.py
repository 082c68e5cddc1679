"""Which models a policy can act in, by their configuration; the others are refused with the reason and the way out."""

from __future__ import annotations

from transformers import PreTrainedConfig

from .errors import PolicyInactiveError
from .policies import Policy

HYBRID = {"hybrid", "hybrid_sliding"}
COMPRESSED = {"heavily_compressed_attention", "compressed_sparse_attention"}
RECURRENT = {"linear_attention", "conv", "mamba", "dummy"}
"""transformers' names of kinds of layers."""


def require_replaceable(config: PreTrainedConfig) -> None:
    """Raise PolicyInactiveError if a text model with this `config` needs more of its attention function than a mask.

    DeepSeek's sparse attention and its like put the choice of their index into the mask for "eager" and "sdpa" alone;
    a function of another name gets it in other arguments, and would silently attend to everything. DeepSeek-V4 adds the
    scores of what it compressed to the mask, and a mask of booleans turns them round.
    """
    layer_types = set(getattr(config, "layer_types", None) or ())
    if "indexed_attention" in layer_types or hasattr(config, "index_topk_blocks"):
        raise PolicyInactiveError(
            "model-with-an-index",
            "{model} chooses by an index of its own which tokens a step attends to, and hands the choice to attention "
            "kernels made for it; under a policy's attention it would be lost. Use the model without enable and "
            "PolicyCache, with transformers' own cache.",
            model=config.model_type,
        )
    if COMPRESSED & layer_types:
        raise PolicyInactiveError(
            "model-with-compressed-keys",
            "{model} compresses the keys and values of the past by itself and adds to its attention mask which of them "
            "a step may see; under a policy's attention that would be lost. Use the model without enable and "
            "PolicyCache, with transformers' own cache.",
            model=config.model_type,
        )


def require_applicable(config: PreTrainedConfig, policy: Policy, layer_types: list[str]) -> None:
    """Raise PolicyInactiveError if `policy` cannot act in a text model with this `config` and these kinds of layers."""
    if config.is_encoder_decoder:
        raise PolicyInactiveError(
            "model-with-encoder",
            "{model} is an encoder-decoder model; the policies are for decoder-only models. Call model.generate "
            "without past_key_values.",
            model=config.model_type,
        )
    require_replaceable(config)
    if config.model_type == "minimax":
        raise PolicyInactiveError(
            "model-with-its-own-cache",
            "{model} takes a cache of its own class and no other. Call model.generate without past_key_values.",
            model=config.model_type,
        )
    if "reuse" in (getattr(config, "kv_sharing_modes", None) or ()) or getattr(config, "num_kv_shared_layers", None):
        raise PolicyInactiveError(
            "model-with-shared-keys",
            "{model} shares keys and values between layers, which a cache with a small cache per layer cannot serve. "
            "Use transformers' DynamicCache with this model.",
            model=config.model_type,
        )
    if set(layer_types) <= RECURRENT:
        raise PolicyInactiveError(
            "model-without-attention",
            "{model} has no attention (its layers are {layers}): it keeps a state of fixed size, and there are no keys "
            "and values to choose from. Call model.generate without past_key_values.",
            model=config.model_type,
            layers=_listed(layer_types),
        )
    if not policy.reads_all:
        _require_small_caches(config, policy, layer_types)


def _require_small_caches(config: PreTrainedConfig, policy: Policy, layer_types: list[str]) -> None:
    if getattr(config, "keep_window_size", None) is not None:
        raise PolicyInactiveError(
            "model-with-values-in-its-mask",
            "{model} makes the attention mask of each step from the values of all tokens, so a step over a small cache "
            "cannot be computed. Use FullAttention(), which is exact here.",
            model=config.model_type,
        )
    if "full_attention" in layer_types:
        return
    if HYBRID & set(layer_types):
        raise PolicyInactiveError(
            "model-with-hybrid-layers",
            "{model} keeps a recurrent state and keys and values in one layer (its layers are {layers}), and a layer "
            "under {policy} holds keys and values alone. Use FullAttention(), or a model whose attention layers stand "
            "by themselves (bamba, jamba, nemotron_h, qwen3_next).",
            model=config.model_type,
            layers=_listed(layer_types),
            policy=type(policy).__name__,
        )
    raise PolicyInactiveError(
        "model-without-full-attention",
        "{model} has no full-attention layer (its layers are {layers}), so {policy} would do nothing: each attends to "
        "a window alone. Use FullAttention(), or if the weights allow it load the model with a configuration without "
        "the window (sliding_window=None, or layer_types of 'full_attention').",
        model=config.model_type,
        layers=_listed(layer_types),
        policy=type(policy).__name__,
    )


def _listed(layer_types: list[str]) -> str:
    return ", ".join(sorted(set(layer_types)))
