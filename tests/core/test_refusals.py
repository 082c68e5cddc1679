"""What is handed in wrongly is refused in words before anything is computed, and never by whatever happens to break."""

import inspect
import typing
from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerFast

from core import (
    CacheMismatchError,
    FullAttention,
    InvalidParameterError,
    KeyIndex,
    Policy,
    PolicyCache,
    RefreshKV,
    SnapKV,
    StreamingLLM,
    generate,
    stream_generate,
)
from core.decoder import GenerationOptions
from tests.core.tiny import tiny_model

Tiny = tuple[PreTrainedModel, PreTrainedTokenizerFast]
IDS = list(range(60, 70))
USER = {"role": "user", "content": "Hello"}


@pytest.fixture
def untouched(tiny: Tiny) -> Tiny:
    """The tiny model, which must not be run."""
    tiny[0].register_forward_pre_hook(lambda *_: pytest.fail("something was computed"))
    return tiny


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_flat_list_of_whole_numbers_is_token_ids(tiny: Tiny, kind: Callable[[list[int]], typing.Any]) -> None:
    expected = generate(*tiny, torch.tensor([IDS]), max_new_tokens=5)
    assert generate(*tiny, kind(IDS), max_new_tokens=5) == expected


@pytest.mark.parametrize(
    ("prompt", "code", "words"),
    [
        (None, "prompt-of-another-kind", "NoneType"),
        (5, "prompt-of-another-kind", "int"),
        (b"bytes", "prompt-of-another-kind", "bytes"),
        ({"input_ids": [1, 2]}, "prompt-of-another-kind", "dict"),
        ([], "prompt-empty", "0 tokens"),
        ("", "prompt-empty", "0 tokens"),
        (torch.empty(1, 0, dtype=torch.long), "prompt-empty", "0 tokens"),
        (["one", "two"], "prompt-list-of-strings", "'one'"),
        ([1.0, 2.0], "prompt-items-of-another-kind", "Item 0 .* float"),
        ([[1, 2]], "prompt-items-of-another-kind", "list"),
        ([True], "prompt-items-of-another-kind", "bool"),
        ([USER, 7], "prompt-items-of-another-kind", "Item 1"),
        ([{"content": "Hello"}], "message-incomplete", "the keys 'content'"),
        ([USER, {"role": "user"}], "message-incomplete", "Message 1 .* the keys 'role'"),
        ([{"role": "user", "content": None}], "message-incomplete", "Message 0"),
        ([{"role": 1, "content": "Hello"}], "message-incomplete", "Message 0"),
        ([{}], "message-incomplete", "Message 0"),
        (torch.ones(1, 3), "prompt-not-whole-numbers", "float32"),
        (torch.ones(1, 3, dtype=torch.bool), "prompt-not-whole-numbers", "bool"),
        (torch.ones(2, 3, dtype=torch.long), "prompt-not-one-row", r"\(2, 3\)"),
        (torch.tensor(3), "prompt-not-one-row", r"\(\)"),
        ([5, 260], "ids-outside-vocabulary", "260 at position 1, .* 0 to 259"),
        ([-1], "ids-outside-vocabulary", "-1 at position 0"),
        (torch.tensor([[1, 2, 9999]]), "ids-outside-vocabulary", "9999 at position 2"),
    ],
)
def test_what_is_no_prompt(untouched: Tiny, prompt: typing.Any, code: str, words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words) as refused:
        stream_generate(*untouched, prompt)
    assert refused.value.code == code


def test_messages_that_the_template_does_not_take(untouched: Tiny) -> None:
    model, tokenizer = untouched
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(InvalidParameterError, match="did not take the messages: roles must alternate"):
        stream_generate(model, tokenizer, [USER])
    tokenizer.chat_template = None
    with pytest.raises(InvalidParameterError, match=r"chat_template is not set.*as a string"):
        stream_generate(model, tokenizer, [USER])


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "3", None, True])
@pytest.mark.parametrize("name", ["max_new_tokens", "prefill_chunk"])
def test_numbers_of_tokens(untouched: Tiny, name: str, wrong: typing.Any) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} (is )?{wrong}") as refused:
        stream_generate(*untouched, "x", **{name: wrong})
    assert refused.value.code == "tokens-out-of-range"


@pytest.mark.parametrize(
    ("method", "name"),
    [(KeyIndex, "recent"), (StreamingLLM, "sinks"), (SnapKV, "pool_kernel_size"), (RefreshKV, "pool_kernel_size")],
)
def test_numbers_that_no_operation_could_hold(method: type[Policy], name: str) -> None:
    with pytest.raises(
        InvalidParameterError, match=f"{name} is {2**31 + 1}; it must be at most {2**31 - 1}"
    ) as refused:
        method(**{name: 2**31 + 1})
    assert refused.value.code == "count-too-large"


