"""An engine that writes without computing: for journeys in which the text doesn't matter, on the embedded tokenizer."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator
from itertools import count, islice
from random import Random
from time import sleep

import numpy as np
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Run
from app.methods import kind_of
from core import CacheRefreshed, Event, GenerationFinished, PrefillProgress, PrefixCache, TokenGenerated
from core.default_model import cache_folder, embedded_model
from core.events import FinishReason
from tests.core.tiny import tiny_model

SENTENCES = (
    "The keepers trimmed the lamp at dusk and wrote a line in the log.",
    "Ships passed the light in every weather.",
    "In {} a storm took the gallery; it was built again within a year.",
    "The oil was carried up the stairs in cans of {} pounds.",
    "Nobody slept while the fog signal sounded.",
    "A letter of {} tells of it.",
    "The stones had been cut so that each held the next.",
    "Of {} visitors most came for the view.",
)
LAYERS, HEADS = 30, 3
CHUNK = 1024
SHARE = 8  # of the positions, one in so many is kept
LARGE, SMALL = 8_000_000_000, 135_000_000  # weights


class StubEngine(Engine):
    """Reads in chunks and writes SENTENCES, other ones by seed and policy, as many words as are asked for; or the text
    that is dictated.

    parameters: weights that it says it has, at first LARGE. pace: seconds of a token. reading: what each chunk of a
    prompt waits for. writing: what each token waits for. ending: what the last token of a run waits for.
    """

    def __init__(self, queue_size: int = 4, pace: float = 0.004, runs_each: int | None = None) -> None:
        super().__init__(lambda report: _model_and_tokenizer(), queue_size, PrefixCache, runs_each=runs_each)
        self.pace, self.parameters = pace, LARGE
        self.reading, self.writing, self.ending = threading.Event(), threading.Event(), threading.Event()
        self.free()

    def free(self) -> None:
        """Nothing waits any more, and the model is large."""
        self.pace, self.parameters = 0.004, LARGE
        self.reading.set()
        self.writing.set()
        self.ending.set()

    def _events(self, run: Run) -> Generator[Event]:
        request, total = run.request, int(run.request.token_ids.shape[1])
        yield PrefillProgress(0, total)
        for done in range(CHUNK, total + CHUNK, CHUNK):
            _wait(self.reading, run)
            yield PrefillProgress(min(done, total), total)
        kind = kind_of(request.policy)
        small = kind != "full"
        _, tokenizer = self.require_model()
        text, pieces = "", list(_pieces(request, str(tokenizer.decode(request.token_ids[0]))))
        for step, piece in enumerate(pieces):
            _wait(self.writing, run)
            if step == len(pieces) - 1:
                _wait(self.ending, run)
            sleep(self.pace)
            refreshes = step % 10 == 0
            if small and refreshes and (step == 0 or kind != "kept"):
                yield _refresh(step, total + step)
            text += piece
            seconds = self.pace if small else 1.5 * self.pace
            whole = kind == "full" or (kind == "refreshed" and refreshes)
            yield TokenGenerated(7, piece, step, LAYERS if whole else 0, seconds)
        run.cache_bytes = 23_000 * total + 3_000 * total * small
        full = sum(step % 10 == 0 for step in range(1, len(pieces))) if kind == "refreshed" else 0
        partial = len(pieces) - 1 - full if small else 0
        reason: FinishReason = "end_token" if request.dictated else "length"
        yield GenerationFinished(reason, text, total, len(pieces), 0.1, 0.1, len(pieces) - 1 - partial, partial)


def _pieces(request: GenerationRequest, prompt: str) -> Iterator[str]:
    """What it writes, token by token."""
    if text := request.dictated or _anew(prompt):
        return iter(re.findall(r"\s*\S+|\s+$", text))
    chance = Random(f"{request.seed} {type(request.policy).__name__}")
    words = (word for _ in count() for word in chance.choice(SENTENCES).format(chance.randrange(1000, 2000)).split())
    return (f" {word}" for word in islice(words, request.max_new_tokens))


def _anew(prompt: str) -> str:
    """A passage that is asked for in another form: its first half, itself and a sentence more, or its words from the
    end."""
    asked = re.search(r"Text:\n(.*?)\n\n(Rewrite the text[^\n]*) Write only the new text\.", prompt, re.DOTALL)
    if asked is None:
        return ""
    words, end = asked[1].rstrip(".").split(), "." if asked[1].endswith(".") else ""
    if "concise" in asked[2]:
        return " ".join(words[: len(words) // 2]) + end
    return f"{asked[1]} {SENTENCES[1]}" if "detail" in asked[2] else " ".join(reversed(words)) + end


def _wait(event: threading.Event, run: Run) -> None:
    """As long as the run is not stopped."""
    while not event.wait(0.02) and not run.stopping:
        pass


def _refresh(step: int, context: int) -> CacheRefreshed:
    by_layer = np.zeros((LAYERS, context), np.uint8)
    for layer in range(LAYERS):
        by_layer[layer, (layer + step) % SHARE :: SHARE] = HEADS
    reason = "stride" if step else "prefill"
    return CacheRefreshed(step, tuple(range(LAYERS)), by_layer.sum(axis=0, dtype=np.int64), reason, by_layer)


def _model_and_tokenizer() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model that only tells its sizes, and the embedded model's tokenizer."""
    sizes = {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": HEADS}
    model = tiny_model(hidden_size=12, intermediate_size=8, max_position_embeddings=8192, **sizes)
    return model, AutoTokenizer.from_pretrained(embedded_model(cache_folder(), lambda what, done, total: None))
