"""The runs under way: each goes on a piece at a time, and those that write take their decode steps together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from time import perf_counter

from transformers import PreTrainedModel

from app.engine.run import Run
from app.engine.run_log import RunLog
from app.say.errors import AppError
from app.say.wording import Message
from core import Event, NextStep, PrefillProgress, RefreshKVError, decode_together
from core.errors import lacks_memory

NO_ROOM_FOR_RUN = (
    "There was not enough memory for this run. What was written is kept. Choose fewer pages, or close other programs "
    "and lower REFRESHKV_DOCUMENT_MEMORY_GIGABYTES, and try again."
)

logger = logging.getLogger(__name__)


class UnderWay:
    """A run and what comes of it. reading: whether the next piece is one of its prompt. step: else the decode step that
    is next. over: whether nothing more comes."""

    def __init__(
        self, run: Run, items: Generator[Event | NextStep], saw: Callable[[Run, Event], None], log: RunLog
    ) -> None:
        """`items`: its events, and each decode step before it is taken; `saw` is told of each event."""
        self.run, self.reading, self.over = run, True, False
        self.step: NextStep | None = None
        self._items, self._saw, self._log = items, saw, log
        self._error: Exception | None = None

    def hit_by(self, error: Exception) -> None:
        """A step that was taken together has failed. It is taken alone next, unless the cache is not as it was before;
        then it is this run's error too."""
        if self.step is not None and self.step.is_torn:
            self._error = error

    def go_on(self) -> None:
        """Do the next piece, and say what comes of it. What goes wrong is the end of the run."""
        try:
            if self._piece():
                return
            self._items.close()
            self.run.end("stopped" if self.run.stopping else "finished")
        except AppError as error:
            self.run.end("failed", error.message)
        except RefreshKVError as error:
            self.run.end("failed", Message.of(error))
        except Exception as error:
            if lacks_memory(error):
                self.run.end("failed", Message(NO_ROOM_FOR_RUN))
            else:
                logger.exception("a run failed")
                self.run.end("failed", Message("The run failed: {}. What was written is kept.", str(error)))
        self.over = True
        self._log.ended(self.run)

    def _piece(self) -> bool:
        """Up to what takes time next; False at the end."""
        self.step = None
        if self.run.stopping:
            return False
        if self._error is not None:
            self._items.throw(self._error)
        for item in self._items:
            if isinstance(item, NextStep):
                self.reading, self.step = False, item
                return True
            self._saw(self.run, item)
            self._log.saw(item)
            if self.run.stopping:
                return False
            if isinstance(item, PrefillProgress) and item.done < item.total:
                return True
        return False


class Shift:
    """Those under way, and a thread that goes on with them. working: the runs whose piece is being done."""

    def __init__(self, going: tuple[UnderWay, ...] = ()) -> None:
        """`going`: those that another shift left."""
        self.going = going
        self.working: tuple[Run, ...] = ()
        self._next_chunk = 0.0
        self._relieved = False

    @property
    def reader(self) -> UnderWay | None:
        """The one that has not read its prompt yet, if there is one; no other is to begin before."""
        return next((each for each in self.going if each.reading), None)

    def add(self, begun: UnderWay) -> None:
        """One more."""
        self.going += (begun,)

    def relieved(self) -> Shift:
        """What takes over where this one hangs, without the runs that it works on."""
        self._relieved = True
        return Shift(tuple(each for each in self.going if each.run not in self.working))

    def go_round(self, model: PreTrainedModel | None) -> None:
        """A decode step of each that writes, and a chunk of the one that reads; if others write, these have as long
        before the next chunk as the last one took."""
        writing = [each for each in self.going if not each.reading]
        self._decode_together(model, writing)
        for each in writing:
            self._go_on(each)
        reader = self.reader
        if reader is not None and (not writing or perf_counter() >= self._next_chunk):
            begun = perf_counter()
            self._go_on(reader)
            self._next_chunk = 2 * perf_counter() - begun
        if not self._relieved:
            self.going = tuple(each for each in self.going if not each.over)

    def _decode_together(self, model: PreTrainedModel | None, writing: list[UnderWay]) -> None:
        steps = [each.step for each in writing if each.step is not None and not each.run.stopping]
        if model is None or len(steps) < 2:
            return
        self.working = tuple(each.run for each in writing)
        try:
            decode_together(model, steps)
        except Exception as error:  # each tries it alone, and the one with which something is wrong fails
            logger.exception("a step of several runs failed")
            for each in writing:
                each.hit_by(error)

    def _go_on(self, each: UnderWay) -> None:
        if not self._relieved:
            self.working = (each.run,)
            each.go_on()
