"""Runs whose words a test says, in place of the engine's: for what follows a run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.engine.notifier import Notifier
from app.engine.run import GenerationRequest, Run
from app.project.insertion import Insertion, InsertionPoint
from app.project.run_spec import RunSpec
from app.project.session import Session
from app.project.writing import Writing
from app.prompt.compose import Composed, compose
from app.prompt.sections import SectionPlace
from app.runs.trace import RunSettings
from app.say.wording import Message
from core import Event, FullAttention, GenerationFinished, TokenGenerated
from tests.core.tiny import byte_tokenizer

SETTINGS = RunSettings("tiny", None, {}, {}, 1)
COMPOSED = compose(byte_tokenizer(), [], "Write.")


@dataclass(frozen=True)
class ScriptedRequest(GenerationRequest):
    """A request whose run a test plays."""

    script: Any = None


class ScriptedEngine:
    """What a job asks an engine."""

    layers, policy_layers, heads = 3, (0, 1, 2), 2

    def __init__(self, ahead: int = 0, seconds: float | None = None) -> None:
        self.ahead, self.seconds = ahead, seconds
        self.runs: list[Run] = []
        self.notifier = Notifier()
        self.full = False

    def ahead_of(self, run: Run) -> int:
        return self.ahead

    def seconds_until(self, run: Run) -> float | None:
        return self.seconds

    def submit(self, run: Run) -> None:
        self.runs.append(run)
        request: Any = run.request
        request.script.bind(run)


@dataclass
class ScriptedRun:
    """What a run does: said before it is queued or after. It ends at once when it is stopped."""

    words: int = 0
    text: str = ""
    run: Run | None = None
    before: list[Callable[[Run], object]] = field(default_factory=list)
    composed: Composed = COMPOSED
    section: SectionPlace | None = None

    def bind(self, run: Run) -> None:
        """It is this run."""
        stop = run.stop

        def stopped(reason: Message | None = None) -> None:
            stop(reason)
            if not run.done:
                run.end("stopped")

        run.stop = stopped  # type: ignore[method-assign]
        self.run = run
        for act in self.before:
            act(run)

    def do(self, act: Callable[[Run], object]) -> "ScriptedRun":
        if self.run is None:
            self.before.append(act)
        else:
            act(self.run)
        return self

    def emit(self, *events: Event) -> "ScriptedRun":
        def act(run: Run) -> None:
            run.begin()
            for event in events:
                run.emit(event)

        return self.do(act)

    def begin(self) -> "ScriptedRun":
        return self.do(Run.begin)

    def say(self, *words: str) -> "ScriptedRun":
        self.begin()
        for word in words:
            self.emit(TokenGenerated(7, word, self.words, 3, 1.0))
            self.words += 1
            self.text += word
        return self

    def finish(self, *words: str) -> "ScriptedRun":
        self.say(*words)
        self.emit(GenerationFinished("length", self.text, 9, self.words, 0.1, 0.1, 1, 0))
        return self.do(lambda run: run.end("finished"))

    def fail(self, error: str) -> "ScriptedRun":
        self.begin()
        return self.do(lambda run: run.end("failed", Message(error)))

    def spec(self, opening: str = "", **fields: Any) -> RunSpec:
        request = ScriptedRequest(self.composed.token_ids, FullAttention(), 100, script=self)
        return RunSpec(
            request, self.composed, SETTINGS, opening, **{"asked": {"seed": 1}, "section": self.section, **fields}
        )


def writing(
    run: ScriptedRun,
    before: str = "",
    replaced: str = "",
    after: str = "",
    opening: str = "",
    ahead: int = 0,
    session: Session | None = None,
    **options: Any,
) -> Writing:
    """To be started. With `session` into its draft, which should be what these three make."""
    engine: Any = ScriptedEngine(ahead)
    proposes = bool(options.pop("proposes", False))
    insertion = Insertion(InsertionPoint(before, replaced, after), proposes)
    kept: Any = (session.draft, session.runs) if session else ()
    return Writing(engine, run.spec(opening, proposes=proposes), insertion, *kept, **options)


def into(session: Session, run: ScriptedRun, start: int, end: int, **options: Any) -> Writing:
    """Begin to write into a session's draft, in place of the characters `start` to `end`."""
    text = session.draft.text
    made = writing(run, text[:start], text[start:end], text[end:], session=session, **options)
    session.write(made)
    return made
