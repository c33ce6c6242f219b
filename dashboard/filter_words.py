"""What can be written into a filter, as suggestions: names, and the values of one of them.

Before: `views.filter_words` knows which. After: static/js/filter_words.js shows them below the search.

Attributes are those of the newest spans: looking through all of them would take seconds, and says little more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from collector import queries
from collector.models import Resource, Scope, Span
from dashboard.filter_language import FIELDS
from dashboard.words import SPAN_KINDS, STATUSES

MOST_SPANS = 2_000  # parsed in 15 ms
MOST_RESOURCES = 200
MOST_WORDS = 200
LONGEST = 200  # characters of a value worth suggesting
NEEDS_QUOTES = re.compile(r'[\s()=<>!~"\\]|^$|^(?:and|or|not|\*)$', re.IGNORECASE)


def names() -> list[str]:
    """The filter's own names, then the keys of attributes, the most frequent first."""
    found: Counter[str] = Counter()
    for attributes in _attributes():
        found.update(attributes.keys())
    keys = [f'"{key}"' if key in FIELDS else quoted(key) for key, _ in found.most_common(MOST_WORDS) if '"' not in key]
    return [*FIELDS, *keys]


def values_of(name: str) -> list[str]:
    """The values a name has, the most frequent first; none for what has as many as there are spans."""
    known: dict[str, Callable[[], list[str]]] = {
        "service": queries.services,
        "name": lambda: queries.operations(limit=MOST_WORDS),
        "operation": lambda: queries.operations(limit=MOST_WORDS),
        "kind": lambda: list(SPAN_KINDS),
        "status": lambda: list(STATUSES),
        "scope": lambda: sorted({each for each in Scope.objects.values_list("name", flat=True)[:MOST_WORDS] if each}),
        "root": lambda: ["true", "false"],
    }
    if name in known:
        return [quoted(word) for word in known[name]()[:MOST_WORDS]]
    if name in FIELDS:
        return []
    key = name.strip('"').removeprefix("span.").removeprefix("resource.")
    found = Counter(filter(None, (_word(attributes[key]) for attributes in _attributes() if key in attributes)))
    return ["*", *(quoted(word) for word, _ in found.most_common(MOST_WORDS))]


def quoted(word: str) -> str:
    """As the filter language takes it."""
    if not NEEDS_QUOTES.search(word):
        return word
    escaped = re.sub(r'(["\\])', r"\\\1", word)
    return f'"{escaped}"'


def asking_for(key: str, value: Any) -> str:
    """The filter that finds spans with this attribute; empty where none can: of lists, long texts, odd keys."""
    word = _word(value)
    if not word or "\x00" in word or not key or len(key) > LONGEST or re.search(r'["\\\x00-\x1f]', key):
        return ""
    is_taken = key.lower() in FIELDS or key.startswith(("span.", "resource."))
    name = f'"{key}"' if is_taken else quoted(key)
    return f"{name} = {quoted(word)}"


def _attributes() -> Iterable[Mapping[str, Any]]:
    yield from Span.objects.order_by("-start_ns").values_list("attributes", flat=True)[:MOST_SPANS]
    yield from Resource.objects.order_by("-id").values_list("attributes", flat=True)[:MOST_RESOURCES]


def _word(value: Any) -> str:
    """A value that can be compared with, else nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float) and len(str(value)) <= LONGEST and "\n" not in str(value):
        return str(value)
    return ""
