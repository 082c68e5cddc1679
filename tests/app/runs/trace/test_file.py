"""A trace as a file: read back equal, and what is no trace is refused."""

import gzip
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from app.runs.trace import Replay, Trace, describe_policy, file, read_trace, write_trace
from app.runs.trace.file import TraceFile
from app.say.errors import TraceError
from core import METHODS, Exact, FullAttention, RefreshKV
from core.events import CacheRefreshed
from tests.app.runs.trace.runs import MadeRun, compose_pages, made_runs


def fields(trace: Trace) -> list[Any]:
    """Everything in a trace, arrays as lists."""
    places = trace.prompt.places
    arrays = [(str(array.dtype), array.tolist()) for array in (places.page, places.start, places.end)]
    prompt = (trace.prompt.token_ids, trace.prompt.document_start, trace.prompt.pieces, trace.prompt.pages)
    draft = trace.prompt.draft_tokens
    rest = (trace.settings, trace.layers, trace.heads, trace.draft_start, trace.tokens, trace.refreshes, trace.ending)
    return [*arrays, places.documents, *prompt, draft, *rest]


def altered(run: MadeRun, **changes: Any) -> bytes:
    whole = json.loads(gzip.decompress(write_trace(run.trace())))
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = whole
        for parent in parents:
            target = target[int(parent) if parent.isdecimal() else parent]
        target[last] = value
    return gzip.compress(json.dumps(whole).encode())


@given(made_runs())
def test_a_trace_reads_back_equal(run: MadeRun) -> None:
    trace = run.trace()
    data = write_trace(trace)
    assert fields(read_trace(data)) == fields(trace)
    assert write_trace(read_trace(data)) == data


def test_the_file_says_what_it_is() -> None:
    run = MadeRun([], compose_pages([[2, 1], [1]], 1, 1), (0, 2), 3, 12)
    whole = json.loads(gzip.decompress(write_trace(run.trace())))
    assert whole["format"] == "refreshkv-trace"
    assert whole["version"] == 1
    assert whole["settings"] == {
        "model": "smollm2-135m",
        "quantization": "nf4",
        "policy": {
            "method": "RefreshKV",
            "budget": 0.125,
            "stride": RefreshKV().stride,
            "similarity_threshold": None,
            "pool_kernel_size": RefreshKV().pool_kernel_size,
            "floor": RefreshKV().floor,
            "lookahead": RefreshKV().lookahead,
            "recent": RefreshKV().recent,
            "bits": RefreshKV().bits,
        },
        "sampling": {"temperature": 0.7, "max_new_tokens": 64},
        "seed": 7,
    }
    assert whole["prompt"] == {
        "token_ids": list(range(8)),
        "document_start": 1,
        "pages": [
            {"name": "d0.pdf", "document": 0, "number": 1, "label": None, "position": 1},
            {"name": "d0.pdf", "document": 0, "number": 2, "label": None, "position": 4},
            {"name": "d1.pdf", "document": 1, "number": 1, "label": None, "position": 6},
        ],
        "pieces": ["ab", "ab", "\n", "ab", "\n", "ab"],
        "token_page": [0, 0, -1, 1, -1, 2],
        "token_start": [0, 2, 0, 0, 0, 0],
        "token_end": [2, 4, 0, 2, 0, 2],
        "draft_tokens": 0,
    }
    assert {key: whole[key] for key in ("layers", "heads", "draft_start", "tokens", "refreshes", "ending")} == {
        "layers": [0, 2],
        "heads": 3,
        "draft_start": 12,
        "tokens": [],
        "refreshes": [],
        "ending": None,
    }


