"""Log lines as Python's logging prints them, taken apart.

The formats: `<time> - INFO - message` (the Agent Sandbox SDK up to 1.0.6), the same with the logger's name before the
level (logging's usual basicConfig), and what OTEL_PYTHON_LOG_CORRELATION sets:
`<time> INFO [logger] [file:line] [trace_id=... span_id=... resource.service.name=... trace_sampled=...] - message`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

SEVERITIES = {
    "TRACE": 1,
    "DEBUG": 5,
    "INFO": 9,
    "NOTICE": 10,
    "WARN": 13,
    "WARNING": 13,
    "ERROR": 17,
    "CRITICAL": 21,
    "FATAL": 21,
}
LEVEL = "|".join(sorted(SEVERITIES, key=len, reverse=True))

# Not tied to a line's start: a terminal mixes two streams anywhere.
LOG_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:[,.](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?"
    r"\ (?:-\ )?(?:(?P<logger>[\w.]{1,200})\ -\ )?"
    rf"\[?(?P<level>{LEVEL})\b\]?(?:\ -\ |:\s?|\s+|$)",
    re.ASCII,
)
CORRELATED = re.compile(
    r"\[(?P<logger>[^\]]*)\] \[(?P<file>[^\]:]*):(?P<file_line>\d{1,9})\] "
    r"\[trace_id=(?P<trace_id>[0-9a-f]+) span_id=(?P<span_id>[0-9a-f]+) "
    r"resource\.service\.name=(?P<service>.*?) trace_sampled=(?P<sampled>\w+)\] - "
)
UNTIMED = re.compile(rf"(?:{LEVEL}):[\w.]*:", re.ASCII)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a line's time has no zone, and neither has this


class LogLine(NamedTuple):
    """A log line. `local_ns` is the time as printed, counted as if it had been UTC."""

    line: int
    local_ns: int
    precision_ns: int
    offset_minutes: int | None  # when the line says its zone
    level: str
    message: str
    logger: str = ""
    file: str = ""
    file_line: int = 0
    service: str = ""
    trace_id: bytes | None = None
    span_id: bytes | None = None
    sampled: bool = False


def read_log_line(line: int, text: str) -> LogLine | None:
    """The line's parts, or None when it is not a log line or its time does not exist."""
    match = LOG_LINE.match(text)
    if match is None:
        return None
    try:
        seconds = (datetime.fromisoformat(match["time"]) - EPOCH) // timedelta(seconds=1)
    except ValueError:
        return None
    fraction = match["fraction"] or ""
    log = LogLine(
        line=line,
        local_ns=seconds * 10**9 + int(fraction.ljust(9, "0")),
        precision_ns=10 ** (9 - len(fraction)),
        offset_minutes=_offset_minutes(match["zone"]),
        level=match["level"],
        message=text[match.end() :],
        logger=match["logger"] or "",
    )
    context = CORRELATED.match(log.message)
    return log if context is None else _correlated(log, context)


def _offset_minutes(zone: str | None) -> int | None:
    if zone is None:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes


def _correlated(log: LogLine, context: re.Match[str]) -> LogLine:
    return log._replace(
        message=log.message[context.end() :],
        logger=context["logger"],
        file=context["file"],
        file_line=int(context["file_line"]),
        service=context["service"],
        trace_id=_id(context["trace_id"], 16),
        span_id=_id(context["span_id"], 8),
        sampled=context["sampled"] == "True",
    )


def _id(text: str, size: int) -> bytes | None:
    """An id of `size` bytes; `0` stands for none."""
    value = bytes.fromhex(text) if len(text) == 2 * size else b""
    return value if any(value) else None
