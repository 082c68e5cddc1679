"""Runs whose words a test says, in place of the engine's: for what follows a run."""

from collections.abc import Callable
from typing import Any

from app.engine.run import Request, Run
from app.project.insertion import InsertionPoint
from app.project.session import Session
from app.project.writing import RunSpec, Writing
from app.prompt.compose import compose
from app.runs.trace import RunSettings
from app.say.wording import Message
from core import FullAttention, GenerationFinished, TokenGenerated
from tests.core.tiny import byte_tokenizer

SETTINGS = RunSettings("tiny", None, {}, {}, 1)


class ScriptedEngine:
    """What a Writing asks an engine."""

    layers, policy_layers, heads = 3, (0, 1, 2), 2

    def __init__(self, ahead: int = 0) -> None:
        self.ahead = ahead

    def ahead_of(self, run: Run) -> int:
        return self.ahead


class ScriptedRun(Run):
    """A run that waits until the test lets it begin and says what it writes."""

    def __init__(self) -> None:
        self.composed = compose(byte_tokenizer(), [], "Write.")
        super().__init__(Request(self.composed.token_ids, FullAttention(), 100))
        self.words = 0

    def say(self, *words: str) -> "ScriptedRun":
        self.begin()
        for word in words:
            self.events.append((float(self.words), TokenGenerated(7, word, self.words, 3, 1.0)))
            self.words += 1
        return self

    def finish(self, *words: str) -> "ScriptedRun":
        self.say(*words)
        text = "".join(event.text for _, event in self.events if isinstance(event, TokenGenerated))
        self.events.append((float(self.words), GenerationFinished("length", text, 9, self.words, 0.1, 0.1, 1, 0)))
        self.state = "finished"
        return self

    def fail(self, error: str) -> "ScriptedRun":
        self.begin()
        self.error, self.state = Message(error), "failed"
        return self

    def stop(self) -> None:
        """At once, as the engine does at the next token."""
        super().stop()
        if not self.done:
            self.state = "stopped"

    def part(self, opening: str = "") -> RunSpec:
        return RunSpec(self, self.composed, opening, SETTINGS)


def nothing(writing: Writing) -> None:
    """What a test does not look at."""


def writing(
    run: ScriptedRun,
    before: str = "",
    replaced: str = "",
    after: str = "",
    opening: str = "",
    on_text: Callable[[Writing], None] = nothing,
    on_end: Callable[[Writing], None] = nothing,
    **options: Any,
) -> Writing:
    place = InsertionPoint(before, replaced, after)
    engine: Any = ScriptedEngine()
    return Writing(engine, run.part(opening), place, on_text=on_text, on_end=on_end, **options)


def into(session: Session, run: ScriptedRun, start: int, end: int, **options: Any) -> Writing:
    """Begin to write into a session's draft, in place of the characters `start` to `end`."""
    text = session.draft.text
    place = text[:start], text[start:end], text[end:]
    made = writing(run, *place, on_text=session.wrote, on_end=session.ended, on_over=session.over, **options)
    session.begin(made, {"task": "summary"}, {"seed": 1})
    return made
