"""The compiled decode step against the model's own modules, logits and caches, step by step."""

import copy
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import filelock
import pytest
import torch
from torch import Tensor
from transformers import Gemma2Config, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.gemma2 import Gemma2ForCausalLM

from core import (
    H2O,
    CacheRefreshed,
    Dictation,
    Event,
    Exact,
    FullAttention,
    KeyIndex,
    NextStep,
    Policy,
    PolicyCache,
    Quest,
    RefreshKV,
    SnapKV,
    StreamingLLM,
    TokenGenerated,
    compile_decoding,
    decode_together,
    enable,
    kernels,
    stream_generate,
    stream_steps,
)
from core.compilation import Compilation, _key
from core.decode_step import FASTER_ATTRIBUTE, faster_step
from core.graph import DecodeGraph, RowsStep
from core.layer import Step
from core.llama_step import LlamaStep
from core.quantization import quantize_int4
from core.selection import gather_positions
from core.steps import decode, forward
from core.storage import SmallCache
from tests.core.architectures import make_model
from tests.core.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")

POLICIES = [
    FullAttention(),
    RefreshKV(budget=9, stride=3),
    RefreshKV(budget=9, stride=3, bits=0),  # chosen from what a full step attends to
    RefreshKV(budget=40, stride=2, pool_kernel_size=5, lookahead=3, recent=7, bits=4),
    RefreshKV(budget=2, stride=5),  # more new tokens than slots
    RefreshKV(budget=400, stride=4),  # free slots, and a small cache that grows
    RefreshKV(budget=1 / 8, stride=4, floor=80),  # free slots that the new tokens fill
    RefreshKV(budget=9, stride=3, similarity_threshold=0.5),
    KeyIndex(budget=40, stride=3),
    KeyIndex(budget=400, bits=2),
    StreamingLLM(budget=9),
    SnapKV(budget=9, window=4),
    H2O(budget=9),
    Quest(budget=24, page=4),
]


