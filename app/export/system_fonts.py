"""The fonts of this system: where fontconfig runs it is asked, elsewhere their folders are looked through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import uharfbuzz as hb

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_NEEDED = {"head", "hhea", "hmtx", "maxp", "cmap", "name", "post", "OS/2"}
_OUTLINES = {"glyf", "CFF "}
_NO_EMBEDDING = 0x2  # OS/2 fsType: restricted licence

_ASKED = 10_000
"""Characters in one question to fontconfig: an argument of a command has at most 128 KiB on Linux."""
_SECONDS = 60
"""For fontconfig's answer. It takes hundredths of one, and many more where it first has to read all fonts."""


class Face(NamedTuple):
    """A font file, and which of its fonts if it is a collection."""

    path: Path
    number: int = 0


def repertoire(face: Face) -> frozenset[str]:
    """The characters that a font shows; none if it has no outlines, must not be embedded or cannot be read."""
    try:
        font = hb.Face(hb.Blob.from_file_path(str(face.path)), face.number)
    except hb.HarfBuzzError:
        return frozenset()
    tables = set(font.table_tags)
    if not tables >= _NEEDED or not tables & _OUTLINES:
        return frozenset()  # somebody else's broken font file is no reason to fail
    if int.from_bytes(font.reference_table("OS/2").data[8:10]) & _NO_EMBEDDING:
        return frozenset()
    return frozenset(map(chr, font.unicodes))


def faces_for(characters: Iterable[str], folders: Sequence[Path] | None = None) -> Iterator[Face]:
    """Fonts that together show as many of `characters` as can be shown: those in `folders`, or the system's."""
    if folders is None and (fontconfig := shutil.which("fc-match")):
        return _by_fontconfig(fontconfig, set(characters))
    return _in_folders(system_folders() if folders is None else folders, set(characters))


def system_folders() -> list[Path]:
    """Where this system keeps its fonts and the person theirs."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", local / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*shared, home / ".fonts", home / ".local" / "share" / "fonts"]


def _by_fontconfig(command: str, missing: set[str]) -> Iterator[Face]:
    """The font that has most of the characters, then the one that has most of the others, and so on."""
    while missing:
        # They come by how many they lack: when the first that can be used has none of them, no other has.
        known = ((face, shown) for face in _ranked(command, missing) if (shown := repertoire(face)))
        face, shown = next(known, (None, frozenset()))
        if face is None or not missing & shown:
            break
        yield face
        missing -= shown


def _ranked(command: str, characters: set[str]) -> list[Face]:
    """All fonts, those that have most of `characters` first, and among equals those the person prefers."""
    charset = " ".join(f"{ord(character):x}" for character in sorted(characters)[:_ASKED])
    pattern = f"sans-serif:charset={charset}:scalable=true:color=false"
    question = [command, "--all", "--format", "%{index}\t%{file}\n", pattern]
    try:
        answer = subprocess.run(question, capture_output=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    lines = (line.split("\t", 1) for line in os.fsdecode(answer.stdout).splitlines())
    # The upper half of an index names an instance of a variable font.
    return [Face(Path(path), int(index) & 0xFFFF) for index, path in lines if path.lower().endswith(_SUFFIXES)]


def _in_folders(folders: Sequence[Path], missing: set[str]) -> Iterator[Face]:
    """The fonts that have some: those for CJK first, upright and regular ones before the others."""
    files = {path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES}

    def rank(path: Path) -> tuple[bool, bool, bool, str]:
        name = path.stem.lower()
        return "cjk" not in name, "serif" in name, "regular" not in name, str(path)

    for path in sorted(files, key=rank):
        if not missing:
            break
        shown = missing & repertoire(Face(path))
        if shown:
            yield Face(path)
            missing -= shown
