"""Mail (eml): who wrote to whom and when, and the text; mails within it follow. Attachments are named in a note."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import MIMEPart

from app.documents import markdown
from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.headings import marked_headings
from app.documents.repair import clean
from app.documents.text import decode
from app.documents.web.html import decode_markup
from app.documents.web.text import html_to_text
from app.say.errors import DamagedFile, DocumentError, EmptyFile
from app.say.wording import Message

_SHOWN = ("From", "To", "Cc", "Date")
_DEEPEST = 5  # mails within mails


def read_mail(data: bytes, job: FileInput) -> Document:
    """One page; its subject is the heading."""
    attached: list[str] = []
    try:
        mail = message_from_bytes(data, policy=policy.default)
        blocks = list(_blocks(mail, job, attached, 0))
    except DocumentError:
        raise
    except Exception as error:  # headers and bodies may be broken in any way
        raise DamagedFile(
            "{} is damaged and cannot be read ({}). Export it again.", job.name, type(error).__name__
        ) from error
    if not any(not block.startswith("#") for block in blocks):
        raise EmptyFile("{} holds no text that can be seen. Choose another file.", job.name)
    note = Message("Attachments were left out: {}. Add them as files of their own.", ", ".join(attached[:5]))
    pages = clean(["\n\n".join(blocks)], [None])
    return Document(job.name, pages, (note,) if attached else (), marked_headings(pages))


def mail_text(data: bytes, job: FileInput) -> str:
    """The body of a mail, or of a web page saved in one file (mht)."""
    body = message_from_bytes(data, policy=policy.default).get_body(("html", "plain"))
    return _text(body, job) if isinstance(body, MIMEPart) else ""


def _blocks(mail: MIMEPart, job: FileInput, attached: list[str], depth: int) -> Iterator[str]:
    if subject := " ".join(str(mail.get("Subject", "")).split()):
        yield markdown.heading(depth + 1, subject)
    if head := [f"{name}: {' '.join(str(mail[name]).split())}" for name in _SHOWN if mail.get(name)]:
        yield "\n".join(head)
    body = mail.get_body(("plain", "html"))
    if isinstance(body, MIMEPart) and (text := _text(body, job)):
        yield text
    for part in mail.iter_attachments():
        if part.get_content_type() == "message/rfc822" and depth < _DEEPEST:
            for inner in part.iter_parts():
                yield from _blocks(inner, job, attached, depth + 1)
        else:
            attached.append(" ".join((part.get_filename() or part.get_content_type()).split()))


def _text(body: MIMEPart, job: FileInput) -> str:
    data = body.get_payload(decode=True)
    if not isinstance(data, bytes) or not data.strip():
        return ""
    charset = body.get_content_charset()
    if body.get_content_type() == "text/html":
        markup = decode(data, job.name, charset)[0] if charset else decode_markup(data, job.name)[0]
        return html_to_text(markup, job.name)
    return decode(data, job.name, charset, job.read_as.encoding)[0].strip()
