"""SourceGuard against the plain reference, on tokenizers of every kind."""

import random
from functools import cache

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core import InvalidParameterError, SourceGuard, generate
from core.processors import Vocabulary, guarded_words
from tests.core.processors.reference import Reference
from tests.core.processors.tokenizers import TEXT, byte_level, sentence_piece, unigram
from tests.core.tiny import byte_tokenizer

KINDS = {"byte-level": byte_level, "sentence-piece": sentence_piece, "unigram": unigram, "bytes": byte_tokenizer}
OTHER_SOURCES = [
    "",
    "Only 1984 and v1.2.3; the R-exts. Long-Term e.g. U.S. foo/bar a.b",
    "Ärger in Łódź: 10–34 ½ naïve façade É Élan élan 2.ª",
    "在2024年发布 Debian系统 مسند ٣ ที่๑๒ 😀 ５G ﬁ x\u0301Y e\u0301",
]
kinds = pytest.mark.parametrize("kind", KINDS)


@cache
def made(kind: str) -> tuple[PreTrainedTokenizerFast, Vocabulary]:
    tokenizer = KINDS[kind]()
    return tokenizer, Vocabulary(tokenizer)


def ids_of(tokens: list[int]) -> torch.Tensor:
    return torch.tensor([tokens], dtype=torch.long)


def allowed(guard: SourceGuard, tokens: list[int]) -> list[int]:
    """The tokens that a guard leaves after `tokens`."""
    scores = guard(ids_of(tokens), torch.zeros(1, len(guard.vocabulary)))
    return scores[0].isfinite().nonzero().flatten().tolist()


def text_of(vocabulary: Vocabulary, tokens: list[int]) -> bytes:
    return b"".join(vocabulary.token_bytes[token] or b"" for token in tokens)


def walk(guard: SourceGuard, end: int, chance: random.Random, length: int) -> list[int]:
    """Tokens after an end token, at random of those that the guard leaves, rarer first characters more often."""
    tokens = [end]
    for _ in range(length):
        by_begin: dict[bytes, list[int]] = {}
        for token in allowed(guard, tokens):
            if token not in guard.vocabulary.special:
                by_begin.setdefault((guard.vocabulary.token_bytes[token] or b"")[:2], []).append(token)
        if not by_begin:
            break
        tokens.append(chance.choice(by_begin[chance.choice(sorted(by_begin))]))
    return tokens


@pytest.mark.slow
@kinds
@settings(max_examples=12)
@example("", 385)  # "g. Pa": a letter and a full stop end no sentence, whatever the vocabulary has of it
@given(st.sampled_from([TEXT, *OTHER_SOURCES]) | st.text(max_size=60), st.integers(0, 2**32))
def test_nothing_is_invented_and_a_token_is_always_left(kind: str, source: str, seed: int) -> None:
    tokenizer, vocabulary = made(kind)
    guard, reference = SourceGuard(vocabulary, [source]), Reference(vocabulary, [source])
    end = tokenizer.eos_token_id
    tokens = [end]
    chance = random.Random(seed)
    for _ in range(40):
        left = allowed(guard, tokens)
        assert left
        written = text_of(vocabulary, tokens)
        if end in left and not set(left) <= set(vocabulary.special):
            assert reference.invented(written.decode("utf-8", "replace")) == []
            assert guard.invented(written.decode("utf-8", "replace")) == []
        ordinary = [token for token in left if token not in vocabulary.special]
        if not ordinary:
            break
        tokens.append(chance.choice(ordinary))