def test_policies_by_name_and_parameters() -> None:
    assert describe_policy(FullAttention()) == {"method": "FullAttention"}
    assert describe_policy(RefreshKV(budget=512, stride=5))["budget"] == 512
    assert describe_policy(RefreshKV.paper())["floor"] == 0
    assert describe_policy(Exact(RefreshKV(budget=9))) == {
        "method": "Exact",
        "policy": repr(RefreshKV(budget=9)),
        "draft": 4,
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_trace_of_every_method_is_written_and_read(method: str) -> None:
    trace = RUN.recorder().trace
    trace = replace(trace, settings=replace(trace.settings, policy=describe_policy(METHODS[method]())))
    assert read_trace(write_trace(trace)).settings.policy == trace.settings.policy


RUN = MadeRun([], compose_pages([[2, 1]], 0, 1), (0, 1), 3)
OLDER = {"method": "RefreshKV", "budget": 0.125, "stride": 10, "similarity_threshold": None, "pool_kernel_size": 7}
"""A policy as traces described it before a fraction had a floor."""
REFRESH = {"step": 1, "layers": [0], "reason": "stride", "context": 6, "packed": ""}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version: Input should be 1"),
        ({"format": "other"}, "format"),
        ({"heads": 0}, "heads"),
        ({"unknown": 1}, "unknown"),
        ({"prompt__token_end": [1]}, "differ in length"),
        ({"prompt__token_page": [0, 0, -1, 2]}, "not among the pages"),
        ({"prompt__token_end": [0, 3, 0, 2**31]}, "token_end.3: Input should be less than 2147483648"),
        ({"prompt__document_start": 2}, "do not end within the prompt"),
        ({"prompt__draft_tokens": 9}, "do not end within the prompt"),
        ({"refreshes": [REFRESH, REFRESH]}, "steps do not ascend"),
        ({"refreshes": [{**REFRESH, "context": 10**8}]}, "has a context of 100000000"),
        ({"refreshes": [{**REFRESH, "context": 10**12}]}, "1 refreshes of 1,000,000,000,000 positions are more than"),
        ({"refreshes": [{**REFRESH, "layers": [5]}]}, "layer that the policy does not act in"),
    ],
)
def test_what_is_no_trace_is_refused_and_says_why(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        read_trace(altered(RUN, **change))


def test_a_trace_from_before_the_floor_opens_and_says_what_it_said() -> None:
    data = altered(RUN, settings__policy=OLDER)
    trace = read_trace(data)
    assert trace.settings.policy == OLDER
    assert fields(read_trace(write_trace(trace))) == fields(trace)


def test_the_drafts_tokens_are_kept_and_a_trace_from_before_has_none() -> None:
    run = MadeRun([], replace(RUN.composed, draft_tokens=1), RUN.layers, RUN.heads)
    data = write_trace(run.trace())
    assert read_trace(data).prompt.draft_tokens == 1
    whole = json.loads(gzip.decompress(data))
    del whole["prompt"]["draft_tokens"]
    assert read_trace(gzip.compress(json.dumps(whole).encode())).prompt.draft_tokens == 0


def test_damaged_files_are_refused() -> None:
    data = write_trace(RUN.trace())
    for damaged, message in ((b"", "cut off"), (b"text", "not a trace"), (data[:-9], "cut off")):
        with pytest.raises(TraceError, match=message):
            read_trace(damaged)


def test_a_file_that_unfolds_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MOST_BYTES", 10**6)
    with pytest.raises(TraceError, match="more than 1 MB unpacked"):
        read_trace(gzip.compress(bytes(10**6 + 1), 9))


def test_values_are_counted_before_any_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        pytest.fail("made")

    monkeypatch.setattr(file, "MOST_VALUES", 1000)
    whole = write_trace(RUN.trace())
    assert read_trace(whole).heads == RUN.heads
    monkeypatch.setattr(TraceFile, "model_validate_json", refuse)
    with pytest.raises(TraceError, match="more than 1,000 values, which is the limit"):
        read_trace(gzip.compress(b'{"prompt":{"token_ids":[' + b"1999," * 1000, 9))


def test_a_damaged_refresh_is_noticed_when_it_is_played() -> None:
    trace = read_trace(altered(RUN, refreshes=[{**REFRESH, "packed": "AAAA"}]))
    with pytest.raises(ValueError, match="damaged"):
        Replay(trace).counts(0)


def test_every_field_is_described_or_speaks_for_itself() -> None:
    schema = TraceFile.model_json_schema()
    for name, part in schema["$defs"].items():
        assert part["description"], name
    assert schema["properties"]["draft_start"]["description"]


@pytest.mark.slow
def test_eight_thousand_positions_and_two_hundred_refreshes_stay_small() -> None:
    """As much as a long run has: 30 layers of 3 heads that keep 1,024 positions and exchange a third of them."""
    random = np.random.default_rng(0)
    run = MadeRun([], compose_pages([[1000] * 6], 0, 0), tuple(range(30)), 3)
    recorder, counts = run.recorder(), np.zeros((30, 8192), np.uint8)
    for number in range(200):
        rank = random.random((30, 8192)) + (counts > 0) * 0.5
        chosen = rank >= np.sort(rank)[:, -1024:][:, :1]
        counts = (chosen * np.where(counts > 0, counts, random.integers(1, 4, (30, 8192)))).astype(np.uint8)
        recorder.add(CacheRefreshed(number, tuple(range(30)), counts.sum(axis=0), "stride", counts))
    assert sum(len(refresh.packed) for refresh in recorder.trace.refreshes) < 12_000_000
