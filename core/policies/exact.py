"""Exact: full attention's own text, sooner, by speculative decoding (Leviathan et al. 2023, arXiv 2211.17192).

A small cache of the same model drafts, as in TriForce (Sun et al. 2024, arXiv 2404.11912), and so does what stands in
prompt and text already (prompt lookup, Saxena 2023); one step over the full cache verifies some tokens at once. A draft
is kept while it is what full attention would have written (core/drafting.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..errors import InvalidParameterError
from .base import MOST_DRAFTED, Drafting, Policy
from .checks import check_count
from .key_index import KeyIndex


@dataclass(frozen=True)
class Exact(Policy):
    """The text of full attention, token for token, also when sampled with a seed; drafts are verified.

    policy: what drafts; a method with a small cache or an index, which evicts nothing. draft: tokens that it drafts at
    most before they are verified, 0 to 7; 0 leaves drafting to what stands in prompt and text. Where drafts do not pay,
    fewer are made or none. Beyond the trained window none are: each token chooses for itself there, so that several
    take nearly as long together as alone. Raises InvalidParameterError.
    """

    extends: ClassVar[bool] = True
    summary: ClassVar[str] = "Writes exactly what full attention writes, faster: it drafts cheaply and verifies."

    policy: Policy = field(default_factory=lambda: KeyIndex(budget=1 / 32))
    draft: int = 4

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_count("draft", self.draft, 0, MOST_DRAFTED)
        if not isinstance(self.policy, Policy) or self.policy.reads_all or self.policy.evicts:
            raise InvalidParameterError(
                "draft-by-another-kind",
                "Exact drafts by {policy}, and takes a method with a small cache or an index that evicts nothing, such "
                "as KeyIndex or RefreshKV.",
                policy=repr(self.policy),
            )

    @property
    def drafting(self) -> Drafting:
        """By `policy`, `draft` tokens at most."""
        return Drafting(self.policy, self.draft)

    def capacity(self, prompt_length: int) -> None:
        """What is verified attends to everything."""
        return None
