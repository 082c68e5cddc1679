"""E-books become a page for each item of the reading order, labelled with its title."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from app.documents import Document, read_document
from app.say.errors import DamagedFile, FileTooLarge, NoText, Protected, ReadingTooSlow, TooManyPages
from app.settings import Limits

CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="../text/one.xhtml">One
 <i>light</i></a><ol><li><a href="../text/one.xhtml#s2">Later</a></li></ol></li>
<li><a href="../text/t%77o.xhtml#top">Two</a></li></ol></nav>
<nav epub:type="page-list"><a href="../text/three.xhtml">17</a></nav></body></html>"""
NCX = """<?xml version="1.0"?><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint id="a"><navLabel><text>First</text></navLabel><content src="text/one.xhtml"/>
<navPoint id="b"><navLabel><text>Second</text></navLabel><content src="text/two.xhtml#x"/></navPoint></navPoint>
</navMap></ncx>"""
ENCRYPTION = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
 xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="{}"/>
<enc:CipherData><enc:CipherReference URI="OEBPS/x"/></enc:CipherData></enc:EncryptedData></encryption>"""


def chapter(body: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{body}</body></html>'


CHAPTERS = {
    "one": chapter("<h1>One</h1><p>The light oﬃce.</p>"),
    "two": chapter("<p>Two.</p>"),
    "three": chapter("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"),
}


def package(names: list[str], extra: str = "") -> str:
    items = "".join(
        f'<item id="{n}" href="text/{n}.xhtml" media-type="application/xhtml+xml"/>' for n in dict.fromkeys(names)
    )
    spine = "".join(f'<itemref idref="{n}"/>' for n in names)
    return f"""<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>{items}{extra}
