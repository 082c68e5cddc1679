"""Reads a Log in the tests as assets/log.js does in the browser."""

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class LogReader:
    """What a log says. parts: messages, pieces of text, and cuts as {"cut": n}, in order. text: what it comes to."""

    parts: list[Any] = field(default_factory=list)
    text: str = ""
    _seen: str = ""

    @classmethod
    def of(cls, value: str | None) -> "LogReader":
        """After one look."""
        reader = cls()
        reader.read(value)
        return reader

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [part for part in self.parts if isinstance(part, dict) and "cut" not in part]

    def read(self, value: str | None) -> list[Any]:
        """The parts that came since the last look, which are remembered too."""
        assert value is not None
        assert value.startswith(self._seen)  # it only grows
        fresh, self._seen = value[len(self._seen) :], value
        found = list(re.finditer(r"\x1b([^\n]*)\n|\x1a(\d+);|([^\x1a\x1b]+)", fresh))
        assert "".join(match[0] for match in found) == fresh  # nothing is passed over
        came = [self._part(*match.groups()) for match in found]
        self.parts += came
        return came

    def _part(self, message: str | None, kept: str | None, text: str | None) -> Any:
        if message is not None:
            return json.loads(message)
        if kept is not None:
            assert int(kept) < len(self.text)
            self.text = self.text[: int(kept)]
            return {"cut": int(kept)}
        self.text += text or ""
        return text
