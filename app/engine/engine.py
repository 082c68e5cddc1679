"""Owns the model and serves runs in a thread of its own: one at a time, or several whose decode steps go together; the
others wait. Knows nothing of Gradio."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from transformers import (
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from app.engine.decoding import Decoding
from app.engine.kept_texts import KeptTexts
from app.engine.notifier import Notifier
from app.engine.queue import RunQueue, is_alone
from app.engine.run import Run
from app.engine.run_log import RunLog, refused
from app.engine.run_times import RunTimes, Seconds
from app.engine.shift import Shift, UnderWay
from app.say.errors import AppError
from app.say.wording import Message
from core import (
    Compilation,
    Event,
    FullAttention,
    GenerationFinished,
    NextStep,
    Policy,
    PolicyCache,
    PrefixCache,
    RefreshKVError,
    Statement,
    load_model,
    steps_together,
)
from core.default_model import LoadProgress
from core.errors import lacks_memory
from core.loading import chosen_quantization
from core.memory import bytes_of, fitting_tokens, free_for
from core.quantization import Quantization

ModelSource: TypeAlias = Callable[[LoadProgress], tuple[PreTrainedModel, PreTrainedTokenizerBase]]

LOADING_SECONDS = 5

EMBEDDED_PARAMETERS = 135_000_000
"""Of the model of which it is known how fast it is before it has run."""

TEND_SECONDS = 1.0
"""Between two looks at the queue."""

STALLED = (
    "Nothing came from the model for {:,} seconds (REFRESHKV_STALL_SECONDS), so the run was ended. What was written is "
    "kept: try again, with fewer pages if it comes again."
)

KEPT_IN_PART = (
    "Of the documents' {tokens:,} tokens the first {kept:,} are kept on disk; the others are read again after the next "
    "start: all of them take {megabytes:,.0f} MB, and the limit is {limit:,.0f} MB "
    "(REFRESHKV_DOCUMENT_DISK_GIGABYTES)."
)
NOT_KEPT = (
    "The documents are not kept on disk and are read again after the next start: their {tokens:,} tokens take "
    "{megabytes:,.0f} MB, and the limit is {limit:,.0f} MB (REFRESHKV_DOCUMENT_DISK_GIGABYTES)."
)

NO_ROOM_FOR_MODEL = (
    "There is not enough memory for the model. Close other programs, or set REFRESHKV_QUANTIZATION to int4 or "
    "REFRESHKV_MODEL to a smaller model, and start the app again. Your text can be edited meanwhile."
)

logger = logging.getLogger(__name__)


class ModelUnavailableError(AppError):
    """The model is not there, or could not be loaded, so nothing can be written."""


@dataclass(frozen=True)
class Loading:
    """How far loading the model is: `done` of `total` (0: unknown) of `what`."""

    what: Message
    done: int = 0
    total: int = 0


class Engine:
    """The model, its queue of runs, and the documents that were read, which a run continues where they agree."""

    def __init__(
        self,
        load: ModelSource,
        queue_size: int,
        documents: Callable[[PreTrainedModel], PrefixCache] = PrefixCache,
        compilation: Callable[[PreTrainedModel], Compilation] | None = None,
        *,
        runs_each: int | None = None,
        together: int = 1,
        stall_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` gets a progress callback (what, done, total); `queue_size` is the number of runs that may wait, and
        `runs_each` that of a visitor's; as many as `together` are under way at once where that saves time; `documents`
        makes the cache of the loaded model; `compilation` begins to compile it while it serves already. A run of which
        nothing comes for `stall_seconds` is given up."""
        self._load = load
        self._compile = compilation
        self._compilation: Compilation | None = None
        self._make_documents = documents
        self._queue = RunQueue(queue_size, runs_each, clock)
        self._times = RunTimes()
        self._clock, self._stall_seconds, self._together = clock, stall_seconds, together
        self._shift, self._numbers = Shift(), count(1)
        self._sign = 0.0
        """When something came last of a run under way, by the clock."""
        self._closed = False
        self._work = threading.Condition()
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._load_and_serve, name="engine", daemon=True)
        self._model: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None
        self._documents: PrefixCache | None = None
        self._decoding = Decoding()
        self.loading = Loading(Message("Starting"))
        self.failure: Message | None = None
        self.notifier = Notifier()
        """Of how far loading and compiling is, and of whose turn it is."""

    def start(self) -> None:
        """Load the model and then serve runs, in a thread of its own; another one looks after the queue."""
        self._thread.start()
        threading.Thread(target=self._watch, name="queue", daemon=True).start()

    def close(self) -> None:
        """Stop all runs and end the thread; one that loads the model is waited for LOADING_SECONDS at most, one that
        hangs as long as it takes to be given up."""
        with self._work:
            self._closed = True
            self._work.notify_all()
        for run in self.current():
            run.stop()
        self._ended.set()
        if self._compilation is not None:
            self._compilation.cancel()
        self._thread.join(min(self._stall_seconds, threading.TIMEOUT_MAX) if self._ready.is_set() else LOADING_SECONDS)
        for run in self.current():  # which a thread that hangs will not reach
            run.end("stopped")
        if self._documents:
            self._documents.close()

    def forget(self, texts: Sequence[str]) -> None:
        """Delete what is kept of documents that say any of `texts`; if the model is still loading, once it is there."""
        if self._ready.is_set():
            self._forget(texts)
        else:
            threading.Thread(target=self._forget, args=(texts,), name="forgetting", daemon=True).start()

    def _forget(self, texts: Sequence[str]) -> None:
        self._ready.wait()
        if self._documents is not None and self._model is not None:
            self._documents.forget(KeptTexts(self._model[1], texts))

    @property
    def ready(self) -> bool:
        """Whether the model is there."""
        return self._model is not None

    def quantization(self, wanted: Quantization | Literal["auto"]) -> str:
        """In words, how the weights are stored when `wanted` was asked for."""
        model, _ = self.require_model()
        chosen = chosen_quantization(wanted, model.device)
        return "not quantized" if chosen == "none" else chosen

    @property
    def compiling(self) -> bool:
        """Whether the decode step is still being compiled; runs are served meanwhile, more slowly."""
        return self._compilation is not None and self._compilation.running

    @property
    def window(self) -> int:
        """Tokens of the model's context, prompt and answer together."""
        return int(self._text_config().max_position_embeddings)

    def reach(self, policy: Policy) -> int:
        """Tokens, prompt and answer together, that memory holds where a run goes on beyond the window. Raises
        PolicyInactiveError if the model or the policy cannot."""
        model, _ = self.require_model()
        cache = PolicyCache(self._text_config(), policy, "extend")
        kept = self._documents.nbytes if self._documents else 0  # which make way
        return fitting_tokens(model, cache, free_for(model) + kept)

    def cache_bytes(self, tokens: int, *, as_one: bool) -> int:
        """Bytes that keys and values of so many tokens take; beyond the window with what is kept beside them."""
        model, _ = self.require_model()
        cache = PolicyCache(self._text_config(), FullAttention(), "extend" if as_one else None)
        per_token, fixed = bytes_of(model, cache)
        return per_token * tokens + fixed

    def kept_in_part(self, tokens: int) -> Message | None:
        """That documents of so many tokens are too large to be kept as a whole for the next start, if they are."""
        problem = self._documents.too_large(tokens) if self._documents else None
        if problem is None:
            return None
        return Message(KEPT_IN_PART if problem.values["kept"] else NOT_KEPT, **problem.values)

    def expected(self, prompt: int, new: int, *, as_one: bool) -> Seconds:
        """What runs take that read so many tokens and write at most `new`, from what the latest took; `as_one`: a
        single one, beyond the window."""
        window = self.window if as_one else None
        heavier = self.parameters / EMBEDDED_PARAMETERS
        with self._work:
            return self._times.expected(prompt, new, window, heavier)

    @property
    def policy_layers(self) -> tuple[int, ...]:
        """The layers that a policy acts in."""
        return tuple(PolicyCache(self._text_config(), FullAttention()).policy_layers)

    @property
    def layers(self) -> int:
        """How many they are."""
        return len(self.policy_layers)

    @property
    def heads(self) -> int:
        """KV heads of each layer."""
        config = self._text_config()
        return int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)

    @property
    def pairs(self) -> int:
        """(layer, KV head) pairs, each with a small cache of its own."""
        return self.layers * self.heads

    @cached_property
    def parameters(self) -> int:
        """How many weights the model has, however they are stored."""
        model, _ = self.require_model()
        with torch.device("meta"):  # quantized layers keep theirs packed
            return int(AutoModelForCausalLM.from_config(model.config).num_parameters())

    def _text_config(self) -> PreTrainedConfig:
        model, _ = self.require_model()
        return model.config.get_text_config(decoder=True)

    def require_model(self, timeout: float | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """The model and its tokenizer; waits up to `timeout` seconds. Raises ModelUnavailableError."""
        self._ready.wait(timeout)
        if self._model is None:
            if self.failure:
                raise ModelUnavailableError("{}", self.failure)
            raise ModelUnavailableError("The model is still loading. Try again in a moment.")
        return self._model

    def submit(self, run: Run) -> None:
        """Queue a run. Raises as RunQueue.add, and ModelUnavailableError after `close`."""
        with self._work:
            if self._closed:
                raise ModelUnavailableError("The app is ending. Start it again, then press Write; your text is kept.")
            try:
                self._queue.add(run)
            except AppError as error:
                refused(run, error)
                raise
            for other in self._queue.under_way:
                if other.priority > run.priority:
                    other.stop()
            self._work.notify_all()

    @property
    def full(self) -> bool:
        """Whether as many people wait as can."""
        with self._work:
            return self._queue.full

    def ahead_of(self, run: Run) -> int:
        """How many runs come before a waiting one, those under way included."""
        current = self.current()
        return current.index(run) if run in current else 0

    def seconds_until(self, run: Run) -> float | None:
        """About how long a waiting run waits still, from what the latest took: one prompt is read at a time, and those
        that write share the model. None while nothing is known of that."""
        places, total, read, longest = self.places, 0.0, 0.0, 0.0
        with self._work:
            runs = self._queue.runs
            for other in runs[: runs.index(run)] if run in runs else ():
                expected = self._times.seconds(other.request)
                if expected is None:
                    return None
                reading, seconds = expected.reading, expected.total
                if other.started is not None:
                    gone = time.perf_counter() - other.started
                    reading, seconds = max(reading - gone, 0.0), max(seconds - gone, 1.0)
                total += seconds if is_alone(other) else seconds / places
                read += seconds if is_alone(other) else reading
                longest = max(longest, seconds)
        return max(total, read, longest if is_alone(run) else 0.0)

    def seconds_to_a_place(self) -> float | None:
        """About how long it takes until one run less waits; None while nothing is known of that."""
        waiting = next((run for run in self.current() if run.state == "waiting"), None)
        return 0.0 if waiting is None else self.seconds_until(waiting)

    @property
    def places(self) -> int:
        """How many runs may be under way at once: more than one only where their decode steps go together."""
        return self._together if self._model is not None and steps_together(self._model[0]) else 1

    def current(self) -> list[Run]:
        """The runs that wait or are under way, in the order in which they are served."""
        with self._work:
            return self._queue.runs

    def tend(self) -> None:
        """Look after the queue, as is done every second: see RunQueue.tend; and give up the runs on which the thread
        works if nothing comes any more. It ends when it comes back, and another goes on with the others until then."""
        with self._work:
            self._queue.tend()
            hung = [run for run in self._shift.working if not run.done]
            if not hung or self._clock() - self._sign < self._stall_seconds:
                return
            for run in hung:
                run.stop()
                run.end("failed", Message(STALLED, round(self._stall_seconds)))
            logger.error("a run hangs; another thread serves from now on")
            self._documents = self._make_documents(self.require_model()[0])  # the other one is in use
            self._shift, self._sign = self._shift.relieved(), self._clock()
            self._thread = threading.Thread(target=self._serve, name="engine", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(TEND_SECONDS):
            self.tend()

    def _admit(self) -> bool:
        """Begin the run whose turn it is, if it can go on now; wait while there is nothing to do. False at the end, and
        for a thread in whose place another is."""
        with self._work:
            if threading.current_thread() is not self._thread:
                return False
            self._work.wait_for(lambda: self._shift.going or self._queue.waiting or self._closed)
            if not self._shift.going and not self._queue.waiting:
                return False
            run = None if self._shift.reader else self._queue.next(self.places)
            if run is None:
                return True
            waiting = self._queue.waiting
            self._sign = self._clock()
        self.notifier.notify()
        for other in waiting:  # has come nearer
            other.notifier.notify()
        if run.begin():
            log = RunLog(next(self._numbers), run, len(waiting))
            self._shift.add(UnderWay(run, self._events(run), self._saw, log))
        return True

    def _load_and_serve(self) -> None:
        begun = time.perf_counter()
        try:
            model, tokenizer = self._load(self._report)
            self._documents = self._make_documents(model)
            self._model = model, tokenizer
            logger.info("model loaded", extra={"seconds": round(time.perf_counter() - begun, 1)})
            self._begin_to_compile(model)
        except RefreshKVError as error:
            self.failure = Message(NO_ROOM_FOR_MODEL) if lacks_memory(error) else Message.of(error)
        except Exception as error:
            if lacks_memory(error):
                self.failure = Message(NO_ROOM_FOR_MODEL)
            else:
                logger.exception("loading the model failed")
                self.failure = Message("The model could not be loaded: {}", str(error))
        self._ready.set()
        self.notifier.notify()
        self._serve()

    def _serve(self) -> None:
        shift = self._shift
        while self._admit():
            shift.go_round(self._model[0] if self._model else None)

    def _begin_to_compile(self, model: PreTrainedModel) -> None:
        with self._work:
            if self._compile is None or self._closed:
                return
            self._compilation = self._compile(model)
        threading.Thread(target=self._tell_of, args=(self._compilation,), name="compiled", daemon=True).start()

    def _tell_of(self, compilation: Compilation) -> None:
        compilation.wait()
        self.notifier.notify()

    def _report(self, what: Statement, done: int, total: int) -> None:
        self.loading = Loading(Message.of(what), done, total)
        self.notifier.notify()

    def _saw(self, run: Run, event: Event) -> None:
        self._sign = self._clock()
        run.emit(event)
        if isinstance(event, GenerationFinished):
            with self._work:
                known = (run.reused or 0) + run.placed
                self._times.add(event, run.request.max_new_tokens, known, run.request.window)

    def _events(self, run: Run) -> Generator[Event | NextStep]:
        model, tokenizer = self.require_model()
        assert self._documents is not None
        return self._decoding.events(run, model, tokenizer, self._documents)


def named_model(
    name: str,
    quantization: Quantization | Literal["auto"],
    revision: str | None = None,
    adapter: Path | None = None,
) -> ModelSource:
    """A source that loads `name` as `core.load_model` does."""
    return lambda report: load_model(
        name, quantization=quantization, progress=report, revision=revision, adapter=adapter
    )
