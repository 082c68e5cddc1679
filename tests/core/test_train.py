"""A training: what it makes of texts, that it is gone on with, shared out, refused, and what comes of it."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TrainerCallback

from core import FullAttention, InvalidParameterError, KeyIndex, LoadingError, RefreshKV, generate, load_model
from core.errors import RefreshKVError
from core.statement import Statement
from core.train import run
from core.train.curve import curve
from core.train.loss import PIECE, next_token_loss
from core.train.run import train
from core.train.samples import IGNORED, Cutting, Samples, collate
from core.train.settings import Settings
from core.train.texts import Documents, read_texts, tokenized
from core.train.trainer import latest_checkpoint
from tests.core.tiny import byte_tokenizer, tiny_model

WORDS = (
    "the",
    "lighthouse",
    "of",
    "Kullen",
    "was",
    "lit",
    "by",
    "its",
    "keeper",
    "who",
    "neglected",
    "it",
    "and",
    "stars",
)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model in `model`, and texts in `texts`."""
    base = tmp_path_factory.mktemp("training")
    tiny_model().save_pretrained(base / "model")
    byte_tokenizer().save_pretrained(base / "model")
    (base / "texts").mkdir()
    words = random.Random(0)
    for number in range(3):
        text = " ".join(words.choice(WORDS) for _ in range(150))
        (base / "texts" / f"{number}.txt").write_text(text)
    return base


@pytest.fixture
def settings(folder: Path, tmp_path: Path, one_thread: None) -> Settings:
    return Settings(
        model=str(folder / "model"),
        texts=(str(folder / "texts"),),
        output=tmp_path / "out",
        prompt=(30, 60),
        steps=10,
        samples=12,
        batch=2,
        learning_rate=1e-3,
        precision="float32",
        cpu=True,
    )


def weights(output: Path) -> dict[str, Tensor]:
    return load_file(output / "model.safetensors")


def assert_same(ours: Path, theirs: Path, tolerance: float = 0.0) -> None:
    for name, weight in weights(ours).items():
        torch.testing.assert_close(weight, weights(theirs)[name], rtol=0, atol=tolerance)


def test_samples_keep_to_their_documents_and_come_in_the_order_of_the_seed() -> None:
    documents, cutting = Documents(torch.arange(1000, dtype=torch.int32), (400, 430, 1000)), Cutting(20, 50, 10)
    samples = Samples(documents, cutting, 1, 40, alone=False)
    for sample in samples:
        ids = sample["input_ids"]
        assert 20 <= sample["prompts"][0] <= 50
        assert len(ids) == sample["prompts"][0] + 10
        assert (ids.diff() == 1).all()
        assert any(begin <= int(ids[0]) and int(ids[-1]) < end for begin, end in documents.spans)
    assert samples.cuts == Samples(documents, cutting, 1, 40, alone=False).cuts
    assert samples.cuts != Samples(documents, cutting, 2, 40, alone=False).cuts
    once = Samples(documents, Cutting(20, 20, 10), 1, None, alone=False)  # without a number the texts once
    starts = sorted(cut.begin for cut in once.cuts)
    assert all(later - earlier >= 30 for earlier, later in pairwise(starts))
    assert len(once) >= 900 // 30 - 2


def test_continuations_stand_behind_the_text_at_their_own_positions() -> None:
    documents, cutting = Documents(torch.arange(500, 600, dtype=torch.int32), (100,)), Cutting(20, 50, 3, 4)
    samples = Samples(documents, cutting, 1, 9, alone=False)
    for sample, control in zip(samples, Samples(documents, cutting, 1, 9, alone=True), strict=True):
        (first, *others), ids, labels = sample["prompts"], sample["input_ids"], sample["labels"]
        assert len(others) == 3
        assert len(ids) == first + 12
        assert torch.equal(ids - ids[0], sample["position_ids"])
        for index, prompt in enumerate(others, start=1):
            begin = first + 3 * index
            assert sample["position_ids"][begin : begin + 3].tolist() == [prompt, prompt + 1, prompt + 2]
            assert labels[begin : begin + 3].tolist() == [IGNORED, *ids[begin + 1 : begin + 3].tolist()]
        assert torch.equal(labels[: first + 3], ids[: first + 3])
        assert torch.equal(control["input_ids"], ids[: first + 3])


