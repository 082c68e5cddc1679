"""Which sentences of a text documents say, and where."""

from app.reading.support.check import Kind, Report, Similarity, Sources, Support, supported
from app.reading.support.contradictions import Reason
from app.reading.support.source_index import SourceSentence, SourceText

__all__ = [
    "Kind",
    "Reason",
    "Report",
    "Similarity",
    "SourceSentence",
    "SourceText",
    "Sources",
    "Support",
    "supported",
]
