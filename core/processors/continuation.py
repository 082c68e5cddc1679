"""Whether a logits processor sees the next step of its run, or another run."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InvalidParameterError


class Continuation:
    """Compares the ids of a step with those of the step before."""

    def __init__(self) -> None:
        """Before the first step."""
        self._seen: Tensor | None = None

    def new_token(self, input_ids: Tensor) -> int | None:
        """The last of `input_ids` `(1, length)` if all before it are those of the step before; else None: a run begins.

        Raises InvalidParameterError for more than one row.
        """
        if input_ids.shape[0] != 1:
            raise InvalidParameterError(
                "processor-for-one-row",
                "The ids have {rows} rows; this processor follows 1 text. Generate one text at a time, without beams, "
                "each with a processor of its own.",
                rows=input_ids.shape[0],
            )
        seen, self._seen = self._seen, input_ids
        if seen is None or seen.shape[1] != input_ids.shape[1] - 1 or not torch.equal(input_ids[:, :-1], seen):
            return None
        return int(input_ids[0, -1])
