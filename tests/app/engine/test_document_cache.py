"""Which cache a run gets, what is left of the others, and who goes when memory is short."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.engine.document_cache import MAX_DEFAULT_BYTES, MINIMUM_TOKENS, DocumentCache, default_memory, document_cache
from app.engine.document_files import DocumentFiles
from app.memory import Holder, Memory
from app.settings import Settings
from core import (
    H2O,
    TOVA,
    FullAttention,
    InvalidParameterError,
    Policy,
    PolicyCache,
    RefreshKV,
    SnapKV,
    StreamingLLM,
)
from core.decoder import generate_step
from tests.core.architectures import make_model
from tests.core.tiny import tiny_model

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
    documents: DocumentCache, prompt: list[int], end: int = END, policy: Policy = FULL, new: int = 1, stop: int = 0
) -> tuple[int, PolicyCache]:
    """Run once; returns the tokens that were there, and the cache. `stop`: prompt tokens at which it is stopped."""
    room = len(prompt) + new
    with documents.use(prompt, end, policy, room) as cache:
        cache.truncate(cache.common_prefix(prompt[:-1]))
        cache.reserve(room)
        known = len(cache.token_ids)
        ids = torch.tensor([prompt[: stop or None]])
        steps = generate_step(documents._model, ids, cache, lambda _, logits: int(logits.argmax()), 256)
        for _ in range(-(-(ids.shape[1] - known) // 256) + new):
            next(steps)
    return known, cache


@pytest.fixture
def documents() -> Iterator[DocumentCache]:
    documents = DocumentCache(MODEL, 10**9)
    yield documents
    documents.close()


def test_a_new_instruction_continues_the_cache(documents: DocumentCache) -> None:
    known, first = read(documents, A + FIRST)
    assert known == 0
    known, second = read(documents, A + SECOND)
    assert known == END
    assert second is first
    # The same again, and its continuation: all but the last token is known.
    assert read(documents, A + SECOND, new=4)[0] == END + 3
    assert read(documents, [*A, *SECOND, *second.token_ids[END + 4 :], 1])[0] == END + 4 + 3


def test_documents_take_turns_without_being_read_again(documents: DocumentCache) -> None:
    assert [read(documents, A + FIRST)[0], read(documents, B + FIRST)[0]] == [0, 0]
    assert [read(documents, text + SECOND)[0] for text in (A, B, A, B)] == [END, END, END + 3, END + 3]
    assert documents.nbytes == 2 * 768 * ROW


def test_sharing_the_head_leaves_the_document_alone(documents: DocumentCache) -> None:
    _, first = read(documents, A + FIRST)
    known, other = read(documents, HEAD + FIRST, end=0)
    assert known == 0
    assert other is not first
    assert first.token_ids[:END] == A
    assert read(documents, A + SECOND)[0] == END


def test_prompts_without_documents_share_one_cache(documents: DocumentCache) -> None:
    _, first = read(documents, HEAD + FIRST, end=0)
    known, second = read(documents, HEAD + SECOND, end=0)
    assert known == len(HEAD)
    assert second is first
    assert documents.nbytes == 256 * ROW


def test_a_document_added_behind_continues_the_cache(documents: DocumentCache) -> None:
    _, first = read(documents, A + FIRST)
    both = A + B[3:203]
    known, second = read(documents, both + FIRST, end=len(both))
    assert (known, second is first) == (END, True)


def test_part_of_a_document_is_copied_and_the_whole_stays(documents: DocumentCache) -> None:
    _, whole = read(documents, A + FIRST)
    part = A[:550]
    known, copied = read(documents, part + FIRST, end=550)
    assert known == 550
    assert copied is not whole
    # The documents A and C after A and B: A is copied.
    both, other = A + B[3:103], A + C[3:103]
    read(documents, both + FIRST, end=len(both))
    known, third = read(documents, other + FIRST, end=len(other))
    assert known == END
    assert [read(documents, text + SECOND, end=len(text))[0] for text in (both, other)] == [len(both), len(other)]
    assert all(torch.equal(a.keys[:, :, :END], b.keys[:, :, :END]) for a, b in zip(third.layers, whole.layers))  # noqa: B905


def test_of_equals_one_that_can_be_continued_is_taken(documents: DocumentCache) -> None:
    both = A + B[3:103]
    _, longer = read(documents, both + FIRST, end=len(both))
    _, alone = read(documents, A + FIRST)
    for _ in range(2):
        assert read(documents, A + SECOND)[1] is alone
        assert read(documents, both + SECOND, end=len(both))[1] is longer  # so that it was used last
    assert documents.nbytes == 2 * 768 * ROW


def test_too_little_in_common_is_not_copied(documents: DocumentCache) -> None:
    read(documents, A + FIRST)
    part = A[: MINIMUM_TOKENS - 1]
    assert read(documents, part + FIRST, end=len(part))[0] == 0


def test_another_policy_reads_only_what_was_decoded(documents: DocumentCache) -> None:
    policy = RefreshKV(budget=16, stride=4)
    _, first = read(documents, A + FIRST, policy=policy, new=6)
    answer = first.token_ids[END + 3 :]
    assert len(answer) == 5
    prompt = [*A, *FIRST, *answer, 1]
    known, other = read(documents, prompt, policy=FULL)
    assert (known, other.policy) == (END + 3, FULL)
    expected = DocumentCache(MODEL, 0)
    _, fresh = read(expected, prompt, policy=FULL)
    for ours, theirs in zip(other.layers, fresh.layers, strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys)
    assert read(documents, A + SECOND, policy=policy)[0] == END


@pytest.mark.parametrize("policy", [StreamingLLM(), TOVA(), SnapKV(), H2O()])
def test_what_a_method_keeps_depends_on_its_prompt_and_not_on_runs_before(
    documents: DocumentCache, policy: Policy
) -> None:
    prompt = [*A, *range(40)]

    def kept(documents: DocumentCache) -> list[list[int]]:
        _, cache = read(documents, prompt, policy=policy, new=6)
        layers = [layer.small for layer in cache.policy_layers.values()]
        return [sorted(head) for small in layers if small is not None for head in small.positions[0].tolist()]

    alone = kept(DocumentCache(MODEL, 10**9))
    assert len(alone) == 3 * 2
    read(documents, prompt)  # by full attention
    assert [kept(documents) for _ in range(2)] == [alone] * 2


def test_a_prefill_that_was_stopped_is_kept(documents: DocumentCache) -> None:
    with documents.use(A + FIRST, END, FULL, 700) as cache:
        next(generate_step(MODEL, torch.tensor([A + FIRST]), cache, lambda *_: 0, 256))
    known, again = read(documents, A + SECOND)
    assert (known, again is cache) == (256, True)


def test_a_failed_run_loses_its_cache_and_a_refused_one_does_not(documents: DocumentCache) -> None:
    read(documents, A + FIRST)
    with pytest.raises(InvalidParameterError), documents.use(A + SECOND, END, FULL, 700):
        raise InvalidParameterError("test", "refused")
    assert read(documents, A + SECOND)[0] == END
    with pytest.raises(ZeroDivisionError), documents.use(A + SECOND, END, FULL, 700):
        raise ZeroDivisionError
    assert documents.nbytes == 0
    assert read(documents, A + SECOND)[0] == 0


def test_the_least_recently_used_goes_at_the_exact_byte() -> None:
    for budget, left in ((2 * 768 * ROW, 2), (2 * 768 * ROW - 1, 1)):
        documents = DocumentCache(MODEL, budget)
        for text in (A, B, A):
            read(documents, text + FIRST)
        assert documents.nbytes == left * 768 * ROW
    documents = DocumentCache(MODEL, 2 * 768 * ROW)
    for text in (A, B, A, C):
        read(documents, text + FIRST)
    assert documents.nbytes == 2 * 768 * ROW
    assert [read(documents, text + SECOND)[0] for text in (A, C)] == [END, END]
    assert read(documents, B + SECOND)[0] == 0


def test_the_last_one_is_kept_whatever_its_size() -> None:
    documents = DocumentCache(MODEL, 0)
    read(documents, A + FIRST)
    assert documents.nbytes == 768 * ROW
    assert read(documents, A + SECOND)[0] == END
    assert read(documents, B + SECOND)[0] == 0
    assert documents.nbytes == 768 * ROW


def test_room_is_made_before_a_run_and_not_only_after() -> None:
    documents = DocumentCache(MODEL, 768 * ROW)
    read(documents, A + FIRST)
    with documents.use(B + FIRST, END, FULL, 700):
        assert documents.nbytes == 0


def test_the_small_cache_counts() -> None:
    documents = DocumentCache(MODEL, 10**9)
    read(documents, A + FIRST, policy=RefreshKV(budget=16))
    assert documents.nbytes == (768 + 256) * ROW + 256 * 3 * 2 * 8


# --- on disk ---


def on_disk(folder: Path, cap: int = 10**9, memory: int = 10**9, model: object = MODEL) -> DocumentCache:
    return DocumentCache(model, memory, DocumentFiles(folder, cap))  # type: ignore[arg-type]


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def test_a_new_process_reads_nothing_again(tmp_path: Path) -> None:
    documents = on_disk(tmp_path)
    _, original = read(documents, A + FIRST, new=8)
    documents.close()
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
    plain = DocumentFiles.save
    monkeypatch.setattr(
        DocumentFiles, "save", lambda self, key, shot: (saved.append(len(shot.token_ids)), plain(self, key, shot))[1]
    )
    documents = on_disk(tmp_path)
    for instruction in (FIRST, SECOND, FIRST):
        read(documents, A + instruction, new=100)  # outgrows its room, so that its buffers move
    both = A + B[3:103]
    for instruction in (FIRST, SECOND):
        read(documents, both + instruction, end=len(both))
    documents.close()
    assert saved == [END, len(both)]
    again = on_disk(tmp_path)
    assert read(again, both + SECOND, end=len(both))[0] == len(both)
    assert read(on_disk(tmp_path), A + SECOND)[0] == END


def test_what_is_in_memory_does_not_come_from_disk(tmp_path: Path) -> None:
    documents = on_disk(tmp_path)
    _, first = read(documents, A + FIRST)
    documents._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
    assert read(documents, A + SECOND)[1] is first
    documents.close()


def test_what_fell_out_of_memory_comes_from_disk(tmp_path: Path) -> None:
    documents = on_disk(tmp_path, memory=0)
    for text in (A, B):
        read(documents, text + FIRST)
    documents._files._writer.submit(lambda: None).result()  # type: ignore[union-attr]
    assert read(documents, A + SECOND)[0] == END
    documents.close()


def test_short_and_half_read_documents_are_not_written(tmp_path: Path) -> None:
    documents = on_disk(tmp_path)
    read(documents, A[: MINIMUM_TOKENS - 1] + FIRST, end=MINIMUM_TOKENS - 1)
    read(documents, HEAD + FIRST, end=0)
    with documents.use(B + FIRST, END, FULL, 700) as cache:
        next(generate_step(MODEL, torch.tensor([B + FIRST]), cache, lambda *_: 0, 590))
    documents.close()
    assert kept(tmp_path) == []
    documents = on_disk(tmp_path)
    read(documents, A[:MINIMUM_TOKENS] + FIRST, end=MINIMUM_TOKENS)
    documents.close()
    assert len(kept(tmp_path)) == 1


def test_a_damaged_file_is_read_again_and_rebuilt(tmp_path: Path) -> None:
    documents = on_disk(tmp_path)
    read(documents, A + FIRST)
    documents.close()
    (path,) = kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = on_disk(tmp_path)
    assert read(again, A + FIRST)[0] == 0
    again.close()
    assert path.stat().st_size == len(whole)
    assert read(on_disk(tmp_path), A + SECOND)[0] == END


def test_another_model_does_not_get_the_file(tmp_path: Path) -> None:
    documents = on_disk(tmp_path)
    read(documents, A + FIRST)
    documents.close()
    other = tiny_model()
    with torch.no_grad():
        other.model.layers[0].mlp.up_proj.weight.mul_(1.5)
    changed = on_disk(tmp_path, model=other)
    assert read(changed, A + SECOND)[0] == 0
    changed.close()
    assert len(kept(tmp_path)) == 2


def test_a_model_with_other_layers_does_without(tmp_path: Path) -> None:
    model = make_model("gemma3_text", "refreshkv")
    documents = on_disk(tmp_path, model=model)
    text = [token % 96 for token in A]
    read(documents, text + FIRST)
    assert read(documents, text + SECOND)[0] == 0  # its sliding window has moved on
    documents.close()
    assert kept(tmp_path) == []


# --- what is set ---


def test_the_default_budget_is_a_quarter_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 2 * 10**9

    monkeypatch.setattr("app.engine.document_cache.psutil.virtual_memory", Memory)
    assert default_memory(torch.device("cpu")) == 5 * 10**8
    Memory.available = 64 * 10**9
    assert default_memory(torch.device("cpu")) == MAX_DEFAULT_BYTES == 4 * 10**9


def test_settings_choose_budget_folder_and_cap(tmp_path: Path) -> None:
    chosen = Settings(
        _env_file=None,
        document_memory_gigabytes=0.5,
        document_disk_gigabytes=0.0000003,
        document_folder=tmp_path / "here",
    )
    documents = document_cache(chosen)(MODEL)
    assert documents._memory_bytes == 5 * 10**8
    read(documents, A + FIRST)
    documents.close()
    assert kept(tmp_path / "here") == []  # 300 bytes
    off = Settings(_env_file=None, document_disk_gigabytes=0, document_folder=tmp_path / "off")
    documents = document_cache(off)(MODEL)
    read(documents, A + FIRST)
    documents.close()
    assert not (tmp_path / "off").exists()


def test_what_is_forgotten_is_neither_in_memory_nor_on_disk(tmp_path: Path) -> None:
    def cache(seed: int = 0) -> DocumentCache:
        return DocumentCache(
            tiny_model(vocab_size=256 + seed) if seed else MODEL, 10**9, DocumentFiles(tmp_path, 10**9)
        )

    strange = cache(seed=8)
    read(strange, C + FIRST)
    strange.close()
    documents = cache()
    for text in (A, B):
        read(documents, text + FIRST)
    documents.forget(lambda ids: list(ids[:END]) == A)
    documents.close()
    assert len(list(tmp_path.glob("*.safetensors"))) == 1  # of B; nobody knows what another model's is
    again = cache()
    assert [read(again, text + SECOND)[0] for text in (A, B)] == [0, END]
    again.close()
    assert [read(documents, text + SECOND, end=0)[0] for text in (A, B)] == [0, END]


def test_caches_share_a_budget_and_the_run_under_way_counts() -> None:
    memory = Memory(10**9)
    documents = DocumentCache(MODEL, 10**9, memory=memory)
    for text in (A, B, C):
        read(documents, text + FIRST)
    assert memory.held == {"caches": documents.nbytes}
    assert documents.oldest is not None
    assert memory.make_room(10**9 - documents.nbytes + 1)
    assert [read(documents, text + SECOND, end=0)[0] for text in (B, C, A)] == [END, END, len(HEAD)]
    with documents.use(A + FIRST, END, FULL, END + 8) as cache:
        kept = documents.nbytes
        assert documents.held == kept + cache.nbytes > kept
    assert not memory.make_room(10**9 + 1)
    assert documents.held == 0
    documents.close()


def test_what_is_held_is_known_as_soon_as_the_budget_knows_of_it() -> None:
    class Asking(Memory):
        """Asks at once, as another thread may."""

        def add(self, name: str, holder: Holder) -> None:
            super().add(name, holder)
            assert (holder.held, holder.oldest) == (0, None)

    memory = Asking(10**9)
    DocumentCache(MODEL, memory=memory)
    assert memory.in_megabytes["caches"] == 0
