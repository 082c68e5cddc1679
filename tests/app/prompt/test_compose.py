"""Tokens of a prompt, and where pages and documents stand in them."""

from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from app.documents import Document, Page, select_pages
from app.prompt.compose import Composed, TokenCounts, compose, count_tokens, last_tokens
from app.prompt.messages import Source
from app.prompt.window import FewerPages, SourceTokens
from core.default_model import cache_folder, embedded_model
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


LLAMA_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def merging_tokenizer() -> PreTrainedTokenizerFast:
    """Splits words as Llama 3 and Qwen do, and has learnt to merge a full stop with the blank line behind it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    text = ['The end.\n\nSummarise it.\n\n"The fog."\n\n- one\n\n\nWrite (all).\n\n \n\nList 12:\n\n'] * 20
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = TOKENIZER.chat_template
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return fast


def embedded_tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(embedded_model(cache_folder(), lambda *_: None))


ENDINGS = st.text(st.sampled_from('.,:;!?)"“”- \n\t0aé🙂…'), max_size=6)
INSTRUCTIONS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip())


@pytest.fixture(
    scope="module",
    params=[byte_tokenizer, merging_tokenizer, pytest.param(embedded_tokenizer, marks=pytest.mark.model)],
)
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    return request.param()


@settings(deadline=None)
@given(ENDINGS, INSTRUCTIONS, INSTRUCTIONS, st.text(max_size=10))
@example(".", "Summarise.", "- list", "")
@example("\n", "“Quoted”", "1. count", "The")
@example("  ", "0", ":", "")
@example("\n ", "0", ":", "")
@example("ends\n\n \n", "\u0301combining", "<|im_end|>", "")
def test_documents_have_the_same_tokens_under_every_instruction(
    tokenizer: PreTrainedTokenizerBase, ending: str, one: str, other: str, draft: str
) -> None:
    documents = [source("The fog", "The light stood" + ending)]
    first, second = compose(tokenizer, documents, one), compose(tokenizer, documents, other, draft)
    end = first.document_end
    assert second.document_end == end
    assert second.token_ids[0, :end].tolist() == first.token_ids[0, :end].tolist()
    # Only blanks at the end, and a token that reaches into the instruction, are left out.
    left_out = "".join(first.pieces[end - first.document_start :])
    assert len(left_out.strip()) <= len(first.pieces[-1]) + 1
    assert first.document_end > first.document_start


def test_a_document_has_the_same_tokens_wherever_it_stands(tokenizer: PreTrainedTokenizerBase) -> None:
    texts = {"one.txt": ("The rock is old.", "It stands."), "two.txt": ("A lamp (1849).\n",), "three.txt": ("End",)}
    sources = {name: source(*pages) for name, pages in texts.items()}
    found: dict[int, set[tuple[int, ...]]] = {}
    for order in permutations(range(3)):
        composed = compose(tokenizer, [list(sources.values())[index] for index in order], "List {all}.", "So")
        ids = composed.token_ids[0].tolist()
        assert composed.document_end == composed.documents[-1][1]
        for index, (start, end) in zip(order, composed.documents, strict=True):
            found.setdefault(index, set()).add(tuple(ids[start:end]))
    for index, pages in enumerate(texts.values()):
        least = min(found[index], key=len)
        assert {ids[: len(least)] for ids in found[index]} == {least}
        # Only a token that reaches into what follows is left out.
        assert max(map(len, found[index])) <= len(least) + 1
        said = tokenizer.decode(least)
        assert said.startswith("Document: ")
        assert pages[-1].rstrip()[:-2] in said[-len(pages[-1]) - 2 :]


def test_a_token_that_reaches_into_the_instruction_is_not_the_documents() -> None:
    tokenizer = merging_tokenizer()
    composed = compose(tokenizer, [source("The fog.")], "Go.")
    ids = composed.token_ids[0].tolist()
    assert tokenizer.decode(ids[composed.document_end :]).startswith(".\n\nGo.")
    assert composed.document_end == composed.document_start + composed.document_tokens - 1
    more = compose(tokenizer, [source("The fog."), source("The lamp.")], "Go.")
    assert more.token_ids[0, : composed.document_end].tolist() == ids[: composed.document_end]


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
    assert (composed.pages, composed.pieces, composed.page_tokens, composed.sources) == ((), (), (), ())
    assert (composed.document_start, composed.document_end) == (0, 0)
    assert (len(composed.places.page), composed.places.documents) == (0, ())
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

    def tokenizer(text: str, **options: bool) -> dict[str, list[int]]:
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


@pytest.mark.parametrize("sources", [(), ("Rocks.",), ("Rocks and\nthe sea", "A second page."), ("犬吠埼 <|im_end|>",)])
@pytest.mark.parametrize("draft", ["", "The tower stood."])
def test_the_counted_budget_is_that_of_the_whole_prompt(sources: tuple[str, ...], draft: str) -> None:
    given = [source(*sources), source("Another.")] if sources else []
    for tokenizer in (TOKENIZER, merging_tokenizer()):
        counts = TokenCounts()
        for instruction in ("Summarise it.", "Say in 12 words (all) what it is."):
            exact = compose(tokenizer, given, instruction, draft).budget(100, 1000)
            assert counts.budget(tokenizer, given, instruction, draft, 100, 1000) == exact


def test_sources_are_divided_into_tokens_again_only_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(tokenizer: PreTrainedTokenizerBase, sources: list[Source], *rest: str) -> Composed:
        read.append(sum(len(page.text) for source in sources for page in source.pages))
        return compose(tokenizer, sources, *rest)

    monkeypatch.setattr("app.prompt.compose.compose", counted)
    counts, long = TokenCounts(), source("The tide came in. " * 20)
    for instruction, draft in (("Sum it up.", ""), ("List it.", ""), ("List it.", "One more.")):
        counts.budget(TOKENIZER, [long], instruction, draft, 100, 1000)
    assert read == [360, 10, 10, 10]
    counts.budget(TOKENIZER, [source("Other.")], "List it.", "", 100, 1000)
    assert read[4:] == [6, 8]
    # Two are known at once: all of long documents, and what of them is sent.
    for short in ("One.", "Two.", "One."):
        for given_one in (long, source(short)):
            counts.budget(TOKENIZER, [given_one], "List it.", "", 100, 1000)
    assert read[6:] == [10, 4, 6, 10, 4, 6, 10, 4, 6]


@pytest.mark.parametrize(
    ("most", "end"),
    [
        (99, "One. Two words.\nThree four five"),
        (31, "One. Two words.\nThree four five"),
        (30, "Two words.\nThree four five"),
        (22, "Three four five"),
        (14, "four five"),
        (2, "ve"),
    ],
)
def test_the_last_tokens_begin_with_a_sentence_or_a_word(most: int, end: str) -> None:
    assert last_tokens(TOKENIZER, "One. Two words.\nThree four five", most) == end


@pytest.mark.slow
@given(TEXTS, st.data())
def test_places_of_a_cut_page_are_those_of_the_whole_page(texts: list[str], data: st.DataObject) -> None:
    whole = source(*texts)
    cut = []
    for page in whole.pages:
        begin = data.draw(st.integers(0, len(page.text) - 1))
        end = data.draw(st.integers(begin + 1, len(page.text)))
        cut.append(Page(page.number, page.label, page.text[begin:end], begin=begin))
    composed = compose(TOKENIZER, [Source(whole.document, tuple(cut))], "Summarise.")
    places = composed.places
    characters = [[""] * len(page.text) for page in whole.pages]
    for index, start, end, piece in zip(places.page, places.start, places.end, composed.pieces, strict=True):
        if index >= 0:
            assert texts[index][start:end] == piece or not piece
            characters[index][start] = texts[index][start:end]
    for page, found in zip(cut, characters, strict=True):
        end = page.begin + len(page.text)
        assert "".join(found) == "".join(found[page.begin : end]) == page.text


def test_stretches_of_one_page_are_each_in_their_place() -> None:
    text = "The fog came. The lamp <|im_end|> was lit. The end."
    page = Page(3, "iii", text)
    stretches = tuple(Page(3, "iii", text[first:last], begin=first) for first, last in ((0, 13), (14, 42)))
    composed = compose(TOKENIZER, [Source(Document("a.pdf", (page,)), stretches)], "Go.")
    assert [mark.label for mark in composed.pages] == ["iii", "iii"]
    spelt = ["", ""]
    for index, start, end in zip(composed.places.page, composed.places.start, composed.places.end, strict=True):
        spelt[index] += text[start:end] if index >= 0 else ""
    assert spelt == [text[:13], text[14:42]]
