"""The one way in: names decide of types, limits hold, progress is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.documents import ACCEPTED_TYPES, read_document
from app.say.errors import DocumentError, EmptyFile, UnsupportedType

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "assets/samples/lighthouses.pdf"


def test_the_given_name_decides(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"text")
    assert read_document(path, name="Notes.TXT").name == "Notes.TXT"
    with pytest.raises(UnsupportedType, match=r"upload is of a type.*\.pdf, \.txt"):
        read_document(path)


@pytest.mark.parametrize("suffix", ACCEPTED_TYPES)
def test_every_type_is_read_or_refused_by_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    with pytest.raises(EmptyFile, match=rf"a{suffix} is empty"):
        read_document(path)
    path.write_bytes(b"PK\x03\x04 neither this nor that \0\1\2\3\4\5\6\7")
    with pytest.raises(DocumentError, match=rf"a{suffix} "):
        read_document(path)


def test_progress_is_told_page_by_page() -> None:
    told: list[tuple[int, int]] = []
    read_document(SAMPLE, progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 8) for number in range(1, 9)]
