"""ContextContrast against the same computed from scratch at every step."""

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core import ContextContrast, FullAttention, InvalidParameterError, PolicyCache, generate, stream_generate
from core.events import TokenGenerated
from core.prompt import encode_prompt
from core.steps import forward

Tiny = tuple[PreTrainedModel, PreTrainedTokenizerFast]
WITH, WITHOUT = "The tide turns twice a day. What turns? ", "What turns? "


def logits(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """Of the last token, with nothing kept from before."""
    cache = PolicyCache(model.config, FullAttention())
    with cache.prefill(last=True), torch.no_grad():
        return forward(model, ids, cache).float()


def plain(model: PreTrainedModel, scores: Tensor, without: Tensor, weight: float, plausible: float) -> Tensor:
    """The paper's formula, token by token."""
    p, q = scores.softmax(-1)[0].tolist(), logits(model, without).softmax(-1)[0].tolist()
    values = [
        (1 + weight) * torch.tensor(a).log() - weight * torch.tensor(b).log() if a >= plausible * max(p) else -torch.inf
        for a, b in zip(p, q, strict=True)
    ]
    return torch.tensor([values])


@pytest.mark.slow
@pytest.mark.parametrize(("weight", "plausible"), [(0.5, 0.05), (1.0, 0.3), (0.0, 0.001)])
def test_the_formula_at_every_step_and_in_a_second_run(tiny: Tiny, weight: float, plausible: float) -> None:
    model, tokenizer = tiny
    contrast = ContextContrast(model, tokenizer, WITHOUT, weight=weight, plausible=plausible)
    without = encode_prompt(tokenizer, WITHOUT)
    for text in (WITH, "Another. " + WITH):
        ids = encode_prompt(tokenizer, text)
        new = torch.empty(1, 0, dtype=torch.long)
        for _ in range(8):
            scores = logits(model, torch.cat([ids, new], 1))
            found = contrast(torch.cat([ids, new], 1), scores)
            expected = plain(model, scores, torch.cat([without, new], 1), weight, plausible)
            assert torch.equal(found.isfinite(), expected.isfinite())
            kept = expected.isfinite()
            torch.testing.assert_close(found[kept], expected[kept], rtol=1e-3, atol=1e-3)
            new = torch.cat([new, found.argmax(-1, keepdim=True)], 1)


@pytest.mark.slow
def test_generation_takes_the_contrasted_tokens(tiny: Tiny) -> None:
    model, tokenizer = tiny
    contrast = ContextContrast(model, tokenizer, WITHOUT, weight=1.0)
    options = {"policy": FullAttention(), "max_new_tokens": 12, "logits_processors": [contrast]}
    taken = [e.token_id for e in stream_generate(model, tokenizer, WITH, **options) if isinstance(e, TokenGenerated)]
    ids, without = encode_prompt(tokenizer, WITH), encode_prompt(tokenizer, WITHOUT)
    for token in taken:
        scores = plain(model, logits(model, ids), without, 1.0, 0.05)
        assert token == int(scores.argmax())
        ids, without = (torch.cat([one, torch.tensor([[token]])], 1) for one in (ids, without))
    assert generate(model, tokenizer, WITH, **options) == tokenizer.decode(taken)
    inputs = tokenizer(WITH, return_tensors="pt")
    output = model.generate(**inputs, logits_processor=[contrast], max_new_tokens=12, do_sample=False)
    assert output[0, inputs["input_ids"].shape[1] :].tolist() == taken


def test_other_processors_may_have_left_few_tokens(tiny: Tiny) -> None:
    model, tokenizer = tiny
    scores = torch.full((1, 260), -torch.inf)
    scores[0, [5, 7]] = torch.tensor([1.0, 0.5])
    found = ContextContrast(model, tokenizer, WITHOUT)(encode_prompt(tokenizer, WITH), scores)
    assert found.isfinite().nonzero()[:, 1].tolist() == [5, 7]


@pytest.mark.parametrize(("weight", "plausible"), [(-0.1, 0.05), (0.5, 0.0), (0.5, 1.1)])
def test_values_that_mean_nothing_are_refused(tiny: Tiny, weight: float, plausible: float) -> None:
    with pytest.raises(InvalidParameterError, match=str(weight)):
        ContextContrast(*tiny, WITHOUT, weight=weight, plausible=plausible)
