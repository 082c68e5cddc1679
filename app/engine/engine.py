"""Owns the model and does one run at a time, in a thread of its own; people wait. Knows nothing of Gradio."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
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
from app.engine.queue import RunQueue
from app.engine.run import Run
from app.engine.run_log import RunLog, refused
from app.engine.run_times import RunTimes
from app.say.errors import AppError
from app.say.wording import Message
from core import (
    Compilation,
    Event,
    FullAttention,
    GenerationFinished,
    PolicyCache,
    PrefixCache,
    RefreshKVError,
    Statement,
    load_model,
)
from core.default_model import LoadProgress
from core.errors import lacks_memory
from core.loading import chosen_quantization
from core.quantization import Quantization

ModelSource: TypeAlias = Callable[[LoadProgress], tuple[PreTrainedModel, PreTrainedTokenizerBase]]

LOADING_SECONDS = 5

TEND_SECONDS = 1.0
"""Between two looks at the queue."""

STALLED = (
    "Nothing came from the model for {:,} seconds (REFRESHKV_STALL_SECONDS), so the run was ended. What was written is "
    "kept: try again, with fewer pages if it comes again."
)

NO_ROOM_FOR_MODEL = (
    "There is not enough memory for the model. Close other programs, or set REFRESHKV_QUANTIZATION to int4 or "
    "REFRESHKV_MODEL to a smaller model, and start the app again. Your text can be edited meanwhile."
)
NO_ROOM_FOR_RUN = (
    "There was not enough memory for this run. What was written is kept. Choose fewer pages, or close other programs "
    "and lower REFRESHKV_DOCUMENT_MEMORY_GIGABYTES, and try again."
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
        stall_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` gets a progress callback (what, done, total); `queue_size` is the number of runs that may wait, and
        `runs_each` that of a visitor's; `documents` makes the cache of the loaded model; `compilation` begins to
        compile it while it serves already. A run of which nothing comes for `stall_seconds` is given up."""
        self._load = load
        self._compile = compilation
        self._compilation: Compilation | None = None
        self._make_documents = documents
        self._queue = RunQueue(queue_size, runs_each, clock)
        self._times = RunTimes()
        self._clock, self._stall_seconds = clock, stall_seconds
        self._sign = 0.0
        """When something came last of the run under way, by the clock."""
        self._closed = False
        self._work = threading.Condition()
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._load_and_serve, name="engine", daemon=True)
        self._model: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None
        self._documents: PrefixCache | None = None
        self._decoding, self._log = Decoding(), RunLog()
        self.loading = Loading(Message("Starting"))
        self.failure: Message | None = None
        self.notifier = Notifier()
        """Of how far loading and compiling is, and of whose turn it is."""

    def start(self) -> None:
        """Load the model and then serve runs, in a thread of its own; another one looks after the queue."""
        self._thread.start()
        threading.Thread(target=self._watch, name="queue", daemon=True).start()

    def close(self) -> None:
        """Stop all runs and end the thread; one that loads the model is waited for LOADING_SECONDS at most."""
        for run in self.current():
            run.stop()
        self._ended.set()
        with self._work:
            self._closed = True
            self._work.notify_all()
        if self._compilation is not None:
            self._compilation.cancel()
        self._thread.join(None if self._ready.is_set() else LOADING_SECONDS)
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
            current = self._queue.current
            if current is not None and current.priority > run.priority:
                current.stop()
            self._work.notify_all()

    @property
    def full(self) -> bool:
        """Whether as many people wait as can."""
        with self._work:
            return self._queue.full

    def ahead_of(self, run: Run) -> int:
        """How many runs come before a waiting one, the running one included."""
        current = self.current()
        return current.index(run) if run in current else 0

    def seconds_until(self, run: Run) -> float | None:
        """About how long a waiting run waits still, from what the latest took; None while nothing is known of that."""
        with self._work:
            runs, total = self._queue.runs, 0.0
            for other in runs[: runs.index(run)] if run in runs else ():
                seconds = self._times.seconds(other.request)
                if seconds is None:
                    return None
                total += seconds if other.started is None else max(seconds - (time.perf_counter() - other.started), 1.0)
        return total

    def seconds_to_a_place(self) -> float | None:
        """About how long it takes until one run less waits; None while nothing is known of that."""
        waiting = next((run for run in self.current() if run.state == "waiting"), None)
        return 0.0 if waiting is None else self.seconds_until(waiting)

    def current(self) -> list[Run]:
        """The runs that wait or are under way, in the order in which they are served."""
        with self._work:
            return self._queue.runs

    def tend(self) -> None:
        """Look after the queue, as is done every second: see RunQueue.tend; and give up a run of which nothing comes
        any more. Its thread ends when it comes back, and another serves until then."""
        with self._work:
            self._queue.tend()
            run = self._queue.current
            if run is None or run.done or self._clock() - self._sign < self._stall_seconds:
                return
            run.stop()
            run.end("failed", Message(STALLED, round(self._stall_seconds)))
            logger.error("a run hangs; another thread serves from now on")
            self._documents = self._make_documents(self.require_model()[0])  # the other one is in use
            self._thread = threading.Thread(target=self._serve, name="engine", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(TEND_SECONDS):
            self.tend()

    def _next(self) -> Run | None:
        """The run whose turn it is, once there is one; None at the end, and for a thread in whose place another is."""
        with self._work:
            if threading.current_thread() is not self._thread:
                return None
            self._queue.current = None
            self._work.wait_for(lambda: self._queue.waiting or self._closed)
            run = self._queue.next()
            self._sign = self._clock()
            waiting = self._queue.waiting
        self.notifier.notify()
        for other in waiting:  # has come nearer
            other.notifier.notify()
        return run

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
        while (run := self._next()) is not None:
            if run.begin():
                self._log.begun(run, len(self._queue.waiting))
                self._execute(run)
                self._log.ended(run)

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

    def _execute(self, run: Run) -> None:
        try:
            with closing(self._events(run)) as events:
                for event in events:
                    self._sign = self._clock()
                    run.emit(event)
                    self._log.saw(event)
                    if isinstance(event, GenerationFinished):
                        with self._work:
                            self._times.add(event, run.request.max_new_tokens)
                    if run.stopping:
                        break
            run.end("stopped" if run.stopping else "finished")
        except AppError as error:
            run.end("failed", error.message)
        except RefreshKVError as error:
            run.end("failed", Message.of(error))
        except Exception as error:
            if lacks_memory(error):
                run.end("failed", Message(NO_ROOM_FOR_RUN))
                return
            logger.exception("a run failed")
            run.end("failed", Message("The run failed: {}. What was written is kept.", str(error)))

    def _events(self, run: Run) -> Generator[Event]:
        model, tokenizer = self.require_model()
        assert self._documents is not None
        return self._decoding.events(run, model, tokenizer, self._documents)


def named_model(name: str, quantization: Quantization | Literal["auto"], revision: str | None = None) -> ModelSource:
    """A source that loads `name` as `core.load_model` does."""
    return lambda report: load_model(name, quantization=quantization, progress=report, revision=revision)
