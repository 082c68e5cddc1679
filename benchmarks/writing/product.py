"""The app of a checkout, from outside: it is served, asked through /write, and never imported."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from ..serving import served
from .corpus import Case
from .tasks import Task, Written

FEWEST_INSTRUCTION_WORDS = 5
LOADING_SECONDS = 900
"""At most; the first time the model is fetched and its kernels are compiled."""
POLL_SECONDS = 0.05
QUIET_SECONDS, IDLE_SHARE = 5, 0.2
"""An app that takes less than this share of a core for so long is idle."""


class Product:
    """An app that is served."""

    def __init__(self, name: str, client: Client, options: Mapping[str, Any]) -> None:
        """Called `name` in the tables; each text is asked for with these `options` of /write beside its task's."""
        self.name, self._client, self._options = name, client, options

    def warm_up(self) -> None:
        """Return when the model is loaded and has written a few words."""
        until = time.monotonic() + LOADING_SECONDS
        while True:
            try:
                self._ask([], task="free", detail="What is a lighthouse?", max_new_tokens=64, seed=0)
                return
            except AppError as error:
                if "loading" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(1)

    def write(self, case: Case, files: Sequence[Path], task: Task, seed: int) -> Written:
        """A text about the documents; if they are too long for this app, about the pages that it offers to read."""
        asked = {"task": task.name, "seed": seed, **task.options, **self._options}
        if task.name == "free":
            asked["detail"] = case.question
        if case.japanese:
            asked["language"] = "Japanese"
        started, remark = time.perf_counter(), ""
        try:
            try:
                return self._ask(files, **asked)
            except AppError as error:
                chosen = offered(str(error), [path.name for path in files])
                if chosen is None:
                    raise
                remark = "; ".join(f"{name} pages {pages} only" if pages else name for name, pages in chosen.items())
                if len(files) == 1:
                    remark = f"pages {next(iter(chosen.values()))} only"
                kept = [path for path in files if path.name in chosen]
                return self._ask(kept, remark, started, **asked, pages=list(chosen.values()))
        except AppError as error:
            return Written(self.name, "", remark=f"{remark} refused: {error}".strip())

    def _ask(self, files: Sequence[Path], remark: str = "", started: float | None = None, **asked: Any) -> Written:
        started = started or time.perf_counter()
        job = self._client.submit(files=[handle_file(str(path)) for path in files], **asked, api_name="/write")
        first = None
        while not job.done():
            if first is None and any(begun(answer["text"]) for answer in job.outputs()):
                first = time.perf_counter() - started
            time.sleep(POLL_SECONDS)
        last = job.result()
        seconds = time.perf_counter() - started
        return Written(self.name, last["text"], first or seconds, seconds, remark, last["statistics"])


@contextmanager
def serving(root: Path, name: str, options: Mapping[str, Any]) -> Iterator[Product]:
    """The app of the checkout at `root`, served, with its model loaded."""
    with served(root) as (url, process):
        app = Product(name, Client(url, verbose=False), options)
        app.warm_up()
        _settle(process)
        yield app


def begun(text: str) -> bool:
    """Whether there is a word below the headings, with which the app may begin a text before the model writes."""
    return bool(re.search(r"^(?!\s*#).*[^\W\d_]", text, re.MULTILINE))


def offered(message: str, names: Sequence[str]) -> dict[str, str] | None:
    """The pages of each document that a refusal offers to read ("" for all), or None if it offers none.

    For instance "Too long by 9 tokens: ... Read only a.pdf and pages 1-3 of b.pdf."
    """
    match = re.search(r"Read only (.*?)\.(?:\s+[A-Z]|\s*$)", message) if "Too long by" in message else None
    if not match:
        return None
    chosen = {}
    for name in names:
        part = re.search(rf"\bpages? ([\d, -]*\d) of {re.escape(name)}", match[1])
        if part or name in match[1]:
            chosen[name] = part[1] if part else ""
    return chosen or None


def _settle(process: psutil.Process) -> None:
    """Return when the app does nothing any more: it compiles while it already serves, more slowly."""
    until = time.monotonic() + LOADING_SECONDS
    busy = True
    while busy and time.monotonic() < until:
        before = _processor_seconds(process)
        time.sleep(QUIET_SECONDS)
        busy = _processor_seconds(process) - before > IDLE_SHARE * QUIET_SECONDS


def _processor_seconds(process: psutil.Process) -> float:
    """Of it and of the processes that it started."""
    spent = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            spent += sum(one.cpu_times()[:2])
    return spent


def instructions(root: Path) -> list[str]:
    """What the checkout may say to its model: the texts of five words or more in its code, docstrings left out.

    They are read, not run.
    """
    found = []
    for path in sorted((root / "app").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in statements)
        found += [node.value for node in texts if isinstance(node.value, str)]
    return [text for text in found if len(text.split()) >= FEWEST_INSTRUCTION_WORDS]
