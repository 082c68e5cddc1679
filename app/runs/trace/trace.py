"""What a run did, as values: its settings, its prompt's tokens, what it wrote and what each refresh kept.

`file` states how it is written, `recorder` makes it from a run's events, `replay` and `passages` answer questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any

from app.prompt.compose import Composed, Places
from app.prompt.marks import PageMark
from core.events import FinishReason, RefreshReason
from core.policies import Policy


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run was asked for. `policy` and `sampling` hold what JSON can: names, numbers, None."""

    model: str
    quantization: str | None
    policy: Mapping[str, Any]
    sampling: Mapping[str, Any]
    seed: int | None


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """The prompt. `pieces[i]` is the text of the token at position `document_start + i`, and `places` where it stands.

    `pages` are those of all documents in the order of the prompt; `places.page` counts in them. draft_tokens: at the
    prompt's end, those of the draft that was to be continued.
    """

    token_ids: tuple[int, ...]
    document_start: int
    pieces: tuple[str, ...]
    pages: tuple[PageMark, ...]
    places: Places
    draft_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A generated token: see core's TokenGenerated."""

    token_id: int
    text: str
    step: int
    seconds: float
    full_layers: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh: see core's CacheRefreshed.

    `context` is the number of positions then. `packed` holds how many KV heads of each layer hold each position, as
    `packing` says: relative to the refresh before, and every KEYFRAME-th by itself.
    """

    step: int
    layers: tuple[int, ...]
    reason: RefreshReason
    context: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """How the run finished: see core's GenerationFinished."""

    reason: FinishReason
    prefill_seconds: float
    decode_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A run, finished or not.

    layers: the model's layers that the policy acts in. heads: KV heads of each. draft_start: characters of the draft
    that stood before what the run wrote. ending: None if the run was stopped, failed or goes on.
    """

    settings: RunSettings
    prompt: PromptTokens
    layers: tuple[int, ...]
    heads: int
    draft_start: int
    tokens: tuple[Token, ...] = ()
    refreshes: tuple[Refresh, ...] = ()
    ending: Ending | None = None

    @property
    def pairs(self) -> int:
        """(layer, KV head) pairs, each with a small cache of its own."""
        return len(self.layers) * self.heads


def describe_policy(policy: Policy) -> dict[str, Any]:
    """The policy's name as `method`, and its parameters; one that is a policy itself, as Python writes it."""
    own: tuple[Field[Any], ...] = fields(policy) if is_dataclass(policy) else ()
    parameters = ((field.name, getattr(policy, field.name)) for field in own)
    said = {name: repr(value) if isinstance(value, Policy) else value for name, value in parameters}
    return {"method": type(policy).__name__, **said}


def prompt_tokens(composed: Composed) -> PromptTokens:
    """The prompt of a trace."""
    ids = tuple(composed.token_ids[0].tolist())
    return PromptTokens(
        ids, composed.document_start, composed.pieces, composed.pages, composed.places, composed.draft_tokens
    )
