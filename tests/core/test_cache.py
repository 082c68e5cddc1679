"""The cache as transformers sees it, and the errors where a policy would silently do nothing."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache, PreTrainedModel

from core import FullAttention, InvalidParameterError, PolicyCache, PolicyInactiveError, RefreshKV, enable
from tests.core.architectures import make_model

pytestmark = pytest.mark.usefixtures("one_thread", "built_kernels")
IDS = torch.randint(2, 96, (1, 64), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model() -> PreTrainedModel:
    return enable(make_model("llama"))


@torch.no_grad()
def forward(model: PreTrainedModel, cache: object, ids: torch.Tensor) -> torch.Tensor:
    return model(ids, cache=cache, use_cache=True).logits[:, -1]


def steps(model: PreTrainedModel, cache: PolicyCache, count: int) -> list[tuple[int, int]]:
    for index in range(count):
        forward(model, cache, IDS[:, index : index + 1])
    return [(layer.full_steps, layer.partial_steps) for layer in cache.policy_layers.values()]


def test_the_full_cache_never_loses_a_token(model: PreTrainedModel) -> None:
    cache, stock = PolicyCache(model.config, RefreshKV(budget=4, stride=3)), DynamicCache(config=model.config)
    forward(model, cache, IDS)
    forward(model, stock, IDS)
    torch.testing.assert_close(cache.layers[0].keys, stock.layers[0].keys)
    # Keys and values of the first layer depend on the tokens alone, so they can be compared after partial steps too.
    for index in range(20):
        forward(model, cache, IDS[:, index : index + 1])
        forward(model, stock, IDS[:, index : index + 1])
    torch.testing.assert_close(cache.layers[0].keys, stock.layers[0].keys)
    torch.testing.assert_close(cache.layers[0].values, stock.layers[0].values)
    assert [layer.get_seq_length() for layer in cache.layers] == [84, 84, 84]


@pytest.mark.parametrize(
    ("policy", "slots"),
    [
        (RefreshKV(5), 5),
        (RefreshKV(100), 64),
        (RefreshKV.paper(0.1), 6),
        (RefreshKV.paper(1.0), 64),
        (RefreshKV(1 / 8, floor=20), 20),
        (RefreshKV(1 / 2, floor=20), 32),
        (RefreshKV(1 / 8, floor=100), 64),
    ],
    ids=str,
)
def test_the_small_cache_holds_what_the_policy_says_and_no_more_than_there_is(
    model: PreTrainedModel, policy: RefreshKV, slots: int
) -> None:
    cache = PolicyCache(model.config, policy)
    forward(model, cache, IDS)
    assert [layer.small.positions.shape for layer in cache.policy_layers.values()] == [(1, 2, slots)] * 3
    assert cache.kept().sum() == slots * 2 * 3


def test_what_is_kept_is_counted_by_layer_and_position(model: PreTrainedModel) -> None:
    cache = PolicyCache(model.config, RefreshKV(budget=6, stride=4))
    forward(model, cache, IDS)
    steps(model, cache, 6)
    expected = [[0] * 70 for _ in range(3)]
    for index, layer in cache.policy_layers.items():
        for head in layer.small.positions[0].tolist():
            for position in head:
                expected[index][position] += 1
    assert cache.kept_by_layer().tolist() == expected
    assert cache.kept().tolist() == [sum(column) for column in zip(*expected, strict=True)]


def test_layers_without_a_small_cache_keep_nothing() -> None:
    model = enable(make_model("gemma2"))
    cache = PolicyCache(model.config, RefreshKV(budget=6))
    forward(model, cache, IDS)
    kept = cache.kept_by_layer()
    assert {index for index, row in enumerate(kept) if row.any()} == set(cache.policy_layers)
    assert 0 < len(cache.policy_layers) < len(kept)


def test_counts_start_over_with_reset(model: PreTrainedModel) -> None:
    cache = PolicyCache(model.config, RefreshKV(budget=8, stride=4))
    forward(model, cache, IDS)
    assert steps(model, cache, 9) == [(2, 7)] * 3
    cache.reset()
    assert cache.get_seq_length() == 0
    first = forward(model, cache, IDS)
    assert steps(model, cache, 3) == [(0, 3)] * 3
    torch.testing.assert_close(first, forward(model, PolicyCache(model.config, RefreshKV(budget=8)), IDS))


def test_crop_drops_the_small_cache_and_the_next_step_chooses_a_new_one(model: PreTrainedModel) -> None:
    cache = PolicyCache(model.config, RefreshKV(budget=8, stride=100))
    forward(model, cache, IDS)
    steps(model, cache, 5)
    cache.take_refreshes()
    cache.crop(-7)
    assert cache.get_seq_length() == 62
    logits = forward(model, cache, IDS[:, 62:63])
    assert cache.take_refreshes() == dict.fromkeys(range(3), "rebuild")
    torch.testing.assert_close(logits, forward(model, DynamicCache(config=model.config), IDS[:, :63]))
    with pytest.raises(ValueError, match="got 3"):
        cache.crop(3)


def test_batch_operations_move_both_caches(model: PreTrainedModel) -> None:
    rows = torch.cat([IDS, IDS.flip(1)])
    policy = RefreshKV(budget=8, stride=5, similarity_threshold=0.5)

    def run(change: str, argument: object, expected_rows: list[int]) -> None:
        cache, expected = PolicyCache(model.config, policy), PolicyCache(model.config, policy)
        forward(model, cache, rows)
        getattr(cache, change)(argument)
        forward(model, expected, rows[expected_rows])
        for index in range(12):
            token = IDS[:, index : index + 1].expand(len(expected_rows), -1)
            torch.testing.assert_close(forward(model, cache, token), forward(model, expected, token))

    run("reorder_cache", torch.tensor([1, 0]), [1, 0])
    run("batch_repeat_interleave", 2, [0, 0, 1, 1])
    run("batch_select_indices", torch.tensor([1]), [1])


def test_left_padding_is_never_attended_to_by_a_small_cache(model: PreTrainedModel) -> None:
    """With padding in front, partial steps give what the unpadded prompt gives with the same number of slots."""
    policy = RefreshKV(budget=8, stride=5)
    padded, plain = PolicyCache(model.config, policy), PolicyCache(model.config, policy)
    pad = 20
    ids = torch.cat([torch.zeros(1, pad, dtype=torch.long), IDS], dim=1)
    mask = torch.ones_like(ids)
    mask[:, :pad] = 0
    for start, end in [(0, 64), *((i, i + 1) for i in range(64, 76))]:
        token = IDS if start == 0 else IDS[:, start - 64 : start - 63]
        columns = torch.cat([mask, torch.ones(1, end - 64, dtype=torch.long)], dim=1)
        positions = (columns.cumsum(-1) - 1).clamp(min=0)
        step = ids if start == 0 else token
        with torch.no_grad():
            logits = model(
                step, attention_mask=columns, position_ids=positions[:, -step.shape[1] :], cache=padded, use_cache=True
            ).logits[:, -1]
        torch.testing.assert_close(logits, forward(model, plain, token), atol=1e-4, rtol=1e-3)
    assert padded.policy_layers[0].partial_steps == 10


def test_prompt_lookup_decoding_stays_exact(model: PreTrainedModel) -> None:
    ids = IDS[:, :16].repeat(1, 3)
    options = {"do_sample": False, "max_new_tokens": 24, "attention_mask": torch.ones_like(ids)}
    stock = make_model("llama").generate(ids, **options)
    cache = PolicyCache(model.config, RefreshKV(budget=1000))
    assert model.generate(ids, cache=cache, prompt_lookup_num_tokens=4, **options).tolist() == stock.tolist()


def test_a_turn_after_assisted_decoding_is_a_prompt(model: PreTrainedModel) -> None:
    ids = IDS[:, :16].repeat(1, 3)
    cache = PolicyCache(model.config, RefreshKV(budget=8, stride=100))
    options = {"do_sample": False, "max_new_tokens": 4}
    more = torch.cat([model.generate(ids, cache=cache, prompt_lookup_num_tokens=4, **options), IDS], dim=1)
    cache.take_refreshes()
    model.generate(more, cache=cache, **options)
    assert set(cache.take_refreshes().values()) == {"prefill"}
    assert {layer.decode_step for layer in cache.policy_layers.values()} == {3}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_model_that_was_not_enabled_is_refused(attention: str) -> None:
    model = make_model("llama", attention)
    with pytest.raises(PolicyInactiveError, match=rf"'{attention}'.*enable\(model\)"):
        forward(model, PolicyCache(model.config, RefreshKV()), IDS)


def test_attention_switched_back_during_a_run_is_refused(model: PreTrainedModel) -> None:
    cache = PolicyCache(model.config, RefreshKV())
    forward(model, cache, IDS)
    model.set_attn_implementation("sdpa")
    with pytest.raises(PolicyInactiveError, match="'sdpa'"):
        forward(model, cache, IDS[:, :1])


def test_an_architecture_that_passes_no_arguments_is_refused() -> None:
    config = AutoConfig.for_model(
        "gpt_neox", vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4
    )
    model = enable(AutoModelForCausalLM.from_config(config))
    with pytest.raises(PolicyInactiveError, match="does not hand its attention arguments to the cache"):
        forward(model, PolicyCache(model.config, RefreshKV()), IDS)


def test_attention_that_ignores_the_cache_is_noticed(model: PreTrainedModel) -> None:
    """A layer that is updated but never attended to through our function, whatever the config says."""
    cache = PolicyCache(model.config, RefreshKV())
    states = torch.zeros(1, 2, 4, 8)
    cache.update(states, states, 0, kwargs={})
    with pytest.raises(PolicyInactiveError, match="previous step"):
        cache.update(states, states, 0, kwargs={})


def test_a_model_without_full_attention_layers_is_refused() -> None:
    config = make_model("mistral").config
    config.sliding_window = 16
    with pytest.raises(PolicyInactiveError, match=r"no full-attention layer .*sliding_attention"):
        PolicyCache(config, RefreshKV())
    PolicyCache(config, FullAttention())


def test_models_the_policies_are_not_for_are_refused() -> None:
    with pytest.raises(PolicyInactiveError, match="encoder-decoder"):
        PolicyCache(AutoConfig.for_model("t5"), RefreshKV())
    with pytest.raises(PolicyInactiveError, match="shares keys and values"):
        PolicyCache(AutoConfig.for_model("gemma3n"), RefreshKV())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"budget": 0}, "budget is 0"),
        ({"budget": 1.5}, "budget is 1.5"),
        ({"budget": True}, "budget is True"),
        ({"budget": "1/8"}, "budget is '1/8'"),
        ({"stride": 0}, "stride is 0"),
        ({"stride": 2.5}, "stride is 2.5"),
        ({"similarity_threshold": 1.2}, "similarity_threshold is 1.2"),
        ({"pool_kernel_size": 4}, "pool_kernel_size is 4"),
        ({"lookahead": -1}, "lookahead is -1"),
        ({"lookahead": 2.5}, "lookahead is 2.5"),
        ({"recent": -1}, "recent is -1"),
        ({"recent": True}, "recent is True"),
        ({"floor": -1}, "floor is -1"),
        ({"floor": 0.5}, "floor is 0.5"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        RefreshKV(**parameters)
