"""Which kept beginnings of prompts have some documents in them: by their text, whatever was chosen of it."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

WINDOW = 40
"""Letters and digits in a row that two documents hardly have in common by chance."""


class KeptTexts:
    """Tells tokens that were made of some texts from others."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> None:
        """`texts`: those of the pages of the documents."""
        squeezed = [_squeezed(text) for text in texts]
        self._tokenizer = tokenizer
        self._text = "\n".join(squeezed)
        self._short = [text for text in squeezed if 0 < len(text) < 2 * WINDOW]

    def __call__(self, token_ids: Sequence[int]) -> bool:
        """Whether there is a stretch of the texts in what the tokens say; of a long one `2 * WINDOW` letters are
        enough. Text that others have too, such as a licence, counts as well."""
        said = _squeezed(str(self._tokenizer.decode(list(token_ids))))
        windows = (said[start : start + WINDOW] for start in range(0, len(said) - WINDOW + 1, WINDOW))
        return any(window in self._text for window in windows) or any(text in said for text in self._short)


def _squeezed(text: str) -> str:
    """Letters and digits alone: marks and blanks may be others in a prompt."""
    return "".join(filter(str.isalnum, text))
