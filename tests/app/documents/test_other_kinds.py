"""Other kinds of files: OpenDocument, rich text, presentations, tables, mails, subtitles, marked-up texts, programs."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest

from app.documents import Document, RemovedLine, read_document
from app.say.errors import DamagedFile, DocumentError, FileTooLarge, NotText, ReadingTooSlow, TooManyPages
from app.settings import Limits

ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0"'
    for name, kind in (("text", "text"), ("table", "table"), ("style", "style"), ("office", "office"),
                       ("draw", "drawing"), ("svg", "svg-compatible"), ("fo", "xsl-fo-compatible"))
) + (
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:loext="urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0"'
)  # fmt: skip


def read(folder: Path, name: str, data: str | bytes, limits: Limits | None = None) -> Document:
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return read_document(folder / name, limits=limits)


def titles(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def odt(folder: Path, body: str, own: str = "", others: str = "", parts: dict[str, str] | None = None) -> Path:
    """`own`: automatic styles; `others`: what is in styles.xml; `parts`: more files in it."""
    styles = (
        "<office:automatic-styles><style:style style:name='T1'><style:text-properties style:text-position='super 58%'/>"
        "</style:style><style:style style:name='T2'><style:text-properties style:text-position='-33% 58%'/>"
        f"</style:style>{own}</office:automatic-styles>"
    )
    inner = f"{styles}<office:body><office:text>{body}</office:text></office:body>"
    with zipfile.ZipFile(folder / "a.odt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.xml", f"<office:document-content {ODF}>{inner}</office:document-content>")
        if others:
            archive.writestr("styles.xml", f"<office:document-styles {ODF}>{others}</office:document-styles>")
        for name, data in (parts or {}).items():
            archive.writestr(name, data)
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


LISTS = """<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1"
    style:num-suffix="."/><text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="("
    style:num-suffix=")"/><text:list-level-style-bullet text:level="3" text:bullet-char="x"/></text:list-style>"""
OUTLINE = """<office:styles><text:outline-style style:name="Outline"><text:outline-level-style text:level="1"
    style:num-format="I" style:num-suffix="." loext:num-list-format="%1%."/><text:outline-level-style text:level="2"
    style:num-format="1" text:display-levels="2"/><text:outline-level-style text:level="3" style:num-format=""/>
    </text:outline-style><style:style style:name="Plain" style:list-style-name=""/></office:styles>"""


def test_headings_and_lists_have_the_numbers_that_libreoffice_shows(tmp_path: Path) -> None:
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('one', '')}{item.format('two', '<text:p>more</text:p>')}</text:list>"
    body = f"""<text:h text:outline-level="1">Light</text:h><text:h text:outline-level="2">Lamp</text:h>
        <text:h text:outline-level="3">Wick</text:h><text:h text:style-name="Plain">Aside</text:h>
        <text:list text:style-name="L1">{item.format("first", inner)}{item.format("second", inner)}
        <text:list-header><text:p>not counted</text:p></text:list-header></text:list><text:p>Between.</text:p>
        <text:list text:style-name="L1" text:continue-numbering="true">{item.format("third", "")}</text:list>
        <text:list text:style-name="L1"><text:list-item text:start-value="7"><text:p>seventh</text:p></text:list-item>
        {item.format("eighth", "")}</text:list><text:h text:outline-level="1">Fog</text:h>
        <text:h text:outline-level="2">Horn</text:h>"""
    (page,) = read_document(odt(tmp_path, body, LISTS, OUTLINE)).pages
    assert page.text.split("\n\n") == [
        "# I. Light", "## I.1 Lamp", "### Wick", "# Aside",
        "1. first\n  (a) one\n  (b) two\n    more\n2. second\n  (a) one\n  (b) two\n    more\n  not counted",
        "Between.", "3. third", "7. seventh\n8. eighth", "# II. Fog", "## II.1 Horn",
    ]  # fmt: skip


def test_equations_headers_comments_and_breaks_of_opendocument(tmp_path: Path) -> None:
    own = """<style:style style:name="P1" style:master-page-name="Annex"/><style:style style:name="P2">
        <style:paragraph-properties fo:break-before="page"/></style:style>"""
    masters = """<office:master-styles><style:master-page style:name="Standard"><style:header><text:p>Notices</text:p>
        </style:header><style:footer><text:p>7</text:p></style:footer></style:master-page><style:master-page
        style:name="Annex"><style:header><text:p>Notices</text:p></style:header><style:footer><text:p>Annex of
        1850</text:p></style:footer></style:master-page></office:master-styles>"""
    formula = (
        "<math xmlns='http://www.w3.org/1998/Math/MathML'><semantics><mfrac><mn>1</mn><mi>x</mi></mfrac>"
        "<annotation encoding='StarMath 5.0'>1 over x</annotation></semantics></math>"
    )
    body = """<text:p>The <office:annotation office:name="c1"><dc:creator>Orr</dc:creator><text:p>When?</text:p>
        </office:annotation>lamp<office:annotation-end office:name="c1"/> is <draw:frame><draw:object
        xlink:href="./Object 1"/></draw:frame>.</text:p><text:p text:style-name="P2">Second.</text:p>
        <text:p text:style-name="P1">Third.</text:p>"""
    path = odt(tmp_path, body, own, masters, {"Object 1/content.xml": formula})
    found = read_document(path)
    assert [page.text for page in found.pages] == ["The lamp is 1/x.", "Second.", "Third."]
    assert found.removed == (
        RemovedLine(1, "Notices"),
        RemovedLine(1, "Orr: When?", "comment"),
        RemovedLine(3, "Annex of 1850"),
    )
    kept = read_document(path, running_lines="keep", comments=True)
    assert [page.text for page in kept.pages] == [
        "Notices\n\nThe lamp [comment by Orr: When?] is 1/x.",
        "Second.",
        "Third.\n\nAnnex of 1850",
    ]


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


RICH = (
    r"{\rtf1\ansi{\stylesheet{\s1\super note;}}\sectd{\header \pard Report on {\b lamps}\par}{\footer \pard 1\par}"
    r"\pard 6.6\'d710{\super -34} J s, CO\sub 2\nosupersub ."
    r"{\super\chftn {\footnote \pard{\super\chftn} Orr,\par 1810.}}"
    r" It{\*\atnid A}{\*\atnauthor Ann}\chatn{\*\annotation{\*\atnref 1}{\*\atndate 12}\pard Check.} burns.\par"
    r"\trowd\cellx1\cellx2 \pard\intbl Rock\cell Two\par lines\cell\row\trowd \pard\intbl Bell\cell 35 m\cell\row"
    r"\pard \page Second{\super\chftn{\footnote\ftnalt An endnote.}} {\pict\bin4 }}}}page.\par}"
)
RICH_TEXTS = [
    "6.6×10⁻³⁴ J s, CO₂. [^1] It burns.\n\n| Rock | Two lines |\n| --- | --- |\n| Bell | 35 m |\n\n[^1]: Orr, 1810.",
    "Second [^2] page.\n\n[^2]: An endnote.",
]


def test_notes_headers_comments_and_tables_of_rich_text(tmp_path: Path) -> None:
    document = read(tmp_path, "a.rtf", RICH)
    assert [page.text for page in document.pages] == RICH_TEXTS
    assert document.removed == (RemovedLine(1, "Report on lamps"), RemovedLine(1, "Ann: Check.", "comment"))
    assert list(map(str, document.notes)) == ["1 comment was left out."]
    kept = read_document(tmp_path / "a.rtf", running_lines="keep", comments=True)
    assert kept.pages[0].text == "Report on lamps\n\n" + RICH_TEXTS[0].replace(
        "It burns", "It [comment by Ann: Check.] burns"
    )
    assert (kept.removed, kept.notes) == ((), ())


@pytest.mark.parametrize("end", range(5, len(RICH), 37))
def test_rich_text_that_is_cut_short_is_read_as_far_as_it_goes(tmp_path: Path, end: int) -> None:
    with suppress(DocumentError):
        assert not set("\u2e22\u2e24\u2e25\u2e26") & set(read(tmp_path, "a.rtf", RICH[:end]).pages[0].text)


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
    org = (
        "#+TITLE: Light\n* TODO Sea :tag:\n| a | b |\n|---+---|\n:LOG:\n:END:\nSee [[http://x][there]].\n"
        "#+begin_src\n* no\n#+end_src\n"
    )
    document = read(tmp_path, "a.org", org)
    assert document.pages[0].text == "# Light\n## Sea\n| a | b |\n| --- | --- |\nSee there.\n```\n* no\n```\n"
    assert titles(document) == [(1, "Light"), (2, "Sea")]
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


def test_notes_small_letters_and_files_that_latex_puts_in(tmp_path: Path) -> None:
    source = r"""\input{nothing}\input other.tex
A lamp.\footnote{Built in 1810.} It is 5 m\textsuperscript{2}, CO\textsubscript{2}, x\textsubscript{max}. So
Orr\footnotemark{} says.\footnotetext{In \emph{Lights}.}
\begin{itemize}\item one \item[(b)] two\end{itemize}"""
    document = read(tmp_path, "a.tex", source)
    assert document.pages[0].text == (
        "A lamp. [^1] It is 5 m², CO₂, x_{max}. So\nOrr [^2] says.\n\n- one\n- (b) two\n\n[^1]: Built in 1810.\n\n"
        "[^2]: In Lights."
    )
    assert "were not read: nothing, other.tex." in str(document.notes[0])
    assert read(tmp_path, "b.tex", r"\input{} All.").pages[0].text == "All."


def test_what_a_file_says_of_itself_at_length_is_cut_in_a_note(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "a.tex", "\\input{" + "x" * 5_000 + "} It is lit.").notes
    assert len(str(note)) < 400
    assert str(note).endswith("x…. Add them too.")
