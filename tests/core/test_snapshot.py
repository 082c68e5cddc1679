"""A prefix taken out of a cache, through memory or a file, into a cache of any policy: exact, or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PreTrainedModel

from core import FullAttention, Policy, PolicyCache, RefreshKV, Snapshot, SnapshotError, enable, model_fingerprint
from core.memory import bytes_of
from core.sequence import GeneratedStep, generate_step
from tests.core.architectures import make_model
from tests.core.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")
PREFIX, ROOM = 48, 96
IDS = torch.randint(2, 96, (1, 64), generator=torch.Generator().manual_seed(0))
POLICY = RefreshKV(budget=8, stride=3)


def decode(model: PreTrainedModel, cache: PolicyCache, ids: Tensor = IDS, steps: int = 12) -> list[Tensor]:
    """The logits of the prompt's last token and of greedy steps after it; the prompt comes in chunks of PREFIX."""
    seen: list[Tensor] = []

    def greedy(_: Tensor, logits: Tensor) -> int:
        seen.append(logits.clone())
        return int(logits.argmax())

    tokens = 0
    for step in generate_step(model, ids, cache, greedy, PREFIX):
        tokens += isinstance(step, GeneratedStep)
        if tokens == steps:
            break
    return seen


def prefilled(model: PreTrainedModel, policy: Policy = POLICY, length: int = PREFIX) -> PolicyCache:
    cache = PolicyCache(model.config, policy)
    cache.reserve(ROOM)
    decode(model, cache, IDS[:, :length], steps=1)
    return cache


def through_memory(snapshot: Snapshot, folder: Path) -> Snapshot:
    return snapshot


def through_a_file(snapshot: Snapshot, folder: Path) -> Snapshot:
    snapshot.save(folder / "prefix.safetensors")
    return Snapshot.read(folder / "prefix.safetensors")


