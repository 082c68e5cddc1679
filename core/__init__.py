"""Decoding for transformers that reads a small part of a long context: RefreshKV, what came of it, and other methods.

model, tokenizer = load_model()
for event in stream_generate(model, tokenizer, "...", policy=KeyIndex(budget=1/16)):  # the default
    ...
"""

from .attention import enable
from .cache import PolicyCache
from .compilation import Compilation, compile_decoding
from .decoder import GenerationOptions, generate, stream_generate, stream_steps
from .errors import (
    CacheMismatchError,
    ContextOverflowError,
    DownloadError,
    InvalidParameterError,
    LoadingError,
    PolicyInactiveError,
    RefreshKVError,
    SnapshotError,
)
from .events import CacheRefreshed, Event, GenerationFinished, PrefillProgress, TokenGenerated
from .layer import PolicyLayer
from .loading import load_model
from .policies import (
    DEFAULT_POLICY,
    H2O,
    METHODS,
    TOVA,
    Evictor,
    Exact,
    FullAttention,
    KeyIndex,
    LayerIndex,
    Observation,
    Policy,
    Quest,
    RefreshKV,
    SnapKV,
    StreamingLLM,
    TokenSelect,
)
from .prefix_cache import PrefixCache
from .prefix_files import PrefixFiles
from .processors import ContextContrast, Dictation, RepetitionGuard, SourceGuard, Vocabulary, guarded_words
from .sampling import SamplingParams
from .snapshot import Snapshot, model_fingerprint
from .statement import Statement
from .steps import NextStep, decode_together, steps_together

__all__ = [
    "DEFAULT_POLICY",
    "H2O",
    "METHODS",
    "TOVA",
    "CacheMismatchError",
    "CacheRefreshed",
    "Compilation",
    "ContextContrast",
    "ContextOverflowError",
    "Dictation",
    "DownloadError",
    "Event",
    "Evictor",
    "Exact",
    "FullAttention",
    "GenerationFinished",
    "GenerationOptions",
    "InvalidParameterError",
    "KeyIndex",
    "LayerIndex",
    "LoadingError",
    "NextStep",
    "Observation",
    "Policy",
    "PolicyCache",
    "PolicyInactiveError",
    "PolicyLayer",
    "PrefillProgress",
    "PrefixCache",
    "PrefixFiles",
    "Quest",
    "RefreshKV",
    "RefreshKVError",
    "RepetitionGuard",
    "SamplingParams",
    "SnapKV",
    "Snapshot",
    "SnapshotError",
    "SourceGuard",
    "Statement",
    "StreamingLLM",
    "TokenGenerated",
    "TokenSelect",
    "Vocabulary",
    "compile_decoding",
    "decode_together",
    "enable",
    "generate",
    "guarded_words",
    "load_model",
    "model_fingerprint",
    "steps_together",
    "stream_generate",
    "stream_steps",
]
