"""Starts the app: `python app.py`, and the entry of a Hugging Face Space."""

import os
import tempfile
from pathlib import Path

# Before torch is imported. OpenMP's threads otherwise look for work where the browser wants to draw, and wait for those
# that are not running: beside one busy process a document is then read ten times as slowly instead of half as fast.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from app.engine.document_cache import document_cache
from app.engine.engine import Engine, named_model
from app.project.commands import Commands
from app.project.sessions import Sessions
from app.settings import load_settings
from app.store import open_store
from app.web.context import AppContext
from app.web.page import build, launch_options
from core import compile_decoding


def main() -> None:
    """Build the page and serve it; the model loads meanwhile."""
    settings = load_settings()
    model = named_model(settings.model, settings.quantization or "none")
    engine = Engine(model, settings.queue_size, document_cache(settings), compile_decoding)
    passing = tempfile.TemporaryDirectory(prefix="refreshkv-") if settings.shared else None
    store = open_store(settings.data_folder or (Path(passing.name) if passing else None))
    sessions = Sessions(store, settings.limits, settings.session_minutes, forget=settings.shared)
    engine.start()
    sessions.start()
    try:
        context = AppContext(Commands(settings, engine), sessions, shared=settings.shared)
        build(settings, context).queue().launch(**launch_options(settings))
    finally:
        sessions.close()
        engine.close()
        store.close()
        if passing:
            passing.cleanup()


if __name__ == "__main__":
    main()
