"""A store in a folder of its own, and a clock that stands still until it is moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import Project, Store, StoreLimits, create_project, open_store


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits() -> StoreLimits:
    return StoreLimits()


@pytest.fixture
def store(tmp_path: Path, limits: StoreLimits, clock: Clock) -> Iterator[Store]:
    opened = open_store(tmp_path / "data", limits=limits, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def project(store: Store) -> Project:
    return create_project(store, "Tides")
