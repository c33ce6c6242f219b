"""Attribute values and log bodies as people read them.

Before: parsed JSON, as `collector.decode.attributes` keeps it: plain values as themselves, the rest in OTLP's tagged
form. After: text for pages.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

TAGS = ("intValue", "doubleValue", "bytesValue")
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # what colours a terminal: ECMA-48, 5.4
MOST_LAID_OUT = 50_000  # characters of JSON


def whole(value: Any) -> str:
    """All of it: a text without what colours a terminal; JSON, also as a text, with a line a part."""
    plain = untagged(value)
    if isinstance(plain, str):
        return _laid_out(ESCAPES.sub("", plain))
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()


def one_line(value: Any, most: int = 500) -> str:
    """The beginning of it in one line, without what colours a terminal."""
    plain = untagged(value)
    text = plain if isinstance(plain, str) else orjson.dumps(plain).decode()
    short = " ".join(ESCAPES.sub("", text[: 2 * most]).split())
    return short if len(short) <= most and len(text) <= 2 * most else short[:most] + "…"


def _laid_out(text: str) -> str:
    """JSON with a line a part; any other text, and where that would change a number or lose a name, as it is."""
    if text[:1] not in ("{", "[") or len(text) > MOST_LAID_OUT:
        return text
    try:
        laid_out = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
        return laid_out if _parts(laid_out) == _parts(text) else text
    except (ValueError, RecursionError):
        return text


def _parts(text: str) -> Any:
    """JSON with its numbers as they are written, and names that occur twice."""
    return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=list)


def untagged(value: Any) -> Any:
    """A value in OTLP's tagged form without its tag: a number in full, bytes in base64."""
    if isinstance(value, dict) and len(value) == 1:
        (tag, inside), *_ = value.items()
        if tag in TAGS and isinstance(inside, str | int | float):
            return str(inside)
    return value
