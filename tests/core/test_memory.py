"""What is free, in a container too."""

from pathlib import Path

import psutil
import pytest
import torch

import core.memory
from core.memory import free_memory

CPU = torch.device("cpu")


def test_a_container_has_no_more_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.memory, "CGROUPS", tmp_path)
    machine = psutil.virtual_memory().available
    assert free_memory(CPU) == pytest.approx(machine, rel=0.5)
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\ninactive_file 200000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(CPU) > 10**6
    (tmp_path / "memory.max").write_text("1000000\n")
    assert free_memory(CPU) == 500_000
    (tmp_path / "memory.max").write_text("600000\n")
    assert free_memory(CPU) == 100_000
    (tmp_path / "memory.stat").write_text("what is this\n")
    assert free_memory(CPU) > 10**6


def test_an_older_container_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.memory, "CGROUPS", tmp_path)
    (tmp_path / "memory").mkdir()
    for name, text in (("limit_in_bytes", "900"), ("usage_in_bytes", "400"), ("stat", "inactive_file 0")):
        (tmp_path / "memory" / f"memory.{name}").write_text(text)
    assert free_memory(CPU) == 500
