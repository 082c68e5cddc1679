import pytest

from benchmarks import decode
from benchmarks.decode import Method, measure
from benchmarks.process import WorkerError
from benchmarks.protocol import Measurement, Setup


class FakeWorker:
    """Decodes at the rates given in turn, and fails at one context."""

    details = "fake"

    def __init__(self, name: str, calls: list[tuple[str, int]], rates: list[float], fails_at: int = 0) -> None:
        self.name, self.calls, self.rates, self.fails_at = name, calls, rates, fails_at

    def measure(self, context: int) -> Measurement:
        self.calls.append((self.name, context))
        if context == self.fails_at:
            raise WorkerError("out of memory")
        return Measurement(first_token_seconds=1, decode_rate=self.rates.pop(0))


@pytest.fixture(autouse=True)
def bandwidths(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([3e9, 5e9, 4e9])
    monkeypatch.setattr(decode, "read_bandwidth", lambda: next(measured))


def test_methods_take_turns_and_their_medians_are_returned() -> None:
    calls: list[tuple[str, int]] = []
    workers = {"a": FakeWorker("a", calls, [1, 10, 9]), "b": FakeWorker("b", calls, [2, 3, 4])}
    results, bandwidth = measure(workers, [512], repetitions=3)
    assert calls == [("a", 512), ("b", 512)] * 3
    assert results == {"a": {512: Measurement(1, 9)}, "b": {512: Measurement(1, 3)}}
    assert bandwidth == 5e9


def test_a_method_that_fails_at_a_context_is_reported_there_and_not_asked_again() -> None:
    calls: list[tuple[str, int]] = []
    workers = {"a": FakeWorker("a", calls, [1, 1], fails_at=2048), "b": FakeWorker("b", calls, [2, 2, 2, 2])}
    results, _ = measure(workers, [512, 2048], repetitions=2)
    assert calls.count(("a", 2048)) == 1
    assert calls.count(("b", 2048)) == 2
    assert results["a"] == {512: Measurement(1, 1), 2048: "out of memory"}


def test_a_method_that_does_not_start_stays_in_the_report_with_the_reason(
    setup: Setup, tmp_path_factory: pytest.TempPathFactory
) -> None:
    methods = [Method("A peer, 4 bits", "absent")]
    logs = tmp_path_factory.mktemp("logs")
    report = decode.run(methods, setup, [512], repetitions=1, logs=logs)
    reason = report.results["A peer, 4 bits"][512]
    assert isinstance(reason, str)
    assert "No module named benchmarks.workers.absent" in reason
    assert reason in report.table()
    assert [log.name for log in logs.iterdir()] == ["a-peer-4-bits.log"]
