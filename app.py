"""Starts the app: `python app.py`, and the entry of a Hugging Face Space."""

import logging
import os
import signal
import sys
import traceback
from contextlib import ExitStack, suppress
from typing import NoReturn

import psutil

# Before torch is imported. OpenMP's threads otherwise look for work where the browser wants to draw, and wait for those
# that are not running: beside one busy process a document is then read ten times as slowly instead of half as fast.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from app.engine.document_cache import document_cache
from app.engine.engine import Engine, named_model
from app.intake import reader_for
from app.log import start_logging
from app.memory import MEGABYTE, Memory
from app.private import private_from_now_on, temporary_files
from app.project.commands import Commands
from app.project.forgetting import Forgetting
from app.project.sessions import Sessions
from app.reading.meanings import installed_meanings
from app.say.errors import StoreError
from app.settings import SettingsError, load_settings
from app.store import open_store
from app.web.context import AppContext
from app.web.page import build
from app.web.passing import delete_passing
from app.web.presence import Presence
from app.web.server import Server
from core import compile_decoding

logger = logging.getLogger(__name__)


def main() -> None:
    """Build the page and serve it until Ctrl+C; the model loads meanwhile."""
    settings = load_settings()
    private_from_now_on()
    start_logging(settings.log_level, settings.log_file)
    with ExitStack() as ending:
        try:
            passing = ending.enter_context(temporary_files())
        except OSError as error:
            raise SettingsError(f"No temporary files can be kept: {error}. Free some space, or set TMPDIR.") from error
        folder = settings.data_folder or (passing / "data" if settings.shared else None)
        store = open_store(folder)
        ending.callback(store.close)
        memory = Memory(settings.memory_megabytes and settings.memory_megabytes * MEGABYTE)
        model = named_model(settings.model, settings.quantization or "none", settings.model_revision, settings.adapter)
        engine = Engine(
            model,
            settings.queue_size,
            document_cache(settings, memory),
            compile_decoding,
            runs_each=settings.runs_each,
            together=settings.runs_together,
            stall_seconds=settings.stall_seconds,
        )
        ending.callback(engine.close)
        engine.start()
        meanings = installed_meanings(settings)
        if meanings is not None:
            ending.callback(meanings.close)
            memory.add("vectors", meanings.kept)
        reader = reader_for(settings.isolate_reading)
        ending.callback(reader.close)
        memory.add("reading", reader)
        reader.start()
        presence = Presence()
        sessions = Sessions(
            store,
            settings.limits,
            settings.session_minutes,
            forget=settings.shared,
            meanings=meanings,
            reader=reader,
            silent=presence.silent,
            each=settings.visitor_limits,
            delete=Forgetting(store, engine, meanings, delete_passing),
        )
        ending.callback(sessions.close)
        memory.add("projects", sessions)
        sessions.start()
        memory.start()
        ending.callback(memory.close)
        commands = Commands(settings, engine, meanings)
        context = AppContext(commands, sessions, shared=settings.shared, presence=presence, memory=memory)
        server = Server(build(settings, context), settings, context)
        ending.callback(server.close)
        said = {"shared": settings.shared, "model": settings.model, "budget_megabytes": memory.limit // MEGABYTE}
        logger.info("started", extra=said)
        ending.callback(logger.info, "stopping")
        sys.stdout.write(f"Running on {server.url} (Ctrl+C ends it)\n")
        sys.stdout.flush()
        server.wait()


def _terminated(*_: object) -> None:
    """As Ctrl+C: what is being written is kept. Once, or a second signal would end that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end(status: int) -> NoReturn:
    """Now that all is kept, with the processes that were started. Python would first end itself around its threads, and
    one that loads or compiles a model in C++ then aborts the process ("terminate called without an active exception").
    """
    with suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(status)


def _run() -> int:
    """The status that the process ends with."""
    try:
        with suppress(KeyboardInterrupt):
            main()
    except (SettingsError, StoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    _end(_run())
