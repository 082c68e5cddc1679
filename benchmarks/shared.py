"""What do processes gain that share a model by its heads (docs/devices.md)?

    python -m benchmarks.shared [--prompt 1024] [--tokens 33] [--repetitions 3]
    torchrun --standalone --nproc-per-node 2 -m benchmarks.shared

The first has the model in one process, on all cores; torchrun gives each of the others one thread. The model is a llama
of 240 million random weights in bfloat16, 16 layers of 8 KV heads, made in the user's cache folder the first time.
`chrt -f 50` in front keeps other work away.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from statistics import median
from typing import Any

import filelock
import torch
from platformdirs import user_cache_path
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from core import FullAttention, GenerationFinished, KeyIndex, Policy, RefreshKV, load_model, stream_generate
from core.default_model import cache_folder, embedded_model

METHODS: dict[str, Policy] = {"FullAttention": FullAttention(), "KeyIndex": KeyIndex(), "RefreshKV": RefreshKV()}
SIZES: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 16,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}


def random_model() -> Path:
    """The folder of a model with these sizes and the embedded model's tokenizer."""
    cache = user_cache_path("refreshkv-benchmarks", appauthor=False, ensure_exists=True)
    folder = cache / "random-240m"
    with filelock.FileLock(cache / "random-240m.lock"):
        if not (folder / "tokenizer.json").is_file():
            tokenizer = AutoTokenizer.from_pretrained(embedded_model(cache_folder(None), lambda *_: None))
            torch.manual_seed(0)
            config = LlamaConfig(vocab_size=len(tokenizer), eos_token_id=None, **SIZES)
            AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    return folder


def main(prompt: int, tokens: int, repetitions: int) -> None:
    """Print a row for each method, of the medians."""
    shared = "WORLD_SIZE" in os.environ
    model, tokenizer = load_model(
        str(random_model()), quantization="none", device="cpu", tp_plan="auto" if shared else None
    )
    ids = torch.randint(0, model.config.vocab_size, (1, prompt), generator=torch.Generator().manual_seed(1))
    for name, policy in METHODS.items():
        reading, writing = [], []
        for _ in range(repetitions):
            for event in stream_generate(model, tokenizer, ids, policy=policy, max_new_tokens=tokens):
                if isinstance(event, GenerationFinished):
                    reading.append(prompt / event.prefill_seconds)
                    writing.append((event.generated_tokens - 1) / event.decode_seconds)
        if os.environ.get("RANK", "0") == "0":
            processes, threads = os.environ.get("WORLD_SIZE", "1"), torch.get_num_threads()
            print(f"| {name} | {processes} x {threads} | {median(reading):.0f} | {median(writing):.1f} |", flush=True)
    if shared:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompt", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=33)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    main(options.prompt, options.tokens, options.repetitions)
