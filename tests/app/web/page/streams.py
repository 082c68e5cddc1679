"""The part of the page that shows runs, without a page: what it sends is looked at as a dict by component."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gradio as gr

from app.project.sessions import Sessions
from app.web.components.cache_map import CacheMap
from app.web.context import AppContext
from app.web.page.writing import Stream, WritingParts, add_writing
from tests.app.scripted import ScriptedEngine

REQUEST: Any = SimpleNamespace(session_hash="page")
"""Of the page that the fixture `session` is shown on."""


@dataclass(frozen=True)
class Shown:
    """A Stream with the components that it gives values for."""

    stream: Stream
    parts: WritingParts
    map: CacheMap

    @classmethod
    def of(cls, sessions: Sessions) -> Shown:
        """Of pages that show these."""
        commands: Any = SimpleNamespace(engine=ScriptedEngine())
        with gr.Blocks():
            parts, the_map = add_writing(), CacheMap()
        return cls(Stream(AppContext(commands, sessions, shared=False), parts, the_map), parts, the_map)

    @property
    def context(self) -> AppContext:
        return self.stream._context

    def buttons(self, update: Any) -> list[bool]:
        """Whether each can be pressed: Stop, then Write, Continue, Continue at the cursor, Undo, Redo."""
        parts = self.parts
        buttons = [parts.stop, parts.write, parts.resume, parts.here, parts.undo, parts.redo]
        return [update[button]["interactive"] for button in buttons]


async def taken(updates: AsyncIterator[Any], count: int) -> list[Any]:
    """The first so many."""
    return [await anext(updates) for _ in range(count)]


async def rest(updates: AsyncIterator[Any]) -> list[Any]:
    """All that are left."""
    return [update async for update in updates]