@pytest.fixture(scope="module")
def graphs(built_kernels: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with the kernels in it, in which the tests compile: that of all processes that run tests, so that
    one compiles and the others wait for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / "graphs"
    with filelock.FileLock(shared / "graphs.lock"):
        if not folder.exists():
            shutil.copytree(kernels_folder(), folder / "kernels")
    return folder


def kernels_folder() -> Path:
    from core.default_model import cache_folder

    return cache_folder() / "kernels"


def with_step(hidden: int, kind: type[RowsStep], graphs: Path) -> PreTrainedModel:
    """A tiny model in int4, with heads of a quarter of `hidden`, and its step, which is of this kind."""
    model = tiny_model(hidden_size=hidden, intermediate_size=64)  # all linears: torch's sum otherwise for more rows
    quantize_int4(model)
    compilation = compile_decoding(model, cache_dir=graphs)
    assert compilation.wait(300), compilation.failure
    assert isinstance(faster_step(model), kind)
    return model


@pytest.fixture(scope="module")
def graph_model(graphs: Path) -> PreTrainedModel:
    """One with heads too small for one operation, and its compiled step."""
    return with_step(32, DecodeGraph, graphs)


@pytest.fixture(scope="module")
def one_operation(graphs: Path) -> PreTrainedModel:
    """One whose step is one operation."""
    return with_step(128, LlamaStep, graphs)


@pytest.fixture(scope="module", params=["graph_model", "one_operation"])
def compiled(request: pytest.FixtureRequest) -> PreTrainedModel:
    """Each of them."""
    model: PreTrainedModel = request.getfixturevalue(request.param)
    return model


@pytest.fixture
def graph(compiled: PreTrainedModel) -> RowsStep:
    found = faster_step(compiled)
    assert isinstance(found, RowsStep)
    return found


def prefilled(model: PreTrainedModel, policy: Policy, prompt: Tensor) -> PolicyCache:
    cache = PolicyCache(model.config, policy)
    with cache.prefill(last=True):
        forward(model, prompt, cache)
    return cache


def by_position(small: SmallCache) -> tuple[Tensor, Tensor]:
    """Positions and keys in the order of positions: two that score alike but for rounding may change places."""
    positions, order = small.positions.sort(dim=-1)
    return positions, gather_positions(small.keys, order)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_logits_and_caches_equal_the_modules(compiled: PreTrainedModel, graph: RowsStep, policy: Policy) -> None:
    torch.manual_seed(0)
    prompt = torch.randint(0, 256, (1, 70))
    fast, slow = prefilled(compiled, policy, prompt), prefilled(compiled, policy, prompt)
    taken, errors = 0, []
    ties = isinstance(policy, KeyIndex)  # of two positions that score alike but for rounding another may be read
    for token in torch.randint(0, 256, (30, 1, 1)):
        logits = graph.step(token, fast)
        taken += logits is not None
        if logits is None:
            logits = forward(compiled, token, fast)
        expected = forward(compiled, token, slow)
        errors.append(float((logits - expected).abs().max() / expected.abs().max()))
        assert errors[-1] <= (0.3 if ties else 1e-3)
        assert fast.full_layers() == slow.full_layers()
        assert fast.take_refreshes() == slow.take_refreshes()
        for ours, theirs in zip(fast.policy_layers.values(), slow.policy_layers.values(), strict=True):
            assert (ours.full_steps, ours.partial_steps) == (theirs.full_steps, theirs.partial_steps)
            for mine, other in ((ours.keys, theirs.keys), (ours.values, theirs.values)):
                assert torch.isclose(mine, other, atol=1e-3).float().mean() >= (0.95 if ties else 1)
            assert (ours.small is None) == (theirs.small is None)
            if ours.small is not None and theirs.small is not None:
                for mine, other in zip(by_position(ours.small), by_position(theirs.small), strict=True):
                    assert torch.allclose(mine, other, atol=1e-3)
    assert median(errors) <= 1e-3
    # Only a check step with a threshold needs the queries, and goes through the modules.
    alone = policy.make_evictor() is not None or isinstance(policy, Quest)  # it goes through the modules
    assert taken == (0 if alone else 20 if policy.compares_queries() else 30)


def test_the_stream_is_the_same(
    compiled: PreTrainedModel, graph: RowsStep, tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast]
) -> None:
    _, tokenizer = tiny
    options = {"policy": RefreshKV.paper(budget=1 / 4, stride=4), "max_new_tokens": 300}
    fast = list(stream_generate(compiled, tokenizer, "A long walk by the sea. " * 4, **options))
    setattr(compiled, FASTER_ATTRIBUTE, None)
    try:
        slow = list(stream_generate(compiled, tokenizer, "A long walk by the sea. " * 4, **options))
    finally:
        setattr(compiled, FASTER_ATTRIBUTE, graph)
    assert fast[-1].text == slow[-1].text
    assert (fast[-1].full_steps, fast[-1].partial_steps) == (slow[-1].full_steps, slow[-1].partial_steps) == (74, 225)
    assert [type(event) for event in fast] == [type(event) for event in slow]


@pytest.mark.parametrize("policy", [FullAttention(), KeyIndex(budget=40, stride=3)], ids=str)
@pytest.mark.parametrize("kept", [0, 2, 5])
def test_verified_tokens_are_the_decode_steps_that_they_would_be_alone(
    compiled: PreTrainedModel, graph: RowsStep, policy: Policy, kept: int
) -> None:
    torch.manual_seed(0)
    prompt, tokens = torch.randint(0, 256, (1, 70)), torch.randint(0, 256, (5, 1))
    alone, together = prefilled(compiled, policy, prompt), prefilled(compiled, policy, prompt)
    expected = [graph.step(token[None], alone) for token in tokens]
    found = graph.verify(tokens, together)
    assert found is not None
    logits, count, _ = found
    assert torch.equal(logits, torch.cat([row for row in expected if row is not None]))
    for index in range(kept):
        count(index)
    for layer in together.policy_layers.values():
        assert (layer.get_seq_length(), layer.decode_step) == (70 + kept, kept)
    for token, row in zip(tokens[kept:], expected[kept:], strict=True):  # as if the others had not been there
        again = graph.step(token[None], together)
        assert again is not None
        assert row is not None
        assert torch.equal(again, row)
    for ours, theirs in zip(together.policy_layers.values(), alone.policy_layers.values(), strict=True):
        assert ours.keys is not None
        assert theirs.keys is not None
        assert torch.equal(ours.keys, theirs.keys)
        assert ours.decode_step == theirs.decode_step == 5
        assert (ours.kept.chosen is None) == (theirs.kept.chosen is None)
        assert (
            ours.kept.chosen is None or theirs.kept.chosen is None or torch.equal(ours.kept.chosen, theirs.kept.chosen)
        )


