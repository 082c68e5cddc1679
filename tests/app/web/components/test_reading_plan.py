"""What the page is told of the plan of reading."""

import json

from app.prompt.reading_plan import PartPlan, ReadingPlan, SectionPlan
from app.web.components.reading_plan import ReadingPlanView, plan_message

PART = PartPlan("1/3:0", "Lamps", "3-4", "full", (0.1, 0.2), "Oil burns.")
UNREAD = PartPlan("1/5:0", "Fog", "5", "none", (0.2, 0.3))


def plan(*, quoted: bool) -> ReadingPlan:
    return ReadingPlan(
        9, 2, (SectionPlan("Lamps", "3-4", (PART,)),), quoted, others=(SectionPlan("Fog", "", (UNREAD,)),)
    )


def test_sections_come_first_and_those_in_the_draft_can_be_written_again() -> None:
    message = plan_message(plan(quoted=True), "v1", {"lamps"}, changed=False)
    assert [(group["heading"], group["again"]) for group in message["groups"]] == [("Lamps", True), ("Fog", False)]
    assert message["groups"][0]["parts"] == [
        {"id": "1/3:0", "title": "Lamps", "pages": "3-4", "state": "full", "span": (0.1, 0.2), "text": "Oil burns."}
    ]
    assert (message["states"], message["division"], message["changed"]) == (["full", "none"], "v1", False)
    assert not plan_message(plan(quoted=True), "", (), changed=True)["groups"][0]["again"]


def test_a_model_that_writes_in_its_own_words_can_see_notes() -> None:
    assert plan_message(plan(quoted=False), "", (), changed=False)["states"] == ["full", "note", "none"]
    at_once = ReadingPlan(9, 2, others=(SectionPlan("Fog", "5", (UNREAD,)),))
    assert plan_message(at_once, "", (), changed=False)["states"] == ["full", "none"]


def test_it_travels_as_json_and_nothing_is_taken_from_the_client() -> None:
    view = ReadingPlanView()
    message = plan_message(plan(quoted=True), "v", (), changed=False)
    sent = view.postprocess(message)
    assert sent is not None
    assert json.loads(sent)["groups"][1]["pages"] == ""
    assert view.postprocess(None) == ""
    assert view.preprocess('{"parts": {}}') is None
