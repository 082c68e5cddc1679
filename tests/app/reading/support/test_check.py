"""What documents support: properties over made sources, and sentences changed by hand."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.reading.support import Sources, SourceText, supported
from app.reading.support.claims import Reader
from app.reading.support.powers import with_powers
from app.text.sentences import sentences
from tests.app.reading.support.adversarial import DEVELOPMENT, HELD_OUT, Case

WORDS = """engine valve copper harbour window letter garden printer ladder river signal market planet bridge
teacher winter carpet orchard museum rocket sailor kettle puzzle lantern meadow thunder velvet
walnut anchor basket candle dragon forest guitar hammer island jacket kitchen lemon mirror needle
oyster parrot quarry ribbon saddle temple umbrella violin whistle yellow zipper blanket cabinet
dolphin feather glacier helmet insect jungle"""


def sources(*pages: str, document: int = 0) -> Sources:
    return Sources([SourceText(document, number, text) for number, text in enumerate(pages, 1)])


def kind(sentence: str, *pages: str) -> str:
    return sources(*pages).check(sentence).kind


@st.composite
def written(draw: st.DrawFn, numbers: int = 0) -> list[list[str]]:
    """Sentences of words of which none occurs twice, and so many numbers in each."""
    words = draw(st.permutations(WORDS.split()))
    found = list[list[str]]()
    while len(words) > 10 and len(found) < 5:
        length = draw(st.integers(3, 8))
        sentence, words = list(words[:length]), words[length:]
        for _ in range(numbers):
            sentence.insert(draw(st.integers(1, len(sentence))), str(draw(st.integers(0, 29))))
        sentence[0] = sentence[0].capitalize()
        found.append(sentence)
    return found


@pytest.mark.slow
@given(written(), st.data())
@settings(deadline=None)
def test_what_is_taken_from_a_page_is_word_for_word_whatever_its_lines_hyphens_and_quotes(
    made: list[list[str]], data: st.DataObject
) -> None:
    quotes = st.sampled_from(['"{}"', "“{}”", "«{}»", "{}", "{}", "{},"])
    gaps = st.sampled_from([" ", "\n", "  "])
    breaks = st.sampled_from(["", "", "", "-\n", "\u00ad"])

    def laid_out(words: list[str]) -> str:
        text = ""
        for word in words:
            split = word[:3] + data.draw(breaks) + word[3:]
            text += data.draw(gaps) + (data.draw(quotes).format(split) if text else split)
        return text.strip().rstrip(",") + "."

    texts = [laid_out(words) for words in made]
    cut = data.draw(st.integers(0, len(texts)))
    index = sources(" ".join(texts[:cut]), "\n".join(texts[cut:]))
    for at, words in enumerate(made):
        support = index.check(laid_out(words))
        assert support.kind == "word for word"
        (source,) = support.source
        assert source.page == (1 if at < cut else 2)
        page = " ".join(texts[:cut]) if at < cut else "\n".join(texts[cut:])
        assert page[source.start : source.end] == texts[at]


@pytest.mark.slow
@given(written(numbers=2), st.data())
@settings(deadline=None)
def test_a_sentence_with_a_changed_digit_is_never_supported(made: list[list[str]], data: st.DataObject) -> None:
    index = sources(" ".join(" ".join(words) + "." for words in made))
    words = data.draw(st.sampled_from(made))
    sentence = " ".join(words) + "."
    at = data.draw(st.sampled_from([match.start() for match in re.finditer(r"\d", sentence)]))
    digit = data.draw(st.sampled_from("123456789"))
    changed = sentence[:at] + digit + sentence[at + 1 :]
    assume(changed != sentence)
    assert index.check(changed).kind == "none"


@pytest.mark.slow
@given(written(), st.data())
@settings(deadline=None)
def test_a_sentence_with_a_negation_put_in_is_never_supported(made: list[list[str]], data: st.DataObject) -> None:
    index = sources(" ".join(" ".join(words) + "." for words in made))
    words = list(data.draw(st.sampled_from(made)))
    words.insert(data.draw(st.integers(1, len(words) - 1)), data.draw(st.sampled_from(["not", "never", "cannot"])))
    support = index.check(" ".join(words) + ".")
    assert (support.kind, support.reason in ("negation", "modality")) == ("none", True)


def test_a_part_of_a_sentence_is_word_for_word_but_not_without_its_negation() -> None:
    text = "It is not the case that uploads must be signed by hand, and reports are closed after the upload."
    assert kind("Reports are closed after the upload.", text) == "word for word"
    assert kind("The case that uploads must be signed by hand.", text) == "none"


def test_a_sentence_may_draw_on_neighbours_and_on_both_sides_of_a_page_end() -> None:
    one, two = "The printer stands in the cellar.", "It was bought by Hahn in Leipzig for 900 marks."
    index = sources(one, two)
    support = index.check("The printer in the cellar was bought by Hahn for 900 marks.")
    assert (support.kind, [source.page for source in support.source]) == ("near", [1, 2])
    apart = Sources([SourceText(0, 1, one), SourceText(1, 1, two)])
    assert apart.check("The printer in the cellar was bought by Hahn for 900 marks.").kind == "none"


def test_a_sentence_over_a_page_end_is_word_for_word() -> None:
    support = sources("The keeper saw that the lamp", "had gone out in the night.").check(
        "The keeper saw that the lamp had gone out in the night."
    )
    assert (support.kind, [source.page for source in support.source]) == ("word for word", [1, 2])


def test_only_the_texts_that_are_named_count() -> None:
    index = sources("The lamp was lit at dusk.", "The tower is painted white every spring.")
    sentence = "The tower is painted white every spring."
    assert index.check(sentence, within={1}).kind == "word for word"
    assert index.check(sentence, within={0}).kind == "none"


def test_a_similarity_from_outside_makes_up_for_words_but_not_for_a_negation() -> None:
    def similarity(sentence: str, passages: Sequence[str]) -> list[float]:
        return [0.9 for _ in passages]

    text = "The old keeper repaired the broken lantern with copper wire."
    said = "The old keeper mended the broken lantern using copper string."
    assert kind(said, text) == "none"
    index = Sources([SourceText(0, 1, text)], similarity)
    assert index.check(said).kind == "near"
    assert index.check(said.replace("mended", "never mended")).kind == "none"


@pytest.mark.parametrize(
    "sentence",
    ["This section describes the following.", "This chapter explains how to build packages.", "", "…", "Overall."],
)
def test_what_claims_nothing_has_no_support(sentence: str) -> None:
    assert kind(sentence, "It is described how packages are built. The following section follows.") == "none"


def test_japanese_is_word_for_word_or_near_by_pairs_of_characters() -> None:
    text = "灯台は千八百七十四年に建てられた。塔の高さは31メートルである。鍵は\n利用者に渡してはならない。"
    assert kind("塔の高さは３１メートルである。", text) == "word for word"
    assert kind("鍵は利用者に渡してはならない。", text) == "word for word"
    assert kind("灯台は千八百七十四年に建てられました。", text) == "near"
    assert kind("灯台は千八百七十五年に建てられた。", text) == "none"
    assert kind("塔の高さは32メートルである。", text) == "none"
    assert kind("鍵は利用者に渡してはなる。", text) == "none"
    assert kind("図書館は毎週月曜日に休みです。", text) == "none"


def test_a_text_is_counted_without_headings_and_heads_of_tables() -> None:
    index = sources("The lamp was lit at dusk. The tower is painted white.")
    text = (
        "# The lamp\n\nThe lamp was lit at dusk. Ships sank nearby.\n\n- The tower is painted white.\n\n"
        "| tower | colour |\n|---|---|\n| The tower | painted white |\n"
    )
    report = supported(text, index)
    assert [(text[start:end], support.kind) for start, end, support in report.sentences] == [
        ("The lamp was lit at dusk.", "word for word"),
        ("Ships sank nearby.", "none"),
        ("The tower is painted white.", "word for word"),
        ("| The tower | painted white |", "near"),
    ]
    assert (len(report.sentences), report.supported) == (4, 3)


def test_sources_without_text_support_nothing() -> None:
    assert kind("The lamp was lit.", "", " \n") == "none"
    assert Sources([]).check("The lamp was lit.").kind == "none"


@pytest.mark.parametrize("half", [DEVELOPMENT, HELD_OUT], ids=["development", "held out"])
def test_changed_sentences_are_told_from_faithful_ones(half: Sequence[Case]) -> None:
    faithful, changed = list[bool](), list[bool]()
    for case in half:
        index = sources(case.text)
        faithful += [index.check(sentence).kind != "none" for sentence in case.supported]
        changed += [index.check(sentence).kind == "none" for _, sentence in case.changed]
        assert all(index.check(case.text[start:end]).kind == "word for word" for start, end, _ in sentences(case.text))
    assert sum(changed) / len(changed) >= 0.9
    assert sum(faithful) / len(faithful) >= 0.85


@pytest.mark.parametrize(
    ("sentence", "passage", "supports"),
    [
        ("The constant is 6.6×10^-34 of these.", "The constant is 6.6×10⁻³⁴ of these.", True),
        ("The constant is 6.6×10^{-34} of these.", "The constant is 6.6×10⁻³⁴ of these.", True),
        ("The constant is 6.6×10⁻³⁴ of these.", "The constant is 6.6×10^-34 of these.", True),
        ("The constant is 6.6×10^-35 of these.", "The constant is 6.6×10⁻³⁴ of these.", False),
        ("The constant is 6.6×10^34 of these.", "The constant is 6.6×10⁻³⁴ of these.", False),
        ("The deck has an area of 30 m2.", "The deck has an area of 30 m².", True),
        ("The deck has an area of 30 m^2.", "The deck has an area of 30 m².", True),
        ("The deck has an area of 30 m³.", "The deck has an area of 30 m².", False),
        ("The speed is 30 m s^-1 there.", "The speed is 30 m s⁻¹ there.", True),
        ("The tank holds 10^2 litres of oil.", "The tank holds 10² litres of oil.", True),
        ("The tank holds 102 litres of oil.", "The tank holds 10² litres of oil.", False),
        ("The lamp gives off CO2 at night.", "The lamp gives off CO₂ at night.", True),
    ],
)
def test_exponents_are_the_same_however_they_are_written(sentence: str, passage: str, supports: bool) -> None:
    assert (kind(sentence, passage) != "none") is supports
    assert set(Reader(str).stems(sentence)) >= {word.stem for word in Reader(str).read(sentence).words if word.exact}


@given(st.text(alphabet="10²⁻³⁴^{}-xm .,é₂ﬁ", max_size=30))
def test_exponents_keep_their_places(text: str) -> None:
    folded, starts, ends = with_powers(text)
    assert len(folded) == len(starts) == len(ends)
    assert all(0 <= start <= end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert list(starts) == sorted(starts)