@pytest.mark.slow
@kinds
@settings(max_examples=8)
@example(TEXT, 20808265)  # led to "R-ey": no part of "R-exts", and words in "r" are no help after a hyphen
@example(OTHER_SOURCES[3], 20808265)  # "2" at the begin of a line, then the first byte of a decimal digit
@given(st.sampled_from([TEXT, *OTHER_SOURCES]), st.integers(0, 2**32))
def test_each_token_is_judged_as_by_the_reference(kind: str, source: str, seed: int) -> None:
    tokenizer, vocabulary = made(kind)
    guard, reference = SourceGuard(vocabulary, [source]), Reference(vocabulary, [source])
    tokens = walk(guard, tokenizer.eos_token_id, random.Random(seed), 6)
    before, left = text_of(vocabulary, tokens), set(allowed(guard, tokens))
    expected = {
        token
        for token, held in enumerate(vocabulary.token_bytes)
        if held is not None and held and reference.may_write_bytes(before + held)
    }
    differ = left.difference(vocabulary.special) ^ expected
    assert {token: (before, vocabulary.token_bytes[token], token in left) for token in differ} == {}


@kinds
@pytest.mark.parametrize("source", [TEXT, *OTHER_SOURCES])
def test_of_some_tokens_it_leaves_what_it_leaves_of_all(kind: str, source: str) -> None:
    tokenizer, vocabulary = made(kind)
    guard, special = SourceGuard(vocabulary, [source]), set(vocabulary.special)
    every, scores = range(len(vocabulary) + 2), torch.zeros(1, len(vocabulary) + 2)
    tokens = walk(guard, tokenizer.eos_token_id, random.Random(len(source)), 12)
    for end in range(1, len(tokens) + 1):
        guard.follow(ids_of(tokens[:end]))
        left = guard.lower(scores)[0].isfinite().nonzero().flatten().tolist()
        some = guard.lower(scores, every)[0].isfinite().nonzero().flatten().tolist()
        assert some == ([] if special.issuperset(left) and some != left else left)


@pytest.mark.slow
@kinds
@settings(max_examples=15)
@given(st.sampled_from([TEXT, *OTHER_SOURCES]) | st.text(max_size=80))
def test_a_source_can_be_written_as_it_is_tokenized(kind: str, source: str) -> None:
    tokenizer, vocabulary = made(kind)
    guard = SourceGuard(vocabulary, [source])
    source_tokens = tokenizer(source, add_special_tokens=False)["input_ids"]
    if tokenizer.unk_token_id in source_tokens:  # a word that holds one cannot be written at all
        return
    tokens = [tokenizer.eos_token_id]
    for token in source_tokens:
        assert token in allowed(guard, tokens), text_of(vocabulary, tokens)
        tokens.append(token)
    assert tokenizer.eos_token_id in allowed(guard, tokens)


