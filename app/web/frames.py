"""When what is being done is shown again: as often as it helps, and no longer than somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from app.engine.notifier import Notifier

SILENT_SECONDS = 1.0
"""Between two frames at most: Gradio looks only then whether the page is still there."""


async def frames(notifier: Notifier, going: Callable[[], bool], pause: float) -> AsyncIterator[None]:
    """Once at the beginning, and whenever something has changed, with `pause` seconds between two at least and about
    SILENT_SECONDS at most, for as long as it is `going`."""
    with notifier.listen() as changed:
        while going():
            changed.clear()
            yield
            await asyncio.sleep(pause)
            with suppress(TimeoutError):
                if going():  # its end may have come before the last frame was begun
                    await asyncio.wait_for(changed.wait(), SILENT_SECONDS)
