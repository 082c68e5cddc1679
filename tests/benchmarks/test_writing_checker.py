from pathlib import Path

import pytest

from benchmarks.writing.checker import check, empty_headings, finished, redundancy, sections, statements
from benchmarks.writing.plain import chapters, paragraphs
from benchmarks.writing.support import Source
from benchmarks.writing.words import Lexicon, content, facts, sentences, stem, words

LIGHT = (
    "The lighthouse of Alexandria was built on the island of Pharos around 280 BC. It guided ships into the harbour. "
    "Earthquakes damaged the tower three times."
)
FOOD = "Bread rises because yeast produces carbon dioxide. Flour from wheat holds the gas with its gluten."
FILLER = " ".join(f"Keeper {name} lit lamps, watched ships and wrote letters daily." for name in "ABCDEFGHIJ")
SOURCE = Source([f"{LIGHT} {FILLER}", f"{FOOD} {FILLER.replace('lamps', 'ovens')}", "Contents and Index"])


def test_sentences_end_at_end_marks_but_not_after_abbreviations_or_before_small_letters() -> None:
    text = "Use a tool, e.g. Make. Dr. Smith\nwrote it!  See version 4.2.1 of make. It ends"
    assert sentences(text) == ["Use a tool, e.g. Make.", "Dr. Smith wrote it!", "See version 4.2.1 of make.", "It ends"]
    assert sentences("改行で\n分かれる。") == ["改行で分かれる。"]
    assert sentences("これは文です。次の文です。") == ["これは文です。", "次の文です。"]


def test_words_are_folded_and_of_japanese_they_are_characters() -> None:
    assert words("The R-exts.pdf file") == ["the", "r", "exts", "pdf", "file"]
    assert words("灯台 A") == ["灯", "台", "a"]


def test_content_is_stems_without_stop_words_and_pairs_of_japanese_characters() -> None:
    assert content("It compiles the packages") == content("compiling a package")
    assert content("灯台の光です") == ["灯台", "台の", "の光", "光で"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("running", "run"), ("entries", "entry"), ("class", "clas"), ("files", "fil"), ("used", "used")],
)
def test_stems(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_facts_are_numbers_addresses_and_names_that_do_not_begin_a_sentence() -> None:
    assert facts("Ships saw Pharos in 1,280 nights, says UTF-8 at ann@example.org.") == [
        "Pharos", "1,280", "UTF-8", "ann@example.org",
    ]  # fmt: skip
    assert facts("Remember: Ships came. I'm sure that I saw them") == []
    assert facts("R_init and CRAN's mirror") == ["R_init", "CRAN"]


def test_a_fact_is_known_whole_or_in_its_parts_but_a_version_only_whole() -> None:
    known = Lexicon("Version 4.2 came after 1,000 days, R-core said in 10-12 lines.")
    assert [known.has(fact) for fact in ("4.2", "1000", "R", "Core-R", "12", "4", "10-12", "2.4", "Docker")] == [
        True, True, True, True, True, False, True, False, False,
    ]  # fmt: skip


def test_a_sentence_is_supported_by_its_words_unless_a_fact_is_nowhere() -> None:
    near = SOURCE.find("Around 280 BC the Alexandria lighthouse was built on Pharos.")
    assert near is not None
    assert (near.share, near.chapter, near.missing) == (1.0, 0, ())
    swapped = SOURCE.find("The lighthouse of Alexandria was built on the island of Pharos around 290 BC.")
    assert swapped is not None
    assert swapped.missing == ("290",)
    assert not swapped.supports()
    foreign = SOURCE.find("The committee votes about budgets in winter.")
    assert foreign is not None
    assert (foreign.share, foreign.supports()) == (0.0, False)
    assert SOURCE.find("It was so.") is None


def test_the_chapter_is_that_of_the_nearest_sentences() -> None:
    found = SOURCE.find("Yeast produces carbon dioxide in bread.")
    assert found is not None
    assert found.chapter == 1
    assert SOURCE.chapters == 2  # the third has no whole sentences


def test_figures_of_a_text() -> None:
    written = (
        "# Light\n\nIt guided ships into the harbour [p. 1]. Packager runs on Docker 20 with budgets and committees."
        "\n\n## Empty\n\n## Food\n\nYeast produces carbon dioxide. Please write a formal report about"
    )
    found = check(written, SOURCE, ["Please write a formal report about the documents."])
    assert found.words == 6 + 9 + 4 + 6
    assert (found.sentences, found.supported, found.chapters) == (4, 0.5, 1.0)
    assert found.missing == ("Docker", "20")
    assert found.invented == pytest.approx(8.0)
    assert found.copied == 0.0
    assert found.distinct == 1.0
    assert found.echo == pytest.approx(6 / 25)
    assert (found.empty_headings, found.finished) == (1, False)
    assert found.unsupported == (
        "Packager runs on Docker 20 with budgets and committees.",
        "Please write a formal report about",
    )


def test_words_in_runs_of_eight_are_copied() -> None:
    copied = check("It says that the lighthouse of Alexandria was built on the island.", SOURCE)
    assert copied.copied == pytest.approx(9 / 12)


def test_no_text_has_no_shares() -> None:
    found = check("", SOURCE)
    assert (found.words, found.supported, found.copied, found.finished, found.chapters) == (0, None, None, False, 0.0)


def test_redundancy_is_the_most_that_two_sections_share() -> None:
    one = " ".join(f"word{number}" for number in range(24))
    other = " ".join(f"word{number}" for number in range(12, 36))
    assert redundancy(sections(f"# A\n{one}\n# B\n{other}\n# C\nshort")) == pytest.approx(9 / 21)
    assert redundancy(sections(one)) is None


def test_a_heading_is_empty_unless_text_or_a_deeper_heading_follows() -> None:
    assert empty_headings(sections("# A\n## B\ntext\n## C\n## D\n**E**\n")) == 2  # C and E


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It ends.", True), ("It ends (p. 3).", True), ("It ends. [p. 3]", True), ("It does not", False),
        ("Text.\n\n# Heading", False), ("| a | b |\n| - | - |\n| 1 | 2 |", True), ("- one\n- two", False),
        ("- One.\n- tw", False), ("「終わります。」", True), ("", False),
    ],
)  # fmt: skip
def test_finished(text: str, expected: bool) -> None:
    assert finished(text) is expected


def test_statements_are_sentences_items_and_rows_without_marks() -> None:
    (section,) = sections(
        "A **bold** word. Call `R_init`\n_now_.\n- item [one](http://x.y)\n2. item\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    assert statements(section) == [
        "A bold word.", "Call R_init now.", "item one", "item", "| a | b |", "| 1 | 2 |",
    ]  # fmt: skip


def test_paragraphs_have_no_lines_of_contents_and_no_hyphens_at_line_ends() -> None:
    assert paragraphs("1 Intro . . . . . 3\n\nIt com-\npiles.\n\n12\n") == ["It compiles."]


def test_a_text_is_in_tenths_and_a_page_in_its_headings(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("\n\n".join(f"paragraph {number} " + "word " * 20 for number in range(40)))
    assert len(chapters(text)) == 10
    page = tmp_path / "a.html"
    chapter = "<h2>Title</h2><script>no()</script><p>" + "word " * 120 + "</p>"
    page.write_text(f"<html><head><title>t</title></head><body><h1>All</h1>{chapter * 5}</body></html>")
    found = chapters(page)
    assert len(found) == 5
    assert "no()" not in found[0]
