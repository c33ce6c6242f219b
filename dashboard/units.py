"""Measurements as people read them: a metric's number and its unit (UCUM, as OpenTelemetry writes it) in a few words.

Before: numbers of `dashboard.measured`. After: 12 ms, 120 MiB, 3 requests, 4.5 %. About four figures; the exact number
is in the CSV and in the title of the cell.
"""

from __future__ import annotations

import math
import re

from dashboard.measured import Number
from dashboard.templatetags.formats import UNKNOWN, duration, size

DURATIONS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3_600 * 10**9}
SIZES = {"By": 1, "kBy": 1_000, "KiBy": 1 << 10, "MBy": 10**6, "MiBy": 1 << 20, "GBy": 10**9, "GiBy": 1 << 30}
WORDS = {"1": "", "By": "bytes", "ns": "nanoseconds", "us": "microseconds", "ms": "milliseconds", "s": "seconds"}
COUNTED = re.compile(r"\{([^{}]{1,40})\}(/.{1,10})?")
PER = re.compile(r"(.+)/(s|min|h)")


def quantity(value: Number | None, unit: str) -> str:
    """The number with its unit."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):  # NaN, Infinity
        return f"{value} {unit}".strip()
    if unit in DURATIONS_NS:
        return _duration(value, unit)
    if unit in SIZES and value >= 0:
        return size(round(value * SIZES[unit]))
    if unit == "%":
        return f"{figures(value)} %"
    if match := COUNTED.fullmatch(unit):
        return f"{figures(value)} {_plural(match[1], value)}{match[2] or ''}"
    if (match := PER.fullmatch(unit)) and match[1] in SIZES:
        return f"{quantity(value, match[1])}/{match[2]}"
    return figures(value) if unit in ("", "1") else f"{figures(value)} {unit}"


def unit_word(unit: str) -> str:
    """The unit alone, for a head: `1` says nothing, what is counted stands in the plural."""
    if match := COUNTED.fullmatch(unit):
        return _plural(match[1], 2) + (match[2] or "")
    bare = unit.translate({ord("{"): None, ord("}"): None})
    return WORDS.get(unit, bare)


def figures(value: int | float) -> str:
    """A number with thousands apart: whole when it is, else about four figures."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.3e}"
    decimals = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _duration(value: int | float, unit: str) -> str:
    """Below a nanosecond, and beyond what time can be, it is but a number."""
    ns = value * DURATIONS_NS[unit]
    if value == 0:
        return f"0 {unit}"
    return duration(round(ns)) if 1 <= abs(ns) < 2**63 else f"{figures(value)} {unit}"


def _plural(word: str, value: int | float) -> str:
    if value == 1 or re.search(r"([^s]s|[^a-z])$", word):  # has one already, or is no English word
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("ch", "sh", "ss", "x", "z")) else "s")
