"""The app of a checkout, served for as long as it is measured."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PATIENCE = 120.0
"""Seconds until it must answer; the model loads after that."""


@contextmanager
def served(root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The address and the process of the app of the checkout at `root`, with a data folder of its own.

    Exits with a message if it does not answer.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "REFRESHKV_DATA_FOLDER": folder, "REFRESHKV_PORT": str(port), "REFRESHKV_HOST": "127.0.0.1",
            "REFRESHKV_DOCUMENT_DISK_GIGABYTES": "0",
        }  # fmt: skip
        server = subprocess.Popen(
            [sys.executable, "app.py"], cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"The app does not answer at port {port}.")