</manifest><spine>{spine}<itemref idref="unknown"/></spine></package>"""


def epub(folder: Path, chapters: dict[str, str], files: dict[str, str] | None = None, extra: str = "") -> Path:
    path = folder / "book.epub"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        members = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": package(list(chapters), extra)}
        members |= {f"OEBPS/text/{name}.xhtml": text for name, text in chapters.items()} | (files or {})
        for name, text in members.items():
            if text:
                archive.writestr(name, text)
    return path


def labels(document: Document) -> list[str | None]:
    return [page.label for page in document.pages]


def test_each_item_of_the_reading_order_is_a_page(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = epub(tmp_path, {name: CHAPTERS[name] for name in ("two", "one", "three")})
    document = read_document(path, progress=lambda done, total: told.append((done, total)))
    assert document.name == "book.epub"
    assert [page.text for page in document.pages] == [
        "Two.",
        "# One\n\nThe light office.",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
    ]
    assert document.pages[1].extracted == "# One\n\nThe light oﬃce."
    assert (labels(document), document.notes) == ([None] * 3, ())
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_titles_come_from_the_navigation_document(tmp_path: Path) -> None:
    item = '<item id="nav" href="toc/nav.xhtml" media-type="application/xhtml+xml" properties="scripted nav"/>'
    document = read_document(epub(tmp_path, CHAPTERS, {"OEBPS/toc/nav.xhtml": NAV}, item))
    assert labels(document) == ["One light", "Two", None]


def test_titles_come_from_the_ncx_of_older_books(tmp_path: Path) -> None:
    item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    assert labels(read_document(epub(tmp_path, CHAPTERS, {"OEBPS/toc.ncx": NCX}, item))) == ["First", "Second", None]
    # A missing one is no reason to refuse the book.
    assert labels(read_document(epub(tmp_path, CHAPTERS, {}, item))) == [None] * 3


def test_parts_that_are_missing_or_empty_are_kept_empty_and_noted(tmp_path: Path) -> None:
    path = epub(tmp_path, {"cover": chapter("<img src='x.png' alt=''/>"), **CHAPTERS, "gone": ""})
    document = read_document(path)
    assert [bool(page.text) for page in document.pages] == [False, True, True, True, False]
    assert tuple(map(str, document.notes)) == (
        "1 of 5 parts have no text: pictures? They are left out.",
        "1 of 5 parts could not be read (book.epub is damaged and cannot be read (OEBPS/text/gone.xhtml is missing). "
        "Export it again.) They are left out.",
    )


def test_a_book_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoText, match=r"book.epub has no text \(its pages may be pictures\).*OCR"):
        read_document(epub(tmp_path, {"one": chapter("<img/>")}))
    with pytest.raises(NoText, match=r"book.epub has no text \(.*one.xhtml is missing"):
        read_document(epub(tmp_path, {"one": ""}))


def test_copy_protection_is_named(tmp_path: Path) -> None:
    name = "META-INF/encryption.xml"
    for free in ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"):
        assert len(read_document(epub(tmp_path, CHAPTERS, {name: ENCRYPTION.format(free)})).pages) == 3
    with pytest.raises(Protected, match=r"book.epub is protected against copying \(DRM\)"):
        read_document(
            epub(tmp_path, CHAPTERS, {name: ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")})
        )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"META-INF/container.xml": ""}, "META-INF/container.xml is missing"),
        ({"META-INF/container.xml": "<container/>"}, "names no package file"),
        ({"META-INF/container.xml": "no markup"}, "names no package file"),
        ({"OEBPS/book.opf": ""}, "OEBPS/book.opf is missing"),
        ({"OEBPS/book.opf": "<package><manifest/></package>"}, "its reading order is empty"),
    ],
)
def test_a_damaged_book_is_refused_with_the_reason(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    with pytest.raises(DamagedFile, match=rf"book.epub is damaged and cannot be read \(.*{reason}\)\. Export it again"):
        read_document(epub(tmp_path, CHAPTERS, files))


def test_a_cut_off_book_is_refused(tmp_path: Path) -> None:
    path = epub(tmp_path, CHAPTERS)
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(
            DamagedFile, match=r"book.epub is named like an e-book \(epub\) but is none, or is cut short"
        ):
            read_document(path)


def test_a_broken_chapter_is_noted(tmp_path: Path) -> None:
    path = epub(tmp_path, {"one": CHAPTERS["one"], "two": chapter("<p>marker " + "x" * 500 + "</p>")})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("OEBPS/text/two.xhtml").header_offset + 60
    path.write_bytes(data[:offset] + bytes(byte ^ 255 for byte in data[offset : offset + 30]) + data[offset + 30 :])
    document = read_document(path)
    assert [bool(page.text) for page in document.pages] == [True, False]
    assert "1 of 2 parts could not be read" in str(document.notes[0])


def test_what_unfolds_beyond_measure_is_refused(tmp_path: Path) -> None:
    limits = Limits(max_file_megabytes=1)
    path = epub(tmp_path, {"one": chapter("<p>" + "a" * 1_100_000 + "</p>")})
    assert path.stat().st_size < 10_000
    with pytest.raises(FileTooLarge, match=r"text in book.epub, with its markup, unfolds to 1.1 MB; the limit is 1 MB"):
        read_document(path, limits=limits)
    path = epub(tmp_path, CHAPTERS, {"OEBPS/image.png": "\0" * 4_100_000})
    with pytest.raises(FileTooLarge, match=r"book.epub unfolds to 4.1 MB; the limit is 4 MB.*MAX_FILE_MEGABYTES"):
        read_document(path, limits=limits)


def test_an_archive_that_lies_about_its_sizes_unfolds_no_further(tmp_path: Path) -> None:
    path = epub(tmp_path, {"one": CHAPTERS["one"], "two": chapter("<p>" + "a" * 3_000_000 + "</p>")})
    with zipfile.ZipFile(path) as archive:
        true = archive.getinfo("OEBPS/text/two.xhtml").file_size
    path.write_bytes(path.read_bytes().replace(true.to_bytes(4, "little"), (500).to_bytes(4, "little")))
    document = read_document(path, limits=Limits(max_file_megabytes=1))
    assert [bool(page.text) for page in document.pages] == [True, False]


def test_locked_archives_are_named(tmp_path: Path) -> None:
    path = epub(tmp_path, CHAPTERS)
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(Protected, match=r"book.epub is a locked archive"):
        read_document(path)


def test_limits_hold(tmp_path: Path) -> None:
    path = epub(tmp_path, CHAPTERS)
    with pytest.raises(TooManyPages, match="3 pages; the limit is 2"):
        read_document(path, limits=Limits(max_pages=2))
    with pytest.raises(ReadingTooSlow, match="1 of 3 pages"):
        read_document(path, limits=Limits(max_read_seconds=0))


def test_entities_neither_read_files_nor_multiply(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    for entity in (f'<!ENTITY x SYSTEM "{secret.as_uri()}">', f'<!ENTITY l0 "ha">{levels}<!ENTITY x "&l9;">'):
        hostile = NCX.replace("<ncx", f"<!DOCTYPE ncx [{entity}]><ncx", 1).replace("First", "F&x;")
        text = CHAPTERS["one"].replace("<html", f"<!DOCTYPE html [{entity}]><html", 1).replace("light", "&x;")
        item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        document = read_document(epub(tmp_path, CHAPTERS | {"one": text}, {"OEBPS/toc.ncx": hostile}, item))
        told = "".join(f"{page.label}{page.text}" for page in document.pages)
        assert "SECRET" not in told
        assert len(told) < 1000


def test_entities_of_the_book_s_own_are_put_in(tmp_path: Path) -> None:
    subset = (
        """<!DOCTYPE html [<!ENTITY hero "Brann of Corve"><!ENTITY nbsp "&#160;"><!-- it's [x] --><!ENTITY y '"'>]>"""
    )
    markup = (
        CHAPTERS["one"].replace("<html", f"{subset}<html", 1).replace("light", "&hero; rowed out.&nbsp;&y;It rained")
    )
    document = read_document(epub(tmp_path, {"one": markup}))
    assert document.pages[0].text == '# One\n\nThe Brann of Corve rowed out.\xa0"It rained office.'
    # Without a subset nothing is left of the declaration either.
    plain = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd"><html'
    document = read_document(epub(tmp_path, {"one": CHAPTERS["one"].replace("<html", plain, 1)}))
    assert document.pages[0].text == "# One\n\nThe light office."


