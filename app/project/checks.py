"""What is found in a draft that was written, and put right at one press: tables, and what the documents support."""

from __future__ import annotations

from app.export.table_check import TableReport, check_table, repair_table
from app.project.session import Session
from app.project.support import SupportReport, without
from app.prompt.tasks import columns_asked
from app.say.wording import ENGLISH, Wording


def checked_table(session: Session, say: Wording = ENGLISH) -> TableReport | None:
    """The draft's table against the columns asked for last; None if that was no table, or while it is written."""
    columns, text = columns_asked(session.task), session.draft.text
    if columns is None or session.busy or not text.strip():
        return None
    return check_table(text, columns, say)


def repair_draft(session: Session) -> None:
    """Put the table right in the draft, as one step of undo. Raises StoreError."""
    text = session.draft.text
    repaired = repair_table(text, columns_asked(session.task) or ())
    if repaired != text:
        session.draft.replace(repaired)


def support_in_draft(session: Session) -> SupportReport | None:
    """What documents support of what was written last; None while it is written, or without documents."""
    writing = session.writing
    if writing is None or not writing.done or writing.support is None or writing.insertion.proposes:
        return None
    return writing.support.within(session.draft.text)


def take_out_unsupported(session: Session, only: str | None = None) -> None:
    """The draft without the sentences of the last text that no document supports, or without `only` this one of them,
    as one step of undo. Raises StoreError."""
    report = support_in_draft(session)
    sentences = [found.text for found in report.unsupported if only in (None, found.text)] if report else []
    if sentences:
        session.draft.replace(without(session.draft.text, sentences[:1] if only else sentences))
