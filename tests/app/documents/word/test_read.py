"""Word documents become text in document order, with headings, lists, tables, notes and Word's own pages."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml.ns import nsdecls
from docx.oxml.parser import parse_xml

from app.documents import Document, read_document
from app.say.errors import DamagedFile, EmptyFile, FileTooLarge, Protected, ReadingTooSlow, TooManyPages
from app.settings import Limits

RENDERED = "<w:r><w:lastRenderedPageBreak/></w:r>"


def save(document: Any, folder: Path) -> Path:
    document.save(folder / "a.docx")
    return folder / "a.docx"


def read(document: Any, folder: Path) -> Document:
    return read_document(save(document, folder))


def texts(document: Any, folder: Path) -> list[str]:
    return [page.text for page in read(document, folder).pages]


def with_body(xml: str) -> Any:
    """A document with `xml` as its body."""
    document = docx.Document()
    body = document.element.body
    for element in parse_xml(
        f"<w:body {nsdecls('w')} xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006' xmlns:m='http://schemas.openxmlformats.org/officeDocument/2006/math'>{xml}</w:body>"
    ):
        body.insert(len(body) - 1, element)
    return document


def paragraph(content: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def run(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def test_text_comes_in_document_order(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("The light", 0)
    document.add_heading("Its oﬃce", 1)
    document.add_paragraph("First ").add_run("bold").bold = True
    document.add_paragraph("")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("Year", "m | ft", "1811", "a\nb"), strict=True
    ):
        cell.text = text
    document.add_heading("Deep", 9)
    document.add_paragraph("Last")
    result = read(document, tmp_path)
    assert [page.text for page in result.pages] == [
        "# The light\n\n# Its office\n\nFirst bold\n\n| Year | m \\| ft |\n| --- | --- |\n| 1811 | a b |\n\n"
        "###### Deep\n\nLast"
    ]
    assert (result.name, result.notes, result.pages[0].label) == ("a.docx", (), None)
    assert "oﬃce" in result.pages[0].extracted


def test_lists_have_bullets_or_numbers(tmp_path: Path) -> None:
    document = docx.Document()
    for style, text in (
        ("List Bullet", "a"),
        ("List Bullet 2", "b"),
        ("List Number", "one"),
        ("List Number", "two"),
        ("Normal", "between"),
        ("List Number", "three"),
    ):
        document.add_paragraph(text, style)
    assert texts(document, tmp_path) == ["- a\n- b\n1. one\n2. two\n\nbetween\n\n3. three"]


def test_levels_of_a_list_are_counted_apart(tmp_path: Path) -> None:
    def item(text: str, level: int, number: str = "7") -> str:
        return paragraph(run(text), f"<w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{number}'/></w:numPr>")

    document = with_body(
        "".join([item("a", 0), item("b", 1), item("c", 1), item("d", 0), item("e", 1), item("f", 0, "0")])
    )
    levels = "".join(
        f"<w:lvl w:ilvl='{level}'><w:start w:val='{start}'/><w:numFmt w:val='decimal'/></w:lvl>"
        for level, start in ((0, 1), (1, 4))
    )
    numbering = document.part.numbering_part.element
    numbering.insert(0, parse_xml(f"<w:abstractNum {nsdecls('w')} w:abstractNumId='99'>{levels}</w:abstractNum>"))
    numbering.append(parse_xml(f"<w:num {nsdecls('w')} w:numId='7'><w:abstractNumId w:val='99'/></w:num>"))
    assert texts(document, tmp_path) == ["1. a\n  4. b\n  5. c\n2. d\n  4. e\n\nf"]


def test_a_style_made_from_a_heading_is_a_heading(tmp_path: Path) -> None:
    document = docx.Document()
    style = document.styles.add_style("Chapter", 1)
    style.base_style = document.styles["Heading 2"]
    outlined = document.styles.add_style("Outlined", 1)
    outlined.element.get_or_add_pPr().append(parse_xml(f"<w:outlineLvl {nsdecls('w')} w:val='2'/>"))
    document.add_paragraph("Made", "Chapter")
    document.add_paragraph("Outlined", "Outlined")
    assert texts(document, tmp_path) == ["## Made\n\n### Outlined"]


def test_pages_are_those_the_author_broke(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("one")
    document.add_page_break()
    split = document.add_paragraph("two")
    split.add_run().add_break(WD_BREAK.PAGE)
    split.add_run("three")
    document.add_paragraph("four").paragraph_format.page_break_before = True
    document.add_section(WD_SECTION.CONTINUOUS)
    document.add_paragraph("still four")
    document.add_section(WD_SECTION.NEW_PAGE)
    document.add_paragraph("five")
    line = document.add_paragraph("a")
    line.add_run().add_break()
    line.add_run("b")
    assert texts(document, tmp_path) == ["one", "two", "three", "four\n\nstill four", "five\n\na\nb"]


def test_pages_are_those_word_rendered(tmp_path: Path) -> None:
    page_break = "<w:r><w:br w:type='page'/></w:r>"
    picture = "<w:r><w:drawing/></w:r>"
    body = [
        paragraph(run("one ") + RENDERED + run("goes on")),
        paragraph(page_break),
        paragraph(RENDERED + run("three")),  # the same break, noted twice
        paragraph(RENDERED + picture),
        paragraph(RENDERED + run("five"), "<w:pageBreakBefore/>"),
    ]
    result = read(with_body("".join(body)), tmp_path)
    assert [page.text for page in result.pages] == ["one", "goes on", "three", "", "five"]
    assert tuple(map(str, result.notes)) == ("1 of 5 pages have no text: pictures? They are left out.",)


def test_a_table_over_two_pages_is_parted_between_rows(tmp_path: Path) -> None:
    def row(first: str, second: str) -> str:
        return f"<w:tr><w:tc>{paragraph(first)}</w:tc><w:tc>{paragraph(second)}</w:tc></w:tr>"

    rows = [row(run("h"), run("i")), row(run("1"), run("2")), row(RENDERED + run("3"), RENDERED + run("4"))]
    document = with_body(f"<w:tbl>{''.join(rows)}</w:tbl>{paragraph(run('end'))}")
    assert texts(document, tmp_path) == ["| h | i |\n| --- | --- |\n| 1 | 2 |", "| 3 | 4 |\n\nend"]


def test_without_breaks_it_is_one_page(tmp_path: Path) -> None:
    document = docx.Document()
    for number in range(300):
        document.add_paragraph(f"Paragraph {number}. " * 20)
    assert len(read(document, tmp_path).pages) == 1


def test_merged_nested_and_framing_tables(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for index, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = str(index)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "tall"
    inner = table.cell(2, 0).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"
    frame = document.add_table(rows=1, cols=1).cell(0, 0)
    frame.paragraphs[0].text = "framed"
    frame.add_paragraph("text", "List Bullet")
    assert texts(document, tmp_path) == [
        "| wide |  | 2 |\n| --- | --- | --- |\n| 3 | 4 | tall |\n| 6 x y | 7 |  |\n\nframed\n\n- text"
    ]


def test_what_holds_text_is_read_and_what_is_deleted_or_hidden_is_not(tmp_path: Path) -> None:
    box = f"<w:txbxContent>{paragraph(run('boxed'))}{paragraph(run('text'))}</w:txbxContent>"
    body = [
        f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph(run('control'))}</w:sdtContent></w:sdt>",
        paragraph(f"<w:sdt><w:sdtContent>{run('in')}</w:sdtContent></w:sdt>" + run("line")),
        paragraph(f"<w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"),
        paragraph(f"<w:moveFrom>{run('from')}</w:moveFrom><w:moveTo>{run('moved')}</w:moveTo>"),
        paragraph("<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>" + run("seen")),
        paragraph("<w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>shown</w:t></w:r>"),
        paragraph(f"<w:hyperlink>{run('linked')}</w:hyperlink><w:fldSimple w:instr='PAGE'>{run('7')}</w:fldSimple>"),
        paragraph("<w:r><w:instrText>TOC</w:instrText><w:tab/><w:noBreakHyphen/><w:softHyphen/><w:t>x</w:t></w:r>"),
        paragraph("<m:oMath><m:r><m:t>E=mc</m:t></m:r></m:oMath>"),
        paragraph(
            f"<w:r><mc:AlternateContent><mc:Choice Requires='wps'>{box}</mc:Choice>"
            f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
        ),
    ]
    assert texts(with_body("".join(body)), tmp_path) == [
        "control\n\ninline\n\nnew\n\nmoved\n\nseen\n\nshown\n\nlinked7\n\n-x\n\nE=mc\n\nboxed\ntext"
    ]


def test_footnotes_stand_at_the_foot_of_their_page(tmp_path: Path) -> None:
    def mark(kind: str, number: int) -> str:
        return f"<w:r><w:{kind}Reference w:id='{number}'/></w:r>"

    document = with_body(
        paragraph(run("one") + mark("footnote", 5) + run(" and") + mark("endnote", 5))
        + paragraph("<w:r><w:br w:type='page'/></w:r>")
        + paragraph(run("two") + mark("footnote", 6) + mark("footnote", 99))
    )
    for kind, notes in (("footnote", ("Fi<w:tab/>rst", "second")), ("endnote", ("end",))):
        inner = "".join(
            f"<w:{kind} w:id='{number}'>{paragraph(f'<w:r><w:t>{text}</w:t></w:r>'.replace('<w:tab/>', '</w:t></w:r><w:r><w:t>'))}</w:{kind}>"  # noqa: E501
            for number, text in enumerate(notes, 5)
        )
        blob = f"<w:{kind}s {nsdecls('w')}>{inner}</w:{kind}s>".encode()
        content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}s+xml"
        part = Part(PackURI(f"/word/{kind}s.xml"), content_type, blob, document.part.package)
        document.part.relate_to(part, getattr(RELATIONSHIP_TYPE, f"{kind.upper()}S"))
    assert texts(document, tmp_path) == ["one [^1] and [^2]\n\n[^1]: First\n\n[^2]: end", "two [^3]\n\n[^3]: second"]


def test_a_password_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    container = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 500
    path.write_bytes(container + "EncryptedPackage".encode("utf-16-le") + b"\0" * 500)
    with pytest.raises(Protected, match=r"a.docx is protected by a password.*save it without"):
        read_document(path)
    path.write_bytes(container)
    with pytest.raises(DamagedFile, match=r"a.docx is in Word's old format \(doc\)"):
        read_document(path)


def rewritten(path: Path, change: dict[str, bytes | None]) -> Path:
    """The archive at `path` with members replaced, or left out where None."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | change
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"word/document.xml": None},
        {"word/document.xml": b"<w:document"},
        {"word/styles.xml": b"<a"},
        {"[Content_Types].xml": None},
        {"_rels/.rels": b""},
    ],
)
def test_a_broken_package_is_damaged(tmp_path: Path, change: dict[str, bytes | None]) -> None:
    document = docx.Document()
    document.add_paragraph("text")
    with pytest.raises(DamagedFile, match=r"^a.docx is damaged or is no Word document .* save it again as docx"):
        read_document(rewritten(save(document, tmp_path), change))