def write(guard: SourceGuard, tokenizer: PreTrainedTokenizerBase, text: str, before: str = "") -> str:
    """As much of `text` as the guard lets through, byte for byte, after an end token and `before`."""
    tokens = [tokenizer.eos_token_id, *tokenizer(before)["input_ids"]]
    for at, token in enumerate(tokenizer(text)["input_ids"]):
        if token not in allowed(guard, tokens):
            return text.encode()[:at].decode("utf-8", "replace")
        tokens.append(token)
    return text if tokenizer.eos_token_id in allowed(guard, tokens) else text + "…"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "text", "written"),
    [
        ("in 1984", "in 19", "in 19…"),
        ("in 1984", "in 19 ", "in 19"),
        ("in 1984", "in 19845", "in 1984"),
        ("in 1984", "in 1984. In", "in 1984. In"),
        ("3 and 5", "is 3.5", "is 3."),
        ("3 and 5", "is 3-5", "is 3-"),
        ("pages 10-34", "page 10 ", "page 10"),
        ("pages 10-34", "pages 10-34.", "pages 10-34."),
        ("about 10⁻³⁴ J", "about 10 ", "about 10"),
        ("about 10⁻³⁴ J", "about 10⁻³⁴ J", "about 10⁻³⁴ J"),
        ("a deck of 5 m²", "a deck of 5 m²", "a deck of 5 m²"),
        ("a deck of 5 m²", "a deck of 5 m³", "a deck of 5 m\ufffd"),  # the byte that both begin with
        ("costs 1,000", "costs 1,000, or", "costs 1,000, or"),
        ("costs 1,000", "costs 1 ", "costs 1"),
        ("version v1.2.3", "as v1.2.3", "as v1.2.3"),
        ("version v1.2.3", "as v1.2 ", "as v1.2"),
        ("version v1.2.3", "as v is", "as v is"),
        ("the R-exts", "in R-ext ", "in R-ext"),
        ("the R and exts", "in R-exts", "in R-"),
        ("read the R-exts", "R-exact", "R-ex"),
        ("read the R-exts", "R-eyе็", "R-e"),
        ("the xenon of X-1", "X-ray", "X-"),
        ("Debian", "the Debian's", "the Debian's"),
        ("Debian's", "the Debian is", "the Debian is"),
        ("Debian", "the DEBIAN", "the D"),
        ("a PDF", "two PDFs.", "two PDFs."),
        ("GNU/Linux", "the Linux", "the Linux"),
        ("GNU and Linux", "the GNU/Linux", "the GNU"),
        ("Debian-based", "on Debian.", "on Debian."),
        ("none", "see foo/bar", "see foo"),
        ("see foo/bar", "see foo/bar or foo/ ", "see foo/bar or foo/"),
        ("none", "it's well-known, don't", "it's well-known, don't"),
        ("none", "see foo.bar", "see foo."),
        ("none", "I think e.g. a", "I think e.g. a"),
        ("people write", "People write. Write, people", "People write. Write, people"),
        ("people write", "He", ""),
        ("people write", "write People", "write "),
        ("people write", "write, e.g. People", "write, e.g. "),
        ("people write", '# People\n- Write\n"People" (write)', '# People\n- Write\n"People" (write)'),
        ("people write", 'write "People', 'write "People'),
        ("people write", 'write" People', 'write" '),
        ("people write", "1. People\n2) Write\n33. a", "1. People\n2) Write\n33. a"),
        ("people write", "123. a", "12"),
        ("people write", "๑๒. a\n1٣) a", "๑๒. a\n1٣) a"),
        ("people write", "𝟏𝟐. a", "𝟏𝟐. a"),
        ("people write", "write 1. a", "write "),
        ("people write", "People-Write", "People-"),
        ("people write", "People-write it's", "People-write it's"),
        ("2024年发布", "在2024年", "在2024年"),
        ("2024年发布", "在2025年", "在202"),
        ("1990s", "the 1990 ", "the 1990"),
    ],
)
def test_rules(source: str, text: str, written: str) -> None:
    tokenizer, vocabulary = made("bytes")
    assert write(SourceGuard(vocabulary, [source]), tokenizer, text) == written


@pytest.mark.parametrize(
    ("before", "text", "written"),
    [
        ("In 19", "84 ", "84 "),
        ("In 19", "85", "8"),
        ("In Wien", " or", " or"),
        ("In Wien", "ers", "ers"),
        ("In Wien", "2", ""),
        ("It ends.", " At", " At"),
        ("It goes", " At", " A"),
        ("Größe ", "At", "A"),
    ],
)
def test_the_text_before_counts(before: str, text: str, written: str) -> None:
    tokenizer, vocabulary = made("bytes")
    assert write(SourceGuard(vocabulary, ["at 1984"]), tokenizer, text, before) == written


def test_a_character_that_was_begun_is_ended() -> None:
    tokenizer, vocabulary = made("bytes")
    guard = SourceGuard(vocabulary, ["Élan"])
    begun = [tokenizer.eos_token_id, *tokenizer("in É")["input_ids"]][:-1]
    left = [vocabulary.token_bytes[token] for token in allowed(guard, begun)]
    assert "É".encode()[1:] in left
    assert "À".encode()[1:] not in left
    assert "à".encode()[1:] in left
    assert all(held is not None and 0x80 <= held[0] < 0xC0 for held in left)


