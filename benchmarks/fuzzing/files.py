"""Small files of every kind that is read: the project's own, and made ones."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path

import openpyxl

from app.documents import ACCEPTED_TYPES
from app.export import Draft, export
from benchmarks.fuzzing.mutation import unpacked_pdf

ROOT = Path(__file__).parents[2]
FOLDERS = ("assets/samples", "tests/data", "docs")
SMALL = 300_000
"""Bytes of a file that is taken."""

ALIKE = {".markdown": ".md", ".text": ".txt", ".htm": ".html", ".xhtml": ".html"}
"""Kinds that are read as others are."""

OTHER_SOURCES = ".json"
"""Stands for all kinds of programs and data but Python's."""

OFFICE = "http://schemas.openxmlformats.org"
RELATIONS = f"{OFFICE}/package/2006/relationships"


def seeds(folder: Path | None = None) -> Mapping[str, Sequence[bytes]]:
    """Files by suffix; those of `folder`, too."""
    found: dict[str, list[bytes]] = defaultdict(list)
    places = [ROOT / place for place in FOLDERS] + ([folder] if folder else [])
    for path in sorted(file for place in places for file in place.rglob("*")):
        if path.suffix in ACCEPTED_TYPES and path.is_file() and path.stat().st_size < SMALL:
            found[ALIKE.get(path.suffix, path.suffix)].append(path.read_bytes())
    for suffix, data in _made().items():
        found[suffix].append(data)
    found[".pdf"] += [unpacked_pdf(data) for data in found[".pdf"]]
    return found


def _made() -> dict[str, bytes]:
    draft = Draft("The light", DRAFT)
    texts = {
        ".rtf": RTF, ".tex": TEX, ".rst": RST, ".org": ORG, ".srt": SRT, ".vtt": VTT, ".html": HTML, ".py": PYTHON,
        OTHER_SOURCES: '{"lamp": [1811, 920.5, null], "keeper": {"name": "Orr"}}\n',
    }  # fmt: skip
    return {
        **{suffix: text.encode() for suffix, text in texts.items()},
        **{f".{kind}": export(draft, kind).data for kind in ("md", "txt", "docx", "pdf", "csv", "tsv")},
        ".odt": _archive({"content.xml": ODT}),
        ".pptx": _pptx(),
        ".xlsx": _xlsx(),
        ".epub": _epub(),
        ".eml": _mail(),
    }


def _archive(members: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _pptx() -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="{OFFICE}/{kind}"'
        for name, kind in (("p", "presentationml/2006/main"), ("a", "drawingml/2006/main"),
                           ("r", "officeDocument/2006/relationships"))
    )  # fmt: skip

    def shape(text: str, kind: str) -> str:
        place = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
        return f'<p:sp>{place}<a:p><a:pPr lvl="1"/><a:r><a:rPr baseline="30000"/><a:t>{text}</a:t></a:r></a:p></p:sp>'

    def related(kind: str, target: str) -> str:
        one = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
        return f'<Relationships xmlns="{RELATIONS}">{one}</Relationships>'

    cell = "<a:tc><a:p><a:r><a:t>h</a:t></a:r></a:p></a:tc>"
    table = f"<a:tbl><a:tr>{cell}{cell}</a:tr><a:tr>{cell}{cell}</a:tr></a:tbl>"
    slides = '<p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
    return _archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{OFFICE}/package/2006/content-types"/>',
            "_rels/.rels": related("officeDocument", "ppt/p.xml"),
            "ppt/p.xml": f"<p:presentation {spaces}>{slides}</p:presentation>",
            "ppt/_rels/p.xml.rels": related("slide", "slides/s.xml"),
            "ppt/slides/s.xml": f"<p:sld {spaces}>{shape('The light', 'title')}{shape('Oil', 'body')}{table}</p:sld>",
            "ppt/slides/_rels/s.xml.rels": related("notesSlide", "../notes.xml"),
            "ppt/notes.xml": f"<p:notes {spaces}>{shape('Say it slowly.', 'body')}</p:notes>",
        }
    )


def _xlsx() -> bytes:
    book, packed = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in (["Year", "Focus | mm", None], [1811, 920.5, True], ["a\nb", 3.0, "=SUM(A1:B2)"]):
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    book.create_sheet("Hidden").sheet_state = "hidden"
    book.save(packed)
    return packed.getvalue()


