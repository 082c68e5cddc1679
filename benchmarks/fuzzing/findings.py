"""What became of inputs: by kind, how many were read or refused, and each fault with the input that showed it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

FAULTS_SHOWN = 3
"""Inputs that are named for a fault of each sort."""


@dataclass
class Findings:
    """outcomes: of each kind, how often each. faults: of each kind and sort, the numbers of the inputs."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    slowest: float = 0.0
    memory: list[int] = field(default_factory=list)
    """Megabytes that the processes held, from time to time."""

    def add(self, kind: str, outcome: str, number: int, faults: list[str]) -> None:
        """Note the input of that number."""
        self.outcomes[kind]["fault" if faults else outcome] += 1
        for fault in faults:
            self.faults[kind, fault].append(number)

    def report(self) -> str:
        """Tables, in Markdown, and the faults."""
        names = sorted({name for counts in self.outcomes.values() for name in counts})
        lines = [f"| kind | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
        total: Counter[str] = Counter()
        for kind, counts in sorted(self.outcomes.items()):
            total += counts
            lines.append(f"| {kind} | {' | '.join(f'{counts[name]:,}' for name in names)} |")
        lines.append(f"| all | {' | '.join(f'{total[name]:,}' for name in names)} |")
        lines += ["", f"slowest: {self.slowest:.1f} s"]
        if self.memory:
            middle = self.memory[len(self.memory) // 2]
            lines += [f"memory: {self.memory[0]} MB at first, {middle} in the middle, {self.memory[-1]} at last, "
                      f"{max(self.memory)} at most"]  # fmt: skip
        for (kind, fault), numbers in sorted(self.faults.items()):
            shown = ", ".join(map(str, numbers[:FAULTS_SHOWN]))
            lines += ["", f"{kind}: {fault} ({len(numbers)}: {shown}{', …' * (len(numbers) > FAULTS_SHOWN)})"]
        return "\n".join(lines)
