"""A model of meanings that knows a few words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.reading.terms import terms

MEANINGS = {"lamp": 0, "light": 0, "boat": 1, "vessel": 1, "oil": 2, "fuel": 2}


class KnownWords:
    """Vectors by what words mean, as far as MEANINGS knows it, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        vectors = np.full((len(texts), 4), 1e-6, np.float32)
        vectors[:, 3] = 0.1
        for row, text in enumerate(texts):
            for word in terms(text):
                if word in MEANINGS:
                    vectors[row, MEANINGS[word]] += 1
        found: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return found
