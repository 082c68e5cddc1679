"""Text recognition (OCR) of a page's picture by Tesseract, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Self

_SECONDS = 10  # to say which languages there are
_NO_LANGUAGES = {"osd", "equ"}  # which way a page is turned, and formulas


@dataclass(frozen=True)
class Tesseract:
    """The program, with those of the wanted languages for which it has data (at least one), and those it lacks."""

    program: str
    languages: tuple[str, ...]
    lacking: tuple[str, ...] = ()

    @classmethod
    def find(cls, languages: str | None) -> Self | None:
        """The program for `languages`, as Tesseract names them: "eng" or "deu+eng". None if it is not installed, has no
        data for any of them, or none are wanted."""
        wanted = [name for name in (languages or "").split("+") if name.isidentifier()]
        program = shutil.which("tesseract")
        if not program or not wanted:
            return None
        known = _languages(program)
        found = tuple(name for name in wanted if name in known)
        return cls(program, found, tuple(name for name in wanted if name not in known)) if found else None

    def read(self, picture: bytes, seconds: float) -> str:
        """The text in a picture in a format of PNM. Raises TimeoutError if it takes longer than `seconds`, OSError if
        the program fails."""
        command = [self.program, "stdin", "stdout", "-l", "+".join(self.languages)]
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # its threads mostly wait for each other
        try:
            done = subprocess.run(command, input=picture, capture_output=True, timeout=seconds, env=environment)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        if done.returncode:
            raise OSError(done.stderr.decode("utf-8", "replace").strip()[:200] or f"exit status {done.returncode}")
        lines = (" ".join(line.split()) for line in done.stdout.decode("utf-8", "replace").split("\n"))
        return "\n".join(filter(None, lines)).replace("\f", "")


def installed_languages() -> tuple[str, ...]:
    """The languages for which Tesseract has data here, as it names them; none if it is not installed."""
    program = shutil.which("tesseract")
    return tuple(sorted(_languages(program))) if program else ()


def _languages(program: str) -> set[str]:
    try:
        listed = subprocess.run([program, "--list-langs"], capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return set()
    lines = map(str.strip, listed.stdout.decode("utf-8", "replace").split("\n"))  # the first one says what follows
    return {line for line in lines if line.isidentifier()} - _NO_LANGUAGES
