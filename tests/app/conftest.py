"""What the app's tests share: a store in a folder of its own, the engine on a tiny model, and a person's fields."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.engine.engine import Engine
from app.methods import FULL_ATTENTION
from app.project.commands import Commands
from app.project.editor_state import EditorState
from app.project.session import Session
from app.project.sessions import Sessions
from app.prompt.request import WriteRequest
from app.settings import Limits, Settings
from app.store import Store, open_store
from tests.core.tiny import byte_tokenizer, tiny_model

FIELDS: dict[str, Any] = {
    "task": "summary", "method": FULL_ATTENTION, "budget": "1/8", "stride": 5, "max_new_tokens": 8, "temperature": 0.0,
    "seed": 1, "wording": "own", "grounded": False,
}  # fmt: skip
"""Eight tokens of a summary, greedily, in the model's own words."""


def ask(**fields: Any) -> WriteRequest:
    """The request of FIELDS, with others."""
    return WriteRequest.of({**FIELDS, **fields})


def at(session: Session, start: int = 0, end: int | None = None) -> EditorState:
    """What the editor of a page holds that shows the draft as it is."""
    return EditorState(session.draft.text, start, start if end is None else end, session.draft.revision)


def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


@contextmanager
def held(engine: Engine, forwards: int = 0) -> Iterator[None]:
    """After so many forwards the model waits until the end of this block: what is seen in it does not depend on how
    fast the model is."""
    model, _ = engine.require_model(timeout=60)
    going_on, begun = threading.Event(), count()

    def pause(*_: object) -> None:
        if next(begun) >= forwards:
            going_on.wait(60)

    hook = model.register_forward_pre_hook(pause)
    try:
        yield
    finally:
        hook.remove()
        going_on.set()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def sessions(store: Store) -> Iterator[Sessions]:
    opened = Sessions(store, Limits(), minutes=60)
    yield opened
    opened.close()


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions.create("page")


@pytest.fixture
def engine(one_thread: None, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Of tests that do not bring their own. ENGINE_WINDOW in a test's module: tokens of the model's window."""
    sizes = {"max_position_embeddings": window} if (window := getattr(request.module, "ENGINE_WINDOW", None)) else {}
    engine = Engine(lambda report: (tiny_model(**sizes), byte_tokenizer()), queue_size=4)
    engine.start()
    engine.require_model(timeout=60)
    yield engine
    engine.close()


@pytest.fixture
def commands(engine: Engine) -> Commands:
    return Commands(Settings(_env_file=None, max_new_tokens_limit=900), engine)
