"""What core says: each error and each stage of loading has a code of its own, a pattern, and a value for each place."""

import ast
import copy
import pickle
import re
import string
from collections import Counter
from pathlib import Path

import pytest

import core
from core import ContextOverflowError, InvalidParameterError, LoadingError, RefreshKVError, Statement

CORE = Path(core.__file__).parent

INTERNAL = {"NotImplementedError", "OSError", "RuntimeError", "SystemExit"}
"""What core raises and catches itself, or raises at a class that lacks a method."""

PUBLISHED = """
attention-not-replaceable attention-without-cache-arguments budget-out-of-range building-kernels cache-folder-unwritable
cache-of-another-policy cache-with-unknown-tokens check-folder check-hub-id checking-embedded-model conversion-failed
converting-embedded-model converting-file crop-out-of-range cuda-missing delete-prepared-folder device-unknown
download-by-hand download-damaged download-failed download-of-other-weights downloading-embedded-model file-missing
file-not-gguf folder-without-config loading-failed loading-model model-not-enabled model-with-encoder
model-with-shared-keys model-without-full-attention mps-missing path-without-model pip-missing
pool-kernel-size-out-of-range prompt-empty prompt-not-one-row quantization-not-on-cuda quantization-not-on-mps
quantization-unknown sampling-out-of-range snapshot-damaged snapshot-of-a-passing-layer snapshot-of-another-format
snapshot-of-another-model snapshot-out-of-range snapshot-unreadable snapshot-unwritable step-not-attended
stride-out-of-range temperature-out-of-range threshold-out-of-range tokens-out-of-range waiting-for-process
weights-missing window-exceeded
"""
"""Codes that programs may rely on. One that is added may be left out here; none may go."""


def subclasses(base: type) -> set[type]:
    return {base, *(found for cls in base.__subclasses__() for found in subclasses(cls))}


def name(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


NODES = [node for file in sorted(CORE.rglob("*.py")) for node in ast.walk(ast.parse(file.read_text("utf-8")))]
CODED = {cls.__name__ for cls in subclasses(RefreshKVError)} | {"Statement"}
CALLS = [node for node in NODES if isinstance(node, ast.Call) and name(node) in CODED]


def literals(call: ast.Call) -> list[str]:
    return [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]


@pytest.mark.parametrize("call", CALLS, ids=[literals(call)[0] for call in CALLS])
def test_each_has_a_code_a_pattern_and_a_value_for_each_place(call: ast.Call) -> None:
    assert len(call.args) == 2
    code, pattern = literals(call)
    assert re.fullmatch("[a-z]+[0-9]*(-[a-z0-9]+)*", code)
    places = {place for _, place, _, _ in string.Formatter().parse(pattern) if place is not None}
    assert places == {keyword.arg for keyword in call.keywords}


def test_each_code_has_one_meaning_and_stays() -> None:
    codes, patterns = (Counter(literals(call)[place] for call in CALLS) for place in (0, 1))
    assert set(codes.values()) == set(patterns.values()) == {1}
    assert set(PUBLISHED.split()) <= set(codes)


def test_every_error_that_leaves_core_has_a_code() -> None:
    raised = {name(node.exc) for node in NODES if isinstance(node, ast.Raise) and node.exc is not None}
    assert raised >= {"LoadingError", "InvalidParameterError"}
    assert raised - CODED <= INTERNAL


def test_an_error_is_its_sentence_and_keeps_its_code_and_values() -> None:
    remedy = Statement("remedy", "Free {size:,} bytes.", size=2000)
    error = LoadingError("failed", "{name!r} could not be loaded. {remedy}", name="a{b}", remedy=remedy)
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(one) == "'a{b}' could not be loaded. Free 2,000 bytes."
        assert (one.code, one.pattern) == ("failed", "{name!r} could not be loaded. {remedy}")
        assert (one.values["name"], str(one.values["remedy"])) == ("a{b}", "Free 2,000 bytes.")
    assert repr(error) == """LoadingError("'a{b}' could not be loaded. Free 2,000 bytes.")"""


@pytest.mark.parametrize("cls", [InvalidParameterError, ContextOverflowError])
def test_what_is_wrong_with_a_value_is_a_value_error_too(cls: type[RefreshKVError]) -> None:
    with pytest.raises(ValueError, match=r"^the limit is 3$"):
        raise cls("test", "the limit is {limit}", limit=3)
