"""The trace of a run: recorded from its events, written and read, played again.

recorder = Recorder(settings, prompt_tokens(composed), layers, heads, draft_start=len(opening))
for event in events:
    recorder.add(event)
data = write_trace(recorder.trace)
Replay(read_trace(data)).heatmap(columns=400, positions=8192)
"""

from app.runs.trace.file import read_trace, write_trace
from app.runs.trace.pages import PageText, page_texts
from app.runs.trace.passages import KeptPage, KeptPassage, kept_while
from app.runs.trace.recorder import Recorder
from app.runs.trace.replay import Changes, Replay
from app.runs.trace.trace import PromptTokens, Refresh, RunSettings, Token, Trace, describe_policy, prompt_tokens

__all__ = [
    "Changes",
    "KeptPage",
    "KeptPassage",
    "PageText",
    "PromptTokens",
    "Recorder",
    "Refresh",
    "Replay",
    "RunSettings",
    "Token",
    "Trace",
    "describe_policy",
    "kept_while",
    "page_texts",
    "prompt_tokens",
    "read_trace",
    "write_trace",
]
