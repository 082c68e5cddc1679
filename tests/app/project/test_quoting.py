"""A passage in its own sentences, or with those of documents."""

from app.documents import Document, Page
from app.project.quoting import expanded, shortened
from app.reading.meanings import Meanings
from app.reading.reading import Reading
from tests.app.reading.models import KnownWords

PASSAGE = (
    "The keeper of the lamp climbed the stairs of the tower every evening. He carried oil for the lamp in a can. "
    "It was cold. In the tower the keeper trimmed the wick of the lamp until the flame burned clear."
)
PAGES = (
    "The town has a market on Fridays, and the fishermen sell what they caught. Bread is baked twice a week there.",
    "The wick of the lamp was trimmed by the keeper every four hours, so that the flame burned clear until dawn. "
    "Oil for the lamp was carried up the stairs of the tower in cans of ten pounds. "
    "Sheep were kept on the island for their wool and sold to the mainland in autumn.",
)


def reading(*pages: str, names: tuple[str, ...] = ("light.txt",)) -> Reading:
    made = tuple(Page(number, None, text) for number, text in enumerate(pages, 1))
    return Reading([Document(name, made) for name in names])


def test_shortened_it_has_some_of_its_own_sentences_in_their_order() -> None:
    text = shortened(PASSAGE)
    assert text
    assert len(text) < 0.8 * len(PASSAGE)
    at = [PASSAGE.index(sentence.strip(". ")) for sentence in text.split(". ")]
    assert at == sorted(at)


def test_shortened_a_list_keeps_its_marks() -> None:
    items = (
        "- The keeper of the lamp climbed the stairs of the tower every evening.\n"
        "- The wool of the sheep was sold to the mainland in the autumn.\n"
        "- The keeper trimmed the wick of the lamp in the tower every evening."
    )
    text = shortened(items)
    assert 0 < len(text.splitlines()) < 3
    assert set(text.splitlines()) < set(items.splitlines())


def test_one_sentence_a_table_and_a_heading_cannot_be_shortened_so() -> None:
    table = "| a | b |\n|---|---|\n| c | d |"
    for passage in ("The keeper of the lamp climbed the stairs every evening.", table, "## A title", ""):
        assert shortened(passage) == ""


def test_expanded_the_sentences_of_the_documents_come_behind_it_with_their_page() -> None:
    text = expanded(reading(*PAGES), PASSAGE + "\n", PASSAGE)
    assert text.startswith(PASSAGE + " ")
    assert text.endswith("\n")
    added = text[len(PASSAGE) :]
    assert "(p. 2)." in added
    assert "Sheep" not in added
    assert "market" not in added


def test_what_is_about_something_else_by_its_meaning_is_not_added() -> None:
    passage = "The boat of the keeper came to the rock every evening in the summer."
    far = "The lamp of the keeper was lit on the rock every evening in the summer."
    meanings = Meanings(KnownWords)
    found = reading(PAGES[0], far)
    assert far.removesuffix(".") in expanded(found, passage, "")
    assert expanded(Reading(found.documents, meanings), passage, "") == ""
    meanings.close()


def test_what_stands_in_the_draft_is_not_added_again() -> None:
    first = PAGES[1].split(". ")[0]
    assert first not in expanded(reading(*PAGES), PASSAGE, f"{first}. {PASSAGE}")
    assert expanded(reading(*PAGES), PASSAGE, " ".join(PAGES)) == ""


def test_without_what_has_to_do_with_it_and_within_a_sentence_nothing_is_added() -> None:
    assert expanded(reading(PAGES[0]), PASSAGE, PASSAGE) == ""
    assert expanded(reading(*PAGES), PASSAGE.rstrip("."), PASSAGE) == ""
    assert expanded(reading(*PAGES), "## The lamp of the keeper", "") == ""


def test_to_a_list_they_are_items() -> None:
    items = "- The keeper trimmed the wick of the lamp.\n- The flame burned clear in the tower."
    text = expanded(reading(*PAGES), items, items)
    assert text.startswith(items + "\n- ")
