"""Web pages become what a reader sees of them, in Markdown's headings, lists and tables."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from app.documents import Document, Page, read_document
from app.documents.web.text import html_to_text
from app.say.errors import FileTooLarge, NoText, NotText


def text(markup: str) -> str:
    return html_to_text(markup, "a.html")


def read(folder: Path, data: bytes, name: str = "a.html") -> Document:
    (folder / name).write_bytes(data)
    return read_document(folder / name)


def test_a_page_becomes_markdown() -> None:
    markup = """<!DOCTYPE html><html><head><title>Not this</title><style>p {}</style></head><body>
        <h1>The <em>old</em><br>light</h1>
        <p>One   &amp; two,
           th&shy;ree.</p><p>Four<br>five</p>
        <h3>Deeper</h3><div>a</div><div>b <span>c</span><b>d</b></div>
        <pre>
  x = 1 &lt; 2
    y<br>z
</pre></body></html>"""
    assert text(markup) == (
        "# The old light\n\nOne & two, three.\n\nFour\nfive\n\n### Deeper\n\na\nb cd\n\n```\n  x = 1 < 2\n    y\nz\n```"
    )


def test_lists_are_numbered_and_nested() -> None:
    markup = """<ul><li>a</li><li><p>b</p><p>more</p><ol start="3"><li>c<li value="7">d<li>e</ol></li><li></li>
        <li><ul><li>f</li></ul></li></ul><p>end</p><li>stray</li>"""
    assert text(markup) == "- a\n- b\n\nmore\n  3. c\n  7. d\n  8. e\n  - f\n\nend\n\n- stray"


def test_tables_of_data_have_rows_and_cells() -> None:
    markup = """<table><caption>Lamps</caption><thead><tr><th>Order<th colspan="2">Focus | height</thead>
        <tr><td rowspan="2">First<td>920<td><p>Main</p><p>coasts</p></td></tr><tr><td>700</td></tr></table>"""
    assert text(markup) == (
        "Lamps\n| Order | Focus \\| height |  |\n| --- | --- | --- |\n| First | 920 | Main coasts |\n|  | 700 |"
    )


@pytest.mark.parametrize(
    "markup",
    [
        "<table><tr><td><table><tr><td>one</td></tr><tr><td>two</td></tr></table></td><td></td></tr></table>",
        "<table><tr><td><h2></h2>one</td><td></td></tr><tr><td>two</td></tr></table>",
        "<table role=presentation><tr><td>one</td><td></td></tr><tr><td>two</td></tr></table>",
        "<table><tr><td>one</td></tr><tr><td>two</td></tr></table>",
    ],
)
def test_tables_that_arrange_a_page_are_no_data(markup: str) -> None:
    assert text(markup).split("\n") == ["one", "two"] or text(markup).split("\n\n") == ["one", "two"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>no</script>",
        "<style>no</style>",
        "<nav>no</nav>",
        "<div role='navigation'>no</div>",
        "<noscript>no</noscript>",
        "<template>no</template>",
        "<p hidden>no</p>",
        "<p aria-hidden='true'>no</p>",
        "<p style='color: red; DISPLAY :none'>no</p>",
        "<i style='visibility:hidden'>no</i>",
        "<svg><text>no</text></svg>",
        "<button>no</button>",
        "<select><option>no</option></select>",
        "<!-- no -->",
        "<a href='#x'>¶</a>",
        "<ruby><rt>no</rt></ruby>",
    ],
)
def test_what_a_reader_does_not_see_is_left_out(hidden: str) -> None:
    assert text(f"<p>yes</p>{hidden}<p>also</p>") == "yes\n\nalso"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("<p>Größe</p>".encode(), "Größe"),
        ("<p>Größe</p>".encode("utf-16"), "Größe"),
        (b"<meta charset=windows-1251><p>\xcc\xe0\xff\xea</p>", "Маяк"),
        (b"<?xml version='1.0' encoding='koi8-r'?><p>\xed\xc1\xd1\xcb</p>", "Маяк"),
        # Browsers read Latin-1 as its superset with dashes and quotes.
        (
            b"<meta http-equiv=content-type content='text/html; charset=iso-8859-1'><p>\x93Gr\xf6\xdfe\x94</p>",
            "“Größe”",
        ),
        # A wrong or unknown declaration gives way.
        ("<meta charset=ascii-8><p>Größe</p>".encode(), "Größe"),
        ("<meta charset=utf-8><p>Größe, so breit wie lang, für alle schönen Bäume</p>".encode("cp1252"), "Größe, so"),
        # A byte order mark outweighs a declaration.
        (b"\xef\xbb\xbf" + "<meta charset=windows-1251><p>Größe</p>".encode(), "Größe"),
    ],
)
def test_encodings(tmp_path: Path, data: bytes, expected: str) -> None:
    document = read(tmp_path, data)
    assert document.pages[0].text.startswith(expected)
    assert bool(document.notes) == ("so breit" in document.pages[0].text)


def test_a_page_is_one_page_and_its_ligatures_are_spelt_out(tmp_path: Path) -> None:
    (page,) = read(tmp_path, "<p>oﬃce</p>".encode(), "a.HTM").pages
    assert page == Page(1, None, "office", page.origin)
    assert page.extracted == "oﬃce"


@pytest.mark.parametrize("data", [b"<html></html>", b"<script>render()</script>", b"<nav>a</nav>", b" "])
def test_a_page_without_text_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NoText, match=r"a.html has no text of its own.*save it as PDF"):
        read(tmp_path, data)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotText):
        read(tmp_path, b"<p>\0\1\2</p>")


def test_entities_refer_to_nothing_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    markup = f"""<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><p>a&x;b</p>"""
    assert "SECRET" not in read(tmp_path, markup.encode(), "a.xhtml").pages[0].text


def test_self_closing_elements_of_xhtml_are_closed() -> None:
    markup = (
        "<?xml version='1.0'?><html><head><title/><script src='x'/></head><body><p>a<a id='x'/>b</p><p>c</p></body>"
    )
    assert text(markup) == "ab\n\nc"


@pytest.mark.parametrize(
    "tags",
    [
        "<div>",
        "<b><p>",
        "<ul><li>",
        pytest.param("<table><tr><td>", marks=pytest.mark.slow),
        "<h1>",
        "<pre>",
        "<a>",
        "<sup>",
        "<math><mfrac>",
    ],
)
def test_deep_nesting_is_read(tags: str) -> None:
    assert "x" in text(tags * 3_000 + "x")


def test_too_many_tags_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileTooLarge, match=r"a.html has 500,001 tags; the limit is 500,000"):
        read(tmp_path, b"<p>" * 500_001)


def test_a_cell_cannot_span_the_world() -> None:
    rows = "<tr><td colspan=99999 rowspan=99999>a<td>b</tr><tr><td>c</tr>"
    assert len(text(f"<table>{rows}</table>")) < 500


def test_nothing_is_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert text("https://example.org/a.html") == "https://example.org/a.html"
        assert text("a.html") == "a.html"
        assert text("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><p>a</p></html>") == "a"


def test_what_is_hidden_is_read_if_it_is_all_there_is() -> None:
    body = "<h1>Ebb</h1><p>The body text of the page.</p>"
    assert (
        text(f"<html amp><body style='visibility:hidden'>{body}</body></html>") == "# Ebb\n\nThe body text of the page."
    )
    assert text(f"<body>Wait<div style='display: none'>{body * 3}</div></body>").count("body text") == 3
    assert text(f"<body>{body}<div style='display: none'>{body}</div></body>").count("body text") == 1


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("<img alt='A boat leaves the quay.'>", "[A boat leaves the quay.]"),
        ("<img alt=T>he lamp", "The lamp"),
        ("<img alt='灯台の絵です'>", "[灯台の絵です]"),
        ("<img class=tex alt='x^2'>", "x^2"),
        *((f"<img alt='{alt}'>", "") for alt in ("", "logo", "The image", "IMG 1234", "a b.png", "Lamp")),
        ("<figure><img alt='The lamp at night'><figcaption>The lamp at night, 1811</figcaption></figure>",
         "The lamp at night, 1811"),
    ],
)  # fmt: skip
def test_pictures_are_what_is_said_of_them(picture: str, expected: str) -> None:
    assert text(picture) == expected
