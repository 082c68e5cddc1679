"""A run that is to be: what the engine is asked, from which prompt, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from app.engine.engine import Engine
from app.engine.run import GenerationRequest, Priority
from app.prompt.compose import Composed
from app.prompt.messages import Source
from app.prompt.sections import SectionPlace
from app.runs.feed import MapFeed
from app.runs.trace import Recorder, RunSettings, prompt_tokens

Whose: TypeAlias = Literal["model", "passage", "documents"]
"""Whose sentences a proposal has beside those that stay."""


@dataclass(frozen=True)
class RunSpec:
    """What one run is to do.

    opening: what stands before the model's first word and was given to it: the head of a table, a heading. section:
    which of an outline's it writes. asked: the page's fields, for the store. compared: what its method is called in a
    comparison, else empty. proposes: it is shown as a proposal. recorded: it is listed among the project's runs.
    tidy: what is made of the model's words when it has finished: an unfinished sentence goes, say, and pages are named.
    merge: what is made of all that its job has written so far, when it has finished.
    sources: what its words are held against afterwards. attempt: which of how many, if what came before could not be
    used. whose: whose sentences it proposes.
    """

    request: GenerationRequest
    composed: Composed
    settings: RunSettings
    opening: str = ""
    section: SectionPlace | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    compared: str = ""
    proposes: bool = False
    recorded: bool = True
    tidy: Callable[[str], str] | None = None
    merge: Callable[[str], str] | None = None
    sources: tuple[Source, ...] = ()
    attempt: tuple[int, int] = (1, 1)
    whose: Whose = "model"
    priority: Priority = Priority.WRITING

    @property
    def described(self) -> dict[str, Any]:
        """What the list of runs keeps of it, as JSON can hold it."""
        return {
            **self.asked, "policy": dict(self.settings.policy), "prompt_tokens": self.composed.prompt_tokens,
            "opening": self.opening, "section": self.section, "proposes": self.proposes, "compared": self.compared,
        }  # fmt: skip

    def feed(self, key: str, engine: Engine, draft_start: int) -> MapFeed:
        """What the map is told of it, with its trace; `draft_start` characters of the draft stand before its words."""
        tokens = self.composed.prompt_tokens
        slots = self.request.policy.capacity(tokens) or tokens
        recorder = Recorder(
            self.settings, prompt_tokens(self.composed), engine.policy_layers, engine.heads, draft_start
        )
        return MapFeed(key, recorder, slots)
