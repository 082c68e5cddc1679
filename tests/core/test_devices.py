"""Models whose layers are on several devices, or whose weights wait elsewhere: as far as one CPU can show it."""

from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from core import Exact, FullAttention, KeyIndex, Policy, PolicyCache, PrefixCache, RefreshKV, SnapKV, generate, memory
from core.devices import device_of, layers_on
from core.memory import free_for
from core.positions import positions_of
from core.refresh import refresh_together
from core.rotary import Rotary
from tests.core.tiny import byte_tokenizer, tiny_model

CPU, META = torch.device("cpu"), torch.device("meta")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def offloaded(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    """The tiny model, with its embedding, a layer and its head on disk until they are needed."""
    from core import enable

    folder, path = tmp_path_factory.mktemp("offload"), tmp_path_factory.mktemp("model")
    tiny_model().save_pretrained(path)
    places = {"model.embed_tokens": "disk", "model.layers.1": "disk", "lm_head": "disk"}
    places |= dict.fromkeys(("model.layers.0", "model.layers.2", "model.norm", "model.rotary_emb"), "cpu")
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, device_map=places, offload_folder=folder)
    assert {parameter.device for parameter in model.parameters()} == {CPU, META}
    return enable(model.eval())


@pytest.mark.parametrize(
    "policy",
    [
        FullAttention(),
        RefreshKV(budget=16, stride=4, recent=4),
        KeyIndex(budget=16, recent=4),
        SnapKV(budget=24, window=8),
        Exact(RefreshKV(budget=16, stride=4, bits=0), draft=3),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_weights_on_disk_write_what_weights_in_memory_do(offloaded: PreTrainedModel, policy: Policy) -> None:
    prompt = torch.arange(40, 110)[None]
    texts = [
        generate(model, byte_tokenizer(), prompt, policy=policy, max_new_tokens=16)
        for model in (offloaded, tiny_model())
    ]
    assert texts[0] == texts[1]


def test_where_it_computes_and_what_is_free_there(offloaded: PreTrainedModel) -> None:
    assert device_of(offloaded) == CPU
    assert layers_on(offloaded) == {CPU: 3}
    assert positions_of(offloaded).rotary().frequencies.shape == (4,)
    prefixes = PrefixCache(offloaded)  # keeps them in the memory that is free
    with prefixes.use([1, 2, 3], 0, FullAttention()) as cache:
        assert generate(offloaded, byte_tokenizer(), [1, 2, 3], cache=cache, max_new_tokens=3)


def test_of_several_devices_the_one_with_the_least_for_a_layer_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    for layer, device in zip(model.model.layers, ("cuda:0", "cuda:0", "cuda:1"), strict=True):
        layer.self_attn._hf_hook = SimpleNamespace(execution_device=device)  # as accelerate leaves it
    first, second = torch.device("cuda:0"), torch.device("cuda:1")
    assert layers_on(model) == {first: 2, second: 1}
    free = {first: 1000, second: 800}
    monkeypatch.setattr(memory, "free_memory", free.__getitem__)
    assert free_for(model) == 1500  # three layers of 500 bytes each: two of them fill the first
    free[second] = 400
    assert free_for(model) == 1200


def test_turns_are_kept_for_each_device() -> None:
    rotary = Rotary(torch.tensor([1.0, 0.5]), interleaved=False)
    tables = [rotary.turns(5, device) for device in (CPU, META, CPU, META)]
    assert [table.device for table in tables] == [CPU, META, CPU, META]
    assert tables[0] is tables[2]
    assert tables[1] is tables[3]
    assert len(rotary.turns(100, CPU)) > 100


def test_layers_on_one_device_refresh_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those on another by themselves, with their part of the weights there."""
    model = tiny_model()
    cache = PolicyCache(model.config, RefreshKV(budget=4, bits=0))
    layers = list(cache.policy_layers.values())
    for layer, device in zip(layers, (CPU, META, META), strict=True):
        layer.update(*2 * [torch.zeros(1, 2, 9, 8, device=device)], kwargs={})
    seen: list[tuple[int, torch.device]] = []
    monkeypatch.setattr(
        "core.refresh._refresh_alike", lambda policy, alike, weights: seen.append((len(alike), weights.device))
    )
    refresh_together(layers, torch.zeros(3, 2, 2, 9))
    assert seen == [(1, CPU), (2, META)]