@pytest.fixture(params=["llama", "llama bfloat16", "deepseek_v3", "gpt2"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    name, _, dtype = request.param.partition(" ")
    made = make_model(name)
    return enable(made.bfloat16() if dtype else made)


@pytest.mark.slow
@pytest.mark.parametrize("passed", [through_memory, through_a_file])
@pytest.mark.parametrize("policy", [POLICY, FullAttention()])
def test_decoding_goes_on_exactly_as_without(
    model: PreTrainedModel, passed: Callable[[Snapshot, Path], Snapshot], policy: Policy, tmp_path: Path
) -> None:
    expected = decode(model, prefilled(model, policy))
    # Taken under another policy, and after its cache has gone on and decoded.
    source = prefilled(model, RefreshKV(budget=3, stride=100))
    decode(model, source)
    snapshot = passed(Snapshot.take(source, PREFIX), tmp_path)
    cache = snapshot.restore(model.config, policy, room=ROOM)
    assert (cache.token_ids, cache.prefilled, cache.get_seq_length()) == (IDS[0, :PREFIX].tolist(), PREFIX, PREFIX)
    actual = decode(model, cache)
    assert len(actual) == len(expected) == 12
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(actual, expected, strict=True))


def test_keys_and_values_may_differ_in_size(tmp_path: Path) -> None:
    model = enable(make_model("deepseek_v3"))
    snapshot = through_a_file(Snapshot.take(prefilled(model), PREFIX), tmp_path)
    # One head of latents (kv_lora_rank) and one of rotary keys (qk_rope_head_dim).
    shapes = [([tuple(k.shape) for k in keys], [tuple(v.shape) for v in values]) for keys, values in snapshot.layers]
    assert shapes == [([(PREFIX, 16)], [(PREFIX, 8)])] * 3
    assert snapshot.nbytes == 3 * PREFIX * (16 + 8) * 4


def test_what_it_takes_is_known_before(model: PreTrainedModel) -> None:
    cache = prefilled(model)
    assert bytes_of(model, cache)[0] * PREFIX == Snapshot.take(cache, PREFIX).nbytes


def test_heads_and_layers_keep_their_order_beyond_ten(tmp_path: Path) -> None:
    def heads(start: int) -> tuple[Tensor, ...]:
        return tuple(torch.full((2, 1), float(start + head)) for head in range(12))

    snapshot = Snapshot((5, 6), tuple((heads(0), heads(100 * layer)) for layer in range(11)))
    layers = through_a_file(snapshot, tmp_path).layers
    assert [[float(h[0]) for h in keys] for keys, _ in layers] == [list(range(12))] * 11
    assert [[float(h[0]) for h in values] for _, values in layers] == [
        list(range(100 * layer, 100 * layer + 12)) for layer in range(11)
    ]


def test_a_restored_cache_has_room_and_is_a_copy(tmp_path: Path) -> None:
    model = enable(make_model("llama"))
    source = prefilled(model)
    cache = Snapshot.take(source, PREFIX).restore(model.config, POLICY, room=300)
    addresses = [layer.keys.data_ptr() for layer in cache.policy_layers.values()]
    cache.reserve(300)
    assert [layer.keys.data_ptr() for layer in cache.policy_layers.values()] == addresses
    # 3 layers x 2 heads x 8 values, float32, keys and values; 300 rounded up to whole blocks.
    assert cache.nbytes == 512 * 3 * 2 * 8 * 4 * 2
    before = [layer.keys.clone() for layer in source.policy_layers.values()]
    for layer in cache.policy_layers.values():
        layer.keys.zero_()
    assert all(torch.equal(layer.keys, b) for layer, b in zip(source.policy_layers.values(), before, strict=True))


def test_a_file_is_written_without_a_copy() -> None:
    cache = prefilled(enable(make_model("llama")))
    for (keys, values), layer in zip(Snapshot.take(cache, 20).layers, cache.policy_layers.values(), strict=True):
        assert keys[0].data_ptr() == layer.keys.data_ptr()
        assert values[0].data_ptr() == layer.values.data_ptr()
        assert all(states.is_contiguous() for states in (*keys, *values))


@pytest.mark.parametrize("length", [0, PREFIX + 1])
def test_only_what_is_prefilled_can_be_taken(length: int) -> None:
    with pytest.raises(SnapshotError, match=f"of {length} tokens .* {PREFIX} tokens of the cache"):
        Snapshot.take(prefilled(enable(make_model("llama"))), length)


@pytest.mark.parametrize("name", ["gemma3_text", "qwen3_next"])
def test_sliding_and_recurrent_layers_are_refused(name: str) -> None:
    model = enable(make_model(name))
    with pytest.raises(SnapshotError, match=r"Layer 0 is a \w*(Sliding|Linear)"):
        Snapshot.take(prefilled(model), PREFIX)
    llama = enable(make_model("llama"))
    with pytest.raises(SnapshotError, match="3 layers of full attention and the model 2 in 3 layers"):
        Snapshot.take(prefilled(llama), PREFIX).restore(model.config, POLICY)


@pytest.mark.parametrize("damage", ["cut", "flip", "format", "empty", "text"])
def test_a_file_that_is_not_whole_is_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "prefix.safetensors"
    Snapshot.take(prefilled(enable(make_model("llama"))), PREFIX).save(path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-100] ^= 1
    changed = {
        "cut": data[:-1],
        "flip": data,
        "format": data.replace(b"refreshkv-snapshot-2", b"refreshkv-snapshot-0"),
        "empty": b"",
        "text": b"not a safetensors file at all",
    }[damage]
    path.write_bytes(changed)
    with pytest.raises(SnapshotError, match=str(path)):
        Snapshot.read(path)


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    through_a_file(Snapshot.take(prefilled(enable(make_model("llama"))), PREFIX), tmp_path)
    with safe_open(tmp_path / "prefix.safetensors", "pt") as file:
        assert file.metadata()["format"] == "refreshkv-snapshot-2"
        assert file.get_tensor("token_ids").tolist() == IDS[0, :PREFIX].tolist()


def test_another_policy_takes_over_what_is_prefilled() -> None:
    model = enable(make_model("llama"))
    expected = decode(model, prefilled(model, FullAttention()))
    cache = prefilled(model)
    decode(model, cache, IDS[:, :50], steps=7)
    addresses = [layer.keys.data_ptr() for layer in cache.policy_layers.values()]
    other = cache.with_policy(FullAttention())
    assert [layer.keys.data_ptr() for layer in other.policy_layers.values()] == addresses
    assert other.token_ids == IDS[0, :50].tolist()
    assert (cache.token_ids, cache.prefilled, cache.get_seq_length(), cache.nbytes) == ([], 0, 0, 0)
    other.truncate(PREFIX)
    actual = decode(model, other)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(actual, expected, strict=True))
    # The one that was emptied can be used again.
    torch.testing.assert_close(decode(model, cache)[0], expected[0])


