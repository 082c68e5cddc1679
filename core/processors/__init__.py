"""Logits processors that hold decoding to documents, one a file."""

from .context_contrast import ContextContrast
from .dictation import Dictation
from .repetition_guard import RepetitionGuard
from .source_guard import SourceGuard
from .vocabulary import Vocabulary
from .words import Word, guarded_words

__all__ = ["ContextContrast", "Dictation", "RepetitionGuard", "SourceGuard", "Vocabulary", "Word", "guarded_words"]
