"""What can be wrong with a file or a prompt. Each message names the file, states value and limit, and the way out."""

from __future__ import annotations

from app.say.wording import Message, Wording


class AppError(Exception):
    """Base of every error whose message is meant to be shown to the person who uses the app.

    `AppError("{} of {} …", 2, 3)`: a pattern and what stands in its places, so that it can be said in other languages.
    """

    @property
    def message(self) -> Message:
        """To be kept and said later: the error itself would hold on to all that was at hand where it was raised."""
        return Message(*self.args)

    def __str__(self) -> str:
        """The message in English."""
        return str(self.message)

    def worded(self, say: Wording) -> str:
        """The message in a language."""
        return self.message.worded(say)


class DocumentError(AppError):
    """Base of everything that keeps a file from becoming a document."""


class UnsupportedType(DocumentError):
    """The file's name does not end like one of the accepted types."""


class FileTooLarge(DocumentError):
    """The file, or the text packed into it, is larger than the limit."""


class TooManyPages(DocumentError):
    """The document has more pages than the limit."""


class ReadingTooSlow(DocumentError):
    """Reading the file took longer than the limit."""


class TooMuchMemory(DocumentError):
    """Reading the file took more memory than the limit."""


class ReadingStopped(DocumentError):
    """Nobody waits for the document any more, or the app ends."""


class EmptyFile(DocumentError):
    """The file holds nothing, or nothing but blanks."""


class NotText(DocumentError):
    """The file is named like a text but holds something else."""


class DamagedFile(DocumentError):
    """The file is not what its name says, or is broken beyond reading."""


class NoText(DocumentError):
    """No page has text: a PDF made of pictures, a web page made by scripts."""


class PasswordNeeded(DocumentError):
    """The PDF opens with a password only, and none was given."""


class WrongPassword(DocumentError):
    """The PDF does not open with the password that was given."""


class Protected(DocumentError):
    """The file is locked in a way that no password given here opens: copy protection, a locked archive or docx."""


class PageRangeError(DocumentError):
    """A choice of pages cannot be read, or names pages that the document does not have."""


class PromptError(AppError):
    """A prompt cannot be built from what was given, or cannot be found again in its rendered form."""


class EmptyField(PromptError):
    """A field is empty that a task cannot do without."""

    def __init__(self, task: str, field: str) -> None:
        """Both as they are called in English."""
        pattern = "{}: the field “{}” is empty. Write what the model is to do."
        super().__init__(pattern, Message(task), Message(field))


class ExportError(AppError):
    """A draft cannot be written in the format asked for."""


class TraceError(AppError):
    """A file holds no trace of a run, or a damaged one."""


class StoreError(AppError):
    """What a person made cannot be kept, or is not there any more."""


class ProjectGone(StoreError):
    """The project does not exist, or not any more."""

    def __init__(self) -> None:
        """The same words wherever it is noticed."""
        super().__init__(
            "This project does not exist any more; it was deleted in another window. Copy your text from the page and "
            "begin a new project."
        )
