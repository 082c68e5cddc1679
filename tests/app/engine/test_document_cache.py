"""The library's cache of prefixes as the app has it: by its settings, within its memory."""

from pathlib import Path

import pytest
import torch

from app.engine.document_cache import document_cache
from app.memory import Holder, Memory
from app.settings import Settings
from core import FullAttention, PolicyCache, PrefixCache
from core.sequence import generate_step
from tests.core.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")
MODEL = tiny_model()
FULL = FullAttention()
A, B, C = (torch.randint(0, 250, (600,), generator=torch.Generator().manual_seed(seed)).tolist() for seed in (1, 2, 3))


def settings(**fields: object) -> Settings:
    return Settings(_env_file=None, **{"document_disk_gigabytes": 0, **fields})


def read(documents: PrefixCache, document: list[int]) -> tuple[int, PolicyCache]:
    """Read a document once, with an instruction of one token; returns the tokens that were there, and the cache."""
    prompt = [*document, 5]
    with documents.use(prompt, len(document), FULL, len(prompt) + 1) as cache:
        cache.truncate(len(document))
        known = len(cache.token_ids)
        list(zip(range(2), generate_step(MODEL, torch.tensor([prompt]), cache, lambda *_: 0), strict=False))
    return known, cache


def test_settings_choose_folder_and_limit_of_the_disk(tmp_path: Path) -> None:
    here = settings(document_disk_gigabytes=0.1, document_folder=tmp_path / "here")
    documents = document_cache(here)(MODEL)
    assert read(documents, A)[0] == 0
    documents.close()
    assert len(list((tmp_path / "here").glob("*.safetensors"))) == 1
    again = document_cache(here)(MODEL)
    assert read(again, A)[0] == len(A)
    again.close()
    documents = document_cache(settings(document_folder=tmp_path / "off"))(MODEL)
    read(documents, A)
    documents.close()
    assert not (tmp_path / "off").exists()


def test_a_document_that_is_too_large_for_the_disk_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    documents = document_cache(settings(document_disk_gigabytes=0.0000003, document_folder=tmp_path / "here"))(MODEL)
    read(documents, A)
    documents.close()
    assert list((tmp_path / "here").glob("*")) == []
    (record,) = caplog.records
    assert "raise REFRESHKV_DOCUMENT_DISK_GIGABYTES" in record.getMessage()
    said = {name: getattr(record, name) for name in ("tokens", "megabytes", "limit")}
    assert said == {"tokens": 600, "megabytes": 0.2304, "limit": 0.0003}


def test_settings_choose_the_limit_in_memory() -> None:
    documents = document_cache(settings(document_memory_gigabytes=0))(MODEL)
    for document in (A, B):
        _, last = read(documents, document)
    assert documents.nbytes == last.nbytes
    both = document_cache(settings(), Memory(2 * last.nbytes))(MODEL)
    one = document_cache(settings(), Memory(2 * last.nbytes - 1))(MODEL)
    for document in (A, B):
        read(both, document)
        read(one, document)
    assert (both.nbytes, one.nbytes) == (2 * last.nbytes, last.nbytes)


def test_caches_share_a_budget_and_the_run_under_way_counts() -> None:
    memory = Memory(10**9)
    documents = document_cache(settings(document_memory_gigabytes=1), memory)(MODEL)
    for document in (A, B, C):
        read(documents, document)
    assert memory.held == {"caches": documents.nbytes}
    assert memory.make_room(10**9 - documents.nbytes + 1)
    assert [read(documents, document)[0] for document in (B, C, A)] == [len(B), len(C), 0]
    with documents.use([*A, 5], len(A), FULL, len(A) + 8) as cache:
        kept = documents.nbytes
        assert memory.held["caches"] == kept + cache.nbytes > kept
    assert not memory.make_room(10**9 + 1)
    assert documents.held == 0


def test_a_run_makes_others_let_go() -> None:
    class Other:
        held, oldest = 10**6, 0.0

        def let_go(self) -> None:
            self.held = 0

    memory, other = Memory(1_500_000), Other()
    documents = document_cache(settings(), memory)(MODEL)
    read(documents, A)
    memory.add("other", other)
    read(documents, B)
    assert other.held == 0
    assert read(documents, A)[0] == len(A)


def test_what_is_held_is_known_as_soon_as_the_budget_knows_of_it() -> None:
    class Asking(Memory):
        """Asks at once, as another thread may."""

        def add(self, name: str, holder: Holder) -> None:
            super().add(name, holder)
            assert (holder.held, holder.oldest) == (0, None)

    memory = Asking(10**9)
    document_cache(settings(), memory)(MODEL)
    assert memory.in_megabytes["caches"] == 0
