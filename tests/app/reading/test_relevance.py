"""Parts are found by their words, and by meaning where there is a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from app.reading.relevance import Relevance, embed_passages
from app.reading.terms import terms

TEXTS = [
    "The keeper lights the lamp at dusk.",
    "The boat is rowed to the rock with oars of ash.",
    "Stores of oil are kept in the cellar. The lamp burns it.",
    "",
]
MEANINGS = {"lamp": 0, "light": 0, "boat": 1, "vessel": 1, "oil": 2, "fuel": 2}


class Meanings:
    """Vectors by what words mean, as far as MEANINGS knows it."""

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += len(texts)
        vectors = np.full((len(texts), 3), 1e-6, np.float32)
        for row, text in enumerate(texts):
            for word in terms(text):
                if word in MEANINGS:
                    vectors[row, MEANINGS[word]] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_words_find_their_text_in_any_form() -> None:
    relevance = Relevance(TEXTS)
    assert relevance.best("Who LIGHTED lamps?", 2) == [0, 2]
    scores = relevance.scores("oars")
    assert scores.dtype == np.float32
    assert scores.tolist() == [0, 1, 0, 0]


def test_the_forms_of_a_word_are_one_term() -> None:
    assert set(terms("stores stored Storing STORE")) == {"store"}
    assert set(terms("ponies pony")) == {"poni"}
    assert terms("Glass was running") == ["glass", "was", "run"]


@pytest.mark.parametrize("query", ["", "zebra", "?!"])
def test_what_is_nowhere_is_relevant_to_nothing(query: str) -> None:
    assert Relevance(TEXTS).scores(query).tolist() == [0, 0, 0, 0]
    assert Relevance([]).scores(query).tolist() == []
    assert Relevance(["", "."]).scores(query).tolist() == [0, 0]


def test_meaning_finds_what_shares_no_word() -> None:
    relevance = Relevance(TEXTS, Meanings())
    assert Relevance(TEXTS).scores("vessel").tolist() == [0, 0, 0, 0]
    assert relevance.best("vessel", 1) == [1]
    assert relevance.best("fuel", 1) == [2]
    assert all(0 <= score <= 1 for score in relevance.scores("the fuel of the lamp"))


def test_vectors_are_made_once() -> None:
    meanings = Meanings()
    first = Relevance(TEXTS, meanings)
    assert [len(vectors) for vectors in first.vectors] == [1, 1, 1, 0]
    made = meanings.asked
    again = Relevance(TEXTS, meanings, first.vectors)
    assert meanings.asked == made
    assert again.scores("fuel").tolist() == first.scores("fuel").tolist()


def test_a_long_text_is_compared_by_its_best_passage() -> None:
    long = "boat " * 180 + "oil " * 180
    meanings = Meanings()
    assert [len(vectors) for vectors in embed_passages(["", "oil", long, long * 9], meanings)] == [0, 1, 4, 4]
    assert Relevance([long], meanings).semantic("fuel")[0] == pytest.approx(1)


def test_words_and_meaning_count_alike() -> None:
    relevance = Relevance(["lamp", "boat", "oil"], Meanings())
    assert relevance.scores("light oil").tolist() == pytest.approx([0.5, 0, 1], abs=1e-4)
    assert relevance.scores("lamp").tolist() == pytest.approx([1, 0, 0], abs=1e-4)


def test_scripts_without_blanks_are_compared_by_pairs_of_characters() -> None:
    assert terms("灯台の光 RefreshKVs") == ["灯台", "台の", "の光", "refreshkv"]
    texts = ["船は岸を離れた。", "灯台の光は夜ごとに海を照らす。", "油は地下に置く。"]
    assert Relevance(texts).best("灯台はどこを照らすか", 1) == [1]
