"""Documents that are read apart and placed: against transformers' own attention, and how often they are read."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise, permutations
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from core import (
    H2O,
    ContextOverflowError,
    Exact,
    FullAttention,
    InvalidParameterError,
    KeyIndex,
    Policy,
    PolicyCache,
    PolicyInactiveError,
    PrefixCache,
    PrefixFiles,
    RefreshKV,
    SnapKV,
    TokenGenerated,
    enable,
    stream_generate,
)
from core.documents import AGAIN, SHORTEST, Document, agreed, resumed, spans_to_place
from core.memory import bytes_of
from core.sequence import LEAST_TAIL
from core.window import Beyond
from tests.core.architectures import make_model
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")
FULL = FullAttention()
MODEL = tiny_model(max_position_embeddings=4096)
BEYOND = tiny_model(max_position_embeddings=512)
BEGINNING = [250, 251, 252, *range(20)]
ASKED, OTHER = list(range(5, 45)), list(range(60, 110))
KEYS = 1e-4  # of rounding, in float32


def text(seed: int, length: int = 700) -> list[int]:
    return torch.randint(0, 250, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


A, B, C = text(1), text(2, 650), text(3, 800)


class Prompt:
    """Some documents behind a beginning, and a question."""

    def __init__(
        self, *documents: list[int], asked: list[int] = ASKED, beginning: list[int] = BEGINNING, read_apart: bool = True
    ) -> None:
        ends = [len(beginning)]
        for document in documents:
            ends.append(ends[-1] + len(document))
        self.ids = [*beginning, *(id_ for document in documents for id_ in document), *asked]
        self.spans = list(pairwise(ends)) if read_apart else []
        self.end = ends[-1]


def read(
    prefixes: PrefixCache,
    prompt: Prompt,
    policy: Policy = FULL,
    window: Beyond | None = None,
    behind: Sequence[int] | None = None,
    stop: int | None = None,
    chunk: int = 256,
) -> tuple[int, list[int], PolicyCache]:
    """Run once. Returns how many tokens of the prompt were computed, those that were written, and the cache. stop:
    where in the prompt it is stopped."""
    computed, forward = 0, prefixes._model.forward

    def counted(input_ids: Tensor, **kwargs: object) -> object:
        nonlocal computed
        computed += input_ids.shape[1]
        return forward(input_ids=input_ids, **kwargs)

    written = []
    with ExitStack() as stack:
        prefixes._model.forward = counted  # type: ignore[method-assign,assignment]
        stack.callback(setattr, prefixes._model, "forward", forward)
        ids, spans = prompt.ids, prompt.spans
        cache = stack.enter_context(
            prefixes.use(ids, prompt.end, policy, len(ids) + 4, window=window, documents=spans, behind=behind)
        )
        for event in stream_generate(
            prefixes._model, byte_tokenizer(), ids, cache=cache, max_new_tokens=4, prefill_chunk=chunk
        ):
            if isinstance(event, TokenGenerated):
                if event.step == 0:
                    prompt_computed = computed
                written.append(event.token_id)
            elif stop is not None and getattr(event, "done", 0) >= stop:
                return computed, written, cache
    return prompt_computed, written, cache


@pytest.fixture
def prefixes() -> Iterator[PrefixCache]:
    prefixes = PrefixCache(MODEL, 10**9)
    yield prefixes
    prefixes.close()


@torch.no_grad()
def stock(model: PreTrainedModel, prompt: Prompt, behind: list[int] = BEGINNING) -> tuple[DynamicCache, Tensor]:
    """The prompt's keys and values, and its last logits, by transformers' own attention and cache. A document is read
    behind the beginning as if both stood where it is to be placed, so that no key is turned."""
    joint = DynamicCache(config=model.config)
    in_place = prompt.ids[: len(behind)] == behind and len(behind)
    done, logits = 0, torch.empty(0)
    for start, end in [*(span for span in prompt.spans if span[0] != in_place), (len(prompt.ids), len(prompt.ids))]:
        ids = torch.tensor([prompt.ids[done : start + (AGAIN if end > start else 0)]])
        logits = model(input_ids=ids, cache=joint).logits[0, -1]
        if end == start:
            break
        own = DynamicCache(config=model.config)
        ids = torch.tensor([[*behind, *prompt.ids[start:end]]])
        model(input_ids=ids, cache=own, position_ids=torch.arange(start - len(behind), end)[None])
        for layer, read_apart in zip(joint.layers, own.layers, strict=True):
            first = len(behind) + AGAIN
            layer.keys = torch.cat([layer.keys, read_apart.keys[:, :, first:]], dim=2)
            layer.values = torch.cat([layer.values, read_apart.values[:, :, first:]], dim=2)
        done = end
    return joint, logits


def assert_like_stock(cache: PolicyCache, prompt: Prompt, behind: list[int] = BEGINNING) -> None:
    plain = tiny_model(max_position_embeddings=4096)
    plain.set_attn_implementation("eager")
    expected, _ = stock(plain, prompt, behind)
    length = len(prompt.ids)
    for layer, plainly in zip(cache.policy_layers.values(), expected.layers, strict=True):
        for ours, theirs in ((layer.keys, plainly.keys), (layer.values, plainly.values)):
            assert ours is not None
            torch.testing.assert_close(ours[:, :, :length], theirs, atol=KEYS, rtol=KEYS)


@pytest.mark.parametrize("order", list(permutations((A, B, C))), ids=["abc", "acb", "bac", "bca", "cab", "cba"])
def test_placed_documents_are_those_of_stock_attention_at_other_positions(
    prefixes: PrefixCache, order: tuple[list[int], ...]
) -> None:
    read(prefixes, Prompt(C, A))
    prompt = Prompt(*order)
    assert_like_stock(read(prefixes, prompt)[2], prompt)


def test_behind_a_sentence_of_its_own_the_first_is_placed_too(prefixes: PrefixCache) -> None:
    prompt = Prompt(A, B)
    cache = read(prefixes, prompt, behind=OTHER)[2]
    assert [document.start for document in cache.documents] == [start for start, _ in prompt.spans]
    assert_like_stock(cache, prompt, OTHER)


def test_only_what_is_new_is_read(prefixes: PrefixCache) -> None:
    ahead, asked = len(BEGINNING), len(ASKED)
    assert read(prefixes, Prompt(A))[0] == ahead + len(A) + asked
    # One is added behind and read behind the beginning, which is known; its first tokens are computed again.
    assert read(prefixes, Prompt(A, B))[0] == ahead + len(B) + AGAIN + asked
    assert read(prefixes, Prompt(A, B), KeyIndex(1 / 8))[0] == LEAST_TAIL  # the same by another method
    assert read(prefixes, Prompt(A, B, asked=OTHER))[0] == len(OTHER)
    # Another order, one taken away, one added between the two.
    assert read(prefixes, Prompt(B, A))[0] == AGAIN + asked
    assert read(prefixes, Prompt(A))[0] == asked
    assert read(prefixes, Prompt(A, C, B))[0] == ahead + len(C) + 2 * AGAIN + asked
    assert read(prefixes, Prompt(C, B, A))[0] == 2 * AGAIN + asked


def test_another_beginning_costs_no_reading_behind_a_fixed_one(prefixes: PrefixCache) -> None:
    read(prefixes, Prompt(A, B), behind=OTHER)
    computed, _, cache = read(prefixes, Prompt(A, B, beginning=[9] * 60), behind=OTHER)
    assert computed == 60 + 2 * AGAIN + len(ASKED)
    assert cache.placed == len(A) + len(B) - 2 * AGAIN


def test_what_is_held_does_not_depend_on_what_was_read_before(tmp_path: Path) -> None:
    histories: list[list[Prompt]] = [
        [],
        [Prompt(B, A, C), Prompt(C, B, A)],
        [Prompt(A, B, C, read_apart=False), Prompt(A, C)],
        [Prompt(A, B[:600]), Prompt(A, B, C[:555], asked=OTHER)],
        [Prompt(C, B, beginning=[7] * 30), Prompt(A, B, C, asked=ASKED[:20])],
    ]
    found = []
    for index, history in enumerate(histories):
        with_files = PrefixFiles(tmp_path / str(index), 10**9) if index % 2 else None
        prefixes = PrefixCache(MODEL, 10**9, with_files)
        for prompt in history:
            read(prefixes, prompt)
        _, written, cache = read(prefixes, Prompt(A, B, C))
        found.append((written, [(layer.keys, layer.values) for layer in cache.policy_layers.values()]))
        prefixes.close()
    for written, layers in found[1:]:
        assert written == found[0][0]
        torch.testing.assert_close(layers, found[0][1], atol=KEYS, rtol=KEYS)


def test_a_prompt_in_one_go_takes_nothing_that_was_placed(prefixes: PrefixCache) -> None:
    alone = PrefixCache(MODEL, 10**9)
    _, expected, first = read(alone, Prompt(A, B, read_apart=False))
    read(prefixes, Prompt(A, B))
    computed, written, second = read(prefixes, Prompt(A, B, read_apart=False))
    assert computed == len(B) + len(ASKED)  # what stands before the second is the same
    assert written == expected
    for ours, theirs in zip(second.policy_layers.values(), first.policy_layers.values(), strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys, atol=KEYS, rtol=KEYS)
    assert read(prefixes, Prompt(A, B))[0] == LEAST_TAIL  # and nothing of that is lost


def test_documents_on_disk_are_placed_in_a_new_process(tmp_path: Path) -> None:
    first = PrefixCache(MODEL, 10**9, PrefixFiles(tmp_path, 10**9))
    read(first, Prompt(A, B, C))
    first.close()
    second = PrefixCache(MODEL, 10**9, PrefixFiles(tmp_path, 10**9))
    computed, _, cache = read(second, Prompt(C, A, B))
    assert computed == 2 * AGAIN + len(ASKED)
    assert_like_stock(cache, Prompt(C, A, B))
    second.close()


def test_a_stop_loses_nothing_that_was_read(prefixes: PrefixCache) -> None:
    begun = len(BEGINNING) + len(A) + 300
    computed, _, _ = read(prefixes, Prompt(A, B, C), stop=begun, chunk=64)
    assert computed < begun + 2 * 64
    rest = read(prefixes, Prompt(A, B, C), chunk=64)[0]
    whole = len(Prompt(A, B, C).ids) + len(BEGINNING) * 2 + 2 * AGAIN
    assert computed + rest <= whole + AGAIN
    assert_like_stock(read(prefixes, Prompt(A, B, C))[2], Prompt(A, B, C))


@pytest.mark.parametrize(
    "policy", [KeyIndex(1 / 8), RefreshKV(1 / 8, stride=2), SnapKV(1 / 8), Exact(RefreshKV())], ids=repr
)
def test_methods_find_the_same_keys(prefixes: PrefixCache, policy: Policy) -> None:
    expected = read(PrefixCache(MODEL, 10**9), Prompt(A, B, C))[2]
    read(prefixes, Prompt(C, A))
    cache = read(prefixes, Prompt(A, B, C), policy)[2]
    end = Prompt(A, B, C).end
    for ours, theirs in zip(cache.policy_layers.values(), expected.policy_layers.values(), strict=True):
        assert ours.keys is not None
        assert theirs.keys is not None
        assert torch.equal(ours.keys[:, :, :end], theirs.keys[:, :, :end])


def test_a_method_that_adds_up_attention_reads_all_in_one_go(prefixes: PrefixCache) -> None:
    read(prefixes, Prompt(A, B))
    computed, _, cache = read(prefixes, Prompt(A, B), H2O(1 / 8))
    assert computed == len(Prompt(A, B).ids)
    assert cache.documents == ()


@pytest.mark.parametrize("chunk", [32, 100, 1024])
def test_beyond_the_window_the_size_of_a_forward_changes_nothing(chunk: int) -> None:
    expected = read(PrefixCache(BEYOND, 10**9), Prompt(A, B, C), KeyIndex(64), "extend")
    prefixes = PrefixCache(BEYOND, 10**9)
    read(prefixes, Prompt(C, A), KeyIndex(64), "extend", chunk=chunk)
    read(prefixes, Prompt(A, B, C, asked=OTHER), KeyIndex(64), "extend", chunk=chunk)
    _, written, cache = read(prefixes, Prompt(A, B, C), KeyIndex(64), "extend", chunk=chunk)
    assert written == expected[1]
    for ours, theirs in zip(cache.policy_layers.values(), expected[2].policy_layers.values(), strict=True):
        assert ours.keys is not None
        assert theirs.keys is not None
        torch.testing.assert_close(ours.keys, theirs.keys, atol=KEYS, rtol=KEYS)


def test_models_whose_keys_cannot_be_moved_are_refused() -> None:
    prefixes = PrefixCache(enable(make_model("gpt2")), 10**9)
    assert not prefixes.can_move
    assert PrefixCache(MODEL).can_move
    prompt = Prompt(A[:40], B[:40], asked=[1, 2])
    with (
        pytest.raises(PolicyInactiveError, match="in one go"),
        prefixes.use(prompt.ids, prompt.end, FULL, documents=prompt.spans),
    ):
        pass


@pytest.mark.parametrize("spans", [[(5, 4)], [(0, 10), (9, 12)], [(-1, 5)], [(0, 2000)], [(1, 2, 3)]], ids=str)
def test_spans_out_of_order_are_refused(prefixes: PrefixCache, spans: list[tuple[int, int]]) -> None:
    with (
        pytest.raises(InvalidParameterError, match="first 1000 tokens"),
        prefixes.use(text(1, 1010), 1000, FULL, documents=spans),
    ):
        pass


def test_a_beginning_of_unknown_tokens_is_refused(prefixes: PrefixCache) -> None:
    prompt = Prompt(A, B)
    for behind in ([5, 260], [-1]):
        with (
            pytest.raises(InvalidParameterError, match="0 to 259"),
            prefixes.use(prompt.ids, prompt.end, FULL, documents=prompt.spans, behind=behind),
        ):
            pass


def test_memory_for_the_longest_document_is_asked_for_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    prefixes, prompt = PrefixCache(BEYOND, 10**9), Prompt(A, B, C)
    per_token, fixed = bytes_of(BEYOND, PolicyCache(BEYOND.config, KeyIndex(64), "extend"))
    needed = fixed + per_token * (len(prompt.ids) + 4 + len(BEGINNING) + len(C))
    monkeypatch.setattr("core.memory.free_memory", lambda device: needed - 1)
    with pytest.raises(ContextOverflowError, match="Shorten the prompt"):
        read(prefixes, prompt, KeyIndex(64), "extend")
    monkeypatch.setattr("core.memory.free_memory", lambda device: needed)
    assert read(prefixes, prompt, KeyIndex(64), "extend")[1]


def test_short_ones_and_the_end_are_read_in_place() -> None:
    spans = [(10, 700), (700, 700 + SHORTEST - 1), (1300, 2000), (2000, 3000)]
    assert spans_to_place(spans, 3000, 2990, 10) == [(1300, 2000), (2000, 2990)]
    assert spans_to_place(spans, 3000, 2400, None) == [(10, 700), (1300, 2000)]


def test_what_two_caches_hold_alike() -> None:
    def documents(*spans: tuple[int, int], behind: tuple[int, ...] = (1, 2)) -> list[Document]:
        return [Document(start, end, behind, lambda: pytest.fail("nothing is to be read")) for start, end in spans]

    both = documents((100, 800), (800, 1500))
    assert agreed(2000, both, both) == 2000
    assert agreed(1200, both, both) == 800
    assert agreed(2000, both, both[:1]) == agreed(2000, both[:1], both) == 800
    assert agreed(2000, both, []) == agreed(90 + 10, both, []) == 100
    assert agreed(2000, both, documents((100, 800), behind=(3,))) == 100

    def kept(held: int) -> int:
        return resumed(held, 1600, 9, lambda held: held // 64 * 64, both)

    assert [kept(held) for held in (99, 100, 101, 799, 800, 1499, 1500, 1540, 1599)] == [
        64, 100, 100, 100, 800, 800, 1500, 1536, 1536,
    ]  # fmt: skip
