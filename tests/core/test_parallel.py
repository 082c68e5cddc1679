"""Two processes that share a model by its heads write what one process writes that has all of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from core import InvalidParameterError, LoadingError, PolicyCache, PolicyInactiveError, enable, kernels, load_model
from core.cache import KV_DTYPE_SETTING
from core.memory import bytes_of
from core.parallel import processes_of, require_whole_heads
from tests.core import shared_out
from tests.core.shared_out import POLICIES
from tests.core.tiny import tiny_model

ROOT = Path(__file__).parents[2]
SECONDS = 240
pytestmark = pytest.mark.usefixtures("one_thread")


def of_one(folder: Path, name: str = "llama") -> PreTrainedModel:
    return enable(AutoModelForCausalLM.from_pretrained(folder / name, dtype=torch.float32).eval())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models, with what each of two processes wrote that share them."""
    path = tmp_path_factory.mktemp("shared")
    shared_out.make_models(path)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [*torchrun, "-m", "tests.core.shared_out", str(path)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = run.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        run.terminate()  # and torchrun the two
        pytest.fail(f"they did not end within {SECONDS} seconds: {run.communicate()[0]}")
    if run.returncode:
        pytest.fail(output)
    return path


@pytest.fixture(scope="module")
def both(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, Any]:
    """What one process writes, as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(shared_out.with_each_method(of_one(folder))))
    return found


BEYOND = ["full-beyond", "refreshkv-beyond", "keyindex-beyond"]


@pytest.mark.slow
@pytest.mark.parametrize("case", [*POLICIES, *BEYOND, "sampled"])
def test_they_write_and_tell_what_one_does(both: list[dict[str, Any]], alone: dict[str, Any], case: str) -> None:
    """Tokens, which steps were full, and how many heads of all processes hold each position."""
    for one in both:
        assert one["methods"][case] == alone[case]


@pytest.mark.slow
def test_transformers_generates_a_padded_batch(both: list[dict[str, Any]], folder: Path) -> None:
    assert [one["plain"] for one in both] == [shared_out.plainly(of_one(folder))] * 2


@pytest.mark.slow
def test_chance_and_clock_are_those_of_the_first(both: list[dict[str, Any]], folder: Path) -> None:
    assert both[0]["unseeded"] == both[1]["unseeded"]
    expected = shared_out.by_chance(of_one(folder), rank=0)["chunks"]
    assert [one["chunks"] for one in both] == [json.loads(json.dumps(expected))] * 2


@pytest.mark.slow
def test_prefixes_are_known_to_both(both: list[dict[str, Any]], folder: Path) -> None:
    assert [one["prefixes"] for one in both] == [shared_out.with_prefixes(of_one(folder))] * 2


@pytest.mark.slow
def test_each_holds_its_own_heads(both: list[dict[str, Any]], folder: Path) -> None:
    model = of_one(folder)
    cache = PolicyCache(model.config, POLICIES["keyindex"])
    shared_out.told(model, cache=cache, max_new_tokens=shared_out.NEW)
    assert [one["heads"] for one in both] == [2, 2]
    assert [2 * one["bytes"][0] for one in both] == [bytes_of(model, cache)[0]] * 2
    kept = [torch.tensor(one["own kept"]) for one in both]
    assert (kept[0] + kept[1]).tolist() == cache.kept().tolist()
    assert not torch.equal(*kept)


@pytest.mark.slow
def test_a_shared_model_is_not_compiled(both: list[dict[str, Any]]) -> None:
    assert [one["compiled"] for one in both] == [[False, "the model is shared out over 2 processes"]] * 2


@pytest.mark.slow
def test_load_model_shares_it(both: list[dict[str, Any]], folder: Path) -> None:
    model = of_one(folder)
    if both[0]["kernels"]:
        setattr(model.config, KV_DTYPE_SETTING, "bfloat16")
    expected = shared_out.told(model, policy=POLICIES["keyindex"], max_new_tokens=shared_out.NEW)
    assert [one["loaded"] for one in both] == [json.loads(json.dumps(expected))] * 2


@pytest.mark.slow
def test_a_plan_that_splits_no_heads_counts_them_once(both: list[dict[str, Any]], folder: Path) -> None:
    expected = shared_out.told(of_one(folder, "phi3"), 50, policy=POLICIES["refreshkv"], max_new_tokens=shared_out.NEW)
    assert [one["phi3"] for one in both] == [json.loads(json.dumps(expected))] * 2


# --- what is refused, before anything is loaded ---


@pytest.mark.parametrize(
    ("options", "processes", "error", "code"),
    [
        ({"tp_plan": "rows"}, "2", InvalidParameterError, "tp-plan-unknown"),
        ({}, None, LoadingError, "processes-missing"),
        ({"quantization": "nf4"}, "2", LoadingError, "quantization-of-a-shared-model"),
        ({"device": "cuda:1"}, "2", LoadingError, "device-of-a-shared-model"),
        ({}, "4", PolicyInactiveError, "heads-not-divisible"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_shared(
    options: dict[str, Any],
    processes: str | None,
    error: type[Exception],
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny_model().save_pretrained(tmp_path)
    shared_out.byte_tokenizer().save_pretrained(tmp_path)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if processes is not None:
        monkeypatch.setenv("WORLD_SIZE", processes)
    monkeypatch.setattr(kernels, "load", lambda *_, **__: False)
    with pytest.raises(error) as caught:
        load_model(str(tmp_path), **{"tp_plan": "auto", **options})
    assert caught.value.code == code  # type: ignore[attr-defined]


def test_a_model_of_one_process_has_no_others() -> None:
    config = LlamaConfig(hidden_size=72, num_attention_heads=9, num_key_value_heads=3)
    assert processes_of(config) is None
    require_whole_heads(config, 3)
