"""The two strips of bars: operations by step of time, and their share of errors. The server draws them, with the page.

Before: `speed` read the counts. After: SVG rectangles, in percent across and in pixels up.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.latency import Series
from dashboard.axis import percent
from dashboard.templatetags.formats import count

HEIGHT = 33.0  # pixels; the line below takes one
SHORTEST = 1.0  # what is not zero can be seen
HOT = 0.5  # of the peak: bars from here on are drawn solid
FEW = 5  # operations in a step: one error among them is no peak


@dataclass(frozen=True, slots=True)
class Bar:
    """A step's bar; `words` say it to the pointer."""

    x: float
    width: float
    y: float
    height: float
    words: str
    hot: bool = False


@dataclass(frozen=True, slots=True)
class Strips:
    """Both strips over the same steps. `peak` is the largest share of errors, in words; empty without any."""

    calls: list[Bar]
    errors: list[Bar]
    most_calls: int
    peak: str
    peak_ns: int
    from_ns: int
    to_ns: int
    step_ns: int


def strips(series: Series) -> Strips | None:
    """None when there is nothing to draw."""
    steps = list(zip(series.times_ns, series.counts, series.errors, strict=True))
    most = max(series.counts, default=0)
    if not most:
        return None
    shares = [errors / max(calls, FEW) for _, calls, errors in steps]
    highest = max(shares)
    at = shares.index(highest)
    calls_bars = [
        _bar(place, len(steps), calls / most, f"{count(calls)} operations") for place, (_, calls, _) in enumerate(steps)
    ]
    error_bars = [
        _bar(place, len(steps), share / highest, _said(steps[place][2], steps[place][1]), share >= HOT * highest)
        for place, share in enumerate(shares)
        if share
    ]
    return Strips(
        calls=[bar for bar, (_, calls, _) in zip(calls_bars, steps, strict=True) if calls],
        errors=error_bars,
        most_calls=most,
        peak=share_words(100 * steps[at][2] / steps[at][1]) if highest else "",
        peak_ns=steps[at][0],
        from_ns=steps[0][0],
        to_ns=steps[-1][0] + series.step_ns,
        step_ns=series.step_ns,
    )


def share_words(share_percent: float) -> str:
    """0.9 %, 12 %; what is there is never 0."""
    if 0 < share_percent < 0.1:
        return "< 0.1 %"
    return f"{share_percent:.1f} %" if 0 < share_percent < 10 else f"{share_percent:.0f} %"


def _bar(place: int, steps: int, share: float, words: str, hot: bool = False) -> Bar:
    height = round(max(SHORTEST, HEIGHT * share), 1)
    return Bar(percent(place * 100, steps * 100), round(85 / steps, 2), round(HEIGHT - height, 1), height, words, hot)


def _said(errors: int, calls: int) -> str:
    return f"{count(errors)} of {count(calls)} failed"
