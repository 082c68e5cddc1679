"""Virtual environments for peers: packages that are compared with, and are no requirement of ours.

An environment is made on demand under the user's cache folder. It sees the packages of the one that runs the benchmark
(torch is not fetched twice and is the same for all), and what pip installs into it takes precedence, such as kvpress's
older transformers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from .process import WorkerError


def peer_python(folder: Path, requirements: Sequence[str]) -> Path:
    """The interpreter of the environment in `folder` with `requirements`, made anew unless it is there.

    Raises WorkerError if they cannot be installed.
    """
    python = folder / "bin" / "python"
    stamp = folder / "made-for.json"
    inherited = "\n".join(dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))
    identity = json.dumps([*requirements, inherited, sys.version])
    if stamp.is_file() and stamp.read_text() == identity:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        site_packages = _run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        (Path(site_packages) / "inherited.pth").write_text(f"{inherited}\n")
        _run([str(python), "-m", "pip", "install", "--quiet", "--no-input", *requirements])
        stamp.write_text(identity)
    except OSError as error:
        raise WorkerError(f"{folder} cannot be made: {error}") from error
    return python


def _run(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = result.stderr.splitlines()
        errors = [line for line in lines if "ERROR" in line] or [line for line in lines if line.strip()]
        raise WorkerError(errors[-1] if errors else f"{' '.join(command)} exited with {result.returncode}")
    return result.stdout.strip()
