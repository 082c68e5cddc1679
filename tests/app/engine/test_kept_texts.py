"""A kept beginning is told by the text that is in it."""

from app.engine.kept_texts import WINDOW, KeptTexts
from tests.core.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()
PAGE = " ".join(f"The keeper of year {year} wrote {year * 7} lines." for year in range(1800, 1840))
OTHER = " ".join(f"Another light of {year} had {year * 3} steps." for year in range(1700, 1760))


def holds(texts: list[str], said: str) -> bool:
    return KeptTexts(TOKENIZER, texts)(TOKENIZER(said)["input_ids"])


def test_a_page_or_a_part_of_it_is_found_in_a_prompt() -> None:
    head = "You are given documents. "
    assert holds([OTHER, PAGE], f"{head}{PAGE}")
    assert holds([PAGE], f"{head}{OTHER} {PAGE[333 : 333 + 4 * WINDOW]}")
    assert holds([PAGE], f"{head}{PAGE.replace(' ', '  ').replace('.', ' . ')}")
    assert not holds([PAGE], f"{head}{OTHER}")
    assert not holds([], f"{head}{OTHER}")


def test_a_short_page_is_found_whole() -> None:
    assert holds(["The lamp is lit."], f"{OTHER} The lamp is lit. {OTHER}")
    assert not holds(["The lamp is lit.", "", " "], OTHER)
