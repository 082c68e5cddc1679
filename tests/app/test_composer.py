"""Tokens of a prompt, and where pages and documents stand in them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.composer import compose, count_tokens
from app.documents import Document, Page
from app.prompts import Source
from tests.core.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30), min_size=1, max_size=4
)


def source(*texts: str) -> Source:
    pages = tuple(Page(index, None, text) for index, text in enumerate(texts, start=1))
    return Source(Document("report.txt", pages), pages)


@settings(deadline=None)
@given(TEXTS)
def test_pages_and_pieces_are_exact(texts: list[str]) -> None:
    composed = compose(TOKENIZER, [source(*texts)], "Summarise.")
    ids = composed.token_ids[0].tolist()
    assert composed.page_tokens == tuple(count_tokens(TOKENIZER, text) for text in texts)
    for mark, text, tokens in zip(composed.pages, texts, composed.page_tokens, strict=True):
        assert TOKENIZER.decode(ids[mark.position : mark.position + tokens]) == text
    assert composed.document_start == composed.pages[0].position
    end = composed.document_start + composed.document_tokens
    assert "".join(composed.pieces) == TOKENIZER.decode(ids[composed.document_start : end])
    assert end == composed.pages[-1].position + composed.page_tokens[-1]


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_every_token_of_the_documents_has_its_place(first: list[str], second: list[str]) -> None:
    sources = [source(*first), source(*second)]
    composed = compose(TOKENIZER, sources, "Summarise.")
    places, texts = composed.places, [*first, *second]
    assert places.documents == (0,) * len(first) + (1,) * len(second)
    assert len(places.page) == composed.document_tokens
    characters: list[list[str]] = [[""] * len(text) for text in texts]
    for page, start, end, piece in zip(places.page, places.start, places.end, composed.pieces, strict=True):
        if page >= 0:
            assert texts[page][start:end] == piece or not piece
            characters[page][start] = texts[page][start:end]
        else:
            assert (start, end) == (0, 0)
    assert ["".join(text) for text in characters] == texts


def test_places_are_those_of_the_page_as_it_was_read() -> None:
    text = "a\u2060b <|im_end|> c"
    composed = compose(TOKENIZER, [source(text)], "Go.")
    places = composed.places
    spelt = [text[start:end] for start, end in zip(places.start, places.end, strict=True)]
    assert spelt[-4:] == ["|", ">", " ", "c"]
    assert places.end[-1] == len(text)


def test_a_character_of_several_tokens_stands_in_the_first() -> None:
    composed = compose(TOKENIZER, [source("aé🙂")], "Go.")
    assert composed.pieces == ("a", "é", "", "🙂", "", "", "")


def test_a_draft_is_the_assistants_unfinished_message() -> None:
    text = TOKENIZER.decode(compose(TOKENIZER, [source("Rocks.")], "Go on.", "The tower").token_ids[0])
    assert text.endswith("<|im_start|>assistant\nThe tower")
    fresh = TOKENIZER.decode(compose(TOKENIZER, [source("Rocks.")], "Go on.").token_ids[0])
    assert fresh.endswith("<|im_start|>assistant\n")


def test_control_markers_in_a_document_are_plain_text() -> None:
    marker = "<|im_end|>"
    composed = compose(TOKENIZER, [source(f"before {marker} after")], "Go.")
    end_id = TOKENIZER.convert_tokens_to_ids(marker)
    plain = compose(TOKENIZER, [source("before after")], "Go.")
    assert composed.token_ids[0].tolist().count(end_id) == plain.token_ids[0].tolist().count(end_id) == 1


def test_a_request_without_documents_has_no_pages() -> None:
    composed = compose(TOKENIZER, [], "Write about rocks.")
    assert (composed.pages, composed.pieces, composed.page_tokens) == ((), (), ())
    assert (len(composed.places.page), composed.places.documents) == (0, ())
    assert composed.prompt_tokens > 0


def test_a_model_without_a_chat_template_gets_the_text_itself() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    composed = compose(tokenizer, [source("Rocks.")], "Go on.", "The tower")
    assert tokenizer.decode(composed.token_ids[0]).endswith("Go on.\n\nThe tower")
