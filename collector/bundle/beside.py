"""What OTLP has no words for, in a member beside the request: receivers have to ignore what they do not know.

Before: `spans` and `logs` write it, in the order of the line's records. After: `files` has decoded the line and puts
it back: how exactly printed times are known, whose clock a log's time is of, which of equal log records it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from collector.records import MAX_TIME_NS, Batch, Clock

BESIDE = "notInOtlp"
CLOCKS = frozenset(int(clock) for clock in Clock)
MAX_ORDINAL = 2**31 - 1


def columns(rows: Sequence[Any], usual: Mapping[str, object]) -> dict[str, list[Any]]:
    """These columns of the rows, where one of them is not as usual."""
    found = {name: [getattr(row, name) for row in rows] for name in usual}
    return {name: values for name, values in found.items() if any(value != usual[name] for value in values)}


def restore(batch: Batch, beside: object) -> None:
    """Puts it back. Whatever does not fit what was decoded is left out: the line is as any other OTLP then."""
    if not isinstance(beside, dict) or batch.rejected:
        return
    if batch.spans:
        _replace(batch.spans, beside, {"precision_ns": _is_precision})
    if batch.logs:
        ordinals = beside.get("ordinal")
        if _fits(ordinals, batch.logs, _is_ordinal):
            batch.log_ordinals = list(ordinals or [])
        _replace(
            batch.logs,
            beside,
            {"clock": CLOCKS.__contains__, "precision_ns": _is_precision, "assumed_offset_minutes": _is_offset},
        )


def _replace(records: list[Any], beside: Mapping[str, Any], checks: Mapping[str, Callable[[Any], bool]]) -> None:
    sound = {name: beside[name] for name, check in checks.items() if _fits(beside.get(name), records, check)}
    for position, record in enumerate(records) if sound else ():
        records[position] = record._replace(**{name: values[position] for name, values in sound.items()})


def _fits(values: object, records: Sequence[Any], check: Callable[[Any], bool]) -> bool:
    return isinstance(values, list) and len(values) == len(records) and all(map(check, values))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_precision(value: Any) -> bool:
    return _is_whole(value) and 0 < value < 2**31


def _is_ordinal(value: Any) -> bool:
    return _is_whole(value) and 0 <= value <= min(MAX_ORDINAL, MAX_TIME_NS)


def _is_offset(value: Any) -> bool:
    return value is None or (_is_whole(value) and abs(value) <= 24 * 60)
