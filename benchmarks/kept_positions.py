"""Do our SnapKV, StreamingLLM and TOVA keep what kvpress's keep of the same prompt?

    python -m benchmarks.kept_positions [--length 2048]

In float32, for a random model of two layers and for the embedded model, at 1/8. kvpress is fetched into an environment
of its own. A set is what one KV head of one layer keeps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from core import PolicyCache, enable
from core.default_model import cache_folder, embedded_model
from core.policies import TOVA, Policy, SnapKV, StreamingLLM
from core.steps import forward

from .decode import METHODS
from .environments import peer_python
from .inputs import DOCUMENT
from .process import ROOT, WorkerError

PAIRS: tuple[tuple[Policy, str, dict[str, Any]], ...] = (
    (StreamingLLM(1 / 8), "StreamingLLMPress", {"compression_ratio": 7 / 8, "n_sink": 4}),
    (SnapKV(1 / 8), "SnapKVPress", {"compression_ratio": 7 / 8, "window_size": 32, "kernel_size": 5}),
    (TOVA(1 / 8), "TOVAPress", {"compression_ratio": 7 / 8}),
)

Sets: TypeAlias = list[list[list[int]]]
"""Positions, ascending, layer by layer and KV head by KV head."""


def ours(folder: Path, ids: Sequence[int], policy: Policy) -> Sets:
    """What `policy` keeps of the prompt `ids`."""
    model = enable(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval())
    cache = PolicyCache(model.config, policy)
    with cache.prefill(last=True):
        forward(model, torch.tensor([list(ids)]), cache)
    kept = [layer.small.positions[0] for layer in cache.policy_layers.values() if layer.small is not None]
    return [[head.sort().values.tolist() for head in layer] for layer in kept]


def theirs(folder: Path, ids: Sequence[int]) -> list[Sets]:
    """What kvpress's presses keep, in the order of `PAIRS`. Raises WorkerError."""
    (requirements,) = (method.requirements for method in METHODS if method.worker == "kvpress")
    python = peer_python(cache_folder() / "benchmarks" / "kvpress", requirements)
    asked = {"folder": str(folder), "ids": list(ids), "presses": [[press, options] for _, press, options in PAIRS]}
    worker = f"{__package__}.workers.kept_by_kvpress"
    command = [str(python), "-m", worker]
    result = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT)
    if result.returncode:
        raise WorkerError(result.stderr.strip().splitlines()[-1])
    answer: list[Sets] = json.loads(result.stdout.splitlines()[-1])
    return answer


def random_model(folder: Path) -> Path:
    """A llama of two layers with random weights, always the same."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        initializer_range=0.2,  # attention that tells tokens apart
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def models(length: int, scratch: Path) -> Iterator[tuple[str, Path, list[int]]]:
    """A name, a folder and a prompt of each."""
    yield "random", random_model(scratch), torch.randint(256, (length,)).tolist()
    folder = embedded_model(cache_folder(), lambda *_: None)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    yield "embedded", folder, tokenizer(DOCUMENT.read_text("utf-8"), verbose=False)["input_ids"][:length]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=2048, help="tokens of the prompt")
    length = parser.parse_args().length
    print("| model | method | equal sets | of | kept alike |\n| --- | --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        for name, folder, ids in models(length, Path(scratch)):
            for (policy, press, _), found in zip(PAIRS, theirs(folder, ids), strict=True):
                print(row(name, press, ours(folder, ids, policy), found), flush=True)


def row(model: str, press: str, own: Sets, found: Sets) -> str:
    """How many sets are equal, and which share of all positions both keep."""
    layers = zip(own, found, strict=True)
    pairs = [(set(a), set(b)) for layer in layers for a, b in zip(*layer, strict=True)]
    equal = sum(a == b for a, b in pairs)
    alike = sum(len(a & b) for a, b in pairs) / sum(len(b) for _, b in pairs)
    return f"| {model} | {press} | {equal} | {len(pairs)} | {alike:.4f} |"


if __name__ == "__main__":
    try:
        main()
    except WorkerError as error:
        sys.exit(f"kvpress cannot be compared with: {error}")
