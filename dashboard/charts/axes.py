"""The axis of values: its range, at most six grid lines, and what stands beside them in words.

Before: numbers and their unit (UCUM, as OpenTelemetry writes it). After: Plotly's axis, as a dict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.charts.chart import colour, plain
from dashboard.units import DURATIONS_NS, PER, SIZES, figures, quantity

MOST_TICKS = 6
BEYOND = 1e30  # senders may say anything: what is larger has no place on an axis
# Ticks of a logarithmic axis, with how soon they give way to others: 1, 10, 100 stay longest. Beyond a minute people
# count in sixties.
DECIMAL = ((1, 0), (2, 2), (5, 1))
LONG_S = {
    60: 1, 120: 2, 300: 2, 600: 0, 1_800: 2, 3_600: 0, 7_200: 2, 21_600: 1, 43_200: 2, 86_400: 0,
    172_800: 2, 604_800: 1,
}  # fmt: skip
LONG_NS = {seconds * 10**9: rank for seconds, rank in LONG_S.items()}
MINUTE_NS, DAY_NS = 60 * 10**9, 86_400 * 10**9
LONG_WORDS = [("d", DAY_NS), ("h", 3_600 * 10**9), ("min", MINUTE_NS)]
SHORT_WORDS = [("s", 10**9), ("ms", 10**6), ("µs", 10**3), ("ns", 1)]


def value_axis(values: Iterable[float | None], unit: str, *, log: bool) -> dict[str, Any]:
    """An axis that holds all the values. Logarithmic ones hold the positive values: `lifted` says where others go."""
    known = [value for value in values if value is not None and abs(value) < BEYOND]
    axis = _logarithmic(known, unit) if log else _linear(known, unit)
    return axis | {
        "gridcolor": colour("rule"),
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": True,  # the reader zooms in time; values keep their place
        "tickfont": {"color": colour("text-3")},
    }


def lifted(values: list[float | None], axis: dict[str, Any]) -> list[float | None]:
    """As drawn: what is not a number breaks the line; on a logarithmic axis zero and less lie on its foot."""
    foot = 10 ** axis["range"][0] if axis["type"] == "log" else -math.inf
    return [None if value is None or not math.isfinite(value) else max(value, foot) for value in values]


def place(value: float, axis: dict[str, Any]) -> float:
    """How far up the axis a value is, 0 to 1."""
    low, high = axis["range"]
    at = math.log10(max(value, 10**low)) if axis["type"] == "log" else value
    return float((at - low) / (high - low))


def _logarithmic(values: list[float], unit: str) -> dict[str, Any]:
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive), max(positive)
    if low < high and min(values) <= 0:
        low /= 2  # room for what has no logarithm
    # At least a factor of four: else noise of a few percent fills the picture.
    middle = math.sqrt(low) * math.sqrt(high)
    low, high = min(low / 1.15, middle / 2), max(high * 1.15, middle * 2)
    found = _few([(tick, rank) for tick, rank in _log_ticks(low, high, unit) if low <= tick <= high])
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickmode": "array",
        "tickvals": found,
        "ticktext": [plain(tick_text(tick, unit)) for tick in found],
    }


def _few(ticks: list[tuple[float, int]]) -> list[float]:
    """At most MOST_TICKS of them: those that give way first go first, and at last every other."""
    for most_rank in (2, 1, 0):
        found = [tick for tick, rank in ticks if rank <= most_rank]
        if len(found) <= MOST_TICKS:
            return found
    return found[:: -(-len(found) // MOST_TICKS)]


def _log_ticks(low: float, high: float, unit: str) -> Iterator[tuple[float, int]]:
    if size := _bytes(unit):
        first, last = math.floor(math.log2(low * size)), math.ceil(math.log2(high * size))
        yield from ((2.0**power / size, 0) for power in range(first, last + 1))
        return
    scale = DURATIONS_NS.get(unit)
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for step, rank in DECIMAL:
            tick = step * 10.0**power
            if not scale or tick * scale < MINUTE_NS:
                yield tick, rank
    if scale:
        yield from ((ns / scale, rank) for ns, rank in LONG_NS.items())


def _linear(values: list[float], unit: str) -> dict[str, Any]:
    low, high = min([0.0, *values]), max([0.0, *values])
    if low == high:
        high = 1.0
    step = _step(high - low, unit, whole=all(float(value).is_integer() for value in values))
    top, foot = high + (high - low) * 0.06, low - (high - low) * 0.06 if low < 0 else 0.0
    found = [n * step for n in range(math.ceil(foot / step), math.floor(top / step) + 1)]
    return {
        "type": "linear",
        "range": [foot, top],
        "tickmode": "array",
        "tickvals": found,
        "ticktext": [plain(tick_text(tick, unit)) for tick in found],
    }


def _step(length: float, unit: str, *, whole: bool) -> float:
    """The smallest round step with at most MOST_TICKS lines."""
    scale = DURATIONS_NS.get(unit)
    if scale and length * scale > MINUTE_NS * MOST_TICKS:
        days = length * scale / DAY_NS
        return next((ns for ns in LONG_NS if days * DAY_NS <= ns * (MOST_TICKS - 1)), _round(days) * DAY_NS) / scale
    if size := _bytes(unit):
        return 2.0 ** math.ceil(math.log2(max(1.0, length * size / (MOST_TICKS - 1)))) / size
    step = _round(length)
    return max(1.0, step) if whole and not scale else step


def _round(length: float) -> float:
    power = math.floor(math.log10(length / MOST_TICKS))
    return next(n * 10.0**power for n in (1, 2, 5, 10, 20) if length <= n * 10.0**power * (MOST_TICKS - 1))


def tick_text(value: float, unit: str) -> str:
    """50 ms, 2 min, 512 MiB, 1,000: round numbers, so no more decimals than they have."""
    scale = DURATIONS_NS.get(unit)
    if value == 0:
        return "0"
    if scale:
        ns = abs(value * scale)
        rows = LONG_WORDS if ns >= MINUTE_NS and ns % MINUTE_NS == 0 else SHORT_WORDS
        word, size = next(((word, size) for word, size in rows if ns >= size * 0.999), SHORT_WORDS[-1])
        return f"{value * scale / size:.6g} {word}"
    if _bytes(unit):
        return quantity(value, unit).replace(".0 ", " ")
    suffix = " %" if unit == "%" else ""
    return figures(float(f"{value:.6g}")) + suffix


def _bytes(unit: str) -> int:
    """How many bytes the unit is, also per second; 0 when it counts something else."""
    per = PER.fullmatch(unit)
    return SIZES.get(per[1] if per else unit, 0)
