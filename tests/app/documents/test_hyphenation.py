"""Words broken over two lines: what the rest of the document writes decides."""

from __future__ import annotations

import pytest

from app.documents.repair import repair


def joined(*texts: str) -> str:
    return "\f".join(page.text for page in repair(texts, [None] * len(texts))[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("an exam-\nple", "an example"),
        ("An Exam-\nple", "An Example"),
        ("an exam- \n\t ple", "an example"),
        ("an exam\u2010\nple", "an example"),
        ("an exam\u00ad\nple", "an example"),
        ("un ex-\nemple é-\nlève", "un exemple é-lève"),  # nobody breaks off a single letter
        # The document has the compound, the word, or both halves.
        ("well-known, well-\nknown", "well-known, well-known"),
        ("Well-known, well-\nknown", "Well-known, well-known"),
        ("state-of-the-art, state-of-\nthe-art", "state-of-the-art, state-of-the-art"),
        ("startup, start-\nup", "startup, startup"),
        ("policy is compliant; policy-\ncompliant", "policy is compliant; policy-compliant"),
        # Halves of broken words are no words.
        ("docu-\nment, docu-\nment", "document, document"),
        ("one-\ntwo-\nthree", "onetwothree"),
        # What no typesetter breaks.
        ("CPU-\nbound, x-\naxis", "CPU-bound, x-axis"),
        ("https://example.org/mail-\ning and lib_foo-\nbar", "https://example.org/mail-ing and lib_foo-bar"),
        ("an exam-\nple.", "an example."),
        ("see exam-\nple.org", "see exam-ple.org"),
        # Left as they are.
        ("pre-\nand post-war", "pre-\nand post-war"),
        ("Vor-\nund Nachteile", "Vor-\nund Nachteile"),
        ("Anglo-\nSaxon 1990-\n2000", "Anglo-\nSaxon 1990-\n2000"),
        ("- a\n- b\n-\nc --\nd", "- a\n- b\n-\nc --\nd"),
        ("a dash--\nand on", "a dash--\nand on"),
        ("exam-\n\nple", "exam-\n\nple"),
        ("exam-ple", "exam-ple"),
        ("exam-", "exam-"),
    ],
)
def test_broken_words(text: str, expected: str) -> None:
    assert joined(text) == expected


def test_other_pages_count_as_the_same_document() -> None:
    assert joined("well-\nknown", "It is well-known.") == "well-known\fIt is well-known."
    assert joined("work-\nshop", "A workshop.") == "workshop\fA workshop."


def test_a_word_is_not_put_together_across_pages() -> None:
    assert joined("exam-", "ple") == "exam-\fple"


def test_where_nothing_else_decides_the_documents_habit_does() -> None:
    unhyphenated = "run-time, run-\ntime, read-only, read-\nonly, user-\ncontrollable"
    assert joined(unhyphenated).endswith("run-time, read-only, read-only, user-controllable")
    hyphenated = "example, exam-\nple, other, oth-\ner, hori-\nzontally"
    assert joined(hyphenated).endswith("example, other, other, horizontally")


def test_a_text_without_words_takes_no_time() -> None:
    for text in ("a" * 200_000, "-" * 200_000, "a-" * 100_000, "-\n" * 100_000, "a-" + " " * 200_000):
        assert joined(text) == text
