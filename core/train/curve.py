"""The loss over the steps, as an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

WIDTH, HEIGHT, LEFT, BOTTOM, GAP = 720, 360, 56, 36, 14
GREY, BLUE = "#888", "#3b7dd8"
TICKS = 5
SMOOTHED = 20
"""The line is the mean of a step and those before it, so many in all."""


def curve(losses: Sequence[tuple[int, float]]) -> str:
    """Of (step, loss) ascending: each a dot, and the mean of the last steps as a line."""
    steps, values = [step for step, _ in losses], [loss for _, loss in losses]
    low, high = min(values), max(values)
    margin = (high - low or 1) / 20
    low, high = low - margin, high + margin

    def x(step: float) -> float:
        return LEFT + (step - steps[0]) / max(1, steps[-1] - steps[0]) * (WIDTH - LEFT - GAP)

    def y(loss: float) -> float:
        return GAP + (high - loss) / (high - low) * (HEIGHT - GAP - BOTTOM)

    means = [fmean(values[max(0, end - SMOOTHED) : end]) for end in range(1, len(values) + 1)]
    line = " ".join(f"{x(step):.1f},{y(mean):.1f}" for step, mean in zip(steps, means, strict=True))
    parts = [f'<circle cx="{x(step):.1f}" cy="{y(loss):.1f}" r="1.5"/>' for step, loss in losses]
    labels = []
    for tick in range(TICKS):
        loss = low + (high - low) * tick / (TICKS - 1)
        step = steps[0] + (steps[-1] - steps[0]) * tick / (TICKS - 1)
        labels.append(f'<text x="{LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.3f}</text>')
        labels.append(f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step:.0f}</text>')
        labels.append(f'<path d="M{LEFT} {y(loss):.1f}H{WIDTH - GAP}" stroke="{GREY}" stroke-opacity="0.2"/>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12"><title>Loss (nats a token) by step, and its mean over {SMOOTHED} steps</title>',
            f'<g fill="{GREY}">{"".join(labels)}</g>',
            f'<g fill="{BLUE}" fill-opacity="0.3">{"".join(parts)}</g>',
            f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="2"/>',
            "</svg>\n",
        ]
    )
