"""A reading process in which files of certain names behave as badly as any can; all others are read."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.documents import Document, Page, read_document
from app.documents.file_input import MEGABYTE
from app.intake import jobs, worker
from app.say.errors import DamagedFile, PasswordNeeded


def read(path: Path, **options: Any) -> Document:
    """In place of `read_document`."""
    match path.stem:
        case "forever":
            while True:
                pass
        case "grows":
            held = []
            while True:
                held.append(bytearray(b"x") * 20 * MEGABYTE)
                time.sleep(0.01)
        case "gulps":
            return Document(str(len(bytearray(10**12))), ())
        case "swallows":
            try:
                bytearray(10**12)
            except MemoryError as error:
                raise DamagedFile("{} is damaged.", path.name) from error
        case "breaks":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "leaves":
            os._exit(3)
        case "fails":
            raise KeyError("no such part")
        case "swells":
            return Document(path.name, (Page(1, None, "x" * 9 * MEGABYTE),))
        case "prints":
            sys.stdout.write("nothing that the app understands")
            sys.stdout.flush()
            os.write(1, b"nor this")
        case "begins":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            begun(path, child.pid)
            child.wait()
        case "waits":
            wait(path)
        case "locked":
            if options["password"] is None:
                raise PasswordNeeded("{} needs a password.", path.name)
            wait(path)
        case "strange":
            raise DamagedFile("{} holds {}.", path.name, signal.SIGTERM)  # what no message may hold
    return read_document(path, **options)


def begun(path: Path, pid: int) -> None:
    """Tell the test that `pid` has begun."""
    written = path.with_suffix(".writing")
    written.write_text(str(pid))
    written.rename(path.with_suffix(".begun"))


def wait(path: Path) -> None:
    """Until the test lets it go on."""
    begun(path, os.getpid())
    while not path.with_suffix(".go").exists():
        time.sleep(0.005)


if __name__ == "__main__":
    jobs.read_document = read
    worker.main()
