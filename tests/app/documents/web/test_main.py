"""Of a saved article the main part is read; manuals are read whole."""

from __future__ import annotations

from pathlib import Path

from app.documents import Document, read_document
from app.documents.web.main import main_part
from app.documents.web.text import html_to_text

SENTENCES = [
    f"The keeper of tower {number} lit the lamp at dusk, and until the morning he watched the sea in the rain."
    for number in range(1, 25)
]
LINKS = "".join(f"<li><a href=/{number}>Subscribe to our newsletter number {number}</a></li>" for number in range(40))
ARTICLE = f"""<html><head><title>Lamps</title></head><body><div class=menu><ul>{LINKS}</ul></div>
<article><h1>The lamps</h1><p>{" ".join(SENTENCES[:6])}</p><h2>By night</h2><p>{" ".join(SENTENCES[6:12])}</p>
<table><tr><th>Order<th>Focus</tr><tr><td>First<td>920 mm<sup>2</sup></tr></table><p>{" ".join(SENTENCES[12:18])}</p>
<pre>x = 1
y = 2</pre><p>{" ".join(SENTENCES[18:])}<sup><a href="#n1">1</a></sup></p></article>
<div class=sidebar><ul>{LINKS}</ul></div><p id=n1>1. A note.</p></body></html>"""


def read(folder: Path, markup: str, *, whole_page: bool = False) -> Document:
    (folder / "a.html").write_text(markup, "utf-8")
    return read_document(folder / "a.html", whole_page=whole_page)


def test_menus_are_left_out_and_said(tmp_path: Path) -> None:
    document = read(tmp_path, ARTICLE)
    text = document.pages[0].text
    assert "newsletter" not in text
    assert all(sentence in text for sentence in SENTENCES)
    assert [(heading.level, heading.title) for heading in document.headings] == [(1, "The lamps"), (2, "By night")]
    assert "| First | 920 mm² |" in text
    assert "```\nx = 1\ny = 2\n```" in text
    assert text.endswith("[^1]: A note.")
    (note,) = map(str, document.notes)
    assert note.startswith("Left out as beside the main text: ")
    assert "Subscribe to our newsletter number 0" in note


def test_the_whole_page_can_be_had(tmp_path: Path) -> None:
    document = read(tmp_path, ARTICLE, whole_page=True)
    assert document.pages[0].text.count("newsletter") == 80
    assert document.notes == ()


def test_a_manual_is_read_whole(tmp_path: Path) -> None:
    sections = "".join(
        f"<h2>{number} Lamps</h2><p>{sentence}</p><dl><dt>-v</dt><dd>verbose</dd></dl>"
        for number, sentence in enumerate(SENTENCES)
    )
    markup = f"<html><body><ul>{LINKS[:500]}</ul><h1>Manual</h1>{sections}<p>The end.</p></body></html>"
    document = read(tmp_path, markup)
    assert document.notes == ()
    assert document.pages[0].text.count("verbose") == len(SENTENCES)
    assert len(document.headings) == 1 + len(SENTENCES)


def test_a_page_of_a_few_words_is_read_whole() -> None:
    markup = "<ul><li><a href=x>Home</a></ul><p>A short text.</p>"
    assert main_part(markup, html_to_text(markup, "a.html")) is None
