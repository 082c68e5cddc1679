"""Train a model on with the small cache in place, so that it decodes better with it.

    python -m core.train MODEL TEXTS... --output FOLDER [--lora 16] [--attention full]

The first L tokens of a sample attend fully, the next S to the small cache that RefreshKV chooses at L and to one
another; the loss is that of all next tokens. The same command again goes on with what a kill left. Several devices:
`accelerate launch -m core.train ...`. More in docs/training.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..errors import InvalidParameterError, RefreshKVError
from ..policies import RefreshKV
from ..statement import Statement
from .run import train
from .settings import FULL_RATE, LORA_RATE, Settings


def main() -> None:
    """Read the command line, train, and say how far it is on the standard error output."""
    chosen = _parser().parse_args()
    try:
        train(_settings(chosen), _say if os.environ.get("RANK", "0") == "0" else None)
    except RefreshKVError as error:
        sys.exit(f"{error}")
    except OSError as error:  # as of a disk that is full
        sys.exit(f"Broken off: {error}. Mend that and give the same command: it goes on from the last checkpoint.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="refreshkv-train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="smollm2-135m, a hub id, a folder or a .gguf file")
    parser.add_argument("texts", nargs="+", help="UTF-8 files, each a document, or folders of .txt and .md, .gz too")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="what is written, and gone on with"
    )
    parser.add_argument("--attention", choices=("refreshkv", "full"), default="refreshkv", help="full is the control")
    parser.add_argument("--budget", default="1/8", help="K: a fraction of L (1/8) or tokens (512)")
    parser.add_argument("--pool", type=int, default=7, help="window of the max pooling of scores")
    parser.add_argument("--prompt", default="2000-4000", metavar="LEAST-MOST", help="L; one number fixes it")
    parser.add_argument("--steps", type=int, default=50, help="S, the tokens behind L")
    parser.add_argument("--continuations", type=int, default=1, metavar="N", help="of S tokens, of each sample")
    parser.add_argument("--samples", type=int, help="in all; without it the texts once")
    parser.add_argument("--batch", type=int, default=8, help="samples of an optimizer step")
    parser.add_argument("--device-batch", type=int, default=1, help="samples of a forward")
    parser.add_argument("--learning-rate", type=float, help=f"without it {FULL_RATE}, with --lora {LORA_RATE}")
    parser.add_argument("--warmup", type=float, default=0.05, help="share of the steps in which the rate rises")
    parser.add_argument("--lora", type=int, default=0, metavar="RANK", help="train an adapter alone (needs peft)")
    parser.add_argument("--precision", choices=("auto", "bfloat16", "float32"), default="auto", help="of activations")
    parser.add_argument("--checkpointing", action="store_true", help="less memory for a third more time")
    parser.add_argument("--cpu", action="store_true", help="even if there is a GPU")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=5.0, help="between two checkpoints")
    parser.add_argument("--revision", help="of a model of the Hub")
    return parser


def _settings(chosen: argparse.Namespace) -> Settings:
    values = vars(chosen)
    attention, budget, pool = (values.pop(name) for name in ("attention", "budget", "pool"))
    policy = None if attention == "full" else RefreshKV.paper(_budget(budget), pool_kernel_size=pool)
    values |= {"texts": tuple(chosen.texts), "prompt": _range(chosen.prompt)}
    return Settings(policy=policy, **values)


def _budget(text: str) -> float | int:
    over, slash, under = text.partition("/")
    try:
        return float(over) / float(under) if slash else float(over) if "." in over else int(over)
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidParameterError(
            "budget-not-a-number",
            "--budget is {text!r}; give a fraction of L (1/8, 0.125) or a number of tokens (512).",
            text=text,
        ) from error


def _range(text: str) -> tuple[int, int]:
    least, _, most = text.partition("-")
    try:
        return int(least), int(most or least)
    except ValueError as error:
        raise InvalidParameterError(
            "prompt-not-a-range",
            "--prompt is {text!r}; give the least and the most tokens (2000-4000), or one number for both (3000).",
            text=text,
        ) from error


def _say(what: Statement) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
