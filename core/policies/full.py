"""Full attention: the baseline that every other policy is compared with."""

from dataclasses import dataclass
from typing import ClassVar

from .base import Policy


@dataclass(frozen=True)
class FullAttention(Policy):
    """Every step attends to the full cache; there is no small one."""

    summary: ClassVar[str] = "Reads the whole context at every step."
    extends: ClassVar[bool] = True

    def capacity(self, prompt_length: int) -> None:
        """No small cache."""
        return None
