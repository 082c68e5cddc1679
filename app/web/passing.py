"""Files that pass through Gradio's folder: uploads, by the hash of what they hold, and exports, by their project."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from app.export import Export


def offer(file: Export, project: str) -> str:
    """Put an export where a page can download it and Gradio deletes it again; returns its path."""
    path: str = save_bytes_to_cache(file.data, file.name, str(_exports(project)))
    return path


def delete_passing(project: str, uploads: Iterable[str]) -> None:
    """Delete a project's exports and the uploads of these hashes (SHA-256)."""
    for folder in (_exports(project), *(Path(get_upload_folder()) / digest for digest in uploads)):
        shutil.rmtree(folder, ignore_errors=True)


def _exports(project: str) -> Path:
    return Path(get_upload_folder()) / "exports" / project
