"""Adapters that are merged when a model is loaded, against peft's own."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedModel

from core import LoadingError, load_model
from tests.core.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")
IDS = torch.tensor([[5, 80, 120, 7, 9, 200]])


def saved(folder: Path, **overrides: object) -> Path:
    model = tiny_model(**overrides)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def stock(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(tmp_path / "model")


@pytest.fixture
def adapter(model: Path, tmp_path: Path) -> Path:
    """One of which both factors are random, on linears of all kinds."""
    torch.manual_seed(1)
    targets = ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
    wrapped = get_peft_model(stock(model), LoraConfig(r=4, lora_alpha=12, target_modules=targets))
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    wrapped.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_a_merged_adapter_is_pefts(model: Path, adapter: Path, tmp_path: Path) -> None:
    loaded, _ = load_model(str(model), quantization="none", device="cpu", adapter=adapter, cache_dir=tmp_path / "kept")
    expected = PeftModel.from_pretrained(stock(model), str(adapter)).merge_and_unload()
    (kept,) = (tmp_path / "kept").glob("adapter-????????????")
    ours = stock(kept)
    for name, weight in expected.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name), weight, atol=1e-6, rtol=1e-5)
    plain, _ = load_model(str(model), quantization="none", device="cpu", cache_dir=tmp_path / "kept")
    assert (loaded(IDS).logits - plain(IDS).logits).abs().max() > 0.1
    assert (loaded(IDS).logits - expected(IDS).logits).abs().max() < 0.05 * expected(IDS).logits.abs().max()  # bfloat16


def test_it_is_merged_once_and_again_when_it_changes(model: Path, adapter: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def load() -> None:
        load_model(
            str(model), quantization="none", device="cpu", adapter=adapter, cache_dir=tmp_path / "kept",
            progress=lambda what, done, total: said.append(what.code),
        )  # fmt: skip

    load()
    load()
    assert said.count("merging-adapter") == 1
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 3}))
    load()
    assert said.count("merging-adapter") == 2


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "other", hidden_size=64)
    with pytest.raises(LoadingError, match="trained on another model"):
        load_model(str(other), device="cpu", adapter=adapter, cache_dir=tmp_path / "kept")
    assert not list((tmp_path / "kept").glob("adapter-????????????"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"use_dora": True}, "use_dora=True"), ({"peft_type": "IA3"}, "peft_type='IA3'"), ({"bias": "all"}, "bias='all'")],
    ids=str,
)
def test_what_is_more_than_a_lora_is_refused(
    model: Path, adapter: Path, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, **changed}))
    with pytest.raises(LoadingError, match=said):
        load_model(str(model), device="cpu", adapter=adapter, cache_dir=tmp_path)


@pytest.mark.parametrize("broken", ["missing", "no-config", "no-weights", "torn"])
def test_what_is_no_adapter_is_refused(model: Path, adapter: Path, tmp_path: Path, broken: str) -> None:
    match broken:
        case "missing":
            adapter = tmp_path / "nothing"
        case "no-config":
            (adapter / "adapter_config.json").write_text("[]")
        case "no-weights":
            (adapter / "adapter_model.safetensors").unlink()
        case "torn":
            path = adapter / "adapter_model.safetensors"
            path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(LoadingError, match="no adapter as peft saves it"):
        load_model(str(model), device="cpu", adapter=adapter, cache_dir=tmp_path)