def test_another_office_document_is_no_word_document(tmp_path: Path) -> None:
    path = save(docx.Document(), tmp_path)
    types = zipfile.ZipFile(path).read("[Content_Types].xml")
    sheet = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    main = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    with pytest.raises(DamagedFile, match=r"no Word document \(application/vnd.openxmlformats-officedocument.spread"):
        read_document(rewritten(path, {"[Content_Types].xml": types.replace(main, sheet)}))


def test_a_document_with_macros_is_read_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("text")
    path = save(document, tmp_path)
    types = zipfile.ZipFile(path).read("[Content_Types].xml")
    macro = b"application/vnd.ms-word.document.macroEnabled.main+xml"
    main = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    assert read_document(rewritten(path, {"[Content_Types].xml": types.replace(main, macro)})).pages[0].text == "text"


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("text")
    path = save(document, tmp_path)
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(DamagedFile, match=r"a.docx is named like a Word document \(docx\) but is none"):
            read_document(path)


def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptyFile, match=r"a.docx holds no text"):
        read(docx.Document(), tmp_path)


def test_limits_hold(tmp_path: Path) -> None:
    document = docx.Document()
    for _ in range(3):
        document.add_paragraph("text")
        document.add_page_break()
    path = save(document, tmp_path)
    with pytest.raises(TooManyPages, match="4 pages; the limit is 3"):
        read_document(path, limits=Limits(max_pages=3))
    bomb = rewritten(path, {"word/media/image1.png": b"\0" * 4_100_000})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(FileTooLarge, match=r"a.docx unfolds to 4\.\d MB; the limit is 4 MB"):
        read_document(bomb, limits=Limits(max_file_megabytes=1))
    bomb = rewritten(path, {"word/media/image1.png": None, "word/document.xml": b" " * 1_100_000})
    with pytest.raises(FileTooLarge, match=r"text in a.docx, with its markup, unfolds to 1\.\d MB; the limit is 1 MB"):
        read_document(bomb, limits=Limits(max_file_megabytes=1))


