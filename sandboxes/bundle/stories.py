"""A claim's story in a bundle, checked: pages read it without looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from sandboxes.lifecycle import from_json
from sandboxes.objects import MAX_TIME_NS, MAX_UID_CHARS, Malformed
from sandboxes.records import Lifecycle

SHAPE = TypeAdapter(Lifecycle)


def read_story(value: Mapping[str, Any]) -> Lifecycle:
    """What `lifecycle.to_json` made. Raises Malformed."""
    try:
        story = from_json(value)
        SHAPE.validate_json(orjson.dumps(asdict(story), option=orjson.OPT_NON_STR_KEYS), strict=True)
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise Malformed("a claim whose story cannot be read") from error
    times = [time_ns for each in story.moments.values() for time_ns in (each.time_ns, each.lower_ns, each.upper_ns)]
    if not (0 < len(story.uid) <= MAX_UID_CHARS and story.uid.isprintable()):
        raise Malformed("a claim without a sound uid")
    if any(abs(time_ns) > MAX_TIME_NS for time_ns in times):
        raise Malformed("a claim with a time beyond the year 2262")
    return story
