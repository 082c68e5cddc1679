"""One run on the model, from what earlier ones left of its documents."""

from __future__ import annotations

from collections.abc import Generator

from transformers import LogitsProcessor, PreTrainedModel, PreTrainedTokenizerBase

from app.engine.pace import Pace
from app.engine.run import GenerationRequest, Run
from core import (
    Dictation,
    Event,
    NextStep,
    PrefillProgress,
    PrefixCache,
    RepetitionGuard,
    SourceGuard,
    Vocabulary,
    stream_steps,
)
from core.window import Beyond


class Decoding:
    """Of one model."""

    def __init__(self) -> None:
        """What takes a while is made when it is needed."""
        self._vocabulary: Vocabulary | None = None

    def events(
        self, run: Run, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, documents: PrefixCache
    ) -> Generator[Event | NextStep]:
        """What happens in the run, in a cache of `documents`, and each decode step before it is taken."""
        request = run.request
        prompt: list[int] = request.token_ids[0].tolist()
        room = len(prompt) + request.max_new_tokens
        beyond: Beyond | None = None if request.window is None else "extend"
        apart = request.documents if request.documents and documents.can_move else ()
        with documents.use(prompt, request.document_end, request.policy, room, window=beyond, documents=apart) as cache:
            items = stream_steps(
                model,
                tokenizer,
                request.token_ids,
                max_new_tokens=request.max_new_tokens,
                temperature=request.temperature,
                top_p=request.top_p,
                min_p=request.min_p,
                repetition_penalty=request.repetition_penalty,
                seed=request.seed,
                stop_strings=request.stop_strings,
                logits_processors=self._processors(request, tokenizer),
                cache=cache,
                prefill_chunk=Pace(),
            )
            # What earlier runs left in the cache is done before the first chunk.
            run.reused = cache.get_seq_length()
            yield PrefillProgress(run.reused, len(prompt))
            try:
                yield from items
            finally:
                run.cache_bytes = cache.nbytes

    def _processors(self, request: GenerationRequest, tokenizer: PreTrainedTokenizerBase) -> list[LogitsProcessor]:
        """What decides of the text beside the model."""
        if request.dictated:
            return [Dictation(plain_tokens(tokenizer, request.dictated), tokenizer.eos_token_id)]
        if request.grounding is None:
            return []
        if self._vocabulary is None:  # takes a while: once, for the first run that is held to anything
            self._vocabulary = Vocabulary(tokenizer)
        held = request.grounding
        return [
            SourceGuard(self._vocabulary, held.sources),
            RepetitionGuard(self._vocabulary, draft_tokens=held.draft_tokens),
        ]


def plain_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The ids of a text by itself, in which no mark of the chat template acts as one."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])
