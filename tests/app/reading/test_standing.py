"""What a sentence needs to be understood, and what is left out of it to stand by itself."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.reading.standing import Bearing, bearing, is_definite, standing_alone


@pytest.mark.parametrize(
    ("sentence", "alone"),
    [
        ("However, the lamp was lit.", "The lamp was lit."),
        ("In addition, oil was brought.", "Oil was brought."),
        ("for example, oil was brought.", "Oil was brought."),
        ("But the lamp was lit.", "The lamp was lit."),
        ("Also, if it rained, the lamp was lit.", "Also, if it rained, the lamp was lit."),
        ("So that the lamp was lit, he rose.", "So that the lamp was lit, he rose."),
        ("Andrew lit the lamp.", "Andrew lit the lamp."),
        ("Thus", "Thus"),
        ("The lamp (see Section 3) was lit.", "The lamp was lit."),
        ("The lamp (cf. page 3) was lit (e.g. at dusk).", "The lamp was lit."),
        ("The lamp (of brass) was lit.", "The lamp (of brass) was lit."),
        ("Note that the lamp (see below) was lit.", "The lamp was lit."),
        ("Furthermore, this document is no policy.", "This document is no policy."),
        ("Thus, this is no lamp.", "Thus, this is no lamp."),
        ("The Policy [https://example.org/policy], a book, was read.", "The Policy, a book, was read."),
        ("The Guide (https://example.org/ the/guide) .", "The Guide."),
        ("Binary lamps (Chapter 7 [Lamps], page 26) are preferred.", "Binary lamps are preferred."),
        ("The menu helps (in all ports, see Section “Menus” in the Guide) to see.", "The menu helps to see."),
        ("Once you are a keeper, ^[82] you can light it.", "Once you are a keeper, you can light it."),
        ("The viewer is yours; see git-help(1) for more.", "The viewer is yours."),
        ("Shells differ: see https://example.org/shells.html.", "Shells differ."),
        ("灯台の光は海を照らす。", "灯台の光は海を照らす。"),
        ("また、灯台の光（第3章参照）は海を照らす。", "灯台の光は海を照らす。"),
    ],
)
def test_a_sentence_stands_alone(sentence: str, alone: str) -> None:
    assert standing_alone(sentence) == alone


@pytest.mark.parametrize(
    ("sentence", "needs"),
    [
        ("The keeper lights the lamp at dusk.", "alone"),
        ("The purpose of this document is to describe the lamp.", "alone"),
        ("There are many lamps on the coast of the island.", "alone"),
        ("It is possible to light the lamp without oil.", "alone"),
        ("It should be emphasized that the lamp is lit at dusk.", "alone"),
        ("Now that the lamp is lit, the keeper sleeps.", "alone"),
        ("One of the most important things is the oil.", "alone"),
        ("Lamps such as those of the tower are lit at dusk.", "follows"),
        ("It was lit at dusk by the keeper.", "follows"),
        ("In this case, the lamp is put out.", "follows"),
        ("The second argument names the lamp.", "follows"),
        ("Most logs must be written to this directory.", "follows"),
        ("You can also light the lamp by hand.", "follows"),
        ("The manuals of the lamp are kept here.", "follows"),
        ("For example, the lamp was lit at dusk.", "follows"),
        ("Nor is the lamp meant to be lit by day.", "follows"),
        ("その灯台の光は夜ごとに海を照らす。", "follows"),
        ("In this section we look at the lamp.", "elsewhere"),
        ("In Section 1.2 the lamp was described at length.", "elsewhere"),
        ("As we have seen informally, the lamp is lit at dusk.", "elsewhere"),
        ("The lamp is described in the keeper's book.", "elsewhere"),
        ("Orphan all lamps, as described in Orphaning a lamp.", "elsewhere"),
        ("More details can be found in the keeper's book.", "elsewhere"),
        ("Please see the keeper for the oil of the lamp.", "elsewhere"),
        ("To light it, read Lamps below.", "elsewhere"),
        ("The checklist below is that of the keeper.", "elsewhere"),
        ("A lamp consists of three parts.", "elsewhere"),
        ("The lamp is lit in two ways.", "elsewhere"),
        ("Suppose a lamp has three wicks and no oil.", "elsewhere"),
        ("Who lights the lamp of the tower at dusk?", "elsewhere"),
        ("詳細は灯台守の本を参照してください。", "elsewhere"),
        ("Please send mail about the lamp to keeper@example.org.", "apparatus"),
        ("Comments on the lamp are always welcome.", "apparatus"),
        ("Permission is granted to copy the lamp.", "apparatus"),
        ("You may redistribute it under the same terms.", "apparatus"),
        ("This document is also available in other languages.", "apparatus"),
    ],
)
def test_what_a_sentence_needs(sentence: str, needs: Bearing) -> None:
    assert bearing(sentence) == needs


@pytest.mark.parametrize(
    ("sentence", "definite"),
    [("The lamp was lit.", True), ("If the lamp was lit, ships came.", True), ("A lamp was lit.", False)],
)
def test_what_is_taken_as_known(sentence: str, definite: bool) -> None:
    assert is_definite(sentence) == definite


@given(st.text(alphabet="The lamp(see)[1]:/.,;^ a", max_size=80))
def test_nothing_but_what_was_there_is_left(sentence: str) -> None:
    left = iter(sentence.casefold())
    assert all(character in left for character in standing_alone(sentence).casefold())
