"""Versions, named and automatic."""

import pytest

from app.say.errors import StoreError
from app.store import (
    Project,
    Store,
    StoreLimits,
    delete_version,
    diff_versions,
    list_versions,
    read_draft,
    restore_version,
    save_draft,
    save_version,
    undo,
    version_text,
)
from app.store.versions import BEFORE_RESTORING
from app.text.diff import Change
from tests.app.store.conftest import Clock


def test_versions_are_listed_newest_first(store: Store, project: Project, clock: Clock) -> None:
    first = save_version(store, project.id, "日本", "First draft")
    clock.now += 1
    second = save_version(store, project.id, "b", "Before a run", automatic=True)
    assert list_versions(store, project.id) == [second, first]
    assert (first.name, first.automatic, first.characters) == ("First draft", False, 2)
    assert (second.automatic, second.created) == (True, clock.now)
    assert version_text(store, first.id) == "日本"


def test_restoring_keeps_the_draft_that_was(store: Store, project: Project) -> None:
    version = save_version(store, project.id, "old", "First")
    save_draft(store, project.id, "new")
    assert restore_version(store, version.id) == "old"
    assert read_draft(store, project.id) == "old"
    kept = list_versions(store, project.id)[0]
    assert (kept.name, version_text(store, kept.id)) == (BEFORE_RESTORING, "new")
    assert undo(store, project.id) == "new"


def test_an_automatic_version_of_the_same_text_is_not_kept_twice(store: Store, project: Project) -> None:
    first = save_version(store, project.id, "a", "Before a run", automatic=True)
    assert save_version(store, project.id, "a", "Before an edit", automatic=True) == first
    save_version(store, project.id, "a", "Named")
    save_version(store, project.id, "b", "Before a run", automatic=True)
    save_version(store, project.id, "a", "Before a run", automatic=True)
    assert len(list_versions(store, project.id)) == 4


@pytest.mark.parametrize("limits", [StoreLimits(automatic_versions=2, named_versions=2)])
def test_only_automatic_versions_are_forgotten(store: Store, project: Project) -> None:
    save_version(store, project.id, "n1", "n1")
    for number in range(4):
        save_version(store, project.id, f"a{number}", f"a{number}", automatic=True)
    save_version(store, project.id, "n2", "n2")
    assert [version.name for version in list_versions(store, project.id)] == ["n2", "a3", "a2", "n1"]
    with pytest.raises(StoreError, match="2 named versions, as many as can be"):
        save_version(store, project.id, "n3", "n3")


def test_what_changed_between_two_versions(store: Store, project: Project) -> None:
    old = save_version(store, project.id, "The tide turns twice a day.", "a")
    new = save_version(store, project.id, "The tide turns every day.", "b")
    assert diff_versions(store, old.id, new.id) == [
        Change("equal", "The tide turns "),
        Change("delete", "twice a"),
        Change("insert", "every"),
        Change("equal", " day."),
    ]


def test_a_version_that_was_deleted_is_said_to_be_gone(store: Store, project: Project) -> None:
    version = save_version(store, project.id, "a", "a").id
    delete_version(store, version)
    for attempt in (version_text, delete_version, restore_version):
        with pytest.raises(StoreError, match="does not exist any more"):
            attempt(store, version)
