"""The versions of a project: those of another are not reached, whatever id comes."""

import pytest

from app.project.session import Session
from app.project.sessions import Sessions
from app.say.errors import AppError
from app.store import Store, version_text
from app.text.diff import Change


@pytest.fixture
def other(sessions: Sessions) -> Session:
    return sessions.create("other page")


def test_a_draft_is_kept_under_a_name_or_the_time(store: Store, session: Session) -> None:
    assert session.draft.edit("Of granite.", 0)
    named, unnamed = session.versions.keep("  Granite "), session.versions.keep(" ")
    assert [(version.name, version.automatic) for version in session.versions.all()] == [
        (unnamed.name, False), ("Granite", False),
    ]  # fmt: skip
    assert unnamed.name.count(":") == 2
    assert version_text(store, named.id) == "Of granite."


def test_changes_are_from_the_version_to_the_draft_as_it_is(session: Session) -> None:
    assert session.draft.edit("Of granite.", 0)
    kept = session.versions.keep("Granite")
    assert session.draft.edit("Of oak.", 1)
    changes = session.versions.changes(kept.id)
    assert "".join(change.text for change in changes if change.kind != "insert") == "Of granite."
    assert "".join(change.text for change in changes if change.kind != "delete") == "Of oak."
    session.versions.restore(kept.id)
    assert session.draft.text == "Of granite."
    assert session.versions.changes(kept.id) == [Change("equal", "Of granite.")]
    session.versions.delete(kept.id)
    assert kept.id not in {version.id for version in session.versions.all()}


@pytest.mark.parametrize("act", ["changes", "restore", "delete"])
def test_a_version_of_another_project_is_not_reached(session: Session, other: Session, act: str) -> None:
    assert other.draft.edit("Theirs.", 0)
    theirs = other.versions.keep("Theirs")
    session.versions.keep("Mine")
    for identity in (theirs.id, -1, None, str(theirs.id), 1.0, [theirs.id], {}):
        with pytest.raises(AppError, match="Choose a version first"):
            getattr(session.versions, act)(identity)
    assert [version.id for version in other.versions.all()] == [theirs.id]
    assert [version.name for version in session.versions.all()] == ["Mine"]
    assert session.draft.text == ""
