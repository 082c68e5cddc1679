"""A project that is deleted, or that strangers left, is forgotten with what was computed of its own documents."""

from hashlib import sha256
from pathlib import Path

import pytest

from app.engine.engine import Engine
from app.project.forgetting import Forgetting
from app.project.sessions import Sessions
from app.reading.meanings import Meanings
from app.settings import Limits
from app.store import Store
from tests.app.reading.models import KnownWords

TEXT = "The light was built in 1810 on a rock that the tide covers twice a day."


@pytest.mark.parametrize("expires", [False, True])
def test_what_was_computed_of_its_own_documents_goes_too(
    store: Store, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expires: bool
) -> None:
    forgotten: list[list[str]] = []
    passing: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(engine, "forget", lambda texts: forgotten.append(list(texts)))
    meanings = Meanings(KnownWords)
    forget = Forgetting(store, engine, meanings, lambda project, uploads: passing.append((project, list(uploads))))
    sessions = Sessions(store, Limits(), 60, forget=True, meanings=meanings, delete=forget)
    session, other = sessions.create("page"), sessions.create("other page")
    for name, owners in (("own.txt", [session]), ("shared.txt", [session, other])):
        path = tmp_path / name
        path.write_text(f"{TEXT} {name}")
        for owner in owners:
            owner.sources.add([path])
    for owner in (session, other):
        owner.material.reading.relevance("Which light was built?")
    compared = session.material.reading.compared
    assert len(compared) == 2
    assert meanings.known(compared) is not None
    if expires:
        sessions.leave("page")
        session.used -= 3601
        sessions.expire()
    else:
        assert sessions.delete("page", session.id).id != session.id
    assert forgotten == [[f"{TEXT} own.txt"]]
    assert passing == [(session.id, [sha256(f"{TEXT} own.txt".encode()).hexdigest()])]
    assert [meanings.known([text]) is None for text in compared] == [True, False]
    sessions.close()
    meanings.close()
