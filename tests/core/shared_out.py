"""What processes that share a model write, and one process that has it alone: the same cases for both.

torchrun starts it as a module: `-m tests.core.shared_out FOLDER`, with the models in FOLDER, where each process leaves
what it wrote as `<rank>.json`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from transformers import AutoModelForCausalLM, DistributedConfig, PreTrainedModel

from core import (
    H2O,
    TOVA,
    CacheRefreshed,
    Exact,
    FullAttention,
    KeyIndex,
    Policy,
    PolicyCache,
    PrefixCache,
    Quest,
    RefreshKV,
    SnapKV,
    StreamingLLM,
    TokenGenerated,
    TokenSelect,
    compile_decoding,
    enable,
    generate,
    kernels,
    load_model,
    loading,
    stream_generate,
)
from core.memory import bytes_of
from tests.core.architectures import make_model
from tests.core.tiny import byte_tokenizer, tiny_model

WINDOW, PROMPT, LONG, NEW = 128, 80, 200, 14

POLICIES: dict[str, Policy] = {
    "full": FullAttention(),
    "refreshkv": RefreshKV(budget=16, stride=4, recent=4),
    "refreshkv-from-full-steps": RefreshKV(budget=16, stride=4, bits=0),
    "refreshkv-by-similarity": RefreshKV(budget=16, stride=3, similarity_threshold=0.6, bits=0),
    "keyindex": KeyIndex(budget=16, recent=4, stride=4, spread=4),
    "streamingllm": StreamingLLM(budget=16),
    "snapkv": SnapKV(budget=24, window=8),
    "h2o": H2O(budget=16),
    "tova": TOVA(budget=16),
    "quest": Quest(budget=32, page=4),
    "tokenselect": TokenSelect(budget=24, recent=4, similarity=0.5, stride=4),
    "exact": Exact(RefreshKV(budget=16, stride=4, bits=0), draft=3),
}


def ids(length: int) -> torch.Tensor:
    return torch.randint(0, 250, (1, length), generator=torch.Generator().manual_seed(length))


def make_models(folder: Path) -> None:
    """One whose four KV heads can be shared, and one whose plan leaves all heads with each process."""
    sizes = {"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": WINDOW}
    tiny_model(**sizes).save_pretrained(folder / "llama")
    byte_tokenizer().save_pretrained(folder / "llama")
    make_model("phi3").save_pretrained(folder / "phi3")


def told(model: PreTrainedModel, length: int = PROMPT, **options: Any) -> dict[str, Any]:
    """The tokens, with the layers that went over everything, and what refreshes tell."""
    events = list(stream_generate(model, byte_tokenizer(), ids(length) % model.config.vocab_size, **options))
    steps = [(event.token_id, event.full_layers) for event in events if isinstance(event, TokenGenerated)]
    kept = [event.kept_by_layer.tolist() for event in events if isinstance(event, CacheRefreshed)]
    return {"steps": steps, "kept": kept}


def with_each_method(model: PreTrainedModel) -> dict[str, Any]:
    """By case, what `stream_generate` tells."""
    found = {name: told(model, policy=policy, max_new_tokens=NEW) for name, policy in POLICIES.items()}
    for name in ("full", "refreshkv", "keyindex"):
        options = {"policy": POLICIES[name], "window": "extend", "max_new_tokens": NEW}
        found[f"{name}-beyond"] = told(model, LONG, **options)
    found["sampled"] = told(model, policy=POLICIES["keyindex"], temperature=1.0, seed=3, max_new_tokens=NEW)
    return found


def plainly(model: PreTrainedModel) -> list[int]:
    """By transformers' own `generate`, of two rows, one with padding."""
    rows, mask = torch.cat([ids(PROMPT), ids(PROMPT + 1)[:, 1:]]), torch.ones(2, PROMPT, dtype=torch.long)
    mask[1, :20] = 0
    cache = PolicyCache(model.config, POLICIES["keyindex"])
    written = model.generate(rows, attention_mask=mask, cache=cache, max_new_tokens=NEW, do_sample=False)
    return written[:, PROMPT:].flatten().tolist()


def by_chance(model: PreTrainedModel, rank: int) -> dict[str, Any]:
    """With chance and a clock that differ between the processes."""

    def pace(tokens: int, seconds: float) -> int:
        return 20 + 7 * rank

    chunks = told(model, policy=POLICIES["keyindex"], max_new_tokens=NEW, prefill_chunk=pace)
    return {"chunks": chunks, "unseeded": told(model, temperature=1.0, max_new_tokens=NEW)}


def with_prefixes(model: PreTrainedModel) -> list[Any]:
    """Two prompts that begin alike, through a `PrefixCache`."""
    prefixes, found = PrefixCache(model), []
    for seed in (1, 2):
        prompt = [*ids(PROMPT)[0].tolist(), *ids(10 + seed)[0].tolist()]
        with prefixes.use(prompt, PROMPT, POLICIES["full"], room=WINDOW) as cache:
            found += [cache.common_prefix(prompt)]
            found += [generate(model, byte_tokenizer(), prompt, cache=cache, max_new_tokens=NEW)]
    prefixes.close()
    return found


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    plan = DistributedConfig(tp_plan="auto")
    shared = AutoModelForCausalLM.from_pretrained(folder / "llama", dtype=torch.float32, distributed_config=plan)
    model = enable(shared.eval())
    found: dict[str, Any] = {"methods": with_each_method(model), "plain": plainly(model)}
    found["prefixes"] = with_prefixes(model)
    found.update(by_chance(model, dist.get_rank()))
    cache = PolicyCache(model.config, POLICIES["keyindex"])
    told(model, cache=cache, max_new_tokens=NEW)
    found["heads"] = cache.policy_layers[0].keys.shape[1]
    found["bytes"] = bytes_of(model, cache)
    found["own kept"] = cache.kept().tolist()
    compilation = compile_decoding(model)
    found["compiled"] = [compilation.wait(), compilation.failure]

    loading.has_native_bf16 = lambda: False
    loaded, _ = load_model(str(folder / "llama"), tp_plan="auto")
    found["loaded"] = told(loaded, policy=POLICIES["keyindex"], max_new_tokens=NEW)
    found["kernels"] = kernels.available()
    whole = AutoModelForCausalLM.from_pretrained(folder / "phi3", dtype=torch.float32, distributed_config=plan)
    found["phi3"] = told(enable(whole.eval()), 50, policy=POLICIES["refreshkv"], max_new_tokens=NEW)
    (folder / f"{dist.get_rank()}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
