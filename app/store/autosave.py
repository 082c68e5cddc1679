"""Keeps a draft that changes many times a second, in the background."""

from __future__ import annotations

import logging
import sqlite3
import threading

from app.say.errors import StoreError
from app.say.wording import Message
from app.store.database import Store
from app.store.drafts import save_draft

SECONDS = 0.5
"""The most that is lost if the process is killed."""

RETRY_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Autosave:
    """The draft of one project and page.

    `error` says why the last attempt to keep it failed, and is None if it did not. It is tried again by the next `note`
    or `flush`, and by itself every RETRY_SECONDS: a disk that was full may have room again.
    """

    def __init__(
        self, store: Store, project: str, writer: str, seconds: float = SECONDS, *, whole: bool = False
    ) -> None:
        """`writer` names the page or the run; see save_draft for it and for `whole`."""
        self._store, self._project, self._writer, self._seconds = store, project, writer, seconds
        self._whole = whole
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._text: str | None = None
        self._timer: threading.Timer | None = None
        self.error: Message | None = None

    def note(self, text: str) -> None:
        """The draft is now `text`; it is kept within `seconds`. Returns at once."""
        with self._lock:
            self._text = text
            self._begin(self._seconds)

    def flush(self) -> None:
        """Keep what was noted, now. What is wrong becomes `error`."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._save()

    def _begin(self, seconds: float) -> None:
        """Have it kept after so long, or earlier if that has been asked for. Under the lock."""
        if self._timer is None:
            self._timer = threading.Timer(seconds, self._save)
            self._timer.daemon = True
            self._timer.start()

    def _save(self) -> None:
        with self._saving:  # one after the other, or an older text could come last
            with self._lock:
                text, self._text, self._timer = self._text, None, None
            if text is None:
                return
            try:
                save_draft(self._store, self._project, text, writer=self._writer, whole=self._whole)
                self.error = None
            except StoreError as error:
                with self._lock:
                    self._text = text if self._text is None else self._text  # for the next attempt
                    self._begin(RETRY_SECONDS)
                if self.error != error.message:  # else it is in the log
                    logger.warning("a draft is not kept: %s", error)
                self.error = error.message
            except sqlite3.ProgrammingError:  # the store was closed meanwhile, after the last flush
                logger.warning("a draft is not kept: the app ends")
