"""The trials of a comparison as runs of the project: listed with its others, each with its trace."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from app.engine.engine import Engine
from app.engine.run import Request, Run
from app.project.writing import RunSpec, feed_of
from app.prompt.compose import Composed
from app.runs.feed import MapFeed
from app.runs.library import Runs
from app.runs.trace import RunSettings
from app.say.errors import StoreError

logger = logging.getLogger(__name__)


class TrialRuns:
    """Where the trials of one comparison are kept. What cannot be kept is compared all the same."""

    def __init__(
        self,
        runs: Runs,
        engine: Engine,
        composed: Composed,
        settings_of: Callable[[Request], RunSettings],
        asked: Mapping[str, Any],
    ) -> None:
        """`composed`: the prompt of all. `asked`: the page's fields, for the store."""
        self._runs, self._engine, self._composed = runs, engine, composed
        self._settings_of, self._asked = settings_of, asked

    def begin(self, method: str, run: Run, opening: str) -> MapFeed | None:
        """List a run under what its method is called; returns what is to be told its events."""
        settings = self._settings_of(run.request)
        part = RunSpec(run, self._composed, opening, settings)
        feed = feed_of(uuid.uuid4().hex[:12], part, self._engine, len(opening))
        asked = {**self._asked, "policy": dict(settings.policy), "prompt_tokens": self._composed.prompt_tokens}
        try:
            self._runs.begin(feed, asked, compared=method)
        except StoreError as refusal:
            logger.warning("a run of a comparison is not kept: %s", refusal)
            return None
        return feed

    def end(self, feed: MapFeed, run: Run) -> None:
        """It is over: keep how, and its trace."""
        state: Any = run.state
        try:
            self._runs.end(feed, state, str(run.error or ""))
        except StoreError as refusal:
            logger.warning("the end of a run of a comparison is not kept: %s", refusal)
        self._runs.keep(feed)
