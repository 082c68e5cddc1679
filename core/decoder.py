"""Generation in layers: `generate_step` (tokens), `stream_steps` (events and the steps between them), `stream_generate`
(events), `generate` (text).

Holds the loop; what a step attends to is decided in the cache and its policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import TypedDict, Unpack

from transformers import LogitsProcessor, PreTrainedModel, PreTrainedTokenizerBase

from .cache import PolicyCache
from .detokenizer import Detokenizer
from .errors import CacheMismatchError, InvalidParameterError
from .events import Event, FinishReason, GenerationFinished, PrefillProgress, TokenGenerated
from .memory import require_memory
from .parallel import common_seed
from .policies import DEFAULT_POLICY, Policy
from .positions import positions_of
from .prompt import Prompt, encode_prompt, require_known, require_room
from .sampling import SamplingParams
from .sequence import PREFILL_CHUNK, ChunkSize, GeneratedStep, generate_step, is_positive, prepare
from .steps import NextStep
from .window import Beyond


class GenerationOptions(TypedDict, total=False):
    """What `stream_generate`, and so `generate`, takes by name; described there."""

    policy: Policy | None
    max_new_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    repetition_penalty: float
    seed: int | None
    stop_strings: str | Sequence[str]
    logits_processors: Sequence[LogitsProcessor]
    cache: PolicyCache | None
    prefill_chunk: ChunkSize
    window: Beyond | None


def stream_generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt: Prompt,
    *,
    policy: Policy | None = None,
    max_new_tokens: int = 512,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int = 0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    seed: int | None = None,
    stop_strings: str | Sequence[str] = (),
    logits_processors: Sequence[LogitsProcessor] = (),
    cache: PolicyCache | None = None,
    prefill_chunk: ChunkSize = PREFILL_CHUNK,
    window: Beyond | None = None,
) -> Iterator[Event]:
    """Generate from `prompt` and yield events: prefill progress, refreshes, tokens, and at last how it finished.

    model: one that has been through `enable` (`load_model` does it).
    prompt: a string, chat messages, or token ids: a tensor `(1, length)` or a list.
    policy: how to decode; default the cache's, or `DEFAULT_POLICY`.
    temperature: 0 is greedy. top_p, top_k, min_p, repetition_penalty: as in transformers, off by default; the penalty
        counts generated tokens only. seed: makes sampling repeatable (`SamplingParams`).
    stop_strings: one or several; the text ends before the first of them. The model's end tokens always end it.
    logits_processors: applied in order to the float32 scores `(1, vocabulary)`, before the penalty and the sampling
        above, and when greedy too: transformers' own or those of `core.processors`. Each follows one run at a time.
    cache: continue a cache from an earlier generation of the same model: its longest common prefix with the prompt is
        reused and only the rest is prefilled. An earlier generation that is not at its end cannot go on with it then.
    prefill_chunk: prompt tokens per forward; or a function that gives them from those of the forward before and the
        seconds it took, (0, 0.0) at first.
    window: "extend" lets prompt and answer be longer than the window the model was trained for (window.py), as far as
        memory goes; prompt tokens beyond it are forwarded in whole blocks. Default the cache's, or not.

    Closing the iterator stops at the next token (or prefill chunk) and leaves the cache usable. Raises
    InvalidParameterError, ContextOverflowError, CacheMismatchError or PolicyInactiveError before anything is computed.
    """
    items = stream_steps(
        model,
        tokenizer,
        prompt,
        policy=policy,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        seed=seed,
        stop_strings=stop_strings,
        logits_processors=logits_processors,
        cache=cache,
        prefill_chunk=prefill_chunk,
        window=window,
    )
    return (item for item in items if not isinstance(item, NextStep))


def stream_steps(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt: Prompt,
    *,
    policy: Policy | None = None,
    max_new_tokens: int = 512,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int = 0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    seed: int | None = None,
    stop_strings: str | Sequence[str] = (),
    logits_processors: Sequence[LogitsProcessor] = (),
    cache: PolicyCache | None = None,
    prefill_chunk: ChunkSize = PREFILL_CHUNK,
    window: Beyond | None = None,
) -> Iterator[Event | NextStep]:
    """As `stream_generate`, which describes the options, with each decode step before it is taken.

    So several generations go on side by side: what `decode_together` did of their steps, they do not do themselves.
    Between a `PrefillProgress` and the next event a piece of the prompt is read.
    """
    token_ids = encode_prompt(tokenizer, prompt)
    prompt_tokens = token_ids.shape[1]
    _require_lengths(max_new_tokens, prefill_chunk)
    require_known(model, token_ids)
    seed = common_seed(model.config) if seed is None else seed
    sampling = SamplingParams(temperature, top_p, top_k, min_p, repetition_penalty, seed)
    sampler = sampling.sampler(prompt_tokens, _processors(logits_processors))
    cache = _matching_cache(model, cache, policy, window)
    if cache.window is None:
        require_room(model.config, prompt_tokens, max_new_tokens)
    else:
        positions_of(model).rotary()
        require_memory(model, cache, prompt_tokens, max_new_tokens)
    stops = _stop_strings(stop_strings)
    prepare(cache, token_ids[0].tolist(), max_new_tokens)
    steps = generate_step(model, token_ids, cache, sampler, prefill_chunk, cache.claim())
    end_tokens = _end_tokens(model, tokenizer)
    return _events(steps, Detokenizer(tokenizer, stops), end_tokens, prompt_tokens, max_new_tokens)


def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: Prompt, **options: Unpack[GenerationOptions]
) -> str:
    """The whole text `stream_generate` with the same `options` would stream."""
    text = ""
    for event in stream_generate(model, tokenizer, prompt, **options):
        if isinstance(event, GenerationFinished):
            text = event.text
    return text


def _events(
    steps: Iterator[PrefillProgress | NextStep | GeneratedStep],
    detokenizer: Detokenizer,
    end_tokens: frozenset[int],
    prompt_tokens: int,
    max_new_tokens: int,
) -> Iterator[Event | NextStep]:
    """Turn steps into events and decide when to stop."""
    prefill_started = perf_counter()
    prefill_seconds = decode_seconds = 0.0
    full = partial = 0
    reason: FinishReason = "length"
    generated = 0
    for step in steps:
        if isinstance(step, PrefillProgress | NextStep):
            yield step
            continue
        if step.step == 0:
            prefill_seconds = perf_counter() - prefill_started
        else:
            decode_seconds += step.seconds
            full += step.full_layers > 0
            partial += step.full_layers == 0
        generated += 1
        if step.refreshed is not None:
            yield step.refreshed
        ended = step.token_id in end_tokens
        text = "" if ended else detokenizer.add(step.token_id)
        last = ended or detokenizer.stopped or generated == max_new_tokens
        text += detokenizer.finish() if last else ""
        yield TokenGenerated(step.token_id, text, step.step, step.full_layers, step.seconds)
        if last:
            reason = "end_token" if ended else "stop_string" if detokenizer.stopped else "length"
            break
    yield GenerationFinished(
        reason, detokenizer.text, prompt_tokens, generated, prefill_seconds, decode_seconds, full, partial
    )


def _require_lengths(max_new_tokens: int, prefill_chunk: ChunkSize) -> None:
    if not is_positive(max_new_tokens) or not (callable(prefill_chunk) or is_positive(prefill_chunk)):
        raise InvalidParameterError(
            "tokens-out-of-range",
            "max_new_tokens is {max_new_tokens} and prefill_chunk {prefill_chunk}; both must be whole numbers, 1 or "
            "more.",
            max_new_tokens=max_new_tokens,
            prefill_chunk="a function" if callable(prefill_chunk) else str(prefill_chunk),
        )


def _stop_strings(given: str | Sequence[str]) -> Sequence[str]:
    stops = (given,) if isinstance(given, str) else given
    if not isinstance(stops, Sequence) or not all(isinstance(stop, str) for stop in stops):
        raise InvalidParameterError(
            "stop-strings-of-another-kind",
            "stop_strings is {given}; it must be a string or a list of strings, () for none.",
            given=repr(given),
        )
    return stops


def _processors(given: Sequence[LogitsProcessor]) -> Sequence[LogitsProcessor]:
    if not isinstance(given, Sequence) or not all(callable(processor) for processor in given):
        raise InvalidParameterError(
            "processors-of-another-kind",
            "logits_processors is {given}; it must be a list of logits processors, () for none.",
            given=repr(given),
        )
    return given


def _matching_cache(
    model: PreTrainedModel, cache: PolicyCache | None, policy: Policy | None, window: Beyond | None
) -> PolicyCache:
    """The cache that was given, which must be this model's, policy's and window's, or a new one."""
    if cache is None:
        return PolicyCache(model.config, policy or DEFAULT_POLICY, window)
    if not isinstance(cache, PolicyCache):
        raise CacheMismatchError(
            "cache-of-another-kind",
            "cache is of type {kind}; streaming takes a PolicyCache(model.config, policy), or None for a new one. "
            "model.generate takes any cache.",
            kind=type(cache).__name__,
        )
    cache.require_model(model.config)
    if policy is not None and policy != cache.policy:
        raise CacheMismatchError(
            "cache-of-another-policy",
            "The cache was made for {made_for}, and the policy asked for is {asked}. Leave the policy out, or make a "
            "new cache.",
            made_for=str(cache.policy),
            asked=str(policy),
        )
    if window is not None and window != cache.beyond:
        raise CacheMismatchError(
            "cache-of-another-window",
            "The cache was made with window={made_for}, and window={asked} is asked for. Leave it out, or make a new "
            "cache: PolicyCache(model.config, policy, window='extend').",
            made_for=repr(cache.beyond),
            asked=repr(window),
        )
    if len(cache.token_ids) != cache.get_seq_length():
        raise CacheMismatchError(
            "cache-with-unknown-tokens",
            "The cache holds {tokens} tokens, of which {known} are known: it was filled outside stream_generate, or "
            "another thread generates with it. Pass one that stream_generate filled, or an empty one.",
            tokens=cache.get_seq_length(),
            known=len(cache.token_ids),
        )
    return cache


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The model's end tokens, from its generation config, or where that names none the tokenizer's."""
    ends = model.generation_config.eos_token_id if model.generation_config is not None else None
    if ends is None:
        ends = tokenizer.eos_token_id
    if ends is None:
        return frozenset()
    return frozenset(ends if isinstance(ends, list) else [ends])
