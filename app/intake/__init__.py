"""Files are read in processes of their own, so that none slows the app or takes its memory. One job a file; knows
nothing of projects or the screen."""

from app.intake.jobs import FileJob, InThread, Job, PastedJob, Reader, Waiting, Wanted
from app.intake.pool import ReaderPool

__all__ = ["FileJob", "InThread", "Job", "PastedJob", "Reader", "ReaderPool", "Waiting", "Wanted", "reader_for"]


def reader_for(isolate: bool, *, most: int = 2) -> ReaderPool | InThread:
    """What reads files: at most so many processes at once, or, where they are not wanted, the thread that asks."""
    return ReaderPool(most=most) if isolate else InThread()
