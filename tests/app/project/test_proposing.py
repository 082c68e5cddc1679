"""Attempt after attempt for a passage, until one is of use."""

from typing import Any

import pytest

from app.project.draft import ProjectDraft
from app.project.insertion import Insertion, InsertionPoint
from app.project.proposing import Proposing, made_of
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.prompt.answers import Asked
from app.store import Store, read_draft
from tests.app.conftest import wait
from tests.app.scripted import ScriptedEngine, ScriptedRun

OLD = "The lamp was lit at dusk by the keeper, and it burned all night."
NEW = "At dusk the keeper lit the lamp, and all night it burned."
ASKED = Asked("rewrite", OLD, "Before it. ", " After it.")


def proposing(session: Session, *answers: ScriptedRun, dictated: str = "") -> Proposing:
    """Begun, with these attempts."""
    assert session.draft.edit(ASKED.draft, session.draft.revision)
    engine: Any = ScriptedEngine()
    attempts = [_dictates(answer.spec(proposes=True), dictated) for answer in answers]
    insertion = Insertion(InsertionPoint(ASKED.before, OLD, ASKED.after), proposes=True)
    made = Proposing(
        engine, attempts, insertion, session.draft, session.runs, lambda text: made_of(ASKED, text, small=False)
    )
    session.write(made)
    return made


def _dictates(spec: RunSpec, text: str) -> RunSpec:
    object.__setattr__(spec.request, "dictated", text)
    return spec


def proposed(draft: ProjectDraft) -> str | None:
    return draft.proposal.text if draft.proposal else None


def test_the_first_of_use_is_proposed(session: Session) -> None:
    third = ScriptedRun().finish("Never.")
    made = proposing(session, ScriptedRun().finish(OLD), ScriptedRun().finish(f"Here is the text:\n\n{NEW}"), third)
    assert made.wait(30)
    assert (made.state, proposed(session.draft), third.run) == ("finished", NEW, None)
    assert session.draft.text == ASKED.draft


def test_what_came_before_is_taken_back_and_the_draft_on_disk_stays(store: Store, session: Session) -> None:
    second = ScriptedRun()
    made = proposing(session, ScriptedRun().finish(OLD), second)
    wait(lambda: second.run is not None)
    assert made.text == ""
    assert read_draft(store, session.id) == ASKED.draft
    second.finish(NEW)
    assert made.wait(30)
    assert proposed(session.draft) == NEW
    assert read_draft(store, session.id) == ASKED.draft


def test_without_one_of_use_nothing_is_proposed(session: Session) -> None:
    made = proposing(session, ScriptedRun().finish(OLD), ScriptedRun().finish("Before it."), ScriptedRun().finish(""))
    assert made.wait(30)
    assert (made.state, proposed(session.draft), session.draft.busy) == ("finished", None, False)
    assert not made.insertion.changes


def test_one_that_is_stopped_is_the_last_and_counts_up_to_its_last_sentence(session: Session) -> None:
    second = ScriptedRun().finish("Never.")
    made = proposing(session, ScriptedRun().say(f"{NEW} It was"), second)
    wait(lambda: made.text.endswith("was"))
    made.stop()
    assert made.wait(30)
    assert (made.state, proposed(session.draft), second.run) == ("stopped", NEW, None)


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_dictated_is_proposed_as_it_is_or_not_at_all(session: Session, whole: bool) -> None:
    run = ScriptedRun()
    made = proposing(session, run, dictated="The lamp was lit.")
    if whole:
        run.finish("The lamp was lit.")
    else:
        run.say("The lamp")
        made.stop()
    assert made.wait(30)
    assert proposed(session.draft) == ("The lamp was lit." if whole else None)


# --- what a small model may say ---


def test_of_a_small_model_only_what_the_passage_says_is_taken() -> None:
    near = "The lamp was lit at dusk by the keeper and burned all night."
    invented = f"{near} The tower was of granite."
    passage = f"{OLD} It was cold on the rock, and nobody slept in the tower."
    asked = Asked("rewrite", passage)
    cold = "On the rock it was cold, and in the tower nobody slept."
    assert made_of(asked, f"{near} {cold}", small=True) == f"{near} {cold}"
    assert made_of(asked, f"{near} On the mainland it was warm and everybody slept.", small=True) == (
        f"{near} It was cold on the rock, and nobody slept in the tower."
    )
    assert made_of(Asked("rewrite", OLD), "At dawn the captain put out the lamp, and it was dark.", small=True) == ""
    assert made_of(Asked("shorten", passage), "The keeper slept all night.", small=True) == ""
    assert made_of(Asked("rewrite", passage), invented, small=False) == invented
