"""What a type checker must see in code that uses the library. mypy reads it (pyproject.toml); nothing runs it.

Each ignore stands for a mistake: where mypy no longer sees it, the ignore is unused, which is an error here.
"""

from typing import assert_type

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core import (
    Event,
    GenerationOptions,
    PolicyCache,
    PolicyLayer,
    PrefixCache,
    RefreshKV,
    generate,
    load_model,
    stream_generate,
)


def right() -> None:
    """What is written as it is meant."""
    model, tokenizer = load_model("some/model", quantization="auto", token="hf_x", revision="main")
    assert_type(model, PreTrainedModel)
    assert_type(tokenizer, PreTrainedTokenizerBase)
    cache = PolicyCache(model.config, RefreshKV(budget=1 / 8, stride=10))
    assert_type(cache.policy_layers, dict[int, PolicyLayer])
    with PrefixCache(model).use([1, 2, 3], 2, cache.policy) as known:
        assert_type(known, PolicyCache)
    for event in stream_generate(model, tokenizer, [{"role": "user", "content": "Hello"}], cache=cache):
        assert_type(event, Event)
    options: GenerationOptions = {"policy": RefreshKV(), "max_new_tokens": 3}
    assert_type(generate(model, tokenizer, [1, 2, 3], **options), str)


def wrong(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """What is not."""
    generate(model, tokenizer, "x", max_new_tokenz=3)  # type: ignore[call-arg]
    generate(model, tokenizer, "x", max_new_tokens="3")  # type: ignore[arg-type]
    stream_generate(model, tokenizer, "x", temprature=0.5)  # type: ignore[call-arg]
    generate(model, tokenizer, 5)  # type: ignore[arg-type]
    load_model("some/model", quantization="int5")  # type: ignore[arg-type]
    RefreshKV(budget="8")  # type: ignore[arg-type]
    PolicyCache(model, RefreshKV())  # type: ignore[arg-type]
