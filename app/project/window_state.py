"""What of the model's window is taken, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.prompt.window import Budget, Choice
from app.say.errors import PromptError
from app.say.wording import Wording


@dataclass(frozen=True)
class WindowState:
    """What Write takes of the window, None where there is nothing to write about; and where there is a draft to go on
    with what Continue takes, or why it cannot be said."""

    writes: Budget | None
    goes_on: Budget | PromptError | None = None

    def said(self, say: Wording) -> WindowState:
        """The same in a language."""
        goes_on = replace(self.goes_on, say=say) if isinstance(self.goes_on, Budget) else self.goes_on
        return WindowState(replace(self.writes, say=say) if self.writes else None, goes_on)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The ways out for the first that does not fit."""
        now = self.writes.choices if self.writes else ()
        return now or (self.goes_on.choices if isinstance(self.goes_on, Budget) else ())
