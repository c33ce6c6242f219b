"""How values are written on pages: durations, moments, ages, sizes, counts, ids.

Before: rows of `collector.queries`. After: templates. static/js/time.js draws the same times again in the reader's zone
and lets ages grow; it reads `data-ns`, a decimal text, because JavaScript rounds a present-day nanosecond to 256.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.attributes import untagged

register = template.Library()

US, MS, S = 10**3, 10**6, 10**9
UNKNOWN = "–"  # noqa: RUF001 - a dash, as tables write it
# Below which time: in which unit, with how many decimals. About three figures: more would look surer than it is.
SHAPES = [
    (US, 1, "ns", 0), (MS, US, "µs", 0), (10 * MS, MS, "ms", 1), (S, MS, "ms", 0), (10 * S, S, "s", 2),
    (60 * S, S, "s", 1),
]  # fmt: skip
LONG_SHAPES = [("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60), ("m", 60, "s", 1)]
ONE_LINE = 60  # characters of JSON that need no lines of their own
AGES_S = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]


@register.filter
def duration(ns: int | None, precision_ns: int = 1) -> str:
    """1.35 s, 15 ms, 5.1 ms, 650 µs. Never finer than the clock it was read from: `< 1 ms` when that counts in ms."""
    if ns is None:
        return UNKNOWN
    if ns < 0:
        return f"-{duration(-ns, precision_ns)}"
    return _read(ns, precision_ns)[0]


def reads_as(ns: int, precision_ns: int = 1) -> tuple[int, bool]:
    """What `duration` says of a length, in ns, and whether it says so itself: not with `<` before it.

    Of two lengths the one that reads lower has the lower pair.
    """
    return _read(ns, precision_ns)[1:]


def _read(ns: int, precision_ns: int) -> tuple[str, int, bool]:
    """A length's text, what that says in ns, and whether it says so itself."""
    step_ns = 1 if precision_ns <= 1 else _step_ns(precision_ns)  # a trace's page asks thousands of times
    if ns < step_ns and precision_ns > 1:
        text, said_ns = _rounded(step_ns, step_ns)
        return f"< {text}", said_ns, False
    return (*_rounded(ns, step_ns), True)


def _step_ns(precision_ns: int) -> int:
    """1, 2 or 5 of a decimal place, no finer than the precision. Multiples of the precision itself would read as exact:
    2.14 s known to 147 ms as 2.21 s."""
    place = int("1" + "0" * (len(str(precision_ns)) - 1))
    return next(step * place for step in (1, 2, 5, 10) if step * place >= precision_ns)


def _rounded(ns: int, coarsest_ns: int) -> tuple[str, int]:
    """A length's text, and what it says in ns."""
    for below_ns, unit_ns, unit, most_digits in SHAPES:
        if ns >= below_ns:
            continue
        finest_ns = unit_ns // 10**most_digits
        step_ns = max(finest_ns, coarsest_ns)
        rounded_ns = (ns + step_ns // 2) // step_ns * step_ns
        if rounded_ns < below_ns:
            digits = most_digits
            while digits and step_ns > finest_ns and step_ns * 10 ** (digits - 1) % unit_ns == 0:
                digits -= 1
            return f"{rounded_ns / unit_ns:.{digits}f} {unit}", rounded_ns
    step_ns = max(S, coarsest_ns)
    seconds = max(60, (ns + step_ns // 2) // step_ns * step_ns // S)
    unit, unit_s, rest_unit, rest_s = next(row for row in LONG_SHAPES if seconds >= row[1])
    rest = seconds % unit_s // rest_s
    said_ns = (seconds // unit_s * unit_s + rest * rest_s) * S
    return f"{seconds // unit_s} {unit} {rest} {rest_unit}" if rest else f"{seconds // unit_s} {unit}", said_ns


@register.filter
def since(ns: int | None, start_ns: int) -> str:
    """A moment by its distance from another: +15 ms, -2 s."""
    if ns is None:
        return UNKNOWN
    return duration(ns - start_ns) if ns < start_ns else f"+{duration(ns - start_ns)}"


@register.filter
def value(item: Any) -> str:
    """An attribute's value, or a log's body: text as it is, all else as JSON."""
    item = untagged(item)
    if isinstance(item, str):
        return item
    if item is None:
        return UNKNOWN
    written = orjson.dumps(item).decode()
    return written if len(written) <= ONE_LINE else orjson.dumps(item, option=orjson.OPT_INDENT_2).decode()


@register.filter
def moment(ns: int | None) -> str | SafeString:
    """A date and a time of day in milliseconds, UTC: 2026-11-24 09:30:00.123."""
    return _time(ns, "moment", "{date} {clock}")


@register.filter
def clock(ns: int | None) -> str | SafeString:
    """The time of day alone, where the date is plain: 09:30:00.123."""
    return _time(ns, "clock", "{clock}")


@register.filter
def minute(ns: int | None) -> str | SafeString:
    """The time of day where a minute is fine enough: 09:30."""
    return _time(ns, "minute", "{minute}")


@register.filter
def age(ns: int | None) -> str | SafeString:
    """How long ago: 2 s, 15 m, 3 h, 2 d. It grows while the page is open."""
    if ns is None:
        return UNKNOWN
    seconds = max(0, (time.time_ns() - ns) // S)
    unit, size = next(((unit, size) for unit, size in AGES_S if seconds >= size), ("s", 1))
    return _time(ns, "age", f"{seconds // size} {unit}")


def _time(ns: int | None, shape: str, pattern: str) -> str | SafeString:
    if ns is None:
        return UNKNOWN
    whole = datetime.fromtimestamp(ns // S, UTC)
    date, seconds, fraction = f"{whole:%Y-%m-%d}", f"{whole:%H:%M:%S}", f"{ns % S:09d}"
    return format_html(
        '<time datetime="{}T{}.{}Z" data-ns="{}" data-shape="{}" title="{} {}.{} UTC">{}</time>',
        date, seconds, fraction, ns, shape, date, seconds, fraction,
        pattern.format(date=date, clock=f"{seconds}.{fraction[:3]}", minute=seconds[:5]),
    )  # fmt: skip


@register.filter
def count(number: int | None) -> str:
    """1,042."""
    return UNKNOWN if number is None else f"{number:,}"


@register.filter
def range_words(name: str) -> str:
    """A time range as a sentence has it: 15m is 15 min."""
    return f"{name[:-1]} {'min' if name.endswith('m') else name[-1:]}"


@register.filter
def size(number: int | None) -> str:
    """Bytes in powers of 1024: 512 B, 1.5 KiB, 5.0 GiB."""
    if number is None:
        return UNKNOWN
    if number < 1024:
        return f"{number} B"
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= 1024
        if amount < 1023.95 or unit == "TiB":
            break
    return f"{amount:,.1f} {unit}"


@register.filter
def short_id(identity: str | None) -> str:
    """The first eight digits: enough to tell ids on a page apart."""
    return identity[:8] if identity else UNKNOWN
