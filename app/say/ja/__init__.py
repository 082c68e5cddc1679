"""The Japanese for what the server says, by its English pattern; see `app.say.wording`. An area a module."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.say.ja.core import CORE, REASONS
from app.say.ja.files import FILES
from app.say.ja.requests import REQUESTS
from app.say.ja.storage import STORAGE
from app.say.ja.writing import WRITING

SAID: Mapping[str, str] = MappingProxyType({**WRITING, **REQUESTS, **FILES, **STORAGE})
"""What the app says: English pattern -> Japanese pattern with the same places, which may stand in another order."""

JAPANESE: Mapping[str, str] = MappingProxyType({**REASONS, **CORE, **SAID})
"""The same with what core says, and the reasons the system gives."""
