"""Which pages and callers are there: those that hold a stream open."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

MOST_REMEMBERED = 20_000
"""Pages of which is known when they were last there."""

_STREAM = re.compile(r"/(?:heartbeat|call(?:/v2)?/[^/]+)/([^/]+)/?$")
_QUEUE = re.compile(r"/queue/data/?$")


class Presence:
    """Counts the open streams of each page, by its session hash: its heartbeat, and what it is sent of its events. Of a
    call without a session that is the id of its event. For several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Until a server is `watched`, everybody counts as there."""
        self._clock = clock
        self._watching = False
        self._streams: Counter[str] = Counter()
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def silent(self, page: str) -> float:
        """Seconds for which it has had no stream, 0 while it has one. Of a page that never had one, since this was
        asked first."""
        with self._lock:
            if not self._watching or page in self._streams:
                return 0.0
            now = self._clock()
            since = self._last.setdefault(page, now)
            self._forget()
            return now - since

    def watched(self, app: ASGIApp) -> ASGIApp:
        """The same application, whose streams are counted."""
        self._watching = True

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            page = streaming_page(scope)
            if page is None:
                await app(scope, receive, send)
                return
            self._came(page)
            try:
                await app(scope, receive, send)
            finally:
                self._went(page)

        return counted

    def _came(self, page: str) -> None:
        with self._lock:
            self._streams[page] += 1

    def _went(self, page: str) -> None:
        with self._lock:
            self._streams[page] -= 1
            if not self._streams[page]:
                del self._streams[page]
            self._last.pop(page, None)  # to the end
            self._last[page] = self._clock()
            self._forget()

    def _forget(self) -> None:
        while len(self._last) > MOST_REMEMBERED:
            del self._last[next(iter(self._last))]


def streaming_page(scope: Scope) -> str | None:
    """Whose stream a request asks for, None if it asks for none."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    if found := _STREAM.search(scope["path"]):
        return found[1]
    if _QUEUE.search(scope["path"]):
        return dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("session_hash")
    return None
