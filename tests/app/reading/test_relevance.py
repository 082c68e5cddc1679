"""Parts are found by their words, and by meaning where there is a model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from app.reading import relevance as module
from app.reading.english import in_latin_letters, is_english, is_written_in
from app.reading.meanings import Meanings
from app.reading.relevance import MEANING, Relevance
from app.reading.terms import terms
from tests.app.reading.models import KnownWords

TEXTS = [
    "The keeper lights the lamp at dusk.",
    "The boat is rowed to the rock with oars of ash.",
    "Stores of oil are kept in the cellar. The lamp burns it.",
    "",
]


@pytest.fixture
def model() -> KnownWords:
    return KnownWords()


@pytest.fixture
def meanings(model: KnownWords) -> Iterator[Meanings]:
    found = Meanings(lambda: model)
    yield found
    found.close()


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


def test_meaning_finds_what_shares_no_word(meanings: Meanings) -> None:
    relevance = Relevance(TEXTS, meanings)
    assert Relevance(TEXTS).scores("vessel").tolist() == [0, 0, 0, 0]
    meanings.of(TEXTS)
    assert relevance.best("vessel", 1) == [1]
    assert relevance.best("fuel", 1) == [2]


@pytest.mark.parametrize("query", ["fuel", "the light of the lamp", "oars and oil", "vessel keeper"])
def test_scores_are_the_sum_of_both_each_scaled_to_its_best(query: str, meanings: Meanings, model: KnownWords) -> None:
    meanings.of(TEXTS)
    lexical = Relevance(TEXTS).scores(query).tolist()
    wanted, *vectors = model.embed([query, *TEXTS])
    cosines = [max(0.0, sum(float(a) * float(b) for a, b in zip(wanted, vector, strict=True))) for vector in vectors]
    reference = [
        (1 - MEANING) * word + MEANING * cosine / max(cosines) for word, cosine in zip(lexical, cosines, strict=True)
    ]
    scores = Relevance(TEXTS, meanings).scores(query)
    assert scores.dtype == np.float32
    assert scores.tolist() == pytest.approx(reference, abs=2e-3)  # vectors are kept as float16
    assert (scores <= 1).all()


def test_until_all_have_a_vector_the_best_by_words_are_compared(
    meanings: Meanings, model: KnownWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORTLIST", 2)
    relevance = Relevance(TEXTS, meanings)
    scores = relevance.scores("fuel for the lamp in the cellar")
    assert sorted(model.asked) == sorted([TEXTS[0], TEXTS[2], "fuel for the lamp in the cellar"])
    assert relevance.best("fuel for the lamp in the cellar", 1) == [2]
    assert scores[1] == scores[3] == 0
    meanings.of(TEXTS)
    assert relevance.scores("fuel for the lamp in the cellar")[1] > 0


@pytest.mark.parametrize("query", ["zebra", "keeper", "灯台の光", "", " "])
def test_by_words_alone_where_meaning_says_nothing(query: str, meanings: Meanings) -> None:
    texts = ["The keeper lights the lamp of the tower.", "The keeper is the man of the lamp, and it is the oil."]
    meanings.of(texts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "RELATED", 1.1)  # of these few words every cosine is high
        assert Relevance(texts, meanings).scores(query).tolist() == Relevance(texts).scores(query).tolist()


def test_without_a_model_that_can_be_loaded_by_words_alone() -> None:
    def load() -> KnownWords:
        raise OSError("no such file")

    meanings = Meanings(load)
    assert Relevance(TEXTS, meanings).scores("lamp oil").tolist() == Relevance(TEXTS).scores("lamp oil").tolist()
    meanings.close()


def test_texts_are_near_to_the_middle_of_a_query_and_of_some_texts(meanings: Meanings, model: KnownWords) -> None:
    relevance, said = Relevance(TEXTS, meanings), ["A vessel came.", "Fuel was short.", "The lamp burns."]
    assert relevance.known_nearness("boat", said) is None  # none has a vector
    relevance.prepare(said)
    vectors, wanted = model.embed(said), model.embed(["boat"])[0]
    assert relevance.known_nearness("boat", said) == pytest.approx(np.maximum(vectors @ wanted, 0), abs=1e-3)
    assert relevance.known_nearness("boat", said, [0]) == pytest.approx(np.maximum(vectors @ wanted, 0), abs=1e-3)
    meanings.of(TEXTS)
    mean = model.embed([TEXTS[0], TEXTS[2]]).mean(axis=0)
    middle = (wanted + mean / np.linalg.norm(mean)) / 2
    assert relevance.known_nearness("boat", said, [0, 2]) == pytest.approx(np.maximum(vectors @ middle, 0), abs=1e-3)


@pytest.mark.parametrize("query", ["", "ランプの光"])
def test_no_vectors_are_made_for_what_is_not_compared(query: str, meanings: Meanings, model: KnownWords) -> None:
    relevance = Relevance(TEXTS, meanings)
    assert relevance.nearness(query, ["The lamp burns."]) is None
    assert model.asked == []


def test_other_languages_are_compared_by_words(meanings: Meanings, model: KnownWords) -> None:
    for texts in (
        ["Der Wärter zündet die Lampe an.", "Das Öl steht im Keller, und das Boot liegt am Felsen."],
        ["灯台の光は夜ごとに海を照らす。", "油は地下に置く。lamp oil boat"],
    ):
        assert not is_english(texts)
        relevance = Relevance(texts, meanings)
        assert relevance.compared == ()
        assert relevance.scores("lamp oil").tolist() == Relevance(texts).scores("lamp oil").tolist()
    assert model.asked == []
    assert is_english(TEXTS)
    assert not in_latin_letters("灯台はどこを照らすか")
    assert in_latin_letters("Where is the naïve 灯 keeper?")


def test_scripts_without_blanks_are_compared_by_pairs_of_characters() -> None:
    assert terms("灯台の光 RefreshKVs") == ["灯台", "台の", "の光", "refreshkv"]
    texts = ["船は岸を離れた。", "灯台の光は夜ごとに海を照らす。", "油は地下に置く。"]
    assert Relevance(texts).best("灯台はどこを照らすか", 1) == [1]


@pytest.mark.parametrize(
    ("language", "text", "so"),
    [
        ("English", "The keeper of the lamp is in the tower and it is dark.", True),
        ("english ", "Der Wärter der Lampe steht im Turm, und es ist dunkel.", False),
        ("Deutsch", "Der Wärter der Lampe steht im Turm, und es ist dunkel.", False),
        ("Japanese", "Debian の灯台は夜ごとに海を照らす。", True),
        ("日本語", "灯台的光每夜照亮大海。", False),
        ("日本語", "", False),
    ],
)
def test_the_language_of_texts_is_told_where_it_can_be(language: str, text: str, so: bool) -> None:
    assert is_written_in(language, [text] * 3) == so
