from pathlib import Path

import pytest

from benchmarks.environments import peer_python
from benchmarks.process import WorkerError


@pytest.mark.slow
def test_what_pip_cannot_install_is_named_with_its_reason_and_not_taken_for_installed(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"Invalid requirement: '?not a requirement"):
            peer_python(tmp_path / "peer", ["not a requirement"])
