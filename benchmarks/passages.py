"""What is proposed for a passage of a draft: is it about the passage, and is it another text?

    python -m benchmarks.passages [--passages 12] [--no-source] [TEXT ...]

From each text (the sample document, or files of plain text or Markdown) paragraphs are drawn, always the same; each
stands in a draft between its neighbours, with the text as the project's source, and is to be rewritten, expanded and
shortened. The table counts the results: how many there are, how many of them have none of the faults, and each fault.
"as it was": the passage's words again. "surrounding": eight words in a row of the text around it. "instruction": five
words in a row of that. "announced": it begins with an announcement or a remark. "unended": it ends within a sentence.
"invented": names or numbers that the passage does not have, nor, if it was to be expanded, draft and source. "length":
not shorter, not longer. All texts are printed.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from app.engine.document_cache import document_cache
from app.engine.engine import Engine, named_model
from app.project.commands import Commands
from app.project.editor_state import EditorState
from app.project.session import Session
from app.project.sessions import Sessions
from app.prompt.passages import PASSAGE_TASKS
from app.settings import load_settings
from app.store import open_store
from app.text.citations import without_citations

from .inputs import DOCUMENT
from .machine import machine_name
from .writing.words import facts, sentences, words

SEED = 3
FEWEST, MOST = 25, 110
"""Words of a passage."""
AROUND_RUN, INSTRUCTION_RUN = 8, 5
MEASURES = ("as it was", "surrounding", "instruction", "announced", "unended", "invented", "length")

_ENDED = re.compile(r"[.!?:…。！？|][\"'”’»」』)\]*_]*\s*\Z")
_ANNOUNCED = re.compile(
    r"\s*(?:sure|certainly|here(?:'s| is| are)|note:|i (?:hope|have)|the (?:new|rewritten|text)\b)", re.IGNORECASE
)


@dataclass(frozen=True)
class Passage:
    """A paragraph between its neighbours."""

    source: Path
    before: str
    text: str
    after: str

    @property
    def draft(self) -> str:
        """All three."""
        return f"{self.before}\n\n{self.text}\n\n{self.after}"


@dataclass(frozen=True)
class Proposed:
    """What came for a passage; empty for nothing."""

    passage: Passage
    kind: str
    text: str
    seconds: float

    @property
    def told(self) -> str:
        """To be read."""
        faults = ", ".join(self.faults()) or "no fault"
        return (
            f"--- {self.passage.source.name}, {self.kind}: {faults}\n< {self.passage.text}\n> {self.text or 'nothing'}"
        )

    def faults(self) -> list[str]:
        """Those of MEASURES that it has."""
        if not self.text:
            return []
        new, old = words(self.text), words(self.passage.text)
        around = _runs(words(self.passage.before), AROUND_RUN) | _runs(words(self.passage.after), AROUND_RUN)
        asked = " ".join(task.request for task in PASSAGE_TASKS.values())
        known = self.passage.text
        if self.kind == "expand":
            known = self.passage.draft + self.passage.source.read_text("utf-8")
        known = known.casefold()
        found = {
            "as it was": new == old,
            "surrounding": bool((_runs(new, AROUND_RUN) - _runs(old, AROUND_RUN)) & around),
            "instruction": bool(_runs(new, INSTRUCTION_RUN) & _runs(words(asked), INSTRUCTION_RUN)),
            "announced": bool(_ANNOUNCED.match(self.text)) and not _ANNOUNCED.match(self.passage.text),
            "unended": bool(_ENDED.search(self.passage.text)) and not _ENDED.search(self.text),
            "invented": any(
                fact.casefold() not in known
                for sentence in sentences(without_citations(self.text))
                for fact in facts(sentence)
            ),
            "length": (self.kind == "shorten" and len(new) >= len(old))
            or (self.kind == "expand" and len(new) <= len(old)),
        }
        return [name for name in MEASURES if found[name]]


def drawn(paths: Sequence[Path], count: int) -> list[Passage]:
    """So many paragraphs of running text, the same number from each text."""
    found = []
    for number, path in enumerate(paths):
        chance = random.Random(SEED)
        blocks = [block.strip() for block in re.split(r"\n\s*\n", path.read_text("utf-8"))]
        blocks = [re.sub(r"\s*\n\s*", " ", block) for block in blocks if "|" not in block]
        fit = [at for at in range(1, len(blocks) - 1) if all(_is_prose(block) for block in blocks[at - 1 : at + 2])]
        share = count // len(paths) + (number < count % len(paths))
        chosen = sorted(chance.sample(fit, min(share, len(fit))))
        found += [Passage(path, blocks[at - 1], blocks[at], blocks[at + 1]) for at in chosen]
    return found


def _is_prose(block: str) -> bool:
    return FEWEST <= len(block.split()) <= MOST and block[:1].isupper() and block.endswith(".") and ".." not in block


def _runs(row: Sequence[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(row[at : at + length]) for at in range(len(row) - length + 1)}


def proposed(commands: Commands, session: Session, passage: Passage, kind: str) -> Proposed:
    """Ask the app as the page does."""
    start = len(passage.before) + 2
    editor = EditorState(passage.draft, start, start + len(passage.text), session.draft.revision)
    begun = time.perf_counter()
    writing = commands.propose(session, commands.request(task="free", seed=SEED), editor, kind)
    if not writing.wait(300):
        raise RuntimeError(f"a passage of {len(passage.text)} characters took more than 300 s")
    seconds, proposal = time.perf_counter() - begun, session.draft.proposal
    text = proposal.text if proposal and proposal.id == writing.insertion.id else ""
    return Proposed(passage, kind, text, seconds)


def row(kind: str, found: Sequence[Proposed]) -> str:
    """A row of the table."""
    faults = Counter(fault for each in found for fault in each.faults())
    given = [each for each in found if each.text]
    ratio = mean(len(words(each.text)) / len(words(each.passage.text)) for each in given) if given else 0.0
    cells = [str(len(given)), str(sum(not each.faults() for each in given)), *(str(faults[name]) for name in MEASURES)]
    return f"| {kind} | {' | '.join(cells)} | {ratio:.2f} | {mean(each.seconds for each in found):.1f} |"


def _sessions(
    passages: Sequence[Passage], sessions: Sessions, *, with_source: bool
) -> Iterator[tuple[Session, Passage]]:
    """Each passage, and a project with its source."""
    opened: dict[Path, Session] = {}
    for passage in passages:
        if passage.source not in opened:
            opened[passage.source] = sessions.create(str(passage.source))
            if with_source:
                opened[passage.source].sources.add([passage.source])
        yield opened[passage.source], passage


def main() -> None:
    """Ask, print a Markdown table and the texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=Path, default=[DOCUMENT])
    parser.add_argument("--passages", type=int, default=12)
    parser.add_argument("--no-source", action="store_true", help="without documents in the project")
    arguments = parser.parse_args()

    with ExitStack() as ending:
        settings = load_settings(None)
        store = open_store(Path(ending.enter_context(TemporaryDirectory())))
        ending.callback(store.close)
        engine = Engine(named_model(settings.model, settings.quantization or "none"), 4, document_cache(settings))
        ending.callback(engine.close)
        engine.start()
        engine.require_model(timeout=600)
        sessions = Sessions(store, settings.limits, 60)
        ending.callback(sessions.close)
        commands = Commands(settings, engine)
        found = []
        for session, passage in _sessions(
            drawn(arguments.texts, arguments.passages), sessions, with_source=not arguments.no_source
        ):
            for kind in PASSAGE_TASKS:
                found.append(proposed(commands, session, passage, kind))
                sys.stdout.write(found[-1].told + "\n\n")
                sys.stdout.flush()
    lines = [
        f"| | proposed | no fault | {' | '.join(MEASURES)} | words | s |",
        f"| --- |{' ---: |' * (len(MEASURES) + 4)}",
    ]
    lines += [row(kind, [each for each in found if each.kind == kind]) for kind in PASSAGE_TASKS]
    sys.stdout.write("\n".join(lines) + f"\n\n{machine_name()}\n")


if __name__ == "__main__":
    main()
