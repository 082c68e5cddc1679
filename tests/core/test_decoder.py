"""`stream_generate` and `generate`: events, counts, stopping, sampling, and continuing a cache."""

from itertools import count, pairwise

import numpy as np
import pytest
import torch
from transformers import DynamicCache, LogitsProcessor, PreTrainedModel, PreTrainedTokenizerFast

from core import (
    DEFAULT_POLICY,
    CacheMismatchError,
    CacheRefreshed,
    ContextOverflowError,
    Event,
    FullAttention,
    GenerationFinished,
    InvalidParameterError,
    KeyIndex,
    PolicyCache,
    PrefillProgress,
    RefreshKV,
    TokenGenerated,
    generate,
    stream_generate,
)
from tests.core.tiny import END, WINDOW, byte_tokenizer, tiny_model

Tiny = tuple[PreTrainedModel, PreTrainedTokenizerFast]
PROMPT = "The tide turns twice a day, and the harbour master writes it down. " * 2
PAIRS = 3 * 2


def of(kind: type, events: list[Event]) -> list:
    return [event for event in events if isinstance(event, kind)]


def test_the_size_of_a_chunk_can_follow_from_the_one_before(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(step=0.25)
    monkeypatch.setattr("core.sequence.perf_counter", lambda: next(ticks))
    asked: list[tuple[int, float]] = []

    def chunk(tokens: int, seconds: float) -> int:
        asked.append((tokens, seconds))
        return 20 + tokens

    events = list(stream_generate(*tiny, PROMPT, max_new_tokens=1, prefill_chunk=chunk))
    length = len(PROMPT)
    assert of(PrefillProgress, events) == [PrefillProgress(d, length) for d in (20, 60, 120, length)]
    assert asked == [(0, 0.0), (20, 0.25), (40, 0.25), (60, 0.25)]


def test_without_a_policy_the_default_decodes(tiny: Tiny) -> None:
    text = "A lamp on the rock is seen from far away. " * 24
    events = list(stream_generate(*tiny, text, max_new_tokens=14))
    assert all(token.full_layers == 0 for token in of(TokenGenerated, events)[1:])
    read = of(CacheRefreshed, events)
    assert [one.step for one in read] == [0, 10]
    most = PAIRS * (DEFAULT_POLICY.capacity(len(text)) or 0)
    assert all(0.98 * most < one.kept.sum() <= most for one in read)  # heads share what they read
    assert events[-1].text == generate(*tiny, text, policy=KeyIndex(), max_new_tokens=14)


def test_events_of_a_run(tiny: Tiny) -> None:
    policy = RefreshKV.paper(budget=1 / 8, stride=4)
    events = list(stream_generate(*tiny, PROMPT, policy=policy, max_new_tokens=14, prefill_chunk=50))
    length = len(PROMPT)
    assert of(PrefillProgress, events) == [PrefillProgress(d, length) for d in (50, 100, length)]
    tokens = of(TokenGenerated, events)
    assert [token.step for token in tokens] == list(range(14))
    # 13 decode steps, of which 4, 8 and 12 are full in all three layers.
    assert [token.full_layers for token in tokens] == [3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0]
    refreshes = of(CacheRefreshed, events)
    assert [(r.step, r.reason, r.layers) for r in refreshes] == [
        (0, "prefill", (0, 1, 2)),
        (4, "stride", (0, 1, 2)),
        (8, "stride", (0, 1, 2)),
        (12, "stride", (0, 1, 2)),
    ]
    for refresh in refreshes:
        assert refresh.kept.shape == (length + refresh.step,)
        assert refresh.kept.sum() == PAIRS * (length // 8)
        assert refresh.kept.max() <= PAIRS
        assert refresh.kept_by_layer.shape == (3, length + refresh.step)
        assert refresh.kept_by_layer.dtype == np.uint8
        assert refresh.kept_by_layer.sum(axis=1).tolist() == [2 * (length // 8)] * 3
        assert refresh.kept_by_layer.sum(axis=0).tolist() == refresh.kept.tolist()
    finished = events[-1]
    assert isinstance(finished, GenerationFinished)
    assert (finished.reason, finished.prompt_tokens, finished.generated_tokens) == ("length", length, 14)
    assert (finished.full_steps, finished.partial_steps) == (3, 10)
    assert finished.text == "".join(token.text for token in tokens)


def test_a_refresh_is_reported_before_the_token_of_its_step(tiny: Tiny) -> None:
    events = list(stream_generate(*tiny, PROMPT, policy=RefreshKV(stride=3), max_new_tokens=8))
    for event, following in pairwise(events):
        if isinstance(event, CacheRefreshed):
            assert isinstance(following, TokenGenerated)
            assert following.step == event.step


def test_full_attention_equals_transformers_and_never_refreshes(tiny: Tiny) -> None:
    model, tokenizer = tiny
    ids = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    expected = model.generate(ids, do_sample=False, max_new_tokens=20, cache=DynamicCache(config=model.config))
    events = list(stream_generate(model, tokenizer, ids, policy=FullAttention(), max_new_tokens=20))
    assert [t.token_id for t in of(TokenGenerated, events)] == expected[0, ids.shape[1] :].tolist()
    assert of(CacheRefreshed, events) == []
    assert (events[-1].full_steps, events[-1].partial_steps) == (19, 0)


@pytest.mark.slow
def test_streaming_equals_plain_generate_with_the_same_policy(tiny: Tiny) -> None:
    model, tokenizer = tiny
    ids = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    policy = RefreshKV(budget=12, stride=5)
    cache = PolicyCache(model.config, policy)
    expected = model.generate(ids, do_sample=False, max_new_tokens=30, cache=cache)[0, ids.shape[1] :].tolist()
    for chunk in (7, 33, 1000):  # 134 = 19 x 7 + 1: a last chunk of one token is still prompt
        events = list(stream_generate(model, tokenizer, ids, policy=policy, max_new_tokens=30, prefill_chunk=chunk))
        assert [t.token_id for t in of(TokenGenerated, events)] == expected
    assert [layer.full_steps for layer in cache.policy_layers.values()] == [5, 5, 5]
    assert [layer.partial_steps for layer in cache.policy_layers.values()] == [24, 24, 24]


def test_similarity_decides_per_layer(tiny: Tiny) -> None:
    policy = RefreshKV(budget=12, stride=2, similarity_threshold=0.3)
    events = list(stream_generate(*tiny, PROMPT, policy=policy, max_new_tokens=41))
    refreshes = of(CacheRefreshed, events)[1:]
    assert {r.reason for r in refreshes} == {"similarity"}
    assert all(r.step % 2 == 0 for r in refreshes)
    assert {len(r.layers) for r in refreshes} & {1, 2}, "no check decided differently in different layers"
    by_step = {t.step: t.full_layers for t in of(TokenGenerated, events)}
    assert all(by_step[r.step] == len(r.layers) for r in refreshes)
    assert events[-1].full_steps == len(refreshes)
    assert events[-1].full_steps + events[-1].partial_steps == 40


def test_closing_leaves_a_cache_that_continues(tiny: Tiny) -> None:
    model, tokenizer = tiny
    policy = RefreshKV(budget=1000, stride=4)  # of which a decoded token does not differ from a prefilled one
    cache = PolicyCache(model.config, policy)
    stream = stream_generate(model, tokenizer, PROMPT, cache=cache, max_new_tokens=100)
    for event in stream:
        if isinstance(event, TokenGenerated) and event.step == 9:
            break
    stream.close()
    assert cache.get_seq_length() == len(PROMPT) + 9 == len(cache.token_ids)
    assert {layer.get_seq_length() for layer in cache.layers} == {len(cache.token_ids)}
    # A longer prompt that starts the same: only the rest is prefilled.
    longer = torch.tensor([cache.token_ids + tokenizer(" And then?")["input_ids"]])
    events = list(stream_generate(model, tokenizer, longer, cache=cache, max_new_tokens=12, prefill_chunk=4))
    assert of(PrefillProgress, events)[0].done == len(PROMPT) + 9 + 4
    fresh = list(stream_generate(model, tokenizer, longer, policy=policy, max_new_tokens=12))
    assert [t.token_id for t in of(TokenGenerated, events)] == [t.token_id for t in of(TokenGenerated, fresh)]
    assert events[-1].prompt_tokens == longer.shape[1]


def test_closing_during_prefill_leaves_a_cache_that_continues(tiny: Tiny) -> None:
    model, tokenizer = tiny
    cache = PolicyCache(model.config, RefreshKV(budget=20))
    stream = stream_generate(model, tokenizer, PROMPT, cache=cache, prefill_chunk=30)
    assert next(stream) == PrefillProgress(30, len(PROMPT))
    stream.close()
    assert cache.get_seq_length() == 30
    again = list(stream_generate(model, tokenizer, PROMPT, cache=cache, max_new_tokens=5))
    fresh = list(stream_generate(model, tokenizer, PROMPT, policy=cache.policy, max_new_tokens=5))
    assert [t.token_id for t in of(TokenGenerated, again)] == [t.token_id for t in of(TokenGenerated, fresh)]


def test_another_instruction_reuses_the_common_prefix(tiny: Tiny) -> None:
    model, tokenizer = tiny
    cache = PolicyCache(model.config, RefreshKV(budget=20))
    generate(model, tokenizer, PROMPT + "Summarise.", cache=cache, max_new_tokens=6)
    events = list(stream_generate(model, tokenizer, PROMPT + "List.", cache=cache, max_new_tokens=6))
    assert of(PrefillProgress, events) == [PrefillProgress(len(PROMPT) + 5, len(PROMPT) + 5)]
    fresh = list(stream_generate(model, tokenizer, PROMPT + "List.", policy=cache.policy, max_new_tokens=6))
    assert events[-1].text == fresh[-1].text
    # The same prompt again: its end alone is forwarded, for its logits.
    same = list(stream_generate(model, tokenizer, PROMPT + "List.", cache=cache, max_new_tokens=6))
    assert same[-1].text == fresh[-1].text
    assert of(CacheRefreshed, same)[0].reason == "prefill"


def test_an_error_inside_the_model_leaves_the_cache_consistent(tiny: Tiny) -> None:
    model, tokenizer = tiny
    cache = PolicyCache(model.config, RefreshKV(budget=20))
    stream = stream_generate(model, tokenizer, PROMPT, cache=cache, max_new_tokens=20)
    while not isinstance(next(stream), TokenGenerated):
        pass

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    hook = model.model.layers[1].mlp.register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    hook.remove()
    assert {layer.get_seq_length() for layer in cache.layers} == {len(PROMPT)}
    again = generate(model, tokenizer, PROMPT, cache=cache, max_new_tokens=8)
    assert again == generate(model, tokenizer, PROMPT, policy=cache.policy, max_new_tokens=8)


@pytest.mark.slow
def test_sampling_is_repeatable_and_varied(tiny: Tiny) -> None:
    def run(seed: int, **options: float) -> str:
        return generate(*tiny, PROMPT, max_new_tokens=24, temperature=1.0, seed=seed, **options)

    assert run(1) == run(1)
    assert run(1) != run(2)
    greedy = generate(*tiny, PROMPT, max_new_tokens=24)
    for cutoff in ({"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}):
        assert run(3, **cutoff) == greedy
    assert run(3, top_k=20, repetition_penalty=1e6) != run(3, top_k=20)  # 24 tokens of 20 at a time repeat


def test_repetition_penalty_counts_generated_tokens_only(tiny: Tiny) -> None:
    model, tokenizer = tiny
    first = of(TokenGenerated, list(stream_generate(model, tokenizer, PROMPT, max_new_tokens=1)))[0].token_id
    # The prompt holds the token that greedy decoding chooses next; a penalty on the prompt would forbid it.
    prompt = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    penalised = list(stream_generate(model, tokenizer, prompt, max_new_tokens=40, repetition_penalty=1e6))
    tokens = [t.token_id for t in of(TokenGenerated, penalised)]
    assert tokens[0] == first
    assert len(set(tokens)) == len(tokens)


def test_end_token_ends(tiny: Tiny) -> None:
    model, tokenizer = tiny
    ids = [t.token_id for t in of(TokenGenerated, list(stream_generate(model, tokenizer, PROMPT, max_new_tokens=10)))]
    model.generation_config.eos_token_id = [END, ids[6]]
    events = list(stream_generate(model, tokenizer, PROMPT, max_new_tokens=10))
    cut = ids.index(ids[6])
    assert events[-1].reason == "end_token"
    assert events[-1].generated_tokens == cut + 1
    assert events[-1].text == tokenizer.decode(ids[:cut])


def test_stop_string_ends_and_is_never_shown(tiny: Tiny) -> None:
    model, tokenizer = tiny
    text = generate(model, tokenizer, PROMPT, max_new_tokens=60)
    stop = text[20:24]
    events = list(stream_generate(model, tokenizer, PROMPT, max_new_tokens=60, stop_strings=["never", stop]))
    assert events[-1].reason == "stop_string"
    assert events[-1].text == text[: text.index(stop)]
    assert "".join(t.text for t in of(TokenGenerated, events)) == events[-1].text


def test_chat_messages_go_through_the_template(tiny: Tiny) -> None:
    model, tokenizer = tiny
    messages = [{"role": "user", "content": PROMPT}]
    rendered = f"<|im_start|>user\n{PROMPT}<|im_end|>\n<|im_start|>assistant\n"
    assert generate(model, tokenizer, messages, max_new_tokens=9) == generate(
        model, tokenizer, rendered, max_new_tokens=9
    )
    messages.append({"role": "assistant", "content": "It turns"})
    assert generate(model, tokenizer, messages, max_new_tokens=9) == generate(
        model, tokenizer, rendered + "It turns", max_new_tokens=9
    )


def test_refused_before_anything_runs(tiny: Tiny) -> None:
    model, tokenizer = tiny
    with pytest.raises(ContextOverflowError, match=f"1020 tokens and 10 .* {WINDOW}: 6 too many"):
        stream_generate(model, tokenizer, "x" * 1020, max_new_tokens=10)
    with pytest.raises(InvalidParameterError, match=r"\(2, 5\)"):
        stream_generate(model, tokenizer, torch.ones(2, 5, dtype=torch.long))
    with pytest.raises(InvalidParameterError, match="0 tokens"):
        stream_generate(model, tokenizer, "")
    with pytest.raises(InvalidParameterError, match=r"temperature is -0.5"):
        stream_generate(model, tokenizer, "x", temperature=-0.5)
    with pytest.raises(InvalidParameterError, match="top_p"):
        stream_generate(model, tokenizer, "x", temperature=1.0, top_p=-1.0)
    with pytest.raises(InvalidParameterError, match="max_new_tokens is 0"):
        stream_generate(model, tokenizer, "x", max_new_tokens=0)


def test_a_cache_that_cannot_be_continued_is_refused(tiny: Tiny) -> None:
    model, tokenizer = tiny
    cache = PolicyCache(model.config, RefreshKV(budget=5))
    with pytest.raises(CacheMismatchError, match="budget=5"):
        stream_generate(model, tokenizer, "x", cache=cache, policy=RefreshKV(budget=6))
    with torch.no_grad():
        model(torch.ones(1, 8, dtype=torch.long), cache=cache, use_cache=True)
    with pytest.raises(CacheMismatchError, match="8 tokens, of which 0 are known"):
        stream_generate(model, tokenizer, "x", cache=cache)
    cache.reset()
    assert generate(model, tokenizer, "xyz", cache=cache, max_new_tokens=2)


def test_gradients_stay_off_and_the_callers_mode_untouched() -> None:
    model, tokenizer = tiny_model(), byte_tokenizer()
    cache = PolicyCache(model.config, RefreshKV())
    stream = stream_generate(model, tokenizer, PROMPT, cache=cache, max_new_tokens=3)
    next(stream)
    assert torch.is_grad_enabled()
    list(stream)
    assert not any(layer.keys.requires_grad for layer in cache.policy_layers.values())


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_processors_come_in_order_before_sampling(tiny: Tiny, temperature: float) -> None:
    seen: list[tuple[str, torch.Tensor, torch.Tensor]] = []

    class Recorder(LogitsProcessor):
        def __init__(self, name: str, allowed: list[int]) -> None:
            self.name, self.allowed = name, allowed

        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            seen.append((self.name, input_ids, scores))
            kept = torch.full_like(scores, -torch.inf)
            kept[:, self.allowed] = scores[:, self.allowed]
            return kept

    processors = [Recorder("first", [3, 4, 5]), Recorder("second", [4, 5, 6])]
    options = {"temperature": temperature, "seed": 1, "repetition_penalty": 1.1, "max_new_tokens": 5}
    events = list(stream_generate(*tiny, PROMPT, logits_processors=processors, **options))
    taken = [event.token_id for event in of(TokenGenerated, events)]
    assert set(taken) <= {4, 5}
    assert [name for name, _, _ in seen] == ["first", "second"] * 5
    for _, ids, scores in seen:
        assert (scores.dtype, scores.shape) == (torch.float32, (1, 260))
        assert ids.shape[0] == 1
    assert seen[1][2].isfinite().nonzero()[:, 1].tolist() == [3, 4, 5]
    assert seen[-1][1][0, len(PROMPT) :].tolist() == taken[:-1]