def test_rows_are_padded_at_their_ends() -> None:
    documents = Documents(torch.arange(200, dtype=torch.int32), (100, 200))
    samples = list(Samples(documents, Cutting(20, 50, 3), 1, 2, alone=False))
    batch = collate(samples)
    assert batch["prompts"].tolist() == [list(sample["prompts"]) for sample in samples]
    for row, sample in enumerate(samples):
        length = len(sample["input_ids"])
        assert torch.equal(batch["input_ids"][row, :length], sample["input_ids"])
        assert torch.equal(batch["labels"][row, :length], sample["labels"])
        assert (batch["labels"][row, length:] == IGNORED).all()


def test_texts_are_files_and_folders_also_packed(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("zwei ä")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"one"))
    (tmp_path / "c.bin").write_bytes(b"\xff")
    (tmp_path / "d.log").write_text("named")
    found = read_texts([tmp_path, tmp_path / "d.log"])
    assert [text.text for text in found] == ["one", "zwei ä", "named"]
    tokenizer = byte_tokenizer()
    documents = tokenized(found, tokenizer, tmp_path / "out")
    assert documents.ends == (3, 10, 15)
    again = tokenized(found, tokenizer, tmp_path / "out")
    assert again.ends == documents.ends
    assert torch.equal(again.ids, documents.ids)
    assert tokenized(found[:1], tokenizer, tmp_path / "out").ends == (3,)  # other texts, other tokens


