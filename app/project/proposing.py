"""A passage that is written anew, as a proposal: attempt after attempt until one is of use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.engine.engine import Engine
from app.project.draft import ProjectDraft
from app.project.follow import RunScript
from app.project.insertion import Insertion
from app.project.run_spec import RunSpec
from app.project.support import as_far_as_said, says_the_same
from app.project.writing import Writing
from app.prompt.answers import Asked, usable
from app.runs.library import RunLibrary


class Proposing(Writing):
    """Runs that propose the same, each only if what the one before wrote could not be used; one that is stopped is the
    last. What none can be made of is an empty text: then nothing is proposed."""

    def __init__(
        self,
        engine: Engine,
        attempts: Sequence[RunSpec],
        insertion: Insertion,
        draft: ProjectDraft,
        library: RunLibrary,
        usable: Callable[[str], str],
    ) -> None:
        """`usable` makes the passage of what a model wrote, or an empty text; a text that was dictated is one."""
        super().__init__(engine, attempts[0], insertion, draft, library)
        self._attempts, self._usable, self._proposals = tuple(attempts), usable, draft

    def script(self) -> RunScript:
        """The attempts."""
        for number, spec in enumerate(self._attempts, 1):
            if number > 1:
                self._proposals.rewrite("")
            followed = yield spec
            if followed.run.state != "finished" or self._made(spec, self.insertion.text):
                return

    def finish(self) -> None:
        """What could be made of the last attempt is proposed."""
        assert self.current is not None
        spec = self.current.spec
        self._clean = lambda text: self._made(spec, text)
        super().finish()

    def _made(self, spec: RunSpec, text: str) -> str:
        dictated = spec.request.dictated
        if dictated:
            return dictated if text.strip() == dictated.strip() else ""  # a part of it would take away what follows
        return self._usable(text)


def made_of(asked: Asked, answer: str, *, small: bool) -> str:
    """What of an answer can stand in the place of the passage; of a small model's only what the passage says too: its
    other sentences stay when it is rewritten. Empty if nothing can."""
    if small and asked.kind == "rewrite":
        answer = as_far_as_said(asked.passage, usable(asked, answer))
    text = usable(asked, answer)
    return text if not small or asked.kind != "shorten" or says_the_same(asked.passage)(text) else ""
