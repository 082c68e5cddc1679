"""A process that reads files one after another: `python -m app.intake.worker`, see `app.intake.process`.

It takes jobs from its standard input until that ends, and answers on its standard output.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import IO

from app.documents.file_input import MEGABYTE, FileInput
from app.intake.jobs import Job
from app.intake.wire import (
    TIMES,
    Advanced,
    Answer,
    Failed,
    OutOfMemory,
    Read,
    Ready,
    Refused,
    deliver,
    packed,
    receive,
    send,
)
from app.log import place
from app.say.errors import DocumentError, FileTooLarge
from app.say.wording import Message
from app.settings import Limits

NICE = 5
"""Reading is of lower priority than writing, by so much."""

SPARE_SECONDS = 20
"""A process that outlives its time by so much ends itself, whatever became of the app."""

SPARE_MEMORY = 1.25
"""What can be had at all, in shares of the limit: the app watches that one, and says when it is passed."""


def main() -> None:
    """Read what is asked for until nobody asks any more."""
    incoming, outgoing = _own_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the app, which ends this process
    if sys.platform != "win32":
        os.nice(NICE)
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(incoming, jobs), daemon=True).start()
    send(outgoing, Ready())
    while True:
        job = jobs.get()
        _limit(job.limits)
        _reply(outgoing, job, answer(job, lambda said: send(outgoing, said)))
        _limit(None)


def answer(job: Job, tell: Callable[[Advanced], None]) -> Answer:
    """What becomes of a job; `tell` is called as it advances."""
    try:
        return Read(job.read(lambda done, total: tell(Advanced(done, total))))
    except (DocumentError, OSError) as error:
        return OutOfMemory() if _from_memory(error) else Refused(error)
    except MemoryError:
        return OutOfMemory()
    except Exception as error:
        return _failed(error)


def _reply(outgoing: IO[bytes], job: Job, said: Answer) -> None:
    """Send an answer; one that is too long, or of which no message can be made, is replaced by the reason."""
    try:
        data = packed(said)
        subject = Message("What is read of {} has", job.name)
        FileInput(job.name, job.limits).check_size(len(data), subject, times=TIMES)
    except FileTooLarge as error:
        data = packed(Refused(error))
    except MemoryError:
        data = packed(OutOfMemory())
    except Exception as error:  # a refusal may hold whatever a library raised
        data = packed(_failed(error))
    deliver(outgoing, data)


def _failed(error: Exception) -> Failed:
    return Failed(type(error).__name__, place(error))


def _from_memory(error: BaseException) -> bool:
    """Whether a lack of memory led to it: most formats call a file damaged that raises anything."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _limit(limits: Limits | None) -> None:
    """What one file may take of the system; None: nothing is read now."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = most if limits is None else int(SPARE_MEMORY * limits.max_read_megabytes * MEGABYTE)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
    # The alarm ends the process even where no line of Python is run any more.
    signal.setitimer(signal.ITIMER_REAL, 0 if limits is None else limits.max_read_seconds + SPARE_SECONDS)


def _own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """The streams to the app. What a library prints goes nowhere, neither among the answers nor into a log."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")


def _listen(incoming: IO[bytes], jobs: queue.SimpleQueue[Job]) -> None:
    """Take jobs until the app has closed its end, or is gone; then end at once, with every program begun here."""
    while (data := receive(incoming, lambda: sys.maxsize)) is not None:
        jobs.put(pickle.loads(data))
    if sys.platform != "win32" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