def test_steps_over_a_small_cache_are_not_verified(compiled: PreTrainedModel, graph: RowsStep) -> None:
    cache = prefilled(compiled, RefreshKV(budget=9), torch.randint(0, 256, (1, 30)))
    assert graph.verify(torch.tensor([[1], [2]]), cache) is None
    assert cache.get_seq_length() == 30


def test_runs_of_any_methods_share_a_step(compiled: PreTrainedModel, graph: RowsStep) -> None:
    torch.manual_seed(0)
    policies = [
        FullAttention(),
        RefreshKV.paper(9, 3),
        RefreshKV(budget=9, stride=3),
        KeyIndex(budget=40, stride=3),
        StreamingLLM(budget=9),
    ]
    prompts = [torch.randint(0, 256, (1, length)) for length in (30, 70, 61, 44, 52)]
    alone, together = ([prefilled(compiled, *each) for each in zip(policies, prompts, strict=True)] for _ in range(2))
    for _ in range(8):
        tokens = torch.randint(0, 256, (len(prompts), 1))
        expected = [graph.step(token[None], cache) for token, cache in zip(tokens, alone, strict=True)]
        assert all(map(graph.serves, together))
        logits = graph.step_together(tokens, together)
        assert torch.equal(logits, torch.cat([row for row in expected if row is not None]))
    for ours, theirs in zip(together, alone, strict=True):
        assert (ours.kept() == theirs.kept()).all()


def up_to_a_step(items: Iterator[Event | NextStep], tokens: list[int]) -> NextStep | None:
    """The next step, and before it what came; None at the end."""
    for item in items:
        if isinstance(item, NextStep):
            return item
        if isinstance(item, TokenGenerated):
            tokens.append(item.token_id)
    return None


def test_generations_go_on_side_by_side_as_each_does_alone(
    compiled: PreTrainedModel, tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast]
) -> None:
    methods = [*POLICIES, Exact(KeyIndex(budget=40))]
    asked = [
        {"policy": policy, "max_new_tokens": 6 + number, "seed": number, "temperature": number % 2}
        for number, policy in enumerate(methods)
    ]
    prompts = [(torch.arange(50 + 3 * number) * 7 % 50 + 60).tolist() for number in range(len(methods))]
    alone = [
        [
            event.token_id
            for event in stream_generate(compiled, tiny[1], prompt, **options)  # type: ignore[arg-type]
            if isinstance(event, TokenGenerated)
        ]
        for prompt, options in zip(prompts, asked, strict=True)
    ]
    together = [
        stream_steps(compiled, tiny[1], prompt, **options)  # type: ignore[arg-type]
        for prompt, options in zip(prompts, asked, strict=True)
    ]
    texts: list[list[int]] = [[] for _ in methods]
    shared = 0
    while steps := [
        step for items, text in zip(together, texts, strict=True) if (step := up_to_a_step(items, text)) is not None
    ]:
        shared += decode_together(compiled, steps)
        assert decode_together(compiled, [step for step in steps if step.logits is not None]) == 0  # done once
    assert texts == alone
    assert shared > 60  # of methods that evict or have an index of their own, and of what is verified, there are none


