"""The methods of the registry as the app speaks of them."""

from dataclasses import fields
from typing import Any

import pytest

from app.methods import (
    DEFAULT_METHOD,
    FULL_ATTENTION,
    REFRESHED,
    STEP_WORDS,
    all_parameters,
    kind_named,
    kind_of,
    parameters,
    policy_of,
    require_parameters,
    title_of,
)
from app.say.catalogue import catalogues
from app.say.errors import AppError
from app.say.wording import Wording
from core.policies import DEFAULT_POLICY, METHODS, KeyIndex, Policy, RefreshKV

KINDS = {
    "RefreshKV": "refreshed", "FullAttention": "full", "StreamingLLM": "kept", "SnapKV": "kept", "H2O": "kept",
    "TOVA": "kept", "Exact": "full", "KeyIndex": "read", "Quest": "read", "TokenSelect": "read",
}  # fmt: skip
JAPANESE = {english for context, english in catalogues()["ja"].entries if not context}


@pytest.mark.parametrize(("method", "kind"), KINDS.items())
def test_what_kind_a_method_is_follows_from_what_it_says_of_itself(method: str, kind: str) -> None:
    assert kind_named(method) == kind_of(METHODS[method]()) == kind


def test_a_method_of_another_version_is_taken_to_be_refreshed() -> None:
    assert [kind_named(name) for name in (None, "", "Later")] == ["refreshed"] * 3


def test_the_default_is_the_librarys_and_first_of_the_registry_which_has_the_baseline_and_the_refreshed_one() -> None:
    assert type(DEFAULT_POLICY) is METHODS[DEFAULT_METHOD] is next(iter(METHODS.values()))
    assert METHODS[DEFAULT_METHOD]() == DEFAULT_POLICY == KeyIndex(1 / 16, bits=3)
    assert (DEFAULT_METHOD, FULL_ATTENTION, REFRESHED) == ("KeyIndex", "FullAttention", "RefreshKV")
    assert [title_of(name) for name in ("FullAttention", "Exact", "SnapKV")] == [
        "Full attention",
        "Full attention, faster",
        "SnapKV",
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_described_in_both_languages(method: str) -> None:
    said = {METHODS[method].summary, *(parameter.label for parameter in parameters(method))}
    assert all(said)
    assert said <= JAPANESE


@pytest.mark.parametrize("method", METHODS)
def test_its_parameters_are_the_numbers_among_its_fields(method: str) -> None:
    policy: Any = METHODS[method]()
    numbers = [field.name for field in fields(policy) if not isinstance(getattr(policy, field.name), Policy)]
    assert [parameter.field for parameter in parameters(method)] == numbers
    for parameter in parameters(method):
        assert parameter.default == getattr(policy, parameter.field)
        assert all_parameters()[parameter.name].form == parameter.form


def test_a_parameter_is_called_as_projects_hold_it() -> None:
    names = [parameter.name for parameter in parameters("RefreshKV")]
    assert names == ["budget", "stride", "threshold", "pool_kernel_size", "floor", "lookahead", "recent", "bits"]
    assert len({parameter.label for parameter in all_parameters().values()}) == len(all_parameters())


def test_a_label_says_what_the_parameter_does_in_that_method() -> None:
    def labels(name: str) -> list[str]:
        return [parameter.label for parameter in parameters(name) if parameter.name in ("budget", "stride")]

    assert labels("RefreshKV") == ["Small cache: share of the prompt, or tokens", "Steps between refreshes"]
    assert labels("H2O") == ["Kept: share of the prompt, or tokens"]
    assert labels("Quest") == ["Read at a step: share of the prompt, or tokens", "Steps between moments of the map"]


def test_a_policy_is_made_of_what_was_given() -> None:
    assert policy_of("RefreshKV", {"budget": "64", "threshold": 1, "window": 9}) == RefreshKV(
        64, similarity_threshold=1.0
    )
    with pytest.raises(AppError) as refused:
        policy_of("SnapKV", {"pool_kernel_size": 4})
    assert str(refused.value).startswith("SnapKV: pool_kernel_size is 4; it must be odd")
    assert refused.value.worded(Wording("ja")).startswith("SnapKV：pool_kernel_size")


def test_a_parameter_that_no_method_asked_for_has_is_refused_with_those_there_are() -> None:
    require_parameters(["SnapKV", "RefreshKV"], {"stride": 5, "window": 8, "page": None})
    # What is usual anyway, as earlier programs send it, asks for nothing.
    require_parameters(["FullAttention"], {"budget": "1/8", "stride": 10, "threshold": "", "pool_kernel_size": 5})
    having = "Leave it out, or choose a method that has it"
    with pytest.raises(AppError, match=rf"^H2O has no parameter “window”, only: budget. {having}: SnapKV.$"):
        require_parameters(["H2O"], {"budget": 5, "window": 8})
    with pytest.raises(AppError, match=rf"^FullAttention has no parameter “budget”, only: –. {having}: KeyIndex, "):
        require_parameters(["FullAttention"], {"budget": 5})
    with pytest.raises(AppError, match=r"^H2O / TOVA has no parameter “made_up”, only: budget.$"):
        require_parameters(["H2O", "TOVA"], {"made_up": 5})


def test_the_words_for_steps_are_in_both_languages() -> None:
    words = [(each.count, each.full, each.mixed, each.partial) for each in STEP_WORDS.values()]
    assert {word for said in words for word in said} <= JAPANESE
