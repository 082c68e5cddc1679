"""Raised and lowered letters in plain text: exponents keep their meaning, marks of notes stand apart."""

from __future__ import annotations

import pytest

from app.documents.small_letters import lowered, note_mark, raised
from app.documents.web.text import html_to_text


@pytest.mark.parametrize(
    ("before", "text", "after", "whole"),
    [
        ("6.6×10", "-34", "", "6.6×10⁻³⁴"),
        ("5 m", "2", ";", "5 m²;"),
        ("12 km", "2", "", "12 km²"),
        ("m s", "−2", "", "m s⁻²"),
        ("r", "2", "", "r²"),
        ("(a+b)", "2", "", "(a+b)²"),
        ("χ", "2", "", "χ²"),
        ("sin", "2", " x", "sin² x"),
        ("Ca", "2+", "", "Ca²⁺"),
        ("2", "n+1", "", "2^{n+1}"),
        ("e", "x", "", "e^x"),
        ("10", "12", "", "10¹²"),
        ("the ", "14", "C dating", "the ¹⁴C dating"),
        # Marks of notes.
        ("shown by Orr.", "12", "", "shown by Orr. [12]"),
        ("and note", "12", "", "and note [12]"),
        ("in 1999", "3", "", "in 1999 [3]"),
        ("(see below)", "2", "", "(see below) [2]"),
        ("he said,”", "1,2", "", "he said,” [1,2]"),
        ("word", "[4]", "", "word [4]"),
        ("", "12", "And God", "[12] And God"),
        ("Smith", "†", "", "Smith [†]"),
        ("a name", "*", "Next", "a name [*] Next"),
        ("0.05", "**", "", "0.05**"),
        ("x", "*", "", "x^*"),
        ("word", "12,", "", "word [12]"),
        ("of", "2", " and", "of [2] and"),
        ("of 12", "2", " and", "of 12² and"),
        ("", "1", "In 1850 the lamp", "[1] In 1850 the lamp"),
        ("", "14", "C dating", "¹⁴C dating"),
        # What is raised in words and fractions.
        ("the 20", "th", " c.", "the 20th c."),
        ("2", "d", " − 1", "2^d − 1"),
        ("XIX", "e", "", "XIXe"),
        ("M", "lle", "", "Mlle"),
        ("N", "o", "", "No"),
        ("Word", "TM", "", "Word™"),
        ("3", "1", "/", "3 1/"),
        ("D", "ROP CAP", "", "DROP CAP"),
        ("L", "A", "TEX", "LATEX"),
        ("word", "(see the long note)", "", "word (see the long note)"),
    ],
)
def test_raised_letters(before: str, text: str, after: str, whole: str) -> None:
    assert before + raised(text, before, after) + after == whole


@pytest.mark.parametrize(
    ("before", "text", "whole"),
    [("x", "i", "x_i"), ("CO", "2", "CO₂"), ("T", "max", "T_{max}"), ("1/", "2", "1/2"), ("", "small", "small")],
)
def test_lowered_letters(before: str, text: str, whole: str) -> None:
    assert before + lowered(text, before) == whole


def test_a_mark_stands_apart() -> None:
    assert note_mark("3", "word") == " [^3]"
    assert note_mark("3", "word ") == note_mark("3", "") == "[^3]"


def text(markup: str) -> str:
    return html_to_text(markup, "a.html")


def test_small_letters_of_a_page() -> None:
    markup = (
        "<p>Plancks constant is 6.6×10<sup>-34</sup>; the area is 5 m<sup>2</sup>; as shown by Orr.<sup>12</sup> "
        "x<sub>i</sub></p>"
    )
    assert text(markup) == ("Plancks constant is 6.6×10⁻³⁴; the area is 5 m²; as shown by Orr. [12] x_i")
    assert text("<h2>CO<sub>2</sub> in <b>x<sub>i</sub><sup>2</sup></b></h2>") == "## CO₂ in x_i²"
    assert text("<table><tr><td>m<sup>2</sup><td>1</tr><tr><td>e<sup>x<sub>i</sub></sup><td>2</tr></table>") == (
        "| m² | 1 |\n| --- | --- |\n| e^{x_i} | 2 |"
    )


def test_notes_are_named_at_their_mark_and_where_they_stand() -> None:
    markup = """<p>One.<sup id=r1><a href="#n1">[1]</a></sup> Two<a id=r2 href="#n2"><sup>2</sup></a> and
        three<a epub:type="noteref" href="#n3">3</a>.</p>
        <ol><li id=n1><a href="#r1">↑</a> Smith, 1999.</li></ol><h5><a id=n2 href="#r2">(2)</a></h5><p>The second.</p>
        <p><a id=n3></a><sup>3</sup> The third, of 12 m<sup>2</sup>.</p>"""
    assert text(markup) == (
        "One. [^1] Two [^2] and three [^3].\n\n[^1]: Smith, 1999.\n\n[^2]: The second.\n\n[^3]: The third, of 12 m²."
    )


def test_notes_of_other_files_and_links_that_are_no_notes() -> None:
    assert text("<p>a<a epub:type=noteref href='notes.xhtml#n4'>4</a> b</p>") == "a [4] b"
    assert text("<aside epub:type=footnote><p>4. See Orr.</p></aside>") == "[^4]: See Orr."
    assert text("<p>see <a href='#s2'>2</a>.</p><p id=s2>Two</p>") == "see 2.\n\nTwo"