@pytest.mark.parametrize("wrong", [0, -4, 1.5])
def test_a_function_that_gives_no_chunk(untouched: Tiny, wrong: typing.Any) -> None:
    with pytest.raises(InvalidParameterError, match=f"returned {wrong}"):
        next(stream_generate(*untouched, "x", prefill_chunk=lambda tokens, seconds: wrong))


def test_what_is_no_policy_and_no_configuration(untouched: Tiny) -> None:
    model, tokenizer = untouched
    policy: typing.Any
    for policy, words in ((RefreshKV, "the class RefreshKV"), ("RefreshKV", "str"), (0.125, "float")):
        with pytest.raises(InvalidParameterError, match=f"LlamaConfig and {words}"):
            stream_generate(model, tokenizer, "x", policy=policy)
    wrong: typing.Any = model
    with pytest.raises(InvalidParameterError, match="got LlamaForCausalLM and RefreshKV"):
        PolicyCache(wrong, RefreshKV())


@pytest.mark.parametrize("kind", [DynamicCache, dict, RefreshKV])
def test_what_is_no_cache_of_a_policy(untouched: Tiny, kind: Callable[[], typing.Any]) -> None:
    with pytest.raises(CacheMismatchError, match=f"of type {kind.__name__}"):
        stream_generate(*untouched, "x", cache=kind())


OTHERS = {"num_hidden_layers": 2, "num_key_value_heads": 1, "num_attention_heads": 2, "head_dim": 16}


@pytest.mark.parametrize(("setting", "other"), OTHERS.items())
def test_a_cache_of_another_model(untouched: Tiny, setting: str, other: int) -> None:
    cache = PolicyCache(tiny_model(**{setting: other}).config, RefreshKV())
    with pytest.raises(CacheMismatchError, match=f"whose {setting} is {other}, and this one's is"):
        stream_generate(*untouched, "x", cache=cache)


def test_a_cache_of_a_model_of_the_same_form_is_taken(tiny: Tiny) -> None:
    cache = PolicyCache(tiny_model().config, RefreshKV())
    assert generate(*tiny, "xyz", cache=cache, max_new_tokens=4) == generate(*tiny, "xyz", max_new_tokens=4)


@pytest.mark.parametrize("policy", [RefreshKV(budget=4), FullAttention()])
@pytest.mark.parametrize(
    ("setting", "other", "words"),
    [
        ("num_hidden_layers", 2, "a layer 2, .* of 2 layers"),
        ("num_key_value_heads", 1, "1 rows, 1 KV heads and head size 8, and is given 1, 2, 8"),
        ("head_dim", 16, "head size 16, and is given 1, 2, 8"),
    ],
)
def test_transformers_is_told_that_a_cache_is_of_another_model(
    tiny: Tiny, policy: typing.Any, setting: str, other: int, words: str
) -> None:
    model, theirs = tiny[0], tiny_model(**{setting: other})
    cache = PolicyCache(theirs.config, policy)
    theirs.generate(torch.tensor([IDS]), cache=cache, max_new_tokens=2)
    with pytest.raises(CacheMismatchError, match=words):
        model.generate(torch.tensor([[*IDS, *IDS]]), cache=cache, max_new_tokens=2)


def test_another_batch_on_the_same_cache_is_refused_until_it_is_reset(tiny: Tiny) -> None:
    model, ids = tiny[0], torch.tensor([IDS, IDS])
    cache = PolicyCache(model.config, RefreshKV(budget=4))
    model.generate(ids[:1], cache=cache, max_new_tokens=2)
    with pytest.raises(CacheMismatchError, match=r"1 rows, .* given 2, 2, 8.*cache\.reset\(\)"):
        model.generate(ids.repeat(1, 2), cache=cache, max_new_tokens=2)
    cache.reset()
    assert model.generate(ids, cache=cache, max_new_tokens=2).shape == (2, 12)


def test_the_options_of_generate_are_those_of_stream_generate() -> None:
    parameters = inspect.signature(stream_generate).parameters.values()
    named = {one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
    declared, asked = typing.get_type_hints(GenerationOptions), typing.get_type_hints(stream_generate)
    assert declared == {name: asked[name] for name in named}
    assert typing.get_origin(typing.get_type_hints(generate)["options"]) is typing.Unpack
