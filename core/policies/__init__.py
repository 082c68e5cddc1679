"""The methods: what the small cache keeps and when it is refreshed. One method a file."""

from .base import Policy
from .full import FullAttention
from .refreshkv import RefreshKV

__all__ = ["FullAttention", "Policy", "RefreshKV"]