@pytest.mark.parametrize("options", [{}, {"temperature": 0.9, "seed": 5}], ids=["greedy", "sampled"])
@pytest.mark.parametrize("drafter", [KeyIndex(budget=40), RefreshKV(budget=40)], ids=str)
def test_exact_writes_what_full_attention_writes(
    compiled: PreTrainedModel,
    tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast],
    drafter: Policy,
    options: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.drafting.Costs.best", lambda self, odds, most, draft=0.0: most)
    prompt = (torch.arange(150) * 7 % 50 + 60).tolist()

    def tokens(policy: Policy) -> list[int]:
        events = stream_generate(compiled, tiny[1], prompt, policy=policy, max_new_tokens=50, **options)  # type: ignore[arg-type]
        return [event.token_id for event in events if isinstance(event, TokenGenerated)]

    assert tokens(Exact(drafter)) == tokens(FullAttention())


def test_a_dictated_text_goes_several_tokens_a_step_and_tells_the_same(
    compiled: PreTrainedModel,
    graph: RowsStep,
    tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, steps = list(range(40, 81)), list[int]()

    def events() -> list[Event]:
        happened = stream_generate(
            compiled,
            tiny[1],
            list(range(70)),
            policy=KeyIndex(budget=40, stride=3),
            logits_processors=[Dictation(text, end=256)],
        )
        return [event for event in happened if isinstance(event, TokenGenerated | CacheRefreshed)]

    run = graph._run
    with monkeypatch.context() as patch:
        patch.setattr(graph, "_run", lambda tokens, places: steps.append(len(tokens)) or run(tokens, places))
        together = events()
    assert sum(steps) == 42  # the end too, which is not taken
    assert max(steps) == 8
    monkeypatch.setattr("core.drafting.foretelling", lambda sampler: [])
    alone = events()
    for ours, expected in zip(together, alone, strict=True):
        assert type(ours) is type(expected)
        if isinstance(ours, TokenGenerated) and isinstance(expected, TokenGenerated):
            assert replace(ours, seconds=0) == replace(expected, seconds=0)
        if isinstance(ours, CacheRefreshed) and isinstance(expected, CacheRefreshed):
            assert (ours.step, ours.reason) == (expected.step, expected.reason)
            assert (ours.kept_by_layer == expected.kept_by_layer).all()


@dataclass(frozen=True)
class Pyramid(Policy):
    """Each layer's small cache, or what it reads of an index, has a size of its own; the first may read all."""

    indexed: bool = False
    first_full: bool = False

    def capacity(self, prompt_length: int) -> int:
        return 10

    def for_layer(self, layer: int, layers: int) -> Policy:
        if self.indexed:
            # Shared counts come near the budget, not to the token.
            return KeyIndex(budget=20 + 30 * layer, bits=2 + layer, recent=4 + layer, stride=3 + layer, spread=1)
        if self.first_full and layer == 0:
            return FullAttention()
        return RefreshKV(budget=10 + 8 * layer, stride=4, recent=4)


@pytest.mark.parametrize("policy", [Pyramid(), Pyramid(first_full=True), Pyramid(indexed=True)], ids=str)
def test_layers_of_other_methods_are_as_by_the_modules(
    compiled: PreTrainedModel,
    graph: RowsStep,
    tiny: tuple[PreTrainedModel, PreTrainedTokenizerFast],
    policy: Policy,
) -> None:
    prompt = (torch.arange(150) * 7 % 50 + 60).tolist()

    def happened() -> list[object]:
        return [
            (event.step, event.layers, event.reason, event.kept_by_layer.sum(axis=1).tolist())
            if isinstance(event, CacheRefreshed)
            else event.full_layers
            for event in stream_generate(compiled, tiny[1], prompt, policy=policy, max_new_tokens=20)
            if isinstance(event, CacheRefreshed | TokenGenerated)
        ]

    fast = happened()
    delattr(compiled, FASTER_ATTRIBUTE)
    try:
        assert fast == happened()
    finally:
        setattr(compiled, FASTER_ATTRIBUTE, graph)


def test_a_cropped_cache_goes_on(compiled: PreTrainedModel, graph: RowsStep) -> None:
    prompt = torch.arange(40).view(1, 40)
    caches = [prefilled(compiled, RefreshKV(budget=6, stride=3), prompt) for _ in range(2)]
    results = []
    for cache, step in zip(caches, (decode, forward), strict=True):
        for token in (5, 6, 7, 8):
            step(compiled, torch.tensor([[token]]), cache)
        cache.truncate(42)
        results.append(step(compiled, torch.tensor([[9]]), cache))
        assert {layer.step for layer in cache.policy_layers.values()} == {Step.FULL}
        assert cache.token_ids == [*range(40), 5, 6, 9]
    assert (results[0] - results[1]).abs().max() <= 1e-3 * results[1].abs().max()


def test_a_batch_goes_through_the_modules(compiled: PreTrainedModel, graph: RowsStep) -> None:
    cache = PolicyCache(compiled.config, RefreshKV(budget=6))
    with torch.no_grad():
        compiled(input_ids=torch.zeros(2, 20, dtype=torch.long), cache=cache)
    assert graph.step(torch.tensor([[1]]), cache) is None
    assert cache.get_seq_length() == 20


def test_a_second_model_of_the_kind_finds_the_graph(graph_model: PreTrainedModel, graphs: Path) -> None:
    package = graphs / "graphs" / f"decode-{_key(graph_model)}.pt2"
    made = package.stat().st_mtime_ns
    other = tiny_model(intermediate_size=64)
    with torch.no_grad():
        other.model.embed_tokens.weight.mul_(0.5)
    quantize_int4(other)
    assert compile_decoding(other, cache_dir=graphs).wait(60)
    assert (_key(other), package.stat().st_mtime_ns) == (_key(graph_model), made)
    # Its own weights are used, not those of the model that was compiled.
    cache, expected = (prefilled(other, FullAttention(), torch.arange(30).view(1, 30)) for _ in range(2))
    token = torch.tensor([[3]])
    found = faster_step(other)
    assert found is not None
    difference = found.step(token, cache) - forward(other, token, expected)  # type: ignore[operator]
    assert difference.abs().max() < 1e-3


def test_what_cannot_be_compiled_is_said_and_goes_on(graphs: Path) -> None:
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=260, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, layer_types=["full_attention"] * 2,
    )  # fmt: skip
    model = enable(Gemma2ForCausalLM(config).eval())
    compilation = compile_decoding(model, cache_dir=graphs)
    assert not compilation.wait(300)
    assert "softcapping" in compilation.failure
    cache = prefilled(model, RefreshKV(budget=4, stride=2), torch.arange(20).view(1, 20))
    assert decode(model, torch.tensor([[1]]), cache).shape == (1, 260)


