"""Files read in processes: the same documents and refusals as in the thread, and nothing that a file does is felt."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from pypdf import PdfWriter

from app.documents import Document, ReadAs
from app.intake import FileJob, InThread, Job, PastedJob, ReaderPool, pool, process, reader_for
from app.project.sources import Sources
from app.say.errors import (
    DamagedFile,
    DocumentError,
    FileTooLarge,
    ReadingStopped,
    ReadingTooSlow,
    TooMuchMemory,
)
from app.settings import Limits
from app.store import Store, create_project
from tests.app.conftest import wait

ROOT = Path(__file__).parents[3]
SAMPLE, CASES = ROOT / "assets" / "samples" / "lighthouses.pdf", ROOT / "tests" / "data" / "cases"
BAD_WORKER = "tests.app.intake.bad_worker"
LIMITS = Limits(max_file_megabytes=1, max_read_megabytes=400)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def readers() -> Iterator[ReaderPool]:
    """One for all: whatever a file does, the next one is read."""
    opened = ReaderPool(module=BAD_WORKER)
    opened.start()
    yield opened
    left = opened.pids
    opened.close()
    assert left
    assert not any(map(psutil.pid_exists, left))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as started:
        yield started


def file(folder: Path, name: str, content: bytes = b"The lamp was lit.") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def locked(folder: Path) -> Path:
    writer = PdfWriter(clone_from=SAMPLE)
    writer.encrypt("rock", algorithm="AES-256")
    writer.write(folder / "secret.pdf")
    return folder / "secret.pdf"


def begun(path: Path) -> int:
    """The process that reads it, once it does."""
    told = path.with_suffix(".begun")
    wait(told.exists)
    return int(told.read_text())


def refusal(read: Callable[[Job], Document], job: Job) -> DocumentError | OSError:
    try:
        read(job)
    except (DocumentError, OSError) as error:
        return error
    raise AssertionError("it was read")


@pytest.mark.parametrize(
    "job",
    [
        FileJob(SAMPLE),
        FileJob(SAMPLE, read_as=ReadAs(running_lines=True)),
        FileJob(CASES / "contract.docx"),
        FileJob(CASES / "picture.epub"),
        FileJob(CASES / "sup.html", read_as=ReadAs(whole_page=True)),
        FileJob(CASES / "one_bad_byte.txt"),
        FileJob(CASES / "latin2.txt", read_as=ReadAs(encoding="cp1252")),
        FileJob(ROOT / "README.md"),
        PastedJob("A lamp\n\f\nA light- \nhouse", "Pasted text"),
    ],
    ids=lambda job: job.name,
)
def test_the_document_is_that_of_the_thread(readers: ReaderPool, job: Job) -> None:
    assert readers.read(job) == InThread().read(job)


BAD_FILES = {
    "unknown.xyz": b"text",
    "empty.txt": b"",
    "blank.md": b" \n\t\n",
    "binary.txt": bytes(range(256)) * 40,
    "damaged.pdf": b"%PDF-1.4\nnothing",
    "damaged.docx": b"PK\3\4nothing",
    "damaged.epub": b"nothing",
    "large.txt": b"x" * 1_000_001,
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_refusal_is_that_of_the_thread(readers: ReaderPool, tmp_path: Path, name: str) -> None:
    job = FileJob(file(tmp_path, name, BAD_FILES[name]), LIMITS)
    here, there = refusal(InThread().read, job), refusal(readers.read, job)
    assert type(there) is type(here)
    assert isinstance(there, DocumentError)
    assert isinstance(here, DocumentError)
    assert there.message == here.message


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_locked_file_is_refused_alike_and_opened_with_its_password(
    readers: ReaderPool, tmp_path: Path, password: str | None
) -> None:
    path = locked(tmp_path)
    here, there = (refusal(reader.read, FileJob(path, password=password)) for reader in (InThread(), readers))
    assert (type(there), there.args) == (type(here), here.args)
    assert readers.read(FileJob(path, password="rock")) == InThread().read(FileJob(path, password="rock"))
    few = FileJob(SAMPLE, Limits(max_pages=2))
    assert str(refusal(readers.read, few)) == str(refusal(InThread().read, few))


def test_a_file_that_is_gone_is_an_error_of_the_system(readers: ReaderPool, tmp_path: Path) -> None:
    here, there = (refusal(reader.read, FileJob(tmp_path / "gone.txt")) for reader in (InThread(), readers))
    assert (type(there), str(there)) == (type(here), str(here)) == (FileNotFoundError, str(here))


def test_progress_arrives_in_order(readers: ReaderPool) -> None:
    here: list[tuple[int, int]] = []
    there: list[tuple[int, int]] = []
    InThread().read(FileJob(SAMPLE), lambda *pages: here.append(pages))
    readers.read(FileJob(SAMPLE), lambda *pages: there.append(pages))
    assert there == here
    assert there[-1] == (8, 8)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("grows.txt", TooMuchMemory, r"grows.txt: reading it takes \d\d\d MB of memory or more; the limit is 400 MB. "
            "Split the file, or raise REFRESHKV_MAX_READ_MEGABYTES."),
        ("gulps.txt", TooMuchMemory, "gulps.txt: reading it takes 400 MB of memory or more; the limit is 400 MB. .*"),
        ("swallows.txt", TooMuchMemory, "swallows.txt: reading it takes 400 MB of memory or more; .*"),
        ("breaks.txt", DamagedFile, r"breaks.txt could not be read: its reader ended unexpectedly \(SIGSEGV\). .*"),
        ("leaves.txt", DamagedFile, r"leaves.txt could not be read: its reader ended unexpectedly \(exit 3\). .*"),
        ("fails.txt", DamagedFile, r"fails.txt could not be read: its reader ended unexpectedly \(KeyError\). .*"),
        ("strange.txt", DamagedFile, r"strange.txt could not be read: its reader ended unexpectedly \(Unpick.*\). .*"),
        ("swells.txt", FileTooLarge, "What is read of swells.txt has 9.0 MB; the limit is 8 MB. .*"),
    ],
)  # fmt: skip
def test_whatever_a_file_does_it_is_refused_and_the_next_one_is_read(
    readers: ReaderPool, tmp_path: Path, name: str, kind: type[DocumentError], said: str
) -> None:
    error = refusal(readers.read, FileJob(file(tmp_path, name), LIMITS))
    assert type(error) is kind
    assert re.fullmatch(said, str(error))
    assert readers.read(FileJob(file(tmp_path, "next.txt"))).pages[0].text == "The lamp was lit."


def test_a_file_that_takes_too_long_is_given_up(
    readers: ReaderPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.1)
    error = refusal(readers.read, FileJob(file(tmp_path, "forever.txt"), Limits(max_read_seconds=1)))
    assert type(error) is ReadingTooSlow
    assert str(error) == (
        "forever.txt: reading it takes longer than the limit of 1 seconds. Split the file, or raise "
        "REFRESHKV_MAX_READ_SECONDS."
    )
    slow = file(tmp_path, "slow.html", b"<p>x<sup>2</sup>" * 60_000)
    assert type(refusal(readers.read, FileJob(slow, Limits(max_read_seconds=0)))) is ReadingTooSlow
    assert readers.read(FileJob(file(tmp_path, "next.txt"))).pages[0].text == "The lamp was lit."


def test_what_a_library_prints_is_no_answer(readers: ReaderPool, tmp_path: Path) -> None:
    assert readers.read(FileJob(file(tmp_path, "prints.txt"))).pages[0].text == "The lamp was lit."


def test_a_process_that_is_killed_while_it_reads_is_replaced(
    readers: ReaderPool, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    reading = threads.submit(refusal, readers.read, FileJob(file(tmp_path, "waits.txt")))
    killed = begun(tmp_path / "waits.txt")
    assert killed in readers.pids
    os.kill(killed, signal.SIGKILL)
    assert str(reading.result()).startswith("waits.txt could not be read: its reader ended unexpectedly (SIGKILL).")
    assert killed not in readers.pids
    assert readers.read(FileJob(SAMPLE)) == InThread().read(FileJob(SAMPLE))


def test_a_process_that_is_killed_between_two_files_is_replaced_unnoticed(readers: ReaderPool) -> None:
    readers.read(FileJob(SAMPLE))
    idle = readers._idle
    assert idle is not None
    os.kill(idle.pid, signal.SIGKILL)
    wait(lambda: not idle.alive)
    assert readers.read(FileJob(SAMPLE)).pages_with_text == 8


def test_one_process_serves_many_files_and_is_replaced_after_some(
    readers: ReaderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers.read(FileJob(SAMPLE))
    (first,) = readers.pids
    readers.read(FileJob(SAMPLE))
    assert readers.pids == [first]
    monkeypatch.setattr(pool, "FILES", 1)
    readers.read(FileJob(SAMPLE))
    (second,) = readers.pids
    assert second != first
    monkeypatch.setattr(pool, "FILES", 100)
    monkeypatch.setattr(pool, "KEPT_MEGABYTES", 1)
    readers.read(FileJob(SAMPLE))
    (third,) = readers.pids
    assert third != second
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)


def test_two_are_read_at_once_and_the_others_in_the_order_in_which_they_came(
    readers: ReaderPool, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    folders = [tmp_path / str(number) for number in range(5)]
    for folder in folders:
        folder.mkdir()
    paths = [file(folder, "waits.txt") for folder in folders]
    reading: list[Future[Document]] = []
    heard: list[list[int]] = [[] for _ in paths]
    """How many files each was told to come before it."""
    for number, path in enumerate(paths):
        reading.append(threads.submit(readers.read, FileJob(path), waiting=heard[number].append))
        if number < 2:
            begun(path)
        else:
            wait(lambda told=heard[number]: bool(told))  # type: ignore[misc]
    assert len(readers.pids) == 2
    assert heard == [[], [], [2], [3], [4]]
    for number, path in enumerate(paths):
        assert [other.with_suffix(".begun").exists() for other in paths] == [True] * min(number + 2, 5) + [False] * (
            3 - number
        )
        path.with_suffix(".go").touch()
        reading[number].result()
        if number + 2 < len(paths):
            begun(paths[number + 2])
    assert [told[:1] for told in heard] == [[], [], [2], [3], [4]]
    assert all(told == sorted(told, reverse=True) for told in heard)
    assert len(readers.pids) == 1


def test_what_nobody_waits_for_any_more_is_not_read_on(
    readers: ReaderPool, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    path, wanted = file(tmp_path, "waits.txt"), [True]
    reading = threads.submit(refusal, lambda job: readers.read(job, None, lambda: wanted[0]), FileJob(path))
    ended = begun(path)
    wanted[0] = False
    assert type(reading.result()) is ReadingStopped
    assert not psutil.pid_exists(ended)
    path.with_suffix(".go").touch()
    assert readers.read(FileJob(path)).pages_with_text == 1


def test_an_error_of_who_watches_ends_the_process(readers: ReaderPool) -> None:
    def refuse(done: int, total: int) -> None:
        raise RuntimeError(f"{done} of {total}")

    with pytest.raises(RuntimeError, match="1 of 8"):
        readers.read(FileJob(SAMPLE), refuse)
    assert readers.read(FileJob(SAMPLE)).pages_with_text == 8


def test_the_programs_that_a_process_began_end_with_it(
    readers: ReaderPool, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    path, wanted = file(tmp_path, "begins.txt"), [True]
    reading = threads.submit(refusal, lambda job: readers.read(job, None, lambda: wanted[0]), FileJob(path))
    child = psutil.Process(begun(path))
    (process,) = readers._reading
    process._looked = 0.0
    own = psutil.Process(process.pid).memory_info().rss
    assert process.memory >= own / 2 + child.memory_info().rss / 2 > 0
    assert child in process._programs
    assert readers.held >= process.memory / 2
    wanted[0] = False
    assert type(reading.result()) is ReadingStopped
    wait(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_closing_ends_what_is_read_and_what_waits(threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    readers = ReaderPool(most=1, module=BAD_WORKER)
    reading = threads.submit(refusal, readers.read, FileJob(file(tmp_path, "waits.txt")))
    ended = begun(tmp_path / "waits.txt")
    waiting = threads.submit(refusal, readers.read, FileJob(SAMPLE))
    wait(lambda: len(readers._waiting) == 1)
    readers.close()
    assert str(reading.result()) == "waits.txt: reading it was stopped. Add it again."
    assert type(waiting.result()) is ReadingStopped
    assert not psutil.pid_exists(ended)
    assert readers.pids == []
    assert type(refusal(readers.read, FileJob(SAMPLE))) is ReadingStopped


def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    path = file(tmp_path, "waits.txt")
    program = (
        "import sys; from pathlib import Path; from app.intake import FileJob, ReaderPool\n"
        f"ReaderPool(module={BAD_WORKER!r}).read(FileJob(Path(sys.argv[1])))"
    )
    server = subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=ROOT)
    reader = psutil.Process(begun(path))
    server.kill()
    server.wait()
    wait(lambda: not reader.is_running() or reader.status() == psutil.STATUS_ZOMBIE)


def test_where_there_are_no_processes_the_thread_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(module: str) -> None:
        raise OSError("none here")

    monkeypatch.setattr(pool, "ReadingProcess", refuse)
    readers = ReaderPool()
    readers.start()
    assert readers.read(FileJob(SAMPLE)) == InThread().read(FileJob(SAMPLE))
    assert readers.pids == []
    assert isinstance(reader_for(isolate=False), InThread)


def test_a_reading_process_needs_neither_the_model_nor_the_page() -> None:
    program = "import sys, app.intake.worker; print(sorted({'torch', 'gradio', 'transformers'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_source_that_is_removed_or_whose_project_is_closed_is_not_read_on(
    store: Store, readers: ReaderPool, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    sources = Sources(store, create_project(store, "Tides").id, Limits(), readers)
    path = file(tmp_path, "locked.txt")
    sources.add([path, file(tmp_path, "a.txt")])
    unlocking = threads.submit(sources.unlock, sources.files[0].id, "rock")
    ended = begun(path)
    sources.remove(sources.files[0].id)
    unlocking.result()
    assert not psutil.pid_exists(ended)
    assert [source.name for source in sources.files] == ["a.txt"]

    (folder := tmp_path / "stopped").mkdir()
    adding = threads.submit(sources.add, [file(folder, "waits.txt")])
    ended = begun(folder / "waits.txt")
    sources.readings.stop(sources.readings.now[0].id)
    adding.result()
    assert not psutil.pid_exists(ended)
    assert [source.name for source in sources.files] == ["a.txt"]

    adding = threads.submit(sources.add, [file(tmp_path, "waits.txt")])
    ended = begun(tmp_path / "waits.txt")
    sources.close()
    adding.result()
    assert not psutil.pid_exists(ended)
    assert str(sources.files[1].error) == "waits.txt: reading it was stopped. Add it again."
