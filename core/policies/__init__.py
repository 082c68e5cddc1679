"""The methods: what the small cache keeps and when it is refreshed, or what is read at each step. One method a file."""

from types import MappingProxyType

from .base import Drafting, Evictor, LayerIndex, Observation, Policy
from .exact import Exact
from .full import FullAttention
from .h2o import H2O
from .key_index import KeyIndex
from .quest import Quest
from .refreshkv import RefreshKV
from .snapkv import SnapKV
from .streaming_llm import StreamingLLM
from .token_select import TokenSelect
from .tova import TOVA

METHODS = MappingProxyType(
    {
        method.__name__: method
        for method in (KeyIndex, RefreshKV, FullAttention, Exact, StreamingLLM, SnapKV, H2O, TOVA, Quest, TokenSelect)
    }
)
"""Every method by its name; what else offers methods reads them here."""

DEFAULT_POLICY: Policy = KeyIndex()
"""What decodes where nobody says how: the nearest to full attention for what it reads, see docs/evidence.md."""

__all__ = [
    "DEFAULT_POLICY",
    "H2O",
    "METHODS",
    "TOVA",
    "Drafting",
    "Evictor",
    "Exact",
    "FullAttention",
    "KeyIndex",
    "LayerIndex",
    "Observation",
    "Policy",
    "Quest",
    "RefreshKV",
    "SnapKV",
    "StreamingLLM",
    "TokenSelect",
]
