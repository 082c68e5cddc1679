"""Zip archives, which docx and epub files are, opened with an eye on what they unfold to."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from app.documents.file_input import FileInput
from app.say.errors import DamagedFile, Protected
from app.say.wording import Message

# Pictures and fonts are as large unfolded as folded, and a text unfolds to about ten times its size in the archive.
_UNFOLDED_TIMES = 4
_MARKUP = (".xml", ".rels", ".opf", ".ncx", ".html", ".xhtml", ".htm")
_ENCRYPTED = 0x1


def open_archive(data: bytes, job: FileInput, kind: Message) -> ZipFile:
    """The archive in `data`; `kind` says what the file should be.

    Raises DamagedFile if it is none, Protected if it is locked, FileTooLarge if it unfolds to more than the limit in
    markup or four times the limit in all. zipfile never unfolds a member beyond the size that the archive states.
    """
    try:
        archive = ZipFile(BytesIO(data))
        members = archive.infolist()
    except (BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise DamagedFile(
            "{} is named like {} but is none, or is cut short ({}). Export it again.", job.name, kind, str(error)
        ) from None
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Protected("{} is a locked archive, which cannot be opened here. Save it without a password.", job.name)
    if any(member.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for member in members):
        raise DamagedFile("{} is packed in a way that {} is not. Export it again.", job.name, kind)
    markup = sum(member.file_size for member in members if member.filename.lower().endswith(_MARKUP))
    job.check_size(markup, Message("The text in {}, with its markup, unfolds to", job.name))
    unfolded = sum(member.file_size for member in members)
    job.check_size(unfolded, Message("{} unfolds to", job.name), times=_UNFOLDED_TIMES)
    return archive
