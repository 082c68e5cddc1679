"""Whether there is anything to write about."""

from __future__ import annotations

from collections.abc import Sequence

from app.prompt.messages import Source
from app.prompt.request import WriteRequest
from app.say.errors import PromptError


def require_subject(sources: Sequence[Source], request: WriteRequest, before: str) -> None:
    """Raises PromptError if the model would be sent nothing of the person's: it writes nonsense then."""
    if not has_subject(sources, request, before):
        raise PromptError(
            "There is nothing to write about: no source, no words of yours about the task, and no draft to go on "
            "with. Add a file, say what to write, or begin the draft."
        )


def has_subject(sources: Sequence[Source], request: WriteRequest, before: str) -> bool:
    """Whether a model would be sent anything of the person's."""
    return bool(sources or request.detail.strip() or before.strip())
