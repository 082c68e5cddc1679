"""Which cache a run gets, what is left of the others, and who goes when memory is short."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch

from core import (
    H2O,
    TOVA,
    FullAttention,
    InvalidParameterError,
    Policy,
    PolicyCache,
    PrefixCache,
    PrefixFiles,
    RefreshKV,
    SnapKV,
    StreamingLLM,
    generate,
)
from core.prefix_entries import MAX_DEFAULT_BYTES, default_memory
from core.prefix_parts import MINIMUM_TOKENS
from core.sequence import GeneratedStep, generate_step
from core.snapshot import Snapshot
from core.window import Beyond
from tests.core.architectures import make_model
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")
ROW = 3 * 2 * 8 * 4 * 2  # bytes a token: layers x heads x values x float32, keys and values
FULL = FullAttention()
MODEL = tiny_model()
HEAD = [250, 251, 252]  # as a chat template begins


def document(seed: int, length: int = 600) -> list[int]:
    return [*HEAD, *torch.randint(0, 250, (length,), generator=torch.Generator().manual_seed(seed)).tolist()]


A, B, C = document(1), document(2), document(3)
FIRST, SECOND = [5, 6, 7], [8, 9, 10, 11]  # instructions
END = len(A)


def read(
    prefixes: PrefixCache, prompt: list[int], end: int = END, policy: Policy = FULL, new: int = 1, stop: int = 0
) -> tuple[int, PolicyCache]:
    """Run once; returns the tokens that were there, and the cache. `stop`: prompt tokens at which it is stopped."""
    room = len(prompt) + new
    with prefixes.use(prompt, end, policy, room) as cache:
        cache.truncate(cache.common_prefix(prompt[:-1]))
        cache.reserve(room)
        known = len(cache.token_ids)
        ids = torch.tensor([prompt[: stop or None]])
        steps = generate_step(prefixes._model, ids, cache, lambda _, logits: int(logits.argmax()), 256)
        tokens = (step for step in steps if isinstance(step, GeneratedStep))
        list(islice(tokens, new))
    return known, cache


@pytest.fixture
def prefixes() -> Iterator[PrefixCache]:
    prefixes = PrefixCache(MODEL, 10**9)
    yield prefixes
    prefixes.close()


def test_a_new_instruction_continues_the_cache(prefixes: PrefixCache) -> None:
    known, first = read(prefixes, A + FIRST)
    assert known == 0
    known, second = read(prefixes, A + SECOND)
    assert known == END
    assert second is first
    # The same again, and its continuation: all but the last token is known.
    assert read(prefixes, A + SECOND, new=4)[0] == END + 3
    assert read(prefixes, [*A, *SECOND, *second.token_ids[END + 4 :], 1])[0] == END + 4 + 3


def test_prefixes_take_turns_without_being_read_again(prefixes: PrefixCache) -> None:
    assert [read(prefixes, A + FIRST)[0], read(prefixes, B + FIRST)[0]] == [0, 0]
    assert [read(prefixes, text + SECOND)[0] for text in (A, B, A, B)] == [END, END, END + 3, END + 3]
    assert prefixes.nbytes == 2 * 768 * ROW


def test_sharing_the_head_leaves_the_document_alone(prefixes: PrefixCache) -> None:
    _, first = read(prefixes, A + FIRST)
    known, other = read(prefixes, HEAD + FIRST, end=0)
    assert known == 0
    assert other is not first
    assert first.token_ids[:END] == A
    assert read(prefixes, A + SECOND)[0] == END


def test_prompts_without_prefixes_share_one_cache(prefixes: PrefixCache) -> None:
    _, first = read(prefixes, HEAD + FIRST, end=0)
    known, second = read(prefixes, HEAD + SECOND, end=0)
    assert known == len(HEAD)
    assert second is first
    assert prefixes.nbytes == 256 * ROW


def test_a_document_added_behind_continues_the_cache(prefixes: PrefixCache) -> None:
    _, first = read(prefixes, A + FIRST)
    both = A + B[3:203]
    known, second = read(prefixes, both + FIRST, end=len(both))
    assert (known, second is first) == (END, True)


def test_part_of_a_document_is_copied_and_the_whole_stays(prefixes: PrefixCache) -> None:
    _, whole = read(prefixes, A + FIRST)
    part = A[:550]
    known, copied = read(prefixes, part + FIRST, end=550)
    assert known == 550
    assert copied is not whole
    # The prefixes A and C after A and B: A is copied.
    both, other = A + B[3:103], A + C[3:103]
    read(prefixes, both + FIRST, end=len(both))
    known, third = read(prefixes, other + FIRST, end=len(other))
    assert known == END
    assert [read(prefixes, text + SECOND, end=len(text))[0] for text in (both, other)] == [len(both), len(other)]
    assert all(torch.equal(a.keys[:, :, :END], b.keys[:, :, :END]) for a, b in zip(third.layers, whole.layers))  # noqa: B905


def test_of_equals_one_that_can_be_continued_is_taken(prefixes: PrefixCache) -> None:
    both = A + B[3:103]
    _, longer = read(prefixes, both + FIRST, end=len(both))
    _, alone = read(prefixes, A + FIRST)
    for _ in range(2):
        assert read(prefixes, A + SECOND)[1] is alone
        assert read(prefixes, both + SECOND, end=len(both))[1] is longer  # so that it was used last
    assert prefixes.nbytes == 2 * 768 * ROW


def test_too_little_in_common_is_not_copied(prefixes: PrefixCache) -> None:
    read(prefixes, A + FIRST)
    part = A[: MINIMUM_TOKENS - 1]
    assert read(prefixes, part + FIRST, end=len(part))[0] == 0


def test_another_policy_reads_only_what_was_decoded(prefixes: PrefixCache) -> None:
    policy = RefreshKV(budget=16, stride=4)
    _, first = read(prefixes, A + FIRST, policy=policy, new=6)
    answer = first.token_ids[END + 3 :]
    assert len(answer) == 5
    prompt = [*A, *FIRST, *answer, 1]
    known, other = read(prefixes, prompt, policy=FULL)
    assert (known, other.policy) == (END + 3, FULL)
    expected = PrefixCache(MODEL, 0)
    _, fresh = read(expected, prompt, policy=FULL)
    for ours, theirs in zip(other.layers, fresh.layers, strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys)
    assert read(prefixes, A + SECOND, policy=policy)[0] == END


@pytest.mark.parametrize("policy", [StreamingLLM(), TOVA(), SnapKV(), H2O()])
def test_what_a_method_keeps_depends_on_its_prompt_and_not_on_runs_before(
    prefixes: PrefixCache, policy: Policy
) -> None:
    prompt = [*A, *range(40)]

    def kept(prefixes: PrefixCache) -> list[list[int]]:
        _, cache = read(prefixes, prompt, policy=policy, new=6)
        layers = [layer.small for layer in cache.policy_layers.values()]
        return [sorted(head) for small in layers if small is not None for head in small.positions[0].tolist()]

    alone = kept(PrefixCache(MODEL, 10**9))
    assert len(alone) == 3 * 2
    read(prefixes, prompt)  # by full attention
    assert [kept(prefixes) for _ in range(2)] == [alone] * 2


def test_a_prefill_that_was_stopped_is_kept(prefixes: PrefixCache) -> None:
    with prefixes.use(A + FIRST, END, FULL, 700) as cache:
        next(generate_step(MODEL, torch.tensor([A + FIRST]), cache, lambda *_: 0, 256))
    known, again = read(prefixes, A + SECOND)
    assert (known, again is cache) == (256, True)


def test_a_failed_run_loses_its_cache_and_a_refused_one_does_not(prefixes: PrefixCache) -> None:
    read(prefixes, A + FIRST)
    with pytest.raises(InvalidParameterError), prefixes.use(A + SECOND, END, FULL, 700):
        raise InvalidParameterError("test", "refused")
    assert read(prefixes, A + SECOND)[0] == END
    with pytest.raises(ZeroDivisionError), prefixes.use(A + SECOND, END, FULL, 700):
        raise ZeroDivisionError
    assert prefixes.nbytes == 0
    assert read(prefixes, A + SECOND)[0] == 0


def test_the_least_recently_used_goes_at_the_exact_byte() -> None:
    for budget, left in ((2 * 768 * ROW, 2), (2 * 768 * ROW - 1, 1)):
        prefixes = PrefixCache(MODEL, budget)
        for text in (A, B, A):
            read(prefixes, text + FIRST)
        assert prefixes.nbytes == left * 768 * ROW
    prefixes = PrefixCache(MODEL, 2 * 768 * ROW)
    for text in (A, B, A, C):
        read(prefixes, text + FIRST)
    assert prefixes.nbytes == 2 * 768 * ROW
    assert [read(prefixes, text + SECOND)[0] for text in (A, C)] == [END, END]
    assert read(prefixes, B + SECOND)[0] == 0


def test_the_last_one_is_kept_whatever_its_size() -> None:
    prefixes = PrefixCache(MODEL, 0)
    read(prefixes, A + FIRST)
    assert prefixes.nbytes == 768 * ROW
    assert read(prefixes, A + SECOND)[0] == END
    assert read(prefixes, B + SECOND)[0] == 0
    assert prefixes.nbytes == 768 * ROW


def test_room_is_made_before_a_run_and_not_only_after() -> None:
    prefixes = PrefixCache(MODEL, 768 * ROW)
    read(prefixes, A + FIRST)
    with prefixes.use(B + FIRST, END, FULL, 700):
        assert prefixes.nbytes == 0


def test_the_small_cache_counts() -> None:
    prefixes = PrefixCache(MODEL, 10**9)
    read(prefixes, A + FIRST, policy=RefreshKV(budget=16))
    index = 3 * 2 * (768 * 12 + 3 * 8 * 4)  # layers x heads x (positions x bytes of a key's codes, and the ranges)
    assert prefixes.nbytes == (768 + 256) * ROW + 256 * 3 * 2 * 8 + index


# --- on disk ---


def on_disk(folder: Path, cap: int = 10**9, memory: int = 10**9, model: object = MODEL) -> PrefixCache:
    return PrefixCache(model, memory, PrefixFiles(folder, cap))  # type: ignore[arg-type]


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def test_a_new_process_reads_nothing_again(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    _, original = read(prefixes, A + FIRST, new=8)
    prefixes.close()
    assert len(kept(tmp_path)) == 1
    again = on_disk(tmp_path)
    known, cache = read(again, A + SECOND, policy=RefreshKV(budget=16))
    again.close()
    assert (known, cache.policy) == (END, RefreshKV(budget=16))
    for ours, theirs in zip(cache.layers, original.layers, strict=True):
        assert torch.equal(ours.keys[:, :, :END], theirs.keys[:, :, :END])
        assert torch.equal(ours.values[:, :, :END], theirs.values[:, :, :END])
    assert len(kept(tmp_path)) == 1


@pytest.mark.slow
def test_it_is_written_once_a_document_and_while_its_cache_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    plain = Snapshot.save
    monkeypatch.setattr(Snapshot, "save", lambda self, path: (saved.append(len(self.token_ids)), plain(self, path))[1])
    prefixes = on_disk(tmp_path)
    for instruction in (FIRST, SECOND, FIRST):
        read(prefixes, A + instruction, new=100)  # outgrows its room, so that its buffers move
    both = A + B[3:103]
    for instruction in (FIRST, SECOND):
        read(prefixes, both + instruction, end=len(both))
    prefixes.close()
    assert saved == [END, len(both)]
    again = on_disk(tmp_path)
    assert read(again, both + SECOND, end=len(both))[0] == len(both)
    assert read(on_disk(tmp_path), A + SECOND)[0] == END


def test_what_is_in_memory_does_not_come_from_disk(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    _, first = read(prefixes, A + FIRST)
    prefixes._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
    assert read(prefixes, A + SECOND)[1] is first
    prefixes.close()


def test_what_fell_out_of_memory_comes_from_disk(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path, memory=0)
    for text in (A, B):
        read(prefixes, text + FIRST)
    prefixes._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
    assert read(prefixes, A + SECOND)[0] == END
    prefixes.close()


def test_short_and_half_read_prefixes_are_not_written(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    read(prefixes, A[: MINIMUM_TOKENS - 1] + FIRST, end=MINIMUM_TOKENS - 1)
    read(prefixes, HEAD + FIRST, end=0)
    with prefixes.use(B + FIRST, END, FULL, 700) as cache:
        next(generate_step(MODEL, torch.tensor([B + FIRST]), cache, lambda *_: 0, 590))
    prefixes.close()
    assert kept(tmp_path) == []
    prefixes = on_disk(tmp_path)
    read(prefixes, A[:MINIMUM_TOKENS] + FIRST, end=MINIMUM_TOKENS)
    prefixes.close()
    assert len(kept(tmp_path)) == 1


def test_a_damaged_file_is_read_again_and_rebuilt(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    read(prefixes, A + FIRST)
    prefixes.close()
    (path,) = kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = on_disk(tmp_path)
    assert read(again, A + FIRST)[0] == 0
    again.close()
    assert path.stat().st_size == len(whole)
    assert read(on_disk(tmp_path), A + SECOND)[0] == END


def test_another_model_does_not_get_the_file(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    read(prefixes, A + FIRST)
    prefixes.close()
    other = tiny_model()
    with torch.no_grad():
        other.model.layers[0].mlp.up_proj.weight.mul_(1.5)
    changed = on_disk(tmp_path, model=other)
    assert read(changed, A + SECOND)[0] == 0
    changed.close()
    assert len(kept(tmp_path)) == 2


def test_a_model_with_other_layers_does_without(tmp_path: Path) -> None:
    model = make_model("gemma3_text", "refreshkv")
    prefixes = on_disk(tmp_path, model=model)
    text = [token % 96 for token in A]
    read(prefixes, text + FIRST)
    assert read(prefixes, text + SECOND)[0] == 0  # its sliding window has moved on
    prefixes.close()
    assert kept(tmp_path) == []


# --- what is set ---


def test_the_default_budget_is_a_quarter_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 2 * 10**9

    monkeypatch.setattr("core.memory.psutil.virtual_memory", Memory)
    assert default_memory(MODEL) == 5 * 10**8
    Memory.available = 64 * 10**9
    assert default_memory(MODEL) == MAX_DEFAULT_BYTES == 4 * 10**9


def test_what_is_forgotten_is_neither_in_memory_nor_on_disk(tmp_path: Path) -> None:
    def cache(seed: int = 0) -> PrefixCache:
        return PrefixCache(tiny_model(vocab_size=256 + seed) if seed else MODEL, 10**9, PrefixFiles(tmp_path, 10**9))

    strange = cache(seed=8)
    read(strange, C + FIRST)
    strange.close()
    prefixes = cache()
    for text in (A, B):
        read(prefixes, text + FIRST)
    prefixes.forget(lambda ids: list(ids[:END]) == A)
    prefixes.close()
    assert len(list(tmp_path.glob("*.safetensors"))) == 1  # of B; nobody knows what another model's is
    again = cache()
    assert [read(again, text + SECOND)[0] for text in (A, B)] == [0, END]
    again.close()
    assert [read(prefixes, text + SECOND, end=0)[0] for text in (A, B)] == [0, END]


def test_others_are_asked_for_room_and_runs_under_way_count() -> None:
    asked: list[int] = []
    prefixes = PrefixCache(MODEL, 10**9, make_room=asked.append)
    assert (prefixes.held, prefixes.oldest) == (0, None)
    for text in (A, B, C):
        read(prefixes, text + FIRST)
    # Nothing is known of a token's size before the first run; then a run takes what its tokens do.
    assert asked == [0, (END + 4) * ROW, (END + 4) * ROW]
    with prefixes.use(A + FIRST, END, FULL, END + 8) as cache:
        assert asked[-1] == 0  # it has that already
        kept = prefixes.nbytes
        assert prefixes.held == kept + cache.nbytes > kept
    times = []
    while prefixes.held:
        times.append(prefixes.oldest)
        prefixes.let_go()
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]
    assert len(times) == 3
    assert read(prefixes, A + SECOND)[0] == 0


def test_runs_beside_each_other_have_caches_of_their_own(prefixes: PrefixCache) -> None:
    _, first = read(prefixes, A + FIRST)
    with prefixes.use(A + FIRST, END, FULL) as one, prefixes.use(A + SECOND, END, FULL) as other:
        assert one is first
        assert other is not first
        assert other.token_ids == A
        assert prefixes.held == one.nbytes + other.nbytes
    with prefixes.use(B + FIRST, END, FULL) as empty:
        assert empty.token_ids == []
    assert empty not in [entry.cache for entry in prefixes._entries]  # one that is empty is not kept
    assert prefixes.nbytes == one.nbytes + other.nbytes


def test_what_is_made_room_for_holds_the_prompt_at_least(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    read(prefixes, A + FIRST)
    prefixes.close()
    with on_disk(tmp_path, memory=0).use(A + SECOND, END, FULL) as cache:
        assert cache.token_ids == A
        assert cache.nbytes == 768 * ROW


@pytest.mark.parametrize("end", [-1, 8])
def test_a_prefix_that_is_not_in_the_prompt_is_refused(prefixes: PrefixCache, end: int) -> None:
    with (
        pytest.raises(InvalidParameterError, match=f"prefix_end is {end} and the prompt has 7 tokens") as refused,
        prefixes.use(A[:7], end, FULL),
    ):
        pass
    assert refused.value.code == "prefix-end-out-of-range"
    assert prefixes.held == 0


def test_a_run_finds_the_document_of_one_that_is_under_way(prefixes: PrefixCache) -> None:
    with prefixes.use(A + FIRST, END, FULL) as cache:
        steps = generate_step(MODEL, torch.tensor([A + FIRST]), cache, lambda _, logits: int(logits.argmax()), 256)
        first = list(islice((step.token_id for step in steps if isinstance(step, GeneratedStep)), 3))
        known, other = read(prefixes, A + SECOND, new=4)
        assert known == END
        assert other is not cache
        first += list(islice((step.token_id for step in steps if isinstance(step, GeneratedStep)), 3))
        assert cache.token_ids[END:] == [*FIRST, *first[:-1]]
    fresh = PolicyCache(MODEL.config, FULL)
    alone = generate_step(MODEL, torch.tensor([A + FIRST]), fresh, lambda _, logits: int(logits.argmax()), 256)
    assert list(islice((step.token_id for step in alone if isinstance(step, GeneratedStep)), 6)) == first


def test_what_is_forgotten_while_a_run_has_it_is_not_kept_after(tmp_path: Path) -> None:
    prefixes = on_disk(tmp_path)
    read(prefixes, B + FIRST)
    with prefixes.use(A + FIRST, END, FULL) as cache:  # nothing of it is read yet
        prefixes.forget(lambda ids: list(ids[:END]) == A)
        for _ in zip(range(3), generate_step(MODEL, torch.tensor([A + FIRST]), cache, lambda *_: 0, 600), strict=False):
            pass
        assert len(cache.token_ids) > END
    assert prefixes.nbytes == 768 * ROW
    prefixes.close()
    assert len(kept(tmp_path)) == 1
    again = on_disk(tmp_path)
    assert [read(again, text + SECOND)[0] for text in (A, B)] == [0, END]
    again.close()


def test_a_document_beyond_the_window_is_read_once(tmp_path: Path) -> None:
    model = tiny_model(max_position_embeddings=256)
    tokenizer = byte_tokenizer()

    def written(prefixes: PrefixCache, prompt: list[int]) -> tuple[int, str]:
        with prefixes.use(prompt, END, FULL, len(prompt) + 8) as cache:
            return len(cache.token_ids), generate(model, tokenizer, prompt, cache=cache, max_new_tokens=8)

    def anew(asked: list[int]) -> str:
        return generate(model, tokenizer, A + asked, policy=FULL, window="extend", max_new_tokens=8)

    prefixes = PrefixCache(model, 10**9, PrefixFiles(tmp_path, 10**9), window="extend")
    assert written(prefixes, A + FIRST) == (0, anew(FIRST))
    held, text = written(prefixes, A + SECOND)
    assert held >= END
    assert text == anew(SECOND)
    prefixes.close()
    again = PrefixCache(model, 10**9, PrefixFiles(tmp_path, 10**9), window="extend")
    assert written(again, A + SECOND) == (END, anew(SECOND))
    again.close()
    within = PrefixCache(model, 10**9, PrefixFiles(tmp_path, 10**9))
    with within.use(A + SECOND, END, FULL, 700) as cache:
        assert not cache.token_ids
    within.close()


def test_runs_within_and_beyond_the_window_share_what_is_within(tmp_path: Path) -> None:
    model, tokenizer, window = tiny_model(max_position_embeddings=544), byte_tokenizer(), 544
    prefixes = PrefixCache(model, 10**9, PrefixFiles(tmp_path, 10**9))

    def written(prompt: list[int], end: int, beyond: Beyond | None) -> int:
        with prefixes.use(prompt, end, FULL, len(prompt) + 8, window=beyond) as cache:
            held = len(cache.token_ids)
            text = generate(model, tokenizer, prompt, cache=cache, max_new_tokens=8)
        assert cache.beyond == beyond
        assert text == generate(model, tokenizer, prompt, policy=FULL, window=beyond, max_new_tokens=8)
        return held

    assert written(A[:520] + FIRST, 520, None) == 0
    assert written(A + FIRST, END, "extend") == 520  # a copy
    assert written(A + SECOND, END, "extend") >= END
    assert written(A[:530], 530, None) == 530
    assert written(A[:520] + SECOND, 520, None) >= 520
    # What was read beyond the window is nothing that a run within may go on with.
    with prefixes.use(A + FIRST, END, FULL, 700) as cache:
        assert len(cache.token_ids) <= window
    prefixes.close()
    again = PrefixCache(model, 10**9, PrefixFiles(tmp_path, 10**9))
    with again.use(A + SECOND, END, FULL, 700, window="extend") as cache:
        assert len(cache.token_ids) == END
    for forgotten, files in ((0, 2), (END, 1)):
        again.forget(lambda ids, length=forgotten: len(ids) == length)
        again.close()
        assert sum(len(Snapshot.read_head(path).token_ids) in (530, END) for path in kept(tmp_path)) == files
        again = PrefixCache(model, 10**9, PrefixFiles(tmp_path, 10**9))
    again.close()


def test_a_run_beyond_the_window_has_what_is_kept_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    prefixes = PrefixCache(tiny_model(max_position_embeddings=256), 10**9)
    read(prefixes, B + FIRST)
    with prefixes.use(A + FIRST, END, FULL, 700, window="extend"):
        assert prefixes.nbytes > 0
    monkeypatch.setattr("core.prefix_cache.free_for", lambda model: 1000)
    with prefixes.use(C + FIRST, END, FULL, 700, window="extend"):
        assert prefixes.nbytes == 0
