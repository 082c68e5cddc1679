"""The benchmark of the key index measures what it names."""

import pytest

from benchmarks.key_index import measure, steps


@pytest.mark.usefixtures("built_kernels", "one_thread")
def test_every_step_is_measured() -> None:
    found = measure(64, repetitions=1, read=0)
    assert list(found) == [name for name, _ in steps(64)]
    assert all(time > 0 for time in found.values())
