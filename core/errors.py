"""The errors of this package. Each message states the value, the limit and the way out."""

from .statement import Statement


class RefreshKVError(Statement, Exception):
    """Base of every error this package raises on purpose.

    `str(error)` is its sentence. `error.code` names what is wrong ("folder-without-config") and stays when the sentence
    changes, so that a program need not read English; `error.values` holds the sentence's values by name, and
    `error.pattern` the sentence with places for them, by which it can be said in other languages.
    """


class InvalidParameterError(RefreshKVError, ValueError):
    """A parameter is outside the range in which it means anything."""


class PolicyInactiveError(RefreshKVError, RuntimeError):
    """The policy would silently do nothing: the model or a setting keeps it from acting on attention."""


class ContextOverflowError(RefreshKVError, ValueError):
    """The prompt and the tokens to generate do not fit into the model's context window."""


class CacheMismatchError(RefreshKVError, ValueError):
    """A cache cannot be continued: it was made for another model or policy, or its tokens are unknown."""


class SnapshotError(RefreshKVError):
    """A prefix cannot be taken out of a cache, or a file holds none that can be put into one."""


class LoadingError(RefreshKVError):
    """A model could not be loaded."""


class DownloadError(LoadingError):
    """The embedded model could not be fetched, or what arrived is not what was expected."""


def lacks_memory(error: BaseException) -> bool:
    """Whether a lack of memory led to it, Python's, the processor's or an accelerator's. torch tells the second by its
    words alone."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or type(seen).__name__ == "OutOfMemoryError":
            return True
        if isinstance(seen, RuntimeError) and "can't allocate memory" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
