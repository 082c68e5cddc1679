"""How the server is, for whoever watches over it: nothing of what people write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.engine.engine import Engine
from app.memory import Memory

PATH = "/health"


def health(engine: Engine, memory: Memory | None = None) -> dict[str, Any]:
    """model: "ready", "loading" or "failed". running: whether a run is under way. waiting: how many wait.
    memory_megabytes: of this process (RSS), in 10^6 bytes. kept_megabytes: the budget of `memory`, and what is kept in
    it."""
    states = [run.state for run in engine.current()]
    return {
        "model": "failed" if engine.failure else "ready" if engine.ready else "loading",
        "running": "running" in states,
        "waiting": states.count("waiting"),
        "memory_megabytes": round(psutil.Process().memory_info().rss / 10**6),
        "kept_megabytes": memory.in_megabytes if memory is not None else {},
    }


def answering(engine: Engine, memory: Memory | None = None) -> Callable[[Request], Response]:
    """The endpoint: 200, or 503 if the model could not be loaded."""

    def answer(_: Request) -> Response:
        return JSONResponse(health(engine, memory), 503 if engine.failure else 200, {"cache-control": "no-store"})

    return answer
