"""Equations of web pages and of Word on one line."""

from __future__ import annotations

import pytest
from lxml import etree

from app.documents.web.text import html_to_text
from app.documents.word import omml

ROOT = "<mi>x</mi><mo>=</mo><mfrac><mrow><mo>-</mo><mi>b</mi><mo>+</mo><msqrt><msup><mi>b</mi><mn>2</mn></msup>" \
       "<mo>-</mo><mn>4</mn><mi>a</mi></msqrt></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac>"  # fmt: skip


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<mi>x</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><msup><mi>r</mi><mn>2</mn></msup>", "x=1/2 r^2"),
        (ROOT, "x=(-b+sqrt(b^2-4a))/(2a)"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>",
         "∑_{i=1}^n i"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi><mo>+</mo><mi>f</mi><mo>(</mo><mi>x</mi><mo>)</mo>", "sin x+f(x)"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot><mover><mi>x</mi><mo>¯</mo></mover>", "sqrt[3](x) x̄"),
        ("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>", "(a+b)^2"),
        ("<msup><mi>e</mi><mrow><mo>-</mo><mi>x</mi></mrow></msup><mi>y</mi>", "e^{-x} y"),
        ("<semantics><mrow><mi>x</mi></mrow><annotation encoding='application/x-tex'>x</annotation></semantics>", "x"),
        ("<semantics><annotation encoding='application/x-tex'>x^2</annotation></semantics>", "x^2"),
        ("<mo>[</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd>"
         "<mtd><mn>1</mn></mtd></mtr></mtable><mo>]</mo>", "[1, 0; 0, 1]"),
        ("<mfenced open='{'><mi>a</mi><mi>b</mi></mfenced>", "{a, b)"),
        ("<msup><mn>30</mn><mo>∘</mo></msup>", "30°"),
    ],
)  # fmt: skip
def test_mathml(markup: str, expected: str) -> None:
    assert html_to_text(f"<p><math>{markup}</math></p>", "a.html") == expected
    prefixed = markup.replace("</", "@").replace("<", "<m:").replace("@", "</m:")
    assert html_to_text(f"<p><m:math>{prefixed}</m:math></p>", "a.html") == expected


def test_a_hidden_equation_beside_its_picture_is_read() -> None:
    markup = (
        "<p>So <span style='display: none'><math><mi>x</mi></math></span><img aria-hidden=true alt='x and y'> it is</p>"
    )
    assert html_to_text(markup, "a.html") == "So x it is"


def test_deep_nesting_of_an_equation_is_read() -> None:
    assert "x" in html_to_text("<math>" + "<msqrt>" * 3000 + "<mi>x</mi>", "a.html")


def equation(inner: str) -> str:
    namespace = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    tags = inner.replace("</", "@").replace("<", "<m:").replace("@", "</m:")
    return omml.linear(etree.fromstring(f"<m:oMath xmlns:m='{namespace}'>{tags}</m:oMath>"))


def run(text: str) -> str:
    return f"<r><t>{text}</t></r>"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (run("x=") + f"<f><num>{run('1')}</num><den>{run('2')}</den></f><sSup><e>{run('r')}</e><sup>{run('2')}</sup></sSup>",  # noqa: E501
         "x=1/2 r^2"),
        (f"<rad><deg/><e>{run('a+b')}</e></rad><rad><deg>{run('3')}</deg><e>{run('x')}</e></rad>", "sqrt(a+b) sqrt[3](x)"),  # noqa: E501
        (f"<nary><naryPr/><sub>{run('0')}</sub><sup>{run('1')}</sup><e>{run('x dx')}</e></nary>", "∫_0^1 x dx"),
        (f"<d><e>{run('a+b')}</e></d><d><e><f><fPr/><num>{run('n')}</num><den>{run('k')}</den></f></e></d>", "(a+b)(n/k)"),  # noqa: E501
        (f"<func><fName>{run('sin')}</fName><e>{run('x')}</e></func>", "sin x"),
        (f"<sSubSup><e>{run('x')}</e><sub>{run('i+1')}</sub><sup>{run('2')}</sup></sSubSup>", "x_{i+1}^2"),
        (f"<m><mr><e>{run('1')}</e><e>{run('0')}</e></mr><mr><e>{run('0')}</e><e>{run('1')}</e></mr></m>", "1, 0; 0, 1"),  # noqa: E501
        (f"<acc><e>{run('x')}</e></acc><bar><e>{run('y')}</e></bar>", "x̂ ȳ"),
    ],
)  # fmt: skip
def test_equations_of_word(inner: str, expected: str) -> None:
    assert equation(inner) == expected
