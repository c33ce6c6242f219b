"""Reads what a cluster's objects say, whatever shape they have. Plain Python.

Before: objects as the API server or a file gives them. After: `lifecycle` and `timeline` ask for fields by their path.

Everything here is somebody else's text: a `status` that is a list, a time of the year 9999, a message of a megabyte.
A field of the wrong kind reads as if it were missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from sandboxes.records import SECOND

MAX_TEXT = 2_000  # of a message or a name; Kubernetes' own limits are lower
MAX_ITEMS = 200  # conditions, containers, addresses of one object
MAX_TIME_NS = 2**63 - 1
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d{0,9})?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)

Object = Mapping[str, Any]
_NOTHING: Object = {}


def at(value: Any, *path: str) -> Any:
    """What is at that path of maps, or None."""
    for key in path:
        # Nearly always a dict, of which that is known at once: Mapping asks a registry, a tenth of reading a story.
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def object_at(value: Any, *path: str) -> Object:
    found = at(value, *path)
    return found if isinstance(found, Mapping) else _NOTHING


def text_at(value: Any, *path: str) -> str:
    """The text there, without NUL (PostgreSQL has no room for it) and not endless."""
    for key in path:  # as `at` does, without another call: asked 55 times a story
        if type(value) is not dict and not isinstance(value, Mapping):
            return ""
        value = value.get(key)
    return value[:MAX_TEXT].replace("\0", "\ufffd") if isinstance(value, str) else ""


def count_at(value: Any, *path: str) -> int | None:
    """The number of things there; None for what is no such number."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**31 else None


def objects_at(value: Any, *path: str) -> Iterator[Object]:
    """The maps in the list there."""
    found = at(value, *path)
    if isinstance(found, list):
        for item in found[:MAX_ITEMS]:
            if type(item) is dict or isinstance(item, Mapping):
                yield item


def condition(value: Object, kind: str) -> Object:
    """The condition of that type in an object's status, or nothing. Asked twenty times a story: a plain loop."""
    found = at(value, "status", "conditions")
    if isinstance(found, list):
        for item in found[:MAX_ITEMS]:
            if (type(item) is dict or isinstance(item, Mapping)) and item.get("type") == kind:
                return item
    return _NOTHING


def is_true(value: Object, kind: str) -> bool:
    return condition(value, kind).get("status") == "True"


def label(value: Object, key: str) -> str:
    return text_at(value, "metadata", "labels", key)


def annotation(value: Object, key: str) -> str:
    return text_at(value, "metadata", "annotations", key)


@lru_cache(maxsize=4_096)  # the same stamp is read for several milestones, and again at each change
def read_time(text: str) -> tuple[int, int] | None:
    """An RFC 3339 time as (ns since 1970, the width of its last digit in ns); None for anything else.

    The width is what the writer could not say: a time without a fraction was cut to its second.
    """
    found = _TIME.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        return None
    day, time, fraction, _, sign, hours, minutes = found.groups()
    try:
        offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
        zone = timezone(-offset if sign == "-" else offset) if sign else UTC
        whole = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=zone)
        seconds = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    digits = fraction or ""
    time_ns = seconds * SECOND + int(digits.ljust(9, "0"))
    return (time_ns, 10 ** (9 - len(digits))) if 0 < time_ns < MAX_TIME_NS - 10 * SECOND else None


def time_ns(text: str) -> int | None:
    """An RFC 3339 time in ns since 1970; None for anything else."""
    found = read_time(text)
    return found[0] if found else None