def test_sliding_layers_go_over_as_far_as_they_can_be_taken_back() -> None:
    model = enable(make_model("gemma3_text"))
    expected = decode(model, PolicyCache(model.config, FullAttention()))
    moved = prefilled(model).with_policy(FullAttention())
    assert moved.get_seq_length() == PREFIX
    torch.testing.assert_close(decode(model, moved), expected)
    decoded = prefilled(model)
    decode(model, decoded, steps=3)
    assert decoded.with_policy(FullAttention()).get_seq_length() == 0


def test_what_is_decoded_or_comes_after_it_is_not_prefilled() -> None:
    model = enable(make_model("llama"))
    cache = prefilled(model)
    decode(model, cache, steps=6)
    assert (cache.prefilled, len(cache.token_ids)) == (64, 69)
    longer = torch.tensor([[*cache.token_ids, 7, 8, 9]])
    decode(model, cache, longer, steps=1)
    assert (cache.prefilled, len(cache.token_ids)) == (64, 72)
    cache.crop(-20)
    assert cache.prefilled == 52
    decode(model, cache, steps=1)
    assert cache.prefilled == 64
    cache.reset()
    assert cache.prefilled == 0


def test_the_common_prefix_is_counted_in_tokens() -> None:
    cache = prefilled(enable(make_model("llama")))
    ids = IDS[0].tolist()
    assert cache.common_prefix(ids) == PREFIX
    assert cache.common_prefix(ids[:5]) == 5
    assert cache.common_prefix([*ids[:7], 0, *ids[8:]]) == 7
    assert cache.common_prefix([]) == 0


def test_bytes_count_the_small_cache_and_other_layers() -> None:
    model = enable(make_model("llama"))
    cache = PolicyCache(model.config, POLICY)
    assert cache.nbytes == 0
    cache.reserve(ROOM)
    decode(model, cache, steps=1)
    row = 3 * 2 * 8 * 4 * 2  # layers x heads x values x float32, keys and values
    index = 3 * 2 * (256 * 12 + 3 * 8 * 4)  # layers x heads x (positions x bytes of a key's codes, and the ranges)
    assert cache.nbytes == 256 * row + 256 * row + 256 * 3 * 2 * 8 + index
    sliding = enable(make_model("gemma3_text"))
    cache = PolicyCache(sliding.config, FullAttention())
    decode(sliding, cache, steps=1)
    # Of a window of 8 tokens the last 7 are kept, and the window's size.
    assert cache.nbytes == 256 * 2 * row // 3 + 7 * row // 3 + 8


def test_the_fingerprint_follows_what_keys_and_values_depend_on() -> None:
    original = model_fingerprint(tiny_model())
    assert model_fingerprint(tiny_model()) == original
    moved = tiny_model()
    moved.config._name_or_path = "/elsewhere"
    assert model_fingerprint(moved) == original
    trained = tiny_model()
    with torch.no_grad():
        trained.model.layers[2].self_attn.k_proj.weight.add_(1e-3)
    others = [trained, tiny_model(rms_norm_eps=1e-3), tiny_model().bfloat16(), make_model("llama")]
    assert len({original, *map(model_fingerprint, others)}) == 5
