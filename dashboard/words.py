"""OTLP's numbers in the words people read: kinds, statuses, severities, temporalities.

Before: rows, which hold the numbers. After: pages, API and exports, which all say the same word. A number OTLP has no
name for stays a number.
"""

from __future__ import annotations

from collector.records import OTHER_KIND, MetricKind

SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
TEMPORALITIES = ("", "delta", "cumulative")
SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def span_kind(number: int) -> str:
    """internal, server, client, producer or consumer; empty for operations of several kinds together."""
    if number == OTHER_KIND:
        return ""
    return _word(SPAN_KINDS, number)


def status(code: int) -> str:
    """unset, ok or error."""
    return _word(STATUSES, code)


def temporality(number: int) -> str:
    """delta or cumulative; empty for what has none."""
    return _word(TEMPORALITIES, number)


def metric_kind(number: int) -> str:
    """gauge, sum, histogram, exponential_histogram or summary."""
    return MetricKind(number).name.lower()


def severity(number: int, given: str = "") -> str:
    """The source's own word, else OTLP's name for the number, else nothing."""
    return given or severity_level(number)


def severity_level(number: int) -> str:
    """Which of the six levels a severity number belongs to; empty when it says nothing."""
    return SEVERITIES[(number - 1) // 4] if 1 <= number <= 24 else ""


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else str(number)
