"""Prefixes that are kept on disk in short parts, for tests: processes one after another on one folder."""

from pathlib import Path

import torch

from core import FullAttention, Policy, PolicyCache, PrefixCache, PrefixFiles, Snapshot, Statement
from core.sequence import GeneratedStep, PrefillProgress, generate_step
from core.window import Beyond
from tests.core.tiny import tiny_model

PART, CHUNK = 256, 64
ROW = 3 * 2 * 8 * 4 * 2  # bytes a token: layers x heads x values x float32, keys and values
FULL = FullAttention()
MODEL = tiny_model()
BEYOND = tiny_model(max_position_embeddings=256)
A, B, C = (torch.randint(0, 250, (900,), generator=torch.Generator().manual_seed(seed)).tolist() for seed in (1, 2, 3))
ASKED, OTHER = [5, 6, 7], [8, 9, 10, 11]
PARTS = 4  # of 900 tokens


class Opened:
    """Caches as of processes, one after another, that keep what they read in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, list[Statement]()
        self._files = list[PrefixFiles]()

    def __call__(self, cap: int = 10**9, model: object = MODEL, window: Beyond | None = None) -> PrefixCache:
        self.close()
        self._files.append(PrefixFiles(self.folder, cap, too_large=self.told.append))
        return PrefixCache(model, 10**9, self._files[-1], window=window)  # type: ignore[arg-type]

    def close(self) -> None:
        """Nothing is under way then."""
        while self._files:
            self._files.pop().close()

    def parts(self, document: list[int]) -> list[int]:
        """Where the parts end that are kept of a document, and begin as it does."""
        heads = [Snapshot.read_head(path).token_ids for path in self.folder.glob("*.safetensors")]
        return sorted(len(ids) for ids in heads if list(ids) == document[: len(ids)])

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))


def read(
    prefixes: PrefixCache,
    document: list[int],
    asked: list[int] = ASKED,
    policy: Policy = FULL,
    new: int = 6,
    stop: int | None = None,
) -> tuple[list[int], list[int], PolicyCache]:
    """Read a document and write a little. Returns where the forwards of the prompt ended, the first being what was
    known, the tokens that were written, and the cache. stop: how many forwards until it is stopped."""
    prompt = document + asked
    with prefixes.use(prompt, len(document), policy, len(prompt) + new) as cache:
        shared = cache.common_prefix(prompt[:-1])
        if cache.window is not None and shared <= cache.prefilled:
            shared = cache.window.resume(shared)
        cache.truncate(shared)
        cache.reserve(len(prompt) + new)
        done, written = [len(cache.token_ids)], list[int]()
        ids = torch.tensor([prompt])
        for step in generate_step(prefixes._model, ids, cache, lambda _, logits: int(logits.argmax()), CHUNK):
            if isinstance(step, PrefillProgress):
                done.append(step.done)
            elif isinstance(step, GeneratedStep):
                written.append(step.token_id)
            if len(written) == new or len(done) - 1 == stop:
                break
    return done, written, cache


def anew(
    document: list[int], asked: list[int] = ASKED, policy: Policy = FULL, model: object = MODEL,
    window: Beyond | None = None,
) -> tuple[list[int], PolicyCache]:  # fmt: skip
    """What an uninterrupted run writes, and its cache."""
    _, written, cache = read(PrefixCache(model, 0, window=window), document, asked, policy)  # type: ignore[arg-type]
    return written, cache


def equal(ours: PolicyCache, theirs: PolicyCache, length: int = len(A), within: float = 0.0) -> bool:
    """Whether both hold the same keys and values of the first tokens, or such as are no further apart."""
    return all(
        torch.allclose(one[0, :, :length], other[0, :, :length], rtol=0.0, atol=within)  # type: ignore[index]
        for mine, its in zip(ours.layers, theirs.layers, strict=True)
        for one, other in ((mine.keys, its.keys), (mine.values, its.values))
    )