def test_the_loss_is_transformers_own_with_its_gradient() -> None:
    from transformers.loss.loss_utils import ForCausalLMLoss

    found = []
    labels = torch.randint(0, 9, (2, PIECE + 7))
    labels[0, 5:9] = IGNORED
    for loss in (next_token_loss, ForCausalLMLoss):
        torch.manual_seed(0)
        logits = torch.randn(2, PIECE + 7, 9, requires_grad=True)
        for items in (None, torch.tensor(77)):
            value = loss(logits=logits, labels=labels, vocab_size=9, num_items_in_batch=items)
            value.backward()
            found.append(value.detach())
        found.append(logits.grad)
    for ours, theirs in zip(found[:3], found[3:], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_curve_shows_every_loss() -> None:
    assert curve([(1, 2.5), (2, 2.0), (3, 2.25)]).count("<circle") == 3
    assert curve([(7, 2.0)]).count("<circle") == 1


def test_a_trained_model_is_loaded_in_any_form_and_the_loss_has_fallen(settings: Settings) -> None:
    said: list[Statement] = []
    assert train(replace(settings, samples=40, learning_rate=5e-3), said.append) == settings.output
    steps = [one for one in said if one.code == "training-step"]
    assert len(steps) == 20
    assert float(steps[-1].values["loss"]) < float(steps[0].values["loss"]) - 0.3  # type: ignore[arg-type]
    noted = json.loads((settings.output / "training.json").read_text())
    assert noted["finished"]
    assert noted["attention"] == repr(settings.policy)
    assert len(noted["losses"]) == 20
    assert (settings.output / "loss.svg").read_text().startswith("<svg")
    assert not list(settings.output.glob("checkpoint-*"))
    config = json.loads((settings.output / "config.json").read_text())
    assert config.get("use_cache", True)
    for quantization in ("none", "int8", "int4"):
        model, tokenizer = load_model(str(settings.output), quantization=quantization, device="cpu")  # type: ignore[arg-type]
        assert generate(model, tokenizer, "the lighthouse of", max_new_tokens=8, temperature=0.0)
    said.clear()
    train(replace(settings, samples=40, learning_rate=5e-3), said.append)  # is done, and not done again
    assert said[-1].code == "training-finished-before"


class Killed(Exception):
    pass


class Kill(TrainerCallback):
    """Breaks off after so many steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: object, state: object, control: object, **kwargs: object) -> None:
        if state.global_step == self.step:  # type: ignore[attr-defined]
            raise Killed


def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Callable[[], None]:
    made = run.trainer_of

    def breaking(*args: object) -> object:
        trainer = made(*args)  # type: ignore[arg-type]
        trainer.add_callback(Kill(step))
        return trainer

    monkeypatch.setattr(run, "trainer_of", breaking)
    return monkeypatch.undo


@pytest.mark.parametrize("attention", ["refreshkv", "full"])
def test_a_killed_training_goes_on_to_the_same_weights(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attention: str
) -> None:
    if attention == "full":
        settings = replace(settings, policy=None)
    whole = replace(settings, output=tmp_path / "whole")
    train(whole)
    broken = replace(settings, save_minutes=0)  # after every step
    undo = killed_at(monkeypatch, 3)
    with pytest.raises(Killed):
        train(broken)
    undo()
    kept = latest_checkpoint(broken.output)
    assert kept is not None
    assert kept.endswith("checkpoint-3")
    half = broken.output / "checkpoint-4"  # a kill while it is written
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    said: list[Statement] = []
    train(broken, said.append)
    assert [one.values["step"] for one in said if one.code == "training-step"] == [4, 5, 6]
    assert_same(broken.output, whole.output)


def test_the_control_has_the_same_data_and_other_weights(settings: Settings, tmp_path: Path) -> None:
    train(settings)
    control = replace(settings, policy=None, output=tmp_path / "control")
    train(control)
    ours, theirs = (load_file(one.output / "tokens.safetensors") for one in (settings, control))
    assert torch.equal(ours["ids"], theirs["ids"])
    assert any(
        not torch.equal(weight, weights(control.output)[name]) for name, weight in weights(settings.output).items()
    )


def test_a_batch_in_one_forward_is_one_after_the_other(settings: Settings, tmp_path: Path) -> None:
    train(settings)
    together = replace(settings, device_batch=2, output=tmp_path / "together")
    train(together)
    assert_same(together.output, settings.output, 1e-5)


def test_several_continuations_of_a_text_are_trained_on(settings: Settings, tmp_path: Path) -> None:
    several = replace(settings, continuations=3)
    train(several)
    together = replace(several, device_batch=2, output=tmp_path / "together")
    train(together)
    assert_same(together.output, several.output, 1e-5)
    assert any(
        not torch.equal(weight, weights(Path(settings.model))[name]) for name, weight in weights(several.output).items()
    )


def test_activations_that_are_computed_again_change_nothing(settings: Settings, tmp_path: Path) -> None:
    train(settings)
    again = replace(settings, checkpointing=True, output=tmp_path / "again")
    train(again)
    assert_same(again.output, settings.output, 1e-6)


@pytest.mark.slow
def test_two_processes_train_as_one(settings: Settings, folder: Path, tmp_path: Path) -> None:
    train(settings)
    shared = tmp_path / "shared"
    command = ["--standalone", "--nproc-per-node", "2", "-m", "core.train", settings.model]
    command += [*settings.texts, "--output", str(shared), "--prompt", "30-60", "--steps", "10", "--samples", "12"]
    command += ["--batch", "2", "--learning-rate", "1e-3", "--precision", "float32", "--cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    launched = subprocess.Popen([sys.executable, "-m", "torch.distributed.run", *command], cwd=ROOT, env=environment)
    try:
        assert launched.wait(timeout=300) == 0
    finally:
        launched.terminate()  # it ends its processes, if it must
        launched.wait()
    assert_same(shared, settings.output, 1e-5)


def test_an_adapter_is_kept_and_merged(settings: Settings, folder: Path) -> None:
    pytest.importorskip("peft")
    train(replace(settings, lora=4))
    assert (settings.output / "adapter" / "adapter_model.safetensors").is_file()
    before, after = weights(folder / "model"), weights(settings.output)
    changed = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert "model.layers.0.self_attn.q_proj.weight" in changed
    assert "lm_head.weight" not in changed
    model, tokenizer = load_model(str(settings.output), quantization="int4", device="cpu")
    assert generate(model, tokenizer, "the lighthouse of", max_new_tokens=4)


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_to_weights_in_4_bits_comes_out_dense(settings: Settings, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    tiny_model(hidden_size=64, intermediate_size=128).save_pretrained(tmp_path / "dense")
    four_bit = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    stored = AutoModelForCausalLM.from_pretrained(tmp_path / "dense", quantization_config=four_bit)
    stored.save_pretrained(tmp_path / "stored")
    byte_tokenizer().save_pretrained(tmp_path / "stored")
    train(replace(settings, model=str(tmp_path / "stored"), lora=4))
    assert "quantization_config" not in json.loads((settings.output / "config.json").read_text())
    model, tokenizer = load_model(str(settings.output), quantization="int4", device="cpu")
    assert generate(model, tokenizer, "the lighthouse of", max_new_tokens=4)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("texts-too-short", {"prompt": (900, 990)}),
        ("samples-beyond-the-window", {"prompt": (1000, 1020)}),
        ("training-without-small-cache", {"policy": FullAttention()}),
        ("training-without-small-cache", {"policy": KeyIndex()}),
        ("text-missing", {"texts": ("nowhere.txt",)}),
        ("prompt-range-out-of-range", {"prompt": (60, 30)}),
        ("count-out-of-range", {"steps": 0}),
        ("batch-not-divisible", {"batch": 3, "device_batch": 2}),
        ("learning-rate-out-of-range", {"learning_rate": 0.0}),
    ],
)
def test_what_does_not_go_together_is_refused(settings: Settings, code: str, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        train(replace(settings, **changes))  # type: ignore[arg-type]
    assert caught.value.code == code
    assert not (settings.output / "training.json").exists()  # so that the folder can be given again


def test_continuations_are_refused_where_not_all_layers_attend_fully(settings: Settings) -> None:
    model, policies = tiny_model(), {1: RefreshKV.paper()}
    run._require_continuations(model, policies, settings)
    with pytest.raises(InvalidParameterError, match=r"2 others of 3.*continuations=1"):
        run._require_continuations(model, policies, replace(settings, continuations=2))


def test_a_budget_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"budget is 1\.5"):
        RefreshKV.paper(1.5)


def test_a_folder_of_other_settings_or_other_files_is_refused(settings: Settings) -> None:
    settings.output.mkdir()
    (settings.output / "novel.txt").write_text("mine")
    with pytest.raises(InvalidParameterError, match="other files"):
        train(settings)
    (settings.output / "novel.txt").unlink()
    train(settings)
    with pytest.raises(InvalidParameterError, match=r"learning_rate is 0\.001, and this one's is 0\.01"):
        train(replace(settings, learning_rate=0.01))


def test_an_output_that_is_no_folder_is_refused(settings: Settings) -> None:
    settings.output.write_text("mine")
    with pytest.raises(InvalidParameterError, match="Nothing can be written to"):
        train(settings)
    assert settings.output.read_text() == "mine"


def test_texts_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InvalidParameterError, match="iconv"):
        read_texts([tmp_path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidParameterError, match="no file whose name ends"):
        read_texts([tmp_path / "empty"])


def test_quantized_weights_are_trained_by_an_adapter_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = run.load_dense

    def quantized(*args: object, **options: object) -> object:
        model, *others = loaded(*args, **options)  # type: ignore[arg-type]
        model.config.quantization_config = BitsAndBytesConfig(load_in_4bit=True)
        return model, *others

    monkeypatch.setattr(run, "load_dense", quantized)
    with pytest.raises(InvalidParameterError, match=r"are quantized \(.*lora=16"):
        train(settings)


def test_without_peft_there_is_no_adapter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    with pytest.raises(RefreshKVError, match="pip install peft"):
        train(replace(settings, lora=4))


def test_a_model_that_is_not_there_is_a_loading_error(settings: Settings) -> None:
    with pytest.raises(LoadingError):
        train(replace(settings, model="./nowhere"))


@pytest.mark.parametrize(
    ("option", "words"), [("--budget=x", "fraction"), ("--prompt=a-b", "2000-4000"), ("--budget=2/1", "budget is 2.0")]
)
def test_the_command_line_says_what_is_wrong(option: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.train.__main__ import main

    monkeypatch.setattr(sys, "argv", ["refreshkv-train", "tiny", "texts", "--output", "out", option])
    with pytest.raises(SystemExit, match=words):
        main()
