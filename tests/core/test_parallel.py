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


def of_two(folder: Path) -> list[dict[str, Any]]:
    """What each of two processes wrote that share the models in `folder`."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run = subprocess.Popen(
        [*torchrun, "-m", "tests.core.shared_out", str(folder)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)},
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
    return [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(2)]


def as_json(found: object) -> Any:
    return json.loads(json.dumps(found))


@pytest.mark.slow
def test_two_processes_write_and_tell_what_one_does(tmp_path: Path) -> None:
    """One test, since starting them takes longer than all else."""
    shared_out.make_models(tmp_path)
    both, model = of_two(tmp_path), of_one(tmp_path)
    # Tokens, which steps were full, and how many heads of both hold each position.
    alone = as_json(shared_out.with_each_method(model))
    assert [case for one in both for case in alone if one["methods"][case] != alone[case]] == []
    # transformers' own generate, and prefixes that are kept.
    assert [one["plain"] for one in both] == [shared_out.plainly(model)] * 2
    assert [one["prefixes"] for one in both] == [shared_out.with_prefixes(model)] * 2
    # Chance and the clock are those of the first.
    assert both[0]["unseeded"] == both[1]["unseeded"]
    assert [one["chunks"] for one in both] == [as_json(shared_out.by_chance(model, rank=0)["chunks"])] * 2
    # Each has two heads, and tells of them where it is asked alone.
    cache = PolicyCache(model.config, POLICIES["keyindex"])
    shared_out.told(model, cache=cache, max_new_tokens=shared_out.NEW)
    assert [one["heads"] for one in both] == [2, 2]
    assert [2 * one["bytes"][0] for one in both] == [bytes_of(model, cache)[0]] * 2
    kept = [torch.tensor(one["own kept"]) for one in both]
    assert (kept[0] + kept[1]).tolist() == cache.kept().tolist()
    assert not torch.equal(*kept)
    assert [one["compiled"] for one in both] == [[False, "the model is shared out over 2 processes"]] * 2
    # As load_model gives it, with the kernels and their cache where there are some.
    if both[0]["kernels"]:
        setattr(model.config, KV_DTYPE_SETTING, "bfloat16")
    loaded = shared_out.told(model, policy=POLICIES["keyindex"], max_new_tokens=shared_out.NEW)
    assert [one["loaded"] for one in both] == [as_json(loaded)] * 2
    # A plan that splits no heads: each has all of them, and they count once.
    phi3 = shared_out.told(of_one(tmp_path, "phi3"), 50, policy=POLICIES["refreshkv"], max_new_tokens=shared_out.NEW)
    assert [one["phi3"] for one in both] == [as_json(phi3)] * 2


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
