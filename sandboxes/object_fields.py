"""Fields of Kubernetes objects, read without trust: whatever is missing or of another type is empty.

Before: an object as an API server, a file or somebody's script sent it. After: texts, mappings and lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def mapping(value: object, *path: str) -> Object:
    """The mapping below `path`."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def text(value: object, *path: str) -> str:
    """The text below `path`; numbers as texts, too."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else str(found) if isinstance(found, int) else ""


def items(value: object, *path: str) -> list[Object]:
    """The mappings in the list below `path`."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def condition(value: object, type_: str) -> Object:
    """The condition of this type, from the object's status."""
    return next((item for item in items(value, "status", "conditions") if item.get("type") == type_), {})


def time_ns(written: str) -> int | None:
    """A time as Kubernetes writes it, RFC 3339 with up to nine decimals."""
    match = TIME.fullmatch(written)
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
        return int(moment.timestamp()) * 10**9 + int((match[2] or "").ljust(9, "0"))
    except (ValueError, OverflowError):
        return None
