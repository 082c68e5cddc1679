"""Growing buffers and the slots of the small cache."""

import torch

from core.storage import BLOCK, GrowingTensor, SmallCache, refill


def states(count: int, start: int = 0) -> torch.Tensor:
    return torch.arange(start, start + count, dtype=torch.float32).view(1, 1, count, 1)


def contents(view: torch.Tensor) -> list[int]:
    return [int(x) for x in view.flatten().tolist()]


def test_growing_keeps_everything_and_rarely_moves() -> None:
    buffer = GrowingTensor(states(0))
    addresses = set()
    for step in range(3 * BLOCK):
        buffer.append(states(1, step))
        addresses.add(buffer.view.data_ptr())
    assert contents(buffer.view) == list(range(3 * BLOCK))
    assert len(addresses) == 3


def test_reserved_room_is_filled_without_moving() -> None:
    buffer = GrowingTensor(states(5))
    buffer.reserve(1000)
    address = buffer.view.data_ptr()
    for step in range(5, 1000):
        buffer.append(states(1, step))
    assert buffer.view.data_ptr() == address
    buffer.truncate(3)
    assert contents(buffer.view) == [0, 1, 2]


def small_cache(count: int, capacity: int) -> SmallCache:
    small = SmallCache(states(0), states(0), capacity)
    refill([small], [states(count)], [states(count)], torch.arange(count).view(1, 1, count)[None])
    return small


def push(small: SmallCache, *positions: int) -> list[int]:
    for position in positions:
        small.push(states(1, position), states(1, position), position)
    assert contents(small.keys) == contents(small.values) == small.positions.flatten().tolist()
    return contents(small.keys)


def test_the_lowest_ranked_slot_is_overwritten_first() -> None:
    small = small_cache(4, 4)
    assert push(small, 10) == [10, 1, 2, 3]
    assert push(small, 11, 12) == [10, 11, 12, 3]


def test_past_the_last_slot_the_oldest_new_token_goes_never_the_newest() -> None:
    small = small_cache(3, 3)
    assert push(small, 10, 11, 12, 13, 14) == [13, 14, 12]


def test_free_slots_are_taken_first() -> None:
    small = small_cache(2, 4)
    assert push(small, 10, 11) == [0, 1, 10, 11]
    assert push(small, 12) == [12, 1, 10, 11]


def test_a_refill_starts_over_in_the_same_storage() -> None:
    small = small_cache(4, 4)
    push(small, 10, 11)
    address = small.keys.data_ptr()
    refill([small], [states(20)], [states(20)], torch.tensor([[[7, 5, 19, 3]]])[None])
    assert small.keys.data_ptr() == address
    assert contents(small.keys) == contents(small.values) == [7, 5, 19, 3]
    assert push(small, 20) == [20, 5, 19, 3]


def test_a_refill_with_fewer_tokens_leaves_free_slots() -> None:
    small = small_cache(4, 4)
    refill([small], [states(9)], [states(9)], torch.tensor([[[8, 2]]])[None])
    assert push(small, 9, 10, 11) == [11, 2, 9, 10]
