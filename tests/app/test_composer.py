"""Tokens of a prompt, and where pages and documents stand in them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.budget import FewerPages, SourceTokens
from app.composer import TokenCounts, compose, count_tokens
from app.documents import Document, Page, select_pages
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
    assert (composed.pages, composed.pieces, composed.page_tokens, composed.sources) == ((), (), (), ())
    assert composed.prompt_tokens > 0


def test_a_model_without_a_chat_template_gets_the_text_itself() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    composed = compose(tokenizer, [source("Rocks.")], "Go on.", "The tower")
    assert tokenizer.decode(composed.token_ids[0]).endswith("Go on.\n\nThe tower")


def test_the_budget_adds_up_to_the_prompt() -> None:
    first, second = source("Rocks.", "Reefs."), source("Sand.")
    composed = compose(TOKENIZER, [first, second], "Go on.", "The tower ")
    mark = len("\n\n[Page 2]\n")
    heading = len("\n\nDocument: report.txt\n\n[Page 1]\n")
    # A byte is a token. The first mark stands before the documents' first token.
    assert composed.sources == (
        SourceTokens("report.txt", (1, 2), (len("Rocks."), mark + len("Reefs."))),
        SourceTokens("report.txt", (1,), (heading + len("Sand."),)),
    )
    assert composed.draft_tokens == len("The tower")
    budget = composed.budget(output=50, window=1000)
    assert budget.source_tokens == composed.document_tokens
    assert budget.total == composed.prompt_tokens + 50
    assert compose(TOKENIZER, [first], "Go on.").draft_tokens == 0


def test_a_draft_is_counted_without_a_chat_template_too() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    assert compose(tokenizer, [source("Rocks.")], "The tower", "The tower").draft_tokens == len("The tower")


def test_the_pages_that_are_said_to_fit_do() -> None:
    pages = tuple(Page(number, None, f"Page number {number}. " * 10) for number in range(1, 8))
    document = Document("a.pdf", pages)
    composed = compose(TOKENIZER, [Source(document, pages)], "Go on.")
    budget = composed.budget(output=100, window=1000)
    choice = next(choice for choice in budget.choices if isinstance(choice, FewerPages))
    fewer = compose(TOKENIZER, [Source(document, select_pages(document, *choice.pages))], "Go on.")
    assert 0 < len(fewer.pages) < 7
    assert fewer.budget(output=100, window=1000).excess <= 0


def test_a_page_is_counted_once() -> None:
    counted: list[str] = []

    def tokenizer(text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        counted.append(text)
        return {"input_ids": [0] * len(text)}

    counts = TokenCounts()
    pages = (Page(1, None, "one"), Page(2, None, "three"))
    for name in ("a.pdf", "a copy.pdf"):
        document = Document(name, pages)
        assert counts.of(tokenizer, document, pages) == (3, 5)  # type: ignore[arg-type]
        assert counts.of(tokenizer, document, pages[1:]) == (5,)  # type: ignore[arg-type]
    assert counted == ["one", "three"]
    other = Document("a.pdf", (Page(1, None, "other"),))
    assert counts.of(tokenizer, other, other.pages) == (5,)  # type: ignore[arg-type]
    assert counted[2:] == ["other"]
