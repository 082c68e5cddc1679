"""What a decode step reads of keys, values and their index, and what a method has to hold: from the layers' states."""

from __future__ import annotations

from torch import Tensor

from core import PolicyCache
from core.layer import PolicyLayer, Step
from core.policies import TokenSelect


class Traffic:
    """Counts, step by step, of one cache."""

    def __init__(self, cache: PolicyCache) -> None:
        """Nothing was read yet."""
        self._layers = list(cache.policy_layers.values())
        self._chosen: list[Tensor | None] = [layer.kept.chosen for layer in self._layers]

    def step(self) -> float:
        """Bytes that the step just made read, the mean over layers."""
        read = [self._read(index, layer) for index, layer in enumerate(self._layers)]
        self._chosen = [layer.kept.chosen for layer in self._layers]
        return sum(read) / len(read)

    def held(self) -> float:
        """Bytes that the method must hold, the mean over layers, room for more left out: the small cache or the index,
        and all keys and values where nothing is evicted. Evicted ones stay in memory here all the same."""
        return sum(map(_held, self._layers)) / len(self._layers)

    def _read(self, index: int, layer: PolicyLayer) -> float:
        length = layer.get_seq_length()
        if layer.step is Step.PARTIAL and layer.small is not None:
            return layer.small.slots * position_bytes(layer)
        if layer.step is Step.RENEWED and layer.small is not None:  # it copies what it chose, and attends to that
            return layer.small.slots * position_bytes(layer) + index_bytes(layer, length)
        if layer.step is Step.CHOSEN and layer.kept.index is not None and layer.kept.index.codes is not None:
            # A compiled step tells what it chose at reports alone; it is K, always.
            return min(layer.kept.sizes[0], length) * position_bytes(layer) + index_bytes(layer, length)
        if layer.step is Step.CHOSEN and layer.kept.chosen is not None:
            chosen = layer.kept.chosen
            scored = index_bytes(layer, length)
            if isinstance(layer.policy, TokenSelect) and _voted(chosen, self._chosen[index]):
                scored += length * position_bytes(layer) / 2  # the keys themselves are its index
            return chosen.shape[2] * position_bytes(layer) + scored
        return length * position_bytes(layer)


def position_bytes(layer: PolicyLayer) -> int:
    """Bytes of the keys and values of one position, all KV heads."""
    return sum(buffer.storage[0, :, 0].nbytes for buffer in layer.full)


def index_bytes(layer: PolicyLayer, length: int) -> float:
    """Bytes of an index of `length` positions, room for more left out as far as it is whole blocks."""
    index, codes = layer.kept.index, layer.kept.codes
    if codes is not None:  # they lie in a buffer that grows by blocks
        return codes.codes.nbytes * length / codes.codes.shape[2]
    return 0 if index is None or isinstance(layer.policy, TokenSelect) else index.nbytes


def _held(layer: PolicyLayer) -> float:
    length, small = layer.get_seq_length(), layer.small
    kept = index_bytes(layer, length) + (0 if small is None else small.slots * position_bytes(layer))
    return kept if layer.policy.evicts else kept + length * position_bytes(layer)


def _voted(chosen: Tensor, before: Tensor | None) -> bool:
    """Whether a choice was made anew: it is the one before and the newest position otherwise."""
    return before is None or before.shape[2] + 1 != chosen.shape[2] or not bool((chosen[..., :-1] == before).all())
