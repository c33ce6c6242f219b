"""Members of parsed JSON, checked: anybody may have typed this text. All raise ItemError with a sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.decode.attributes import clean, plain_json
from collector.decode.errors import ItemError
from collector.records import MAX_TIME_NS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_INT = 2**63 - 1
TRACE_STATE_ENTRY = re.compile(r"\{key=([^,{}]+), value=([^{}]*)\}")


def text_of(value: Any, what: str) -> str:
    """A text; null is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ItemError(f"its {what} is not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ItemError(f"its {what} is not valid Unicode") from error
    return clean(value)


def mapping_of(value: Any, what: str) -> dict[str, Any]:
    """An object; null is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ItemError(f"its {what} is not a JSON object")
    return value


def list_of(value: Any, what: str) -> list[Any]:
    """A list; null is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ItemError(f"its {what} is not a list")
    return value


def int_of(value: Any, what: str, highest: int = MAX_INT) -> int:
    """A whole number from 0 to `highest`; null is 0."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise ItemError(f"its {what} is not a whole number of the right size")
    return value


def number_of(value: Any, what: str) -> int | float | None:
    """A number that a 64-bit integer or a double holds; null is None."""
    if value is None or isinstance(value, float):
        return value
    if not isinstance(value, int) or isinstance(value, bool) or not -MAX_INT - 1 <= value <= MAX_INT:
        raise ItemError(f"its {what} is not a number of 64 bits")
    return value


def id_of(value: Any, size: int, what: str) -> bytes | None:
    """An id as the exporters print it, "0x" and hex; null, nothing and all zeros are None."""
    text = text_of(value, what)
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise ItemError(f"its {what} is not hex") from error
    if found and len(found) != size:
        raise ItemError(f"its {what} is not {size} bytes")
    return found if any(found) else None


def iso_ns(value: Any, what: str) -> int | None:
    """A time as the exporters print it, ISO 8601 in UTC, in ns; null is None."""
    text = text_of(value, what)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        time_ns = (moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError) as error:
        raise ItemError(f"its {what} is not an ISO 8601 time") from error
    if not 0 < time_ns <= MAX_TIME_NS:
        raise ItemError(f"its {what} lies before 1970 or beyond the year 2262")
    return time_ns


def attributes_json(value: Any, what: str = "attributes") -> str:
    """Attributes as JSON text, by the rule all attributes are kept by."""
    attributes = mapping_of(value, what)
    _refuse_huge(attributes, what)
    return plain_json(attributes)


def sorted_attributes_json(value: Any, what: str = "attributes") -> str:
    """As `attributes_json`, the same text whatever the order: the very text that OTLP gives for the same attributes."""
    attributes = mapping_of(value, what)
    _refuse_huge(attributes, what)
    return "{" + ",".join(sorted(f"{plain_json(key)}:{plain_json(item)}" for key, item in attributes.items())) + "}"


def value_json(value: Any, what: str) -> str:
    """Any value as JSON text."""
    _refuse_huge(value, what)
    return plain_json(value)


def _refuse_huge(value: Any, what: str) -> None:
    """OTLP's integers have 64 bits; JSON's have no end."""
    if isinstance(value, int):
        number_of(int(value), f"integer in {what}")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_huge(item, what)


def trace_state_of(value: Any) -> str | None:
    """A trace state from how Python prints it, "['{key=a, value=b}']", to the header's form "a=b"."""
    entries = TRACE_STATE_ENTRY.findall(text_of(value, "trace state"))
    return ",".join(f"{key}={state}" for key, state in entries) or None
