"""Which positions kvpress's presses keep of a prompt: JSON on stdin, JSON in the last line of stdout.

Given `{"folder": model, "ids": prompt, "presses": [[class, options], ...]}` it answers with the positions that each
press keeps, ascending, `presses x layers x KV heads`. They are found by the keys that are left, in float32.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import kvpress  # type: ignore[import-not-found]
import torch
from transformers import AutoModelForCausalLM, DynamicCache


@torch.no_grad()
def main() -> None:
    """Answer once."""
    asked = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(asked["folder"], dtype=torch.float32).eval()
    ids = torch.tensor([asked["ids"]])
    everything: Any = DynamicCache()
    model(input_ids=ids, past_key_values=everything, logits_to_keep=1)
    answer = []
    for name, options in asked["presses"]:
        cache: Any = DynamicCache()
        with getattr(kvpress, name)(**options)(model):
            model(input_ids=ids, past_key_values=cache, logits_to_keep=1)
        answer.append(
            [positions(left.keys, whole.keys) for left, whole in zip(cache.layers, everything.layers, strict=True)]
        )
    print(json.dumps(answer))


def positions(left: torch.Tensor, whole: torch.Tensor) -> list[list[int]]:
    """Where each of the keys `left` `(1, heads, kept, dim)` stands in `whole` `(1, heads, length, dim)`."""
    return [
        torch.cdist(ours, all_).argmin(-1).sort().values.tolist() for ours, all_ in zip(left[0], whole[0], strict=True)
    ]


if __name__ == "__main__":
    main()