def test_a_sliding_window_is_not_compiled(graphs: Path) -> None:
    config = Gemma2Config(
        vocab_size=260, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, layer_types=["sliding_attention", "full_attention"],
    )  # fmt: skip
    compilation = compile_decoding(enable(Gemma2ForCausalLM(config).eval()), cache_dir=graphs)
    assert not compilation.wait(60)
    assert "other than full attention" in compilation.failure


@pytest.mark.parametrize("where", ["core.graph.place", "core.graph.np.stack", "_run"])
def test_a_step_that_fails_leaves_a_cache_that_goes_on(
    compiled: PreTrainedModel, graph: RowsStep, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    caches = [prefilled(compiled, RefreshKV(budget=6, stride=5), torch.arange(40).view(1, 40)) for _ in range(2)]
    token = torch.tensor([[1]])

    def fail(*inputs: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((graph, where) if where == "_run" else (where,)), fail)
        with pytest.raises(KeyboardInterrupt):
            decode(compiled, token, caches[0])
    assert caches[0].get_seq_length() == 40
    for layer in caches[1].policy_layers.values():
        layer.kept.small = None
    logits = [decode(compiled, token, cache) for cache in caches]
    assert torch.equal(*logits)
    assert caches[0].full_layers() == 3


def test_half_precision_is_not_compiled(graphs: Path) -> None:
    compilation = compile_decoding(tiny_model().half(), cache_dir=graphs)
    assert not compilation.wait(60)
    assert "torch.float16 is not compiled" in compilation.failure


def test_latent_attention_is_not_compiled(graphs: Path) -> None:
    model = enable(make_model("deepseek_v3"))
    compilation = compile_decoding(model, cache_dir=graphs)
    assert not compilation.wait(300)
    assert "another form" in compilation.failure


def test_without_kernels_there_is_no_graph(graphs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "load", lambda cache: False)
    compilation = compile_decoding(tiny_model(), cache_dir=graphs)
    assert not compilation.wait(60)
    assert compilation.failure == "there are no CPU kernels"


def test_a_damaged_graph_and_what_a_killed_process_left_are_made_anew(
    graph_model: PreTrainedModel, graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = graphs / "graphs" / f"decode-{_key(graph_model)}.pt2"
    package = tmp_path / "graphs" / good.name
    package.with_suffix(".partial").mkdir(parents=True)
    (package.with_suffix(".partial") / "step.pt2").write_bytes(b"half")
    data = bytearray(good.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(data)
    shutil.copytree(graphs / "kernels", tmp_path / "kernels")
    monkeypatch.setattr(Compilation, "_run_compiler", lambda _, arguments: shutil.copy(good, arguments[-1]))
    model = tiny_model(intermediate_size=64)
    quantize_int4(model)
    compilation = compile_decoding(model, cache_dir=tmp_path)
    assert compilation.wait(60), compilation.failure
    assert package.read_bytes() == good.read_bytes()
    assert list(package.parent.glob("*.partial")) == []


def test_a_compilation_can_be_cancelled(graphs: Path) -> None:
    model = tiny_model(intermediate_size=64, rope_theta=5000.0)
    compilation = compile_decoding(model, cache_dir=graphs)
    compilation.cancel()
    assert not compilation.running
    assert not compilation.ready
    assert not (graphs / "graphs" / f"decode-{_key(model)}.partial").exists()


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("policy", [FullAttention(), RefreshKV(budget=9, stride=3)])
def test_two_caches_in_turn_are_as_each_alone(compiled: PreTrainedModel, policy: Policy) -> None:
    """A contrast decodes each token in a cache of its own as well, by the same graph."""
    assert faster_step(compiled) is not None
    tokens = [torch.tensor([[token]]) for token in range(5, 25)]

    def caches() -> list[PolicyCache]:
        made = [PolicyCache(compiled.config, policy), PolicyCache(compiled.config, FullAttention())]
        for cache, length in zip(made, (60, 12), strict=True):
            with cache.prefill(last=True):
                forward(compiled, torch.arange(length)[None] % 250, cache)
        return made

    alone = [[decode(compiled, token, cache).clone() for token in tokens] for cache in caches()]
    together = caches()
    for at, token in enumerate(tokens):
        for expected, cache in zip(alone, together, strict=True):
            assert torch.equal(decode(compiled, token, cache), expected[at])


BEYOND = [
    FullAttention(),
    KeyIndex(budget=40),
    KeyIndex(budget=10_000),
    RefreshKV(budget=60, stride=4),
    RefreshKV(budget=60, stride=4, bits=0),
    RefreshKV(budget=60, stride=2, recent=0, lookahead=0),
    RefreshKV(budget=60, stride=2, recent=1000, pool_kernel_size=7),
]


@pytest.mark.parametrize("policy", BEYOND, ids=str)
def test_steps_beyond_the_window_are_compiled_too(compiled: PreTrainedModel, graph: RowsStep, policy: Policy) -> None:
    """Over more than a block, so that what is local begins anew. Queries are moved by other arithmetic and then rounded
    to bytes, so that of two positions that score alike one or the other may be chosen."""
    size = compiled.config.max_position_embeddings
    ids = torch.randint(0, 256, (1, size + 100), generator=torch.Generator().manual_seed(0))
    caches = [PolicyCache(compiled.config, policy, window="extend") for _ in range(2)]
    for cache in caches:
        with cache.prefill(last=True):
            forward(compiled, ids, cache)
    fast, slow = caches
    errors = []
    for token in torch.randint(0, 256, (size // 16 + 9, 1, 1), generator=torch.Generator().manual_seed(1)):
        logits = graph.step(token, fast)
        assert logits is not None
        expected = forward(compiled, token, slow)
        differ = int((fast.kept_by_layer() != slow.kept_by_layer()).sum())
        assert differ <= 64  # of some thousands: seven positions are chosen or left out by one peak
        errors.append(float((logits - expected).abs().max() / expected.abs().max()))
        assert errors[-1] <= (1e-3 if policy.make_index() is not None and not differ else 0.3)
        for mine, other in zip(fast.policy_layers.values(), slow.policy_layers.values(), strict=True):
            assert (mine.step, mine.full_steps) == (other.step, other.full_steps)
        assert fast.take_refreshes() == slow.take_refreshes()
    assert median(errors) <= 1e-2


@pytest.mark.parametrize("policy", BEYOND, ids=str)
def test_a_step_beyond_the_window_is_the_modules_from_the_same_cache(
    compiled: PreTrainedModel, graph: RowsStep, policy: Policy
) -> None:
    """What one of equal positions leads to later is left out: each step begins from one cache."""
    torch.manual_seed(0)
    ids = torch.randint(0, 256, (1, compiled.config.max_position_embeddings + 100))
    fast = PolicyCache(compiled.config, policy, window="extend")
    with fast.prefill(last=True):
        forward(compiled, ids, fast)
    errors = []
    for token in torch.randint(0, 256, (12, 1, 1)):
        slow = copy.deepcopy(fast)
        logits, expected = graph.step(token, fast), forward(compiled, token, slow)
        assert logits is not None
        differ = int((fast.kept_by_layer() != slow.kept_by_layer()).sum())
        assert differ <= 16  # of some thousands
        errors.append(float((logits - expected).abs().max() / expected.abs().max()))
        assert errors[-1] <= (1e-3 if policy.make_index() is not None and not differ else 5e-2)
    assert median(errors) <= 1e-3


@pytest.mark.parametrize("policy", [policy for policy in BEYOND if policy.make_index() is None], ids=str)
def test_a_first_step_beyond_the_window_under_another_policy(
    compiled: PreTrainedModel, graph: RowsStep, policy: Policy
) -> None:
    torch.manual_seed(0)
    cache = PolicyCache(compiled.config, FullAttention(), window="extend")
    with cache.prefill(last=True):
        forward(compiled, torch.randint(0, 256, (1, compiled.config.max_position_embeddings + 100)), cache)
    fast = cache.with_policy(policy)
    slow = copy.deepcopy(fast)
    logits, expected = graph.step(torch.tensor([[7]]), fast), forward(compiled, torch.tensor([[7]]), slow)
    assert logits is not None
    assert int((fast.kept_by_layer() != slow.kept_by_layer()).sum()) <= 16  # of some thousands
    assert (logits - expected).abs().max() <= 5e-2 * expected.abs().max()


def test_an_answer_goes_beyond_the_window_step_by_step(compiled: PreTrainedModel, graph: RowsStep) -> None:
    """From the window's last tokens on, with a step taken back; then a step that fails leaves nothing behind."""
    size = compiled.config.max_position_embeddings
    ids = torch.randint(0, 256, (1, size - 3), generator=torch.Generator().manual_seed(0))
    caches = [PolicyCache(compiled.config, KeyIndex(budget=50), window="extend") for _ in range(2)]
    for cache, step in zip(caches, (graph.step, lambda token, cache: forward(compiled, token, cache)), strict=True):
        with cache.prefill(last=True):
            forward(compiled, ids, cache)
        for token in range(12):
            assert step(torch.tensor([[token]]), cache) is not None
            cache.token_ids = list(range(cache.get_seq_length()))
        cache.truncate(size + 4)
        assert step(torch.tensor([[77]]), cache) is not None
    logits, expected = graph.step(torch.tensor([[5]]), caches[0]), forward(compiled, torch.tensor([[5]]), caches[1])
    assert logits is not None
    assert (logits - expected).abs().max() <= 1e-3 * expected.abs().max()