def test_entities_do_not_grow_out_of_bounds(tmp_path: Path) -> None:
    subset = f"""<!DOCTYPE html [<!ENTITY x "{"a" * 1000}">]>"""
    markup = CHAPTERS["one"].replace("<html", f"{subset}<html", 1).replace("light", "&x;" * 5_000)
    assert read_document(epub(tmp_path, {"one": markup})).characters < 250_000


def test_a_picture_book_is_what_its_pictures_are_said_to_be(tmp_path: Path) -> None:
    pages = {"a": chapter("<img alt='A boat leaves the quay.'/>"), "b": chapter("<svg><image/></svg><img alt=''/>")}
    assert [page.text for page in read_document(epub(tmp_path, pages)).pages] == ["[A boat leaves the quay.]", ""]


def test_sections_of_the_table_of_contents_are_headings(tmp_path: Path) -> None:
    ncx = NCX.replace(
        "</navMap>",
        "".join(
            f"<navPoint><navLabel><text>{title}</text></navLabel><content src='text/two.xhtml#{key}'/></navPoint>"
            for key, title in (("p1", "The rock"), ("p2", "The lamp"), ("p3", "The sea"))
        )
        + "</navMap>",
    )
    item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    body = "<p id='p1' class='t'>THE ROCK</p><p>a</p><p id='p2'>It was lit.</p><a id='p3'/><h2>The sea</h2><p>b</p>"
    document = read_document(epub(tmp_path, {"two": chapter(body)}, {"OEBPS/toc.ncx": ncx}, item))
    assert document.pages[0].text == "# The rock\n\na\n\n# The lamp\n\nIt was lit.\n\n## The sea\n\nb"
    assert [heading.title for heading in document.headings] == ["The rock", "The lamp", "The sea"]
