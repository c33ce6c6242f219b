"""Single values of query parameters: a text to a time, a duration, a severity.

Before: `parameters` hands over what was given. Each reader raises ValueError with half a sentence, to follow the value:
"is not a time: write ...". Times and durations are integer nanoseconds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from collector.records import MAX_TIME_NS

UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
SEVERITIES = {
    "trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21, "critical": 21,
}  # fmt: skip

DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?( ?[Zz]|[+ -]\d\d:?\d\d)?)?", re.ASCII
)
DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*([a-zA-Zµμ]*)", re.ASCII)
TRACE_ID = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)


def time_ns(text: str) -> int:
    """ISO 8601, UTC unless it names an offset, or integer nanoseconds since 1970."""
    if text.isascii() and text.isdigit():
        ns = int(text) if len(text) <= 19 else MAX_TIME_NS + 1
    else:
        match = DATE_TIME.fullmatch(text)
        try:
            ns = _date_time_ns(match) if match else -1
        except ValueError:  # 30 February, 25 o'clock
            ns = -1
    if not 0 <= ns <= MAX_TIME_NS:
        raise ValueError(
            "is not a time: write ISO 8601, such as 2026-11-24T09:30:00Z (UTC unless it says otherwise),"
            " or nanoseconds since 1970, up to the year 2262."
        )
    return ns


def _date_time_ns(match: re.Match[str]) -> int:
    date, clock, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{date}T{clock or '00:00'}").replace(tzinfo=UTC)
    offset = timedelta()
    if zone and zone.strip() not in "Zz":
        sign = -1 if zone[0] == "-" else 1  # an unescaped + arrives as a space
        digits = zone[1:].replace(":", "")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            raise ValueError
        offset = sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    whole_s = (moment - datetime(1970, 1, 1, tzinfo=UTC) - offset) // timedelta(seconds=1)
    return whole_s * 10**9 + int((fraction or "").ljust(9, "0"))


def duration_ns(text: str) -> int:
    """A number with its unit: 250ms, 1.5 s, 2m."""
    match = DURATION.fullmatch(text)
    unit = UNITS_NS.get(match[2]) if match else None
    if match is None or unit is None or (ns := int(Decimal(match[1]) * unit)) > MAX_TIME_NS:
        raise ValueError("is not a duration: write a number and a unit (ns, us, ms, s, m, h), such as 250ms or 1.5s.")
    return ns


def severity_number(text: str) -> int:
    """A severity's name, or its OTLP number."""
    number = SEVERITIES.get(text.lower(), 0)
    if text.isascii() and text.isdigit():
        number = int(text[:3])
    if not 1 <= number <= 24:
        near = difflib.get_close_matches(text.lower(), SEVERITIES, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"is not a severity: use trace, debug, info, warn, error, fatal, or a number 1 to 24.{hint}")
    return number


def shown(text: str) -> str:
    """A value as a sentence can show it."""
    return text if len(text) <= 40 else text[:39] + "…"


def plain_text(text: str) -> str:
    """As it was given, blanks and all: a name is compared exactly."""
    return text


def trace_id(text: str) -> str:
    """32 hexadecimal digits, in lower case."""
    if TRACE_ID.fullmatch(text) is None:
        raise ValueError("is not a trace id: that is 32 hexadecimal digits (q takes the beginning of one).")
    return text.lower()


def stream_id(text: str) -> int:
    """The number of a metric stream."""
    if text.isascii() and text.isdigit() and 0 < int(text[:20]) <= MAX_TIME_NS:
        return int(text)
    raise ValueError("is not a metric stream: take its number from the page of metrics or the API.")


def one_of(values: list[str]) -> Callable[[str], str]:
    """A reader of one word of a list."""

    def read(text: str) -> str:
        if text.lower() in values:
            return text.lower()
        near = difflib.get_close_matches(text.lower(), values, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"is not known: use {', '.join(values[:-1])} or {values[-1]}.{hint}")

    return read


def whole_number(highest: int) -> Callable[[str], int]:
    """A reader of a number of rows."""

    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= 19 and 1 <= int(text) <= highest:
            return int(text)
        raise ValueError(f"is not a number of rows: use a whole number from 1 to {highest}.")

    return read
