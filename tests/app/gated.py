"""An engine on the tiny model whose runs wait for the test: none is over before the test has looked at it."""

import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

from app.engine.engine import Engine
from app.engine.run import Run
from core import Event, TokenGenerated
from tests.core.tiny import byte_tokenizer, tiny_model


class GatedEngine(Engine):
    """Runs go on as they do, but for while they are `held`."""

    def __init__(self, queue_size: int = 4) -> None:
        super().__init__(lambda report: (tiny_model(), byte_tokenizer()), queue_size)
        self._after = 0
        self._gate = threading.Event()
        self._gate.set()

    @contextmanager
    def held(self, after: int = 1) -> Iterator[None]:
        """Until the end of the block runs write so many tokens and wait then, unless they are stopped."""
        self._after = after
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def _events(self, run: Run) -> Generator[Event]:
        tokens = 0
        with closing(super()._events(run)) as events:
            for event in events:
                yield event
                tokens += isinstance(event, TokenGenerated)
                while tokens >= self._after and not run.stopping and not self._gate.wait(0.02):
                    pass