def test_entities_neither_read_files_nor_multiply(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    document = docx.Document()
    document.add_paragraph("light MARK")
    xml = zipfile.ZipFile(BytesIO(save(document, tmp_path).read_bytes())).read("word/document.xml")
    doctype = f'<!DOCTYPE x [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode()
    hostile = xml.replace(b"<w:document", doctype + b"<w:document", 1).replace(b"MARK", b"&x;")
    result = read_document(rewritten(tmp_path / "a.docx", {"word/document.xml": hostile}))
    assert "SECRET" not in result.pages[0].text


def numbered(levels: list[tuple[str, str]], items: list[tuple[int, str]], extra: str = "", number: str = "") -> Any:
    """A document with one list, whose levels have formats and texts, and its items."""
    document = with_body(
        "".join(
            paragraph(run(text), f"<w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='77'/></w:numPr>")
            for level, text in items
        )
        + extra
    )
    inner = "".join(
        f"<w:lvl w:ilvl='{level}'><w:start w:val='1'/><w:numFmt w:val='{form}'/><w:lvlText w:val='{text}'/></w:lvl>"
        for level, (form, text) in enumerate(levels)
    )
    numbering = document.part.numbering_part.element
    numbering.insert(0, parse_xml(f"<w:abstractNum {nsdecls('w')} w:abstractNumId='77'>{inner}</w:abstractNum>"))
    numbering.append(parse_xml(f"<w:num {nsdecls('w')} w:numId='77'><w:abstractNumId w:val='77'/>{number}</w:num>"))
    numbering.append(
        parse_xml(
            f"<w:num {nsdecls('w')} w:numId='78'><w:abstractNumId w:val='77'/><w:lvlOverride w:ilvl='0'>"
            "<w:startOverride w:val='1'/></w:lvlOverride></w:num>"
        )
    )
    return document


def test_clauses_have_the_numbers_that_word_shows(tmp_path: Path) -> None:
    levels = [("decimal", "§ %1"), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")]
    items = [(0, "Duties"), (1, "Light"), (2, "dusk"), (2, "fog"), (1, "See 1.1(b)"), (0, "Leave"), (1, "Granted")]
    assert texts(numbered(levels, items), tmp_path) == [
        "§ 1 Duties\n  1.1 Light\n    (a) dusk\n    (b) fog\n  1.2 See 1.1(b)\n§ 2 Leave\n  2.1 Granted"
    ]


@pytest.mark.parametrize(
    ("form", "labels"),
    [
        ("upperRoman", ["I", "II", "III", "IV"]),
        ("lowerLetter", ["a", "b", "c", "d"]),
        ("ordinal", ["1st", "2nd", "3rd", "4th"]),
        ("decimalZero", ["01", "02", "03", "04"]),
        ("japaneseCounting", ["一", "二", "三", "四"]),
        ("aiueoFullWidth", ["ア", "イ", "ウ", "エ"]),
        ("decimalEnclosedCircle", ["①", "②", "③", "④"]),
        ("ideographTraditional", ["甲", "乙", "丙", "丁"]),
        ("unheardOf", ["1", "2", "3", "4"]),
    ],
)
def test_formats_of_numbers(tmp_path: Path, form: str, labels: list[str]) -> None:
    document = numbered([(form, "Art. %1:")], [(0, "x")] * 4)
    assert texts(document, tmp_path)[0].split("\n") == [f"Art. {label}: x" for label in labels]


def test_lists_of_one_definition_count_on_unless_they_begin_anew(tmp_path: Path) -> None:
    def item(number: str) -> str:
        return paragraph(run("x"), f"<w:numPr><w:ilvl w:val='0'/><w:numId w:val='{number}'/></w:numPr>")

    document = numbered([("decimal", "%1.")], [(0, "x")], item("77") + item("78") + item("78"))
    assert texts(document, tmp_path) == ["1. x\n2. x\n1. x\n2. x"]


def test_headings_are_numbered_through_their_styles(tmp_path: Path) -> None:
    document = numbered([("upperRoman", "%1."), ("decimal", "%1.%2")], [])
    document.part.numbering_part.element.find(docx.oxml.ns.qn("w:abstractNum"))[1].insert(
        2, parse_xml(f"<w:pStyle {nsdecls('w')} w:val='Heading2'/>")
    )
    legal = document.part.numbering_part.element.find(docx.oxml.ns.qn("w:abstractNum"))[1]
    legal.insert(3, parse_xml(f"<w:isLgl {nsdecls('w')}/>"))
    for name in ("Heading 1", "Heading 2"):
        properties = document.styles[name].element.get_or_add_pPr()
        properties.append(parse_xml(f"<w:numPr {nsdecls('w')}><w:numId w:val='77'/></w:numPr>"))
    for title, level in (("Sea", 1), ("Waves", 2), ("Tides", 2), ("Land", 1), ("Rock", 2)):
        document.add_heading(title, level)
    result = read(document, tmp_path)
    assert [heading.title for heading in result.headings] == [
        "I. Sea", "1.1 Waves", "1.2 Tides", "II. Land", "2.1 Rock"
    ]  # fmt: skip


def test_numbered_cells_have_their_numbers(tmp_path: Path) -> None:
    properties = "<w:numPr><w:ilvl w:val='0'/><w:numId w:val='77'/></w:numPr>"
    cell = f"<w:tc>{paragraph('', properties)}</w:tc>"
    row = f"<w:tr>{cell}<w:tc>{paragraph(run('x'))}</w:tc></w:tr>"
    document = numbered([("decimal", "%1.")], [], f"<w:tbl>{row * 2}</w:tbl>")
    assert texts(document, tmp_path) == ["| 1. | x |\n| --- | --- |\n| 2. | x |"]


def moved(text: str, how: str) -> str:
    return f"<w:r><w:rPr><w:vertAlign w:val='{how}'/></w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def test_small_letters_symbols_and_equations_keep_their_meaning(tmp_path: Path) -> None:
    mathematics = "<m:oMath><m:r><m:t>x=</m:t></m:r><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f><m:sSup><m:e><m:r><m:t>r</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath>"  # noqa: E501
    body = [
        paragraph(run("10") + moved("-", "superscript") + moved("6", "superscript") + run(" m and note") + moved("12", "superscript")),  # noqa: E501
        paragraph(run("CO") + moved("2", "subscript") + run(" x") + moved("i", "subscript")),
        paragraph(run("Area: ") + mathematics),
        paragraph("<w:r><w:sym w:font='Symbol' w:char='F061'/><w:sym w:font='Wingdings' w:char='F0FC'/></w:r>"),
        paragraph("<w:r><w:rPr><w:rFonts w:ascii='Symbol'/></w:rPr><w:t>b</w:t></w:r>" + run("\uf0b3")),
        paragraph("<w:r><w:sym w:font='Unheard' w:char='F061'/><w:sym w:font='Unheard' w:char='zz'/></w:r>"),
    ]  # fmt: skip
    assert texts(with_body("".join(body)), tmp_path) == [
        "10⁻⁶ m and note [12]\n\nCO₂ x_i\n\nArea: x=1/2 r^2\n\nα✓\n\nβ≥\n\n\ufffd\ufffd"
    ]


def bare(
    folder: Path, body: str, namespace: str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
) -> Path:
    """The smallest docx file."""
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    strict = "purl" in namespace
    relation = "http://purl.oclc.org/ooxml" if strict else "http://schemas.openxmlformats.org"
    relation += "/officeDocument/relationships" if strict else "/officeDocument/2006/relationships"
    with zipfile.ZipFile(folder / "a.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f"<Types xmlns='{types}'><Override PartName='/word/d.xml' ContentType='{kind}'/></Types>",
        )
        archive.writestr(
            "_rels/.rels",
            "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
            f"<Relationship Id='r' Type='{relation}/officeDocument' Target='word/d.xml'/></Relationships>",
        )
        archive.writestr("word/d.xml", f"<w:document xmlns:w='{namespace}'><w:body>{body}</w:body></w:document>")
    return folder / "a.docx"


def test_the_strict_form_of_the_standard_is_read(tmp_path: Path) -> None:
    path = bare(tmp_path, paragraph(run("The lamp was lit.")), "http://purl.oclc.org/ooxml/wordprocessingml/main")
    assert read_document(path).pages[0].text == "The lamp was lit."


def test_a_wide_row_makes_no_other_wide(tmp_path: Path) -> None:
    cell = "<w:tc><w:p/></w:tc>"
    row = f"<w:tr><w:tc>{paragraph(run('x'))}</w:tc>{cell}</w:tr>"
    wide = f"<w:tr>{cell * 998}<w:tc>{paragraph(run('last'))}</w:tc></w:tr>"
    assert len(read_document(bare(tmp_path, f"<w:tbl>{wide}{row * 500}</w:tbl>")).pages[0].text) < 20_000


def test_too_many_elements_are_refused_before_they_are_made(tmp_path: Path) -> None:
    with pytest.raises(FileTooLarge, match=r"a.docx has 3,000,0\d\d tags and attributes; the limit is 3,000,000"):
        read_document(bare(tmp_path, "<w:p/>" * 3_000_000))


def test_reading_takes_no_longer_than_the_limit(tmp_path: Path) -> None:
    path = bare(tmp_path, "<w:p/>" * 1_000)
    with pytest.raises(ReadingTooSlow, match=r"a.docx: reading it takes longer than the limit of 0 seconds"):
        read_document(path, limits=Limits(max_read_seconds=0))
