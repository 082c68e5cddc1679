"""Sources while several threads change them: nobody waits for a file, and nothing that was removed comes back."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from app.intake import jobs
from app.project import sources as module
from app.project.sources import Sources
from app.settings import Limits
from app.store import Store, create_project, list_sources

SAMPLE = Path(__file__).parents[3] / "assets" / "samples" / "lighthouses.pdf"
LONG = 60
"""Seconds after which a test gives up waiting."""


@pytest.fixture
def project(store: Store) -> str:
    return create_project(store, "Tides").id


@pytest.fixture
def sources(store: Store, project: str) -> Sources:
    return Sources(store, project, Limits())


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


class Gate:
    """A function that others wait in until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool = False) -> None:
        """In place of what the sources, or what they let be read, call by that name; `after`: once it is done."""
        self.entered, self._open = threading.Semaphore(0), threading.Event()
        home = module if hasattr(module, name) else jobs
        real = getattr(home, name)

        def gated(*arguments: Any, **options: Any) -> Any:
            done = real(*arguments, **options) if after else None
            self.entered.release()
            assert self._open.wait(LONG)
            return done if after else real(*arguments, **options)

        monkeypatch.setattr(home, name, gated)

    def wait(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.entered.acquire(timeout=LONG)

    def open(self) -> None:
        self._open.set()


def write(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / f"{name}.txt").write_text(f"{name}\fmore")
    return [folder / f"{name}.txt" for name in names]


def locked(folder: Path) -> Path:
    writer = PdfWriter(clone_from=SAMPLE)
    writer.encrypt("rock", algorithm="AES-256")
    writer.write(folder / "secret.pdf")
    return folder / "secret.pdf"


def names(sources: Sources) -> list[str]:
    return [file.name for file in sources.files]


def result(*done: Future[Any]) -> None:
    for one in done:
        one.result(timeout=LONG)


@pytest.mark.parametrize("slow", ["read_document", "add_source"])
def test_all_else_goes_on_while_a_file_is_read_or_stored(
    store: Store,
    project: str,
    sources: Sources,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    slow: str,
) -> None:
    sources.add(write(tmp_path, "a", "b", "c"))
    a, b, c = (file.id for file in sources.files)
    gate = Gate(monkeypatch, slow)
    adding = pool.submit(sources.add, write(tmp_path, "late"))
    gate.wait()

    def work() -> None:
        sources.choose(a, "2")
        sources.leave_out(b)
        sources.move(c, -2)
        sources.remove(b)
        assert [[page.number for page in source.pages] for source in sources.selected] == [[1, 2], [2]]

    result(pool.submit(work))
    assert not adding.done()
    gate.open()
    result(adding)
    assert names(sources) == names(Sources(store, project, Limits())) == ["c.txt", "a.txt", "late.txt"]


def test_what_a_run_reads_is_not_changed_under_it(sources: Sources, tmp_path: Path) -> None:
    sources.add(write(tmp_path, "a", "b"))
    files, selected = sources.files, sources.selected
    sources.choose(files[0].id, "2")
    sources.remove(files[1].id)
    assert [(file.name, file.pages) for file in files] == [("a.txt", ""), ("b.txt", "")]
    assert [len(source.pages) for source in selected] == [2, 2]


def test_a_file_removed_while_it_is_opened_does_not_come_back(
    store: Store,
    project: str,
    sources: Sources,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources.add([locked(tmp_path), *write(tmp_path, "a")])
    secret = sources.files[0].id
    gate = Gate(monkeypatch, "add_source", after=True)
    unlocking = pool.submit(sources.unlock, secret, "rock")
    gate.wait()
    sources.remove(secret)
    gate.open()
    result(unlocking)
    assert names(sources) == names(Sources(store, project, Limits())) == ["a.txt"]
    assert len(list(store.project_folder(project).iterdir())) == 1


@pytest.mark.slow
def test_a_file_opened_twice_at_once_is_kept_once(
    store: Store,
    project: str,
    sources: Sources,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sources.add([locked(tmp_path)])
    gate = Gate(monkeypatch, "read_document")
    unlocking = [pool.submit(sources.unlock, sources.files[0].id, password) for password in ("rock", "rock", "wrong")]
    gate.wait(3)
    gate.open()
    result(*unlocking)
    (file,), (kept,) = sources.files, list_sources(store, project)
    assert (file.stored, len(file.chosen_pages)) == (kept.id, 8)
    assert kept.path.exists()


def test_a_file_that_overtakes_another_comes_before_it_also_in_the_store(
    store: Store,
    project: str,
    sources: Sources,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = write(tmp_path, "first", "second")
    with monkeypatch.context() as patch:
        gate = Gate(patch, "add_source", after=True)
        adding = pool.submit(sources.add, [first])
        gate.wait()
    sources.add([second])
    gate.open()
    result(adding)
    assert names(sources) == names(Sources(store, project, Limits())) == ["second.txt", "first.txt"]


def test_texts_pasted_at_once_have_names_of_their_own(
    sources: Sources, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, "read_pasted")
    pasting = [pool.submit(sources.paste, "text"), pool.submit(sources.paste, "another")]
    gate.wait(2)
    gate.open()
    result(*pasting)
    assert sorted(names(sources)) == ["Pasted text", "Pasted text 2"]
    sources.paste("A third")
    assert names(sources)[-1] == "Pasted text 3"


def test_whatever_several_threads_do_the_store_has_what_the_list_has(
    store: Store, project: str, sources: Sources, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    sources.add(write(tmp_path, *"abcdef"))
    ids = [file.id for file in sources.files]
    acts: list[Callable[[], object]] = []
    for number, id in enumerate(ids):
        acts += [
            lambda id=id, number=number: sources.choose(id, f"{number % 2 + 1}"),
            lambda id=id: sources.choose(id, "1-2"),
            lambda id=id, number=number: sources.move(id, number - 3),
            lambda id=id, number=number: sources.leave_out(id, number % 3 == 0),
        ]
    acts += [lambda: sources.remove(ids[2]), lambda: sources.remove(ids[2]), lambda: sources.paste("text")]
    acts += [lambda: sources.add(write(tmp_path, "g")), lambda: [len(source.pages) for source in sources.selected]]
    result(*[pool.submit(act) for act in acts])

    def seen(those: Sources) -> list[tuple[str, str, bool, int | None]]:
        return [(file.name, file.pages, file.left_out, file.stored) for file in those.files]

    assert seen(sources) == seen(Sources(store, project, Limits()))
    assert len(sources.files) == 7