def test_one_guard_serves_one_run_after_another() -> None:
    tokenizer, vocabulary = made("bytes")
    guard = SourceGuard(vocabulary, ["in 1984"])
    for _ in range(2):
        assert write(guard, tokenizer, "in 19 ") == "in 19"
        assert write(guard, tokenizer, "in 1984 ") == "in 1984 "


def test_rows_of_a_model_beyond_the_vocabulary_are_never_left() -> None:
    _, vocabulary = made("bytes")
    scores = SourceGuard(vocabulary, [])(ids_of([1, 2]), torch.zeros(1, len(vocabulary) + 9))
    assert scores.shape == (1, len(vocabulary) + 9)
    assert not scores[0, len(vocabulary) :].isfinite().any()


def test_a_token_is_left_where_others_left_none_that_may_follow() -> None:
    tokenizer, vocabulary = made("bytes")
    scores = torch.full((1, len(vocabulary)), -torch.inf)
    scores[0, tokenizer("X")["input_ids"][0]] = 1
    left = SourceGuard(vocabulary, [])(ids_of(tokenizer("a ")["input_ids"]), scores)[0].isfinite()
    assert left.any()
    assert not left[tokenizer("X")["input_ids"][0]]


def test_several_rows_are_refused() -> None:
    _, vocabulary = made("bytes")
    with pytest.raises(InvalidParameterError, match="2 rows"):
        SourceGuard(vocabulary, [])(torch.ones(2, 3, dtype=torch.long), torch.zeros(2, len(vocabulary)))


def test_guarded_words_says_which_and_where() -> None:
    text = "The 3 e.g. Foo. \"Bar said (See)\n12. Xa 12 it's J. Smith 在2024年 a@b"
    assert [(w.text, text[w.start : w.end], w.place.name) for w in guarded_words(text)] == [
        ("The", "The", "LINE"),
        ("3", "3", "GAP"),
        ("e.g", "e.g", "GAP"),
        ("Foo", "Foo", "GAP"),
        ("Bar", "Bar", "START"),
        ("See", "See", "GAP"),
        ("Xa", "Xa", "START"),
        ("12", "12", "GAP"),
        ("J", "J", "GAP"),
        ("Smith", "Smith", "GAP"),
        ("2024", "2024", "WITHIN"),
        ("a@b", "a@b", "GAP"),
    ]


@pytest.mark.slow
def test_generation_is_guarded(tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast]) -> None:
    model, tokenizer = tiny
    guard = SourceGuard(tokenizer, ["in 1984 at Łódź"])
    text = generate(model, tokenizer, "a ", logits_processors=[guard], max_new_tokens=60, temperature=3.0, seed=1)
    whole = "a " + text
    assert [word.text for word in guard.invented(whole) if word.end < len(whole)] == []
    inputs = tokenizer("a ", return_tensors="pt")
    ids = model.generate(**inputs, logits_processor=[guard], max_new_tokens=30, do_sample=True, temperature=3.0)
    whole = tokenizer.decode(ids[0], skip_special_tokens=True)
    assert [word.text for word in guard.invented(whole) if word.end < len(whole)] == []


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_text_of_the_embedded_model_invents_nothing(
    smollm2: tuple[PreTrainedModel, PreTrainedTokenizerBase], seed: int
) -> None:
    _, tokenizer = smollm2
    vocabulary = Vocabulary(tokenizer)
    guard, reference = SourceGuard(vocabulary, [TEXT]), Reference(vocabulary, [TEXT])
    chance = random.Random(seed)
    tokens = walk(guard, tokenizer.eos_token_id, chance, 150)
    text = text_of(vocabulary, tokens).decode("utf-8", "replace")
    whole = [word for word in guard.invented(text) if word.end < len(text)]
    assert whole == []
    assert not set(reference.invented(text[: text.rfind(" ")]))
    given = [tokenizer.eos_token_id]
    for token in tokenizer(TEXT)["input_ids"]:
        assert token in allowed(guard, given)
        given.append(token)
