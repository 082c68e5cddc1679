"""What Gradio keeps for clients to fetch: bounded, since one that does not come would have it kept for good."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import gradio as gr
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.presence import Presence

UNREAD_SECONDS = 60.0
"""Messages are kept for so long for a session without a stream: a page is reloaded, a program opens its stream late."""
MOST_MESSAGES = 1_000
"""So many wait for a session, which reads slowly; a run sends ten a second."""
TEND_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Mailboxes:
    """The messages of Gradio's queue, by session. In the server's own loop."""

    def __init__(self, blocks: gr.Blocks, presence: Presence) -> None:
        """`presence`: which sessions have a stream."""
        self._queue, self._presence = blocks._queue, presence

    def tended(self, app: ASGIApp) -> ASGIApp:
        """The same application, which looks after them for as long as it lives."""

        async def tending(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                await app(scope, receive, send)
                return
            task = asyncio.create_task(self._watch())
            try:
                await app(scope, receive, send)
            finally:
                task.cancel()

        return tending

    async def tend(self) -> None:
        """End the calls of sessions that do not read what they are sent, and throw that away."""
        for session, messages in list(self._queue.pending_messages_per_session.items()):
            unread = not messages.empty() and self._presence.silent(session) > UNREAD_SECONDS
            if unread or messages.qsize() > MOST_MESSAGES:
                await self._queue.clean_events(session_hash=session)
                self._queue.pending_messages_per_session.pop(session, None)
                self._queue.pending_event_ids_session.pop(session, None)
                logger.info("messages thrown away", extra={"messages": messages.qsize()})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TEND_SECONDS)
            with suppress(RuntimeError):  # the queue changed meanwhile
                await self.tend()
