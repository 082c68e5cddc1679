"""Other kinds of files: OpenDocument, rich text, presentations, tables, mails, subtitles, marked-up texts, programs."""

from __future__ import annotations

import zipfile
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest

from app.documents import Document, read_document
from app.say.errors import DamagedFile, DocumentError, FileTooLarge, NotText, ReadingTooSlow, TooManyPages
from app.settings import Limits

ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0"'
    for name, kind in (("text", "text"), ("table", "table"), ("style", "style"), ("office", "office"),
                       ("draw", "drawing"), ("svg", "svg-compatible"))
)  # fmt: skip


def read(folder: Path, name: str, data: str | bytes, limits: Limits | None = None) -> Document:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return read_document(folder / name, limits=limits)


def titles(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def odt(folder: Path, body: str) -> Path:
    styles = (
        "<office:automatic-styles><style:style style:name='T1'><style:text-properties style:text-position='super 58%'/>"
        "</style:style><style:style style:name='T2'><style:text-properties style:text-position='-33% 58%'/>"
        "</style:style></office:automatic-styles>"
    )
    inner = f"{styles}<office:body><office:text>{body}</office:text></office:body>"
    with zipfile.ZipFile(folder / "a.odt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", f"<office:document-content {ODF}>{inner}</office:document-content>")
    return folder / "a.odt"


def test_opendocument(tmp_path: Path) -> None:
    body = """<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>
        <text:h text:outline-level='1'>The light</text:h>
        <text:p>10<text:span text:style-name='T1'>-34</text:span> CO<text:span
        text:style-name='T2'>2</text:span> a<text:s text:c='2'/>b<text:note><text:note-body><text:p>Noted.</text:p>
        </text:note-body></text:note> c<office:annotation><text:p>why</text:p></office:annotation></text:p>
        <text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>two</text:p></text:list-item>
        </text:list></text:list-item></text:list><text:soft-page-break/><text:h text:outline-level='2'>Deeper</text:h>
        <table:table><table:table-row><table:table-cell><text:p>h</text:p></table:table-cell><table:table-cell
        table:number-columns-repeated='16000'/></table:table-row><table:table-row><table:table-cell><text:p>1</text:p>
        </table:table-cell><table:table-cell><text:p>2</text:p></table:table-cell></table:table-row></table:table>
        <text:p>on <text:soft-page-break/>three<draw:frame><svg:desc>A boat leaves</svg:desc></draw:frame></text:p>"""
    document = read_document(odt(tmp_path, body))
    assert [page.text for page in document.pages] == [
        "# The light\n\n10⁻³⁴ CO₂ a  b [^1] c\n\n- one\n  - two\n\n[^1]: Noted.",
        "## Deeper\n\n| h |  |\n| --- | --- |\n| 1 | 2 |\n\non",
        "three[A boat leaves]",
    ]
    assert titles(document) == [(1, "The light"), (2, "Deeper")]
    assert list(map(str, document.notes)) == ["1 comment was left out."]


def test_limits_of_opendocument(tmp_path: Path) -> None:
    with pytest.raises(TooManyPages):
        read_document(odt(tmp_path, "<text:p>a</text:p><text:soft-page-break/>" * 5), limits=Limits(max_pages=3))
    with pytest.raises(ReadingTooSlow):
        read_document(odt(tmp_path, "<text:p/>" * 1_000), limits=Limits(max_read_seconds=0))
    with pytest.raises(FileTooLarge):
        read_document(odt(tmp_path, "<text:p/>" * 3_000_000))
    for data in (b"<a", b"<a/>"):
        with zipfile.ZipFile(tmp_path / "b.odt", "w") as archive:
            archive.writestr("content.xml", data)
        with pytest.raises(DamagedFile, match=r"b.odt is damaged and cannot be read"):
            read_document(tmp_path / "b.odt")


def test_rich_text(tmp_path: Path) -> None:
    source = (
        r"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0 Times;}}{\stylesheet{\s1\outlinelevel0 heading 1;}}"
        r"\pard\s1\outlinelevel0 {The light}\par \pard\plain \'a3\u243?d\'9f {\i is} lit.\par\par Next.\par"
        r"\page \pard\s2\outlinelevel1 Deeper\par \pard End.\par}"
    )
    document = read(tmp_path, "a.rtf", source)
    assert [page.text for page in document.pages] == ["# The light\n\nŁódź is lit.\n\nNext.", "## Deeper\n\nEnd."]
    assert titles(document) == [(1, "The light"), (2, "Deeper")]
    with pytest.raises(DamagedFile, match=r"a.rtf is named like rich text \(rtf\) but is none"):
        read(tmp_path, "a.rtf", "no rich text")


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def relations(targets: dict[str, tuple[str, str]]) -> str:
    inner = "".join(
        f"<Relationship Id='{key}' Type='{OFFICE}/{kind}' Target='{target}'/>"
        for key, (kind, target) in targets.items()
    )
    return f"<Relationships xmlns='{PACKAGE}/relationships'>{inner}</Relationships>"


def pptx(folder: Path, slides: list[str]) -> Path:
    main = "http://schemas.openxmlformats.org/{}/2006/main"
    spaces = f"xmlns:p='{main.format('presentationml')}' xmlns:a='{main.format('drawingml')}' xmlns:r='{OFFICE}'"
    with zipfile.ZipFile(folder / "a.pptx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f"<Types xmlns='{PACKAGE}/content-types'/>")
        archive.writestr("_rels/.rels", relations({"r": ("officeDocument", "ppt/p.xml")}))
        order = "".join(f"<p:sldId id='{number}' r:id='s{number}'/>" for number in range(len(slides)))
        archive.writestr("ppt/p.xml", f"<p:presentation {spaces}><p:sldIdLst>{order}</p:sldIdLst></p:presentation>")
        targets = {f"s{number}": ("slide", f"slides/s{number}.xml") for number in range(len(slides))}
        archive.writestr("ppt/_rels/p.xml.rels", relations(targets))
        for number, slide in enumerate(slides):
            archive.writestr(f"ppt/slides/s{number}.xml", f"<p:sld {spaces}>{slide}</p:sld>")
        archive.writestr("ppt/slides/_rels/s0.xml.rels", relations({"n": ("notesSlide", "../notes.xml")}))
        notes = shape("Say it slowly.") + shape("1", "sldNum")
        archive.writestr("ppt/notes.xml", f"<p:notes {spaces}>{notes}</p:notes>")
    return folder / "a.pptx"


def shape(text: str, kind: str = "", level: int = 0) -> str:
    place = f"<p:nvSpPr><p:nvPr><p:ph type='{kind}'/></p:nvPr></p:nvSpPr>" if kind else ""
    return f"<p:sp>{place}<a:p><a:pPr lvl='{level}'/><a:r><a:rPr/><a:t>{text}</a:t></a:r></a:p></p:sp>"


def test_presentations(tmp_path: Path) -> None:
    power = "<p:sp><a:p><a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline='30000'/><a:t>-6</a:t></a:r></a:p></p:sp>"
    table = "<a:tbl><a:tr><a:tc><a:p><a:r><a:t>h</a:t></a:r></a:p></a:tc></a:tr></a:tbl>"
    slides = [shape("below", level=1) + shape("The light", "title") + power, shape("7", "sldNum") + table]
    document = read_document(pptx(tmp_path, slides))
    assert [page.text for page in document.pages] == [
        "# The light\n\n- below\n\n10⁻⁶\n\n[Say it slowly.]",
        "| h |\n| --- |",
    ]
    assert titles(document) == [(1, "The light")]
    with pytest.raises(TooManyPages):
        read_document(pptx(tmp_path, slides), limits=Limits(max_pages=1))
    with pytest.raises(DamagedFile, match=r"a.pptx is damaged and cannot be read"):
        read_document(pptx(tmp_path, ["<p:broken>"]))


def test_workbooks(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Lamps"
    for row in (["Year", "Focus | mm", None], [1811, 920.5, None], [None, None, None], ["a\nb", 3.0, None]):
        sheet.append(row)
    book.create_sheet("Empty")
    book.create_sheet("Hidden").sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    document = read_document(tmp_path / "a.xlsx")
    lamps = "# Lamps\n\n| Year | Focus \\| mm |\n| --- | --- |\n| 1811 | 920.5 |\n| a b | 3 |"
    assert [(page.label, page.text) for page in document.pages] == [("Lamps", lamps), ("Empty", "")]
    assert titles(document) == [(1, "Lamps")]
    assert list(map(str, document.notes)) == ["1 hidden sheet was left out."]


def test_a_sheet_is_as_large_as_what_stands_in_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["B900"] = "first", "last"
    book.save(tmp_path / "b.xlsx")
    with zipfile.ZipFile(tmp_path / "b.xlsx") as made, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name in made.namelist():
            archive.writestr(name, made.read(name).replace(b"A1:B900", b"A1:XFD1048576"))
    document = read_document(tmp_path / "a.xlsx")
    assert document.pages[0].text == "# Sheet\n\n| first |  |\n| --- | --- |\n|  | last |"
    with pytest.raises(FileTooLarge, match=r"a.csv has a row of 3,001 columns; the limit is 2,000"):
        read(tmp_path, "a.csv", "a" + "," * 3_000 + "b")


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a") as archive:
        archive.writestr("xl/b.xml", "<!DOCTYPE a [<!ENTITY a 'b'>]><a/>")
    with pytest.raises(DamagedFile, match=r"a.xlsx declares a document type"):
        read_document(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", 'Year,Focus\n1811,"a, b"\n'),
        ("a.csv", "Year;Focus\r\n1811;a, b\r\n"),
        ("a.tsv", "Year\tFocus\n1811\ta, b\n\n"),
        ("a.csv", "Year|Focus\n1811|a, b\n"),
    ],
)
def test_values_with_delimiters(tmp_path: Path, name: str, data: str) -> None:
    assert read(tmp_path, name, data).pages[0].text == "| Year | Focus |\n| --- | --- |\n| 1811 | a, b |"


def test_a_field_without_end_is_damage(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match=r"a.csv is damaged"):
        read(tmp_path, "a.csv", 'a,b\n1,"' + "x" * 200_000)


def test_mail(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "The lämp", "Ann <a@example.org>", "b@example.org"
    mail.set_content("It is lit.\n")
    mail.add_alternative("<p>It is <b>lit</b>.</p>", subtype="html")
    mail.add_attachment(b"x", maintype="image", subtype="png", filename="lamp.png")
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("<p>x<sup>2</sup></p>", subtype="html")
    mail.add_attachment(inner)
    document = read(tmp_path, "a.eml", mail.as_bytes())
    assert document.pages[0].text == (
        "# The lämp\n\nFrom: Ann <a@example.org>\nTo: b@example.org\n\nIt is lit.\n\n## Inner\n\nx²"
    )
    assert titles(document) == [(1, "The lämp"), (2, "Inner")]
    assert list(map(str, document.notes)) == ["Attachments were left out: lamp.png. Add them as files of their own."]


def test_subtitles(tmp_path: Path) -> None:
    srt = (
        "1\n00:00:01,000 --> 00:00:03,000\n<i>It was</i>\n\n2\n00:00:03,100 --> 00:00:05,000\nlit {\\an8}at six.\n\n"
        "3\n01:00:09,000 --> 01:00:10,000\nLater.\n"
    )
    assert read(tmp_path, "a.srt", srt).pages[0].text == "[00:00:01] It was lit at six.\n\n[01:00:09] Later."
    vtt = "WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:03.000 align:left\n<v Ann>We said\n\n00:03.000 --> 00:04.000\nso."
    assert read(tmp_path, "a.vtt", vtt).pages[0].text == "[00:00:01] Ann: We said so."
    with pytest.raises(NotText, match=r"a.srt is named like subtitles"):
        read(tmp_path, "a.srt", "no times")


def test_latex(tmp_path: Path) -> None:
    source = r"""\documentclass{article} % it
\title{The light}
\begin{document}\maketitle
\section{Sea\label{s}} The \emph{old} light costs 5\% of \$10 --- ``so'' Caf\'e\footnote{See \cite{orr}.}, $x_i^2$~m.
% gone
\subsection*{Deeper} \begin{itemize}\item one \item two\end{itemize}
\begin{equation}E = mc^2\end{equation} See \ref{s}. \input{other}
\end{document} no"""
    document = read(tmp_path, "a.tex", source)
    text = document.pages[0].text
    for part in (
        "# The light", "## Sea", "The old light costs 5% of $10 — “so” Café [^1], $x_i^2$ m.", "[^1]: See [orr].",
        "### Deeper", "- one\n- two", r"\begin{equation}E = mc^2\end{equation} See [s].",
    ):  # fmt: skip
        assert part in text
    assert "gone" not in text
    assert titles(document) == [(1, "The light"), (2, "Sea"), (3, "Deeper")]
    assert "were not read: other." in str(document.notes[0])


def test_org_and_restructured_text(tmp_path: Path) -> None:
    org = "#+TITLE: Light\n* TODO Sea :tag:\n:LOG:\n:END:\nSee [[http://x][there]].\n#+begin_src\n* no\n#+end_src\n"
    document = read(tmp_path, "a.org", org)
    assert document.pages[0].text == "# Light\n# Sea\nSee there.\n```\n* no\n```\n"
    assert titles(document) == [(1, "Light"), (1, "Sea")]
    rst = "Light\n=====\n\nSee :ref:`there <x>` and `here <http://y>`_.\n\nSea\n---\n\nText.\n"
    document = read(tmp_path, "a.rst", rst)
    assert "See there and here." in document.pages[0].text
    assert titles(document) == [(1, "Light"), (2, "Sea")]


def test_programs(tmp_path: Path) -> None:
    source = "# COMMENT\nclass Lamp:\n    def lit(self):\n        def inner(): ...\n\nasync def main(): ...\n"
    document = read(tmp_path, "a.py", source)
    assert document.pages[0].text == f"```\n{source.strip()}\n```"
    assert titles(document) == [(1, "class Lamp"), (2, "def lit"), (1, "def main")]
    assert titles(read(tmp_path, "a.rs", "pub fn light() {}\nimpl Lamp {}\n")) == [(1, "fn light"), (1, "impl Lamp")]
    assert read(tmp_path, "a.json", '{"a": 1}').headings == ()


@pytest.mark.parametrize("suffix", ["odt", "pptx", "xlsx"])
def test_archives_that_unfold_beyond_measure_are_refused(tmp_path: Path, suffix: str) -> None:
    with zipfile.ZipFile(tmp_path / f"a.{suffix}", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", b" " * 1_100_000)
    with pytest.raises(FileTooLarge, match=r"unfolds to 1\.1 MB; the limit is 1 MB"):
        read_document(tmp_path / f"a.{suffix}", limits=Limits(max_file_megabytes=1))
    with zipfile.ZipFile(tmp_path / f"a.{suffix}", "w") as archive:
        archive.writestr("x", b"")
    with pytest.raises(DocumentError):
        read_document(tmp_path / f"a.{suffix}")


def test_what_a_file_says_of_itself_at_length_is_cut_in_a_note(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "a.tex", "\\input{" + "x" * 5_000 + "} It is lit.").notes
    assert len(str(note)) < 400
    assert str(note).endswith("x…. Add them too.")
