"""The app as a process of its own, as `python app.py` starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from app.intake.process import WORKER

ROOT = Path(__file__).parents[2]
APP = ("app.py",)
STUBBED = ("-m", "tests.browser.stubbed")
"""Writes without a model."""


class Process:
    """The app over a folder of projects, on a free port, from when it says where it runs."""

    def __init__(self, folder: Path, entry: Sequence[str] = STUBBED, **variables: str) -> None:
        """Start it by these arguments of Python. Raises AssertionError if it ends before it serves."""
        environment = os.environ | {
            "REFRESHKV_DATA_FOLDER": str(folder),
            "REFRESHKV_DOCUMENT_DISK_GIGABYTES": "0",
            "REFRESHKV_HOST": "127.0.0.1",
            **variables,
        }
        self._process = subprocess.Popen(
            [sys.executable, *entry], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        said = next((line for line in self._process.stdout if line.startswith("Running on ")), None)
        assert said, f"the app ended with {self._process.wait()}"
        self.url, self.pid = said.split()[2], self._process.pid

    @property
    def readers(self) -> list[psutil.Process]:
        """The processes that read files for it."""
        return [one for one in psutil.Process(self._process.pid).children() if WORKER in one.cmdline()]

    def end(self, how: signal.Signals) -> int:
        """Send a signal; returns the code that it ends with."""
        self._process.send_signal(how)
        return self._process.wait()
