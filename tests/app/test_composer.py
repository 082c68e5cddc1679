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
    assert composed.prompt_tokens > 0


def test_a_model_without_a_chat_template_gets_the_text_itself() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    composed = compose(tokenizer, [source("Rocks.")], "Go on.", "The tower")
    assert tokenizer.decode(composed.token_ids[0]).endswith("Go on.\n\nThe tower")
