"""Runs and their traces."""

import subprocess
import sys

import psutil
import pytest

from app.say.errors import StoreError
from app.store import Project, Store, StoreLimits, begin_run, change_run, delete_project, list_runs, load_trace
from tests.app.conftest import wait
from tests.app.store.conftest import Clock


def test_a_run_from_beginning_to_end(store: Store, project: Project, clock: Clock) -> None:
    run = begin_run(store, project.id, 12, {"policy": {"method": "RefreshKV"}, "seed": None})
    assert (run.state, run.position, run.begun, run.ended, run.has_trace) == ("waiting", 12, clock.now, None, False)
    change_run(store, run.id, "running", position=20)
    clock.now += 7
    change_run(store, run.id, "failed", error="no memory", trace=b"trace")
    (found,) = list_runs(store, project.id)
    assert found.settings == {"policy": {"method": "RefreshKV"}, "seed": None}
    assert (found.state, found.position, found.ended, found.error) == ("failed", 20, clock.now, "no memory")
    assert found.has_trace
    assert load_trace(store, run.id) == b"trace"


@pytest.mark.slow
def test_a_run_whose_process_is_gone_was_interrupted(store: Store, project: Project) -> None:
    script = (
        "import sys; from pathlib import Path; from app.store import *\n"
        "store = open_store(Path(sys.argv[1]))\n"
        "begin_run(store, sys.argv[2], 0, {})\n"
        "run = begin_run(store, sys.argv[2], 0, {})\n"
        "change_run(store, run.id, 'finished')\n"
    )
    subprocess.run([sys.executable, "-c", script, str(store.folder), project.id], check=True, timeout=60)
    begin_run(store, project.id, 0, {})
    assert [run.state for run in list_runs(store, project.id)] == ["waiting", "finished", "interrupted"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no zombies")
def test_a_run_whose_process_was_killed_was_interrupted_also_before_its_parent_looks(
    store: Store, project: Project
) -> None:
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(killed.pid)
    begin_run(store, project.id, 0, {})
    with store.transaction() as connection:
        connection.execute("UPDATE runs SET owner = ?", (f"{killed.pid} {process.create_time()}",))
    assert [run.state for run in list_runs(store, project.id)] == ["waiting"]
    process.kill()  # which does not ask how it ended
    wait(lambda: process.status() == psutil.STATUS_ZOMBIE)
    assert [run.state for run in list_runs(store, project.id)] == ["interrupted"]
    killed.communicate()


@pytest.mark.parametrize("limits", [StoreLimits(traces=2, trace_megabytes=1e-5)])
def test_only_the_newest_traces_are_kept(store: Store, project: Project) -> None:
    runs = [begin_run(store, project.id, 0, {}).id for _ in range(4)]
    for run in runs:
        change_run(store, run, "finished", trace=str(run).encode())
    assert [run.has_trace for run in list_runs(store, project.id)] == [True, True, False, False]
    assert load_trace(store, runs[3]) == str(runs[3]).encode()
    with pytest.raises(StoreError, match="those of the last 2 runs are"):
        load_trace(store, runs[0])
    assert len(list((store.project_folder(project.id) / "traces").iterdir())) == 2
    with pytest.raises(StoreError, match="The trace has"):
        change_run(store, runs[0], "finished", trace=b"x" * 11)


def test_a_run_of_a_deleted_project_is_said_to_be_gone(store: Store, project: Project) -> None:
    run = begin_run(store, project.id, 0, {}).id
    delete_project(store, project.id)
    with pytest.raises(StoreError, match="not kept any more"):
        change_run(store, run, "finished")
    with pytest.raises(StoreError, match="not kept"):
        load_trace(store, run)
