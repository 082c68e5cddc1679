"""One budget: who lets go, of what, and when."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app import memory as memory_module
from app.memory import MOST_DEFAULT, Memory, default_limit, machine_memory


@dataclass
class Shelf:
    """Holds things of a size, by when they were used."""

    things: dict[float, int] = field(default_factory=dict)
    fixed: int = 0
    stuck: bool = False

    @property
    def held(self) -> int:
        return self.fixed + sum(self.things.values())

    @property
    def oldest(self) -> float | None:
        return min(self.things, default=None)

    def let_go(self) -> None:
        if not self.stuck:
            del self.things[min(self.things)]


def test_what_was_used_longest_ago_goes_first_whoever_holds_it() -> None:
    memory, one, other = Memory(100), Shelf({1: 30, 4: 30}), Shelf({2: 20, 3: 20})
    memory.add("one", one)
    memory.add("other", other)
    assert memory.make_room()
    assert (one.things, other.things) == ({1: 30, 4: 30}, {2: 20, 3: 20})
    assert memory.make_room(1)
    assert (one.things, other.things) == ({4: 30}, {2: 20, 3: 20})
    assert memory.make_room(60)
    assert (one.things, other.things) == ({4: 30}, {})
    assert memory.held == {"one": 30, "other": 0}


def test_what_cannot_go_stays_and_is_said() -> None:
    memory, fixed, stuck = Memory(100), Shelf({5: 10}, fixed=80), Shelf({1: 20}, stuck=True)
    memory.add("fixed", fixed)
    memory.add("stuck", stuck)
    assert memory.make_room()
    assert (fixed.things, stuck.things) == ({}, {1: 20})
    assert not memory.make_room(1)


def test_a_holder_takes_the_place_of_another_of_its_name() -> None:
    memory = Memory(100 * 10**6)
    memory.add("caches", Shelf(fixed=90 * 10**6))
    memory.add("caches", Shelf(fixed=40 * 10**6))
    assert memory.in_megabytes == {"budget": 100, "caches": 40}


def test_the_budget_is_kept_while_nobody_asks_and_a_holder_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "WATCH_SECONDS", 0.01)

    class Failing(Shelf):
        asked = 0

        @property
        def held(self) -> int:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError
            return 0

    memory, shelf = Memory(10), Shelf({1: 6, 2: 6})
    memory.add("failing", Failing())
    memory.add("shelf", shelf)
    memory.start()
    end = time.monotonic() + 30
    while shelf.things != {2: 6} and time.monotonic() < end:
        time.sleep(0.01)
    memory.close()
    assert shelf.things == {2: 6}


def test_the_default_is_a_third_of_what_the_container_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("max", None), ("1500000000", 1_500_000_000)):
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(memory_module, "_CGROUP_LIMITS", (str(tmp_path / "none"), str(tmp_path / "memory.max")))
        assert expected is None or machine_memory() == expected
        assert default_limit() == min(machine_memory() // 3, MOST_DEFAULT)