def _epub() -> bytes:
    items = '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
    toc = '<item id="n" href="n.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    package = f"""<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/>
        <manifest>{items}{toc}</manifest><spine><itemref idref="a"/></spine></package>"""
    rootfile = '<rootfile full-path="b.opf" media-type="application/oebps-package+xml"/>'
    container = f"<rootfiles>{rootfile}</rootfiles>"
    page = '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>{}</body></html>'
    links = '<nav epub:type="toc"><ol><li><a href="a.xhtml#s">The light</a></li></ol></nav>'
    names = "urn:oasis:names:tc:opendocument:xmlns:container"
    return _archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": f'<container xmlns="{names}" version="1.0">{container}</container>',
            "b.opf": package,
            "a.xhtml": page.format(
                f'<h1 id="s">The light</h1>{TABLE}<p>x<sup>2</sup> <img src="a.png" alt="boat"/></p>'
            ),
            "n.xhtml": page.format(links),
        }
    )


def _mail() -> bytes:
    mail, inner = EmailMessage(), EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "The lämp", "Ann <a@example.org>", "b@example.org"
    mail.set_content("It is lit.\n")
    mail.add_alternative("<p>It is <b>lit</b>.</p>", subtype="html")
    mail.add_attachment(b"x", maintype="image", subtype="png", filename="lamp.png")
    inner["Subject"] = "Inner"
    inner.set_content("<p>x<sup>2</sup></p>", subtype="html")
    mail.add_attachment(inner)
    return mail.as_bytes()


DRAFT = """# The light

It burns 10⁻³⁴ of the oil, Łódź says; see page 3.

## Rows

| Year | Focus |
| --- | --- |
| 1811 | 920.5 |

1. one
   - two

> "Nobody slept."[^1]

```
code
```

[^1]: Noted.
"""
TABLE = "<table><tr><th colspan='2'>h</th></tr><tr><td rowspan='2'>1</td><td>2</td></tr><tr><td>3</td></tr></table>"
HTML = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>The light</title></head><body>
<nav><a>x</a></nav><main><h1>The light</h1><p>10<sup>-34</sup> H<sub>2</sub>O &amp;
more.<a href="#n"><sup>1</sup></a></p>{TABLE}
<ol start="3"><li>one<ul><li>two</li></ul></li></ol><pre>code</pre>
<math><mfrac><mi>a</mi><msqrt><mn>2</mn></msqrt>
</mfrac></math><img alt="boat"><div style="display:none">gone</div><p id="n">Noted.</p></main></body></html>"""
RTF = r"""{\rtf1\ansi\ansicpg1250\uc1{\fonttbl{\f0\fcharset238 Times;}}{\stylesheet{\s1\outlinelevel0 heading 1;}}
\pard\s1\outlinelevel0 {The light}\par \pard\plain \'a3\u243?d\'9f {\i is} lit{\super 2}.\par\trowd\cellx1 a\cell\row
\page \pard\s2\outlinelevel1 Deeper\par \pard {\*\comment x}{\footnote noted} End.\par}"""
TEX = r"""\documentclass{article} % it
\title{The light}\newcommand{\oil}[1]{oil #1}
\begin{document}\maketitle
\section{Sea\label{s}} The \emph{old} light costs 5\% of \$10 --- ``so'' Caf\'e\footnote{See \cite{orr}.}, $x_i^2$~m.
\begin{itemize}\item one \item two\end{itemize}
\begin{tabular}{ll}a & b \\ c & d\end{tabular}
\begin{equation}E = mc^2\end{equation} See \ref{s}. \verb|x{| \input{other}
\end{document}"""
RST = """Light
=====

See :ref:`there <x>` and `here <http://y>`_, |sub|.

.. note:: It is lit. [1]_

==== ====
a    b
==== ====
1    2
==== ====

- one

Sea
---

Text::

    code

.. [1] Noted.
"""
ORG = """#+TITLE: Light
* TODO Sea :tag:
:LOG:
:END:
See [[http://x][there]] and x^2. [fn:1]
| a | b |
|---+---|
| 1 | 2 |
#+begin_src python
* no
#+end_src
** Deeper
[fn:1] Noted.
"""
SRT = """1
00:00:01,000 --> 00:00:03,000
<i>It was</i>

2
00:00:03,100 --> 00:00:05,000
lit {\\an8}at six.
"""
VTT = "WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:03.000 align:left\n<v Ann>We said\n\n00:03.000 --> 00:04.000\nso.\n"
PYTHON = "class Lamp:\n    def lit(self):\n        return '''```'''\n\nasync def main(): ...\n"
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0"'
    for name, kind in (("text", "text"), ("table", "table"), ("style", "style"), ("office", "office"))
)
ODT = f"""<office:document-content {_ODF}><office:automatic-styles><style:style style:name="T1">
<style:text-properties style:text-position="super 58%"/></style:style></office:automatic-styles><office:body>
<office:text><text:h text:outline-level="1">The light</text:h><text:p>10<text:span text:style-name="T1">-34</text:span>
a<text:s text:c="2"/>b<text:note><text:note-body><text:p>Noted.</text:p></text:note-body></text:note></text:p>
<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list><text:soft-page-break/><table:table>
<table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>h</text:p></table:table-cell>
<table:table-cell table:number-columns-repeated="16"/></table:table-row></table:table></office:text></office:body>
</office:document-content>"""
