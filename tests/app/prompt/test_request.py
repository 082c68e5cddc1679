"""What a person asks for, checked once: every field with what a page, a program or an earlier project may hold."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.methods import FULL_ATTENTION, REFRESHED, Parameter, all_parameters, parameters
from app.prompt.request import WriteRequest
from app.prompt.tasks import LENGTHS, TASKS, Shape
from app.say.errors import AppError, PromptError
from app.say.wording import Wording
from core import FullAttention, RefreshKV
from core.policies import METHODS
from tests.app.conftest import ask

INF, NAN = math.inf, math.nan
HUGE = 10**400
"""As JSON may hold it: no float is so large."""


def asked(field: str, value: Any) -> Any:
    """What a request holds that asks for this."""
    made = WriteRequest.of({"task": "summary", "method": REFRESHED, field: value}, 900)
    return made.parameters.get(field) if field in all_parameters() else getattr(made, field)


@pytest.mark.parametrize(
    ("field", "value", "held"),
    [
        ("task", "table", "table"),
        ("method", FULL_ATTENTION, FULL_ATTENTION),
        ("detail", None, ""),
        ("detail", "灯台", "灯台"),
        ("tone", None, ""),
        ("language", "日本語", "日本語"),
        ("audience", None, ""),
        ("length", None, None),
        ("length", "", None),
        ("length", " Medium ", "medium"),
        ("length", "1,200 words", 1200),
        ("length", 800, 800),
        ("budget", "1/8", 1 / 8),
        ("budget", "0.5", 0.5),
        ("budget", " 512 ", 512),
        ("budget", 512, 512),
        ("budget", 0.25, 0.25),
        ("stride", 10.0, 10),
        ("stride", 1, 1),
        ("threshold", None, None),
        ("threshold", 1, 1.0),
        ("threshold", -0.5, -0.5),
        ("max_new_tokens", 10.0, 10),
        ("max_new_tokens", 900, 900),
        ("temperature", None, 0.0),
        ("temperature", 0, 0.0),
        ("temperature", 1.5, 1.5),
        ("seed", None, None),
        ("seed", 0.0, 0),
        ("seed", 2**63 - 1, 2**63 - 1),
        ("draft_tokens", None, None),
        ("draft_tokens", 0, None),
        ("draft_tokens", 40.0, 40),
    ],
)
def test_what_means_something_is_held_as_what_it_means(field: str, value: Any, held: Any) -> None:
    found = asked(field, value)
    assert (found, type(found)) == (held, type(held))


NO_NUMBERS = ["", "10", "ten", NAN, INF, -INF, [], [10], {}, True, False]
REFUSED = {
    "task": [None, "", "Summary", "poem", 5, True, [], ["summary"], {}],
    "method": [None, "", "full", 5, True, [], [REFRESHED], {}],
    "detail": [5, 1.5, True, [], ["a"], {}],
    "tone": [5, True, ["plain"]],
    "language": [5, True, {}],
    "audience": [5, False, []],
    "length": ["as you like", "0", 0, -5, 1.5, NAN, INF, True, [], ["medium"], {}, HUGE],
    "budget": ["lots", "0", "1.5", "-1/8", "1/0", "1e400", "nan", "inf", 0, -1, 1.5, 0.0, *NO_NUMBERS[3:]],
    "stride": [0, -1, 2.5, *NO_NUMBERS[1:]],
    "threshold": [1.5, -1.01, HUGE, *NO_NUMBERS[1:]],
    "pool_kernel_size": [0, 2, 1.5, HUGE, *NO_NUMBERS[1:]],
    "floor": [-1, 1.5, HUGE, *NO_NUMBERS[1:]],
    "lookahead": [-1, 1.5, HUGE, *NO_NUMBERS[1:]],
    "recent": [-1, 1.5, HUGE, *NO_NUMBERS[1:]],
    "bits": [-1, 1, 5, 2.5, HUGE, *NO_NUMBERS[1:]],
    "max_new_tokens": [None, 0, -1, 901, 1.5, HUGE, *NO_NUMBERS],
    "temperature": [-0.5, HUGE, *NO_NUMBERS],
    "seed": [-1, 1.5, 2**63, 1e30, HUGE, *NO_NUMBERS],
    "draft_tokens": [-1, 1.5, *NO_NUMBERS],
    "wording": [None, "", "mine", 5, True, [], {}],
    "grounded": [],
    "apart": [],
    "beyond": ["", "whole", 5, True, [], {}],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, id=f"{field}-{str(value)[:12]}")
        for field, values in REFUSED.items()
        for value in values
    ],
)
def test_what_means_nothing_is_refused_in_words(field: str, value: Any) -> None:
    with pytest.raises(AppError) as refused:
        asked(field, value)
    assert 10 < len(str(refused.value)) < 800


def test_every_field_is_tried() -> None:
    of_others = set(all_parameters()) - {parameter.name for parameter in parameters(REFRESHED)}
    assert set(REFUSED) == set(WriteRequest.names()) - of_others


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"max_new_tokens": 901}, AppError, "is 901; it must be 1 to 900"),
        ({"max_new_tokens": None}, AppError, "is –; it must be 1 to 900"),
        ({"length": "as you like"}, PromptError, "“as you like”"),
        ({"method": REFRESHED, "budget": "lots"}, AppError, "“lots”"),
        ({"method": REFRESHED, "budget": "0"}, AppError, "“0”: a number of tokens starts at 1."),
        ({"method": REFRESHED, "budget": "1.5"}, AppError, "“1.5”: a share lies above 0"),
        ({"method": REFRESHED, "stride": "ten"}, AppError, "“Steps between refreshes” is ten. Write a number"),
        ({"method": REFRESHED, "stride": 0}, AppError, "RefreshKV: stride is 0; it must be a whole number of steps"),
        ({"method": REFRESHED, "threshold": 1.5}, AppError, "is 1.5; a cosine similarity lies between -1 and 1"),
        ({"method": "SnapKV", "window": 0}, AppError, "SnapKV: window is 0; it must be a whole number, 1 or more"),
        ({"method": "StreamingLLM", "sinks": 1.5}, AppError, "StreamingLLM: sinks is 1.5; it must be a whole number"),
        ({"method": "best"}, AppError, "“best” is not a method. Choose one of " + ", ".join(METHODS)),
        ({"temperature": -0.5}, AppError, "is -0.5; it must be 0 to 5"),
        ({"temperature": 1e308}, AppError, r"is 1e\+308; it must be 0 to 5"),
        ({"seed": 1e30}, AppError, "to 9,223,372,036,854,775,807"),
        ({"draft_tokens": 2.5}, AppError, "are 2.5; write a whole number"),
    ],
)
def test_a_refusal_names_the_value_the_limit_and_the_way_out_in_both_languages(
    fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        WriteRequest.of({"task": "summary", **fields}, 900)
    japanese = refused.value.worded(Wording("ja"))  # type: ignore[attr-defined]
    names = "|".join([*METHODS, *(field.field for method in METHODS for field in parameters(method)), "None", "ten"])
    assert not re.search("[a-z]{2}", re.sub(f"「.*?」|{names}", "", japanese))


def test_full_attention_has_no_small_cache_whose_fields_could_be_wrong() -> None:
    made = ask(method=FULL_ATTENTION, budget="lots", stride=None, threshold=9)
    assert isinstance(made.policy, FullAttention)
    assert (made.method, made.parameters) == (FULL_ATTENTION, {"threshold": 9.0})  # another method may refuse that
    with pytest.raises(AppError, match="similarity_threshold is"):
        _ = made.but(method=REFRESHED).policy


def test_the_policy_is_the_one_asked_for() -> None:
    assert isinstance(ask().policy, FullAttention)
    assert ask(method=REFRESHED, budget="64", stride=7.0, threshold=0.5).policy == RefreshKV(64, 7, 0.5)
    assert ask(method=REFRESHED, budget="1/4", stride=3, threshold=None).policy == RefreshKV(0.25, 3, None)


SET: dict[str, Any] = {
    "budget": "64", "stride": 7.0, "threshold": 0.5, "pool_kernel_size": 3, "floor": 9, "sinks": 2, "window": 8.0,
    "bits": 2, "page": 4, "dense_layers": 1, "recent": 5, "similarity": 0, "drafted": 2, "lookahead": 2, "spread": 2,
}  # fmt: skip
"""A value of each parameter, other than the usual."""


@pytest.mark.parametrize("method", METHODS)
def test_each_method_takes_the_parameters_that_it_has_and_no_others(method: str) -> None:
    made = ask(method=method, **SET)
    own: Any = {parameter.field: made.parameters[parameter.name] for parameter in parameters(method)}
    assert made.policy == METHODS[method](**own)
    assert own == {} or made.policy != METHODS[method]()
    assert made.method == method


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("empty", [None, ""])
def test_a_parameter_that_is_not_given_is_what_is_usual(method: str, empty: Any) -> None:
    made = WriteRequest.of({"task": "summary", "method": method, **dict.fromkeys(all_parameters(), empty)})
    assert (made.policy, made.parameters) == (METHODS[method](), {})
    assert WriteRequest.of({"task": "summary", "method": method}) == made == WriteRequest.of(made.fields)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_parameters_make_any_other_method(method: str) -> None:
    assert ask(**SET).but(method=method).policy == ask(method=method, **SET).policy


@pytest.mark.parametrize(
    ("method", "parameter"), [(method, parameter) for method in METHODS for parameter in parameters(method)]
)
@pytest.mark.parametrize("value", ["lots", NAN, HUGE, [], True])
def test_every_parameter_of_every_method_is_checked(method: str, parameter: Parameter, value: Any) -> None:
    if (parameter.form, value) == ("amount", HUGE):
        return  # so many tokens are all there are
    with pytest.raises(AppError) as refused:
        ask(method=method, **{parameter.name: value})
    assert 10 < len(str(refused.value)) < 800


def test_the_shape_and_the_task_are_those_asked_for() -> None:
    made = ask(task="essay", length="800", tone="plain", language="Deutsch", audience="children")
    assert made.shape == Shape(800, "plain", "Deutsch", "children")
    assert made.kind is TASKS["essay"]


def test_its_fields_stand_in_the_order_of_the_page() -> None:
    assert WriteRequest.names() == (
        "task", "detail", "length", "tone", "language", "audience", "method", *all_parameters(), "max_new_tokens",
        "temperature", "seed", "draft_tokens", "wording", "grounded", "beyond", "apart",
    )  # fmt: skip


def test_what_a_client_sends_beside_the_fields_is_left_out() -> None:
    assert WriteRequest.of({**ask().fields, "stop": "now"}) == ask()


def test_one_with_other_values_leaves_the_first_as_it_was() -> None:
    first = ask(seed=5)
    assert (first.but(seed=None).seed, first.seed) == (None, 5)


REQUESTS = st.fixed_dictionaries(
    {
        "task": st.sampled_from(sorted(TASKS)),
        "detail": st.text(max_size=9),
        "length": st.none() | st.sampled_from(LENGTHS) | st.integers(1, 9_999_999),
        "tone": st.text(max_size=9),
        "language": st.text(max_size=9),
        "audience": st.text(max_size=9),
        "method": st.sampled_from(sorted(METHODS)),
        "budget": st.integers(1, 10**9) | st.floats(0, 1, exclude_min=True),
        "stride": st.integers(1, 10**9),
        "threshold": st.none() | st.floats(-1, 1),
        "max_new_tokens": st.integers(1, 4096),
        "temperature": st.floats(0, 5),
        "seed": st.none() | st.integers(0, 2**63 - 1),
        "draft_tokens": st.none() | st.integers(1, 10**6),
    }
)


@given(REQUESTS)
def test_its_fields_make_the_same_request_again_also_through_json(fields: dict[str, Any]) -> None:
    made = WriteRequest.of(fields)
    assert WriteRequest.of(made.fields) == made
    assert WriteRequest.of(json.loads(json.dumps(made.fields))) == made


@given(st.integers(1, 2**60))
def test_a_share_that_is_nearly_one_in_so_many_stays_what_it_is(parts: int) -> None:
    for share in (1 / parts, math.nextafter(1 / parts, 0), math.nextafter(1 / parts, 1)):
        made = ask(method=REFRESHED, budget=min(share, 1.0))
        assert WriteRequest.of(made.fields).policy == made.policy == RefreshKV(min(share, 1.0), 5)


def test_a_task_that_an_earlier_version_stored_is_understood() -> None:
    stored = json.loads(
        '{"task": "report", "detail": "the rock", "length": "medium", "tone": "plain", "language": "", "audience": '
        '"", "method": "RefreshKV", "budget": "1/8", "stride": 10, "threshold": null, "max_new_tokens": 512, '
        '"temperature": 0.7, "seed": null, "draft_tokens": null}'
    )
    made = WriteRequest.of(stored)
    assert (made.policy, made.shape) == (RefreshKV(1 / 8, 10, None), Shape("medium", "plain"))
    since = {"wording": "auto", "grounded": True, "beyond": "parts", "apart": False}
    assert made.fields == {**dict.fromkeys(WriteRequest.names()), **stored, **since}


@pytest.mark.parametrize(
    ("stored", "held"),
    [
        ({"stride": 5.0, "max_new_tokens": 256.0, "seed": 7.0}, {"stride": 5, "max_new_tokens": 256, "seed": 7}),
        ({"length": "800"}, {"length": 800}),
        ({"length": "1,200 words"}, {"length": 1200}),
        ({"temperature": None}, {"temperature": 0.0}),
        ({"draft_tokens": 0}, {"draft_tokens": None}),
        ({"draft_tokens": 1024.0}, {"draft_tokens": 1024}),
        ({"method": FULL_ATTENTION, "budget": "", "stride": None}, {"method": FULL_ATTENTION}),
        ({"budget": "512"}, {"budget": 512}),
        ({"threshold": 0.95}, {"threshold": 0.95}),
    ],
)
def test_numbers_as_a_page_has_stored_them_are_understood(stored: dict[str, Any], held: dict[str, Any]) -> None:
    made = WriteRequest.of({"task": "summary", "method": REFRESHED, "budget": "1/8", "stride": 10, **stored}, 900)
    found = {**made.parameters, "threshold": made.parameters.get("threshold")}
    assert {key: found.get(key, getattr(made, key, None)) for key in held} == held


def test_a_task_of_before_there_was_a_choice_of_what_is_seen_is_understood() -> None:
    stored = {key: value for key, value in ask().fields.items() if key != "draft_tokens"}
    assert WriteRequest.of(stored) == ask()
