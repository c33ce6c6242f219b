"""Attribute values and log bodies as people read them.

Before: parsed JSON, as `collector.decode.attributes` keeps it: plain values as themselves, the rest in OTLP's tagged
form. After: text for pages.
"""

from __future__ import annotations

from typing import Any

import orjson

TAGS = ("intValue", "doubleValue", "bytesValue")


def whole(value: Any) -> str:
    """All of it: a text as it is, anything with parts as indented JSON."""
    plain = untagged(value)
    return plain if isinstance(plain, str) else orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()


def one_line(value: Any, most: int = 500) -> str:
    """The beginning of it in one line."""
    plain = untagged(value)
    text = plain if isinstance(plain, str) else orjson.dumps(plain).decode()
    short = " ".join(text[: 2 * most].split())
    return short if len(short) <= most and len(text) <= 2 * most else short[:most] + "…"


def untagged(value: Any) -> Any:
    """A value in OTLP's tagged form without its tag: a number in full, bytes in base64."""
    if isinstance(value, dict) and len(value) == 1:
        (tag, inside), *_ = value.items()
        if tag in TAGS and isinstance(inside, str | int | float):
            return str(inside)
    return value
