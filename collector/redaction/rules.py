"""Values and texts without what may not be in them. Plain Python.

Before: `reading` made the rules of settings. After: whoever stores or shows values asks `Rules`.

Nearly nothing matches nearly always. So many texts are asked of at once, by one expression that holds all patterns and
keys (`touches`): 0.35 us for the attributes of a span, where a look at each value takes 8. Only what it finds is taken
apart. RE2 takes time in proportion to the text whatever the pattern; Python's `re` may take for ever.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson
import re2

MASK = "[redacted]"
# Of one text: so many bytes are looked at to find the next match, all matches together. Beyond it all of it is masked,
# which hides enough. A text of 10 MB may have 200 matches then, one of a kilobyte two millions.
MAX_LOOKED_AT_BYTES = 2 * 10**9
MAX_HELD_CHARS = 1_000_000  # of texts that are looked at together: the interpreter waits for RE2 meanwhile
MAX_DEPTH = 150  # of what is nested; whatever lies deeper is masked unseen
MAX_REMEMBERED = 20_000  # keys; and texts up to a length that often comes again
MAX_REMEMBERED_CHARS = 128
# Which JSON within a text is looked into.
MAX_INNER_CHARS = 1_000_000
# These may find in one text alone what they do not find in the same text among others.
ALONE = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-")
NAMED = re.compile(r"(?<!\\)\(\?P?<\w+>")
NUMBERS = frozenset({"intValue", "doubleValue"})
BYTES = "bytesValue"
JSON_BEGINS = ("{", "[", " ", "\n", "\t", "\r")


def quiet() -> re2.Options:
    """RE2 writes errors to stderr by itself; ours are raised."""
    options = re2.Options()
    options.log_errors = False
    return options


class Rules:
    """Patterns, of which what matches is masked, and keys, of which the whole value is."""

    def __init__(self, patterns: Sequence[str], keys: Sequence[str]) -> None:
        """Keys may have * and ? for any characters, and are the same in capitals. Raises re2.error."""
        options = quiet()
        self.patterns, self.keys = tuple(patterns), tuple(keys)
        self._patterns = [re2.compile(pattern, options=options) for pattern in patterns]
        key = "|".join(map(_glob, keys))
        self._key = re2.compile(f"(?i:{key})", options=options) if keys else None
        self._known_keys: dict[str, bool] = {}
        self._known_texts: dict[str, str] = {}
        options.never_capture = True
        # In lines ^ and $ have to hold for each line. A text of several lines may be found that does not match then:
        # it is looked at again, alone.
        nameless = [NAMED.sub("(", pattern) for pattern in patterns]  # two patterns may have a group of one name
        anywhere = [f"(?m:{pattern})" for pattern in nameless] + [f"(?m:^(?i:{key})$)"] * bool(keys)
        self._anywhere = re2.compile("|".join(anywhere), options=options)
        self._together = not any(map(ALONE.search, patterns))

    def touches(self, texts: Iterable[str] = (), stored: Iterable[str] = ()) -> bool:
        """Whether something may have to be masked in these texts, or in JSON as it is stored. Never a false no."""
        if not self._together:
            return True
        held, length = list[str](), 0
        for line in chain(chain.from_iterable(map(_as_it_is_and_apart, texts)), map(_lines, stored)):
            held.append(line)
            length += len(line)
            if length > MAX_HELD_CHARS:
                if self._finds("\n".join(held)):
                    return True
                held, length = [], 0
        return self._finds("\n".join(held))

    def text(self, text: str) -> str:
        """A text without what matches; where it is JSON, also without the values of keys."""
        return self._text(text, inner=False)

    def value(self, value: Any) -> Any:
        """A value of JSON, as attributes are stored or as an object is: itself, or a copy without what matches.

        Keys stay as they are, and so do numbers whose key is not named. Bytes that match are masked whole.
        """
        if self._together and not self._finds("\n".join(_texts_in(value))):
            return value
        return self._value(value, 0, inner=False)

    def stored(self, stored: str) -> str:
        """JSON text to JSON text, masked as `value` is."""
        return self.within(stored, lambda value: self._value(value, 0, inner=False))

    def within(self, stored: str, walk: Callable[[Any], Any]) -> str:
        """JSON text to JSON text, where a walk of its own says what in it is looked at."""
        return orjson.dumps(walk(orjson.loads(stored))).decode() if self.touches(stored=(stored,)) else stored

    def hides(self, key: str) -> bool:
        """Whether the value of this key is masked whatever it is."""
        if self._key is None:
            return False
        known = self._known_keys.get(key)
        if known is None:
            if len(self._known_keys) >= MAX_REMEMBERED:
                self._known_keys.clear()
            known = self._known_keys[key] = self._key.fullmatch(_encoded(key)) is not None
        return known

    def _finds(self, text: str) -> bool:
        return self._anywhere.search(_encoded(text)) is not None

    def _text(self, text: str, *, inner: bool) -> str:
        known = None if inner else self._known_texts.get(text)
        if known is not None:
            return known
        found = text
        if self._key is not None and not inner and text.startswith(JSON_BEGINS):
            found = self._json_in(text)
        if self._patterns and self._finds(found):
            for pattern in self._patterns:
                found = _masked(pattern, found)
        if len(text) <= MAX_REMEMBERED_CHARS and not inner:
            if len(self._known_texts) >= MAX_REMEMBERED:
                self._known_texts.clear()
            self._known_texts[text] = found
        return found

    def _json_in(self, text: str) -> str:
        """JSON that is a text; of texts in it that are JSON again, keys are not looked for."""
        if len(text) > MAX_INNER_CHARS:
            return text
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        found = self._value(value, 0, inner=True)
        return text if found == value else orjson.dumps(found).decode()

    def _value(self, value: Any, depth: int, *, inner: bool) -> Any:
        if isinstance(value, str):
            return self._text(value, inner=inner)
        if not isinstance(value, (dict, list)):
            return value
        if depth >= MAX_DEPTH:
            return MASK
        if isinstance(value, list):
            return [self._value(item, depth + 1, inner=inner) for item in value]
        tag = next(iter(value)) if len(value) == 1 else ""
        if tag in NUMBERS:
            return value
        if tag == BYTES:
            text = _decoded(value[tag])
            return value if text is None or self._text(text, inner=inner) == text else MASK
        found = {
            key: MASK if self.hides(key) else self._value(item, depth + 1, inner=inner) for key, item in value.items()
        }
        if self._is_hidden_pair(value):
            found["value"] = {"stringValue": MASK} if _is_tagged(value["value"]) else MASK
        return found

    def _is_hidden_pair(self, value: dict[str, Any]) -> bool:
        """An attribute in OTLP's own JSON, a variable of a container's environment, a header: {"name", "value"}."""
        name = value.get("name", value.get("key"))
        return "value" in value and isinstance(name, str) and self.hides(name)


def _glob(key: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character) or re2.escape(character) for character in key)


def _is_tagged(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and str(next(iter(value))).endswith("Value")


def _masked(pattern: Any, text: str) -> str:
    """The text with the mask for each match, or for the groups of each. What is masked stays as it is."""
    whole, end = _encoded(text), 0
    pieces: list[bytes] = []
    most = MAX_LOOKED_AT_BYTES // max(1, len(whole))
    for number, (start, stop) in enumerate(_places(pattern, whole)):
        if number > most:
            return MASK
        if start < end or _is_masked(whole, start, stop):
            continue
        pieces += [whole[end:start], MASK.encode()]
        end = stop
    return (b"".join(pieces) + whole[end:]).decode("utf-8", "replace") if pieces else text


def _places(pattern: Any, whole: bytes) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(whole):
        spans = [match.span(group) for group in range(1, pattern.groups + 1)]
        found = sorted(span for span in spans if span[0] >= 0) or [match.span()]
        yield from (span for span in found if span[0] < span[1])


def _is_masked(whole: bytes, start: int, stop: int) -> bool:
    """Whether this lies in a mask, which a pattern may match as well: masked twice is as masked once."""
    mask = MASK.encode()
    at = whole.find(mask, max(0, start - len(mask) + 1), start + len(mask))
    return 0 <= at <= start and stop <= at + len(mask)


def _lines(stored: str) -> str:
    """The keys and texts of JSON text, each on lines of its own; between them whatever else."""
    if "\\" not in stored and f'"{BYTES}"' not in stored:
        return _apart(stored)
    return "\n".join(_texts_in(orjson.loads(stored)))


def _texts_in(value: Any) -> Iterator[str]:
    """All keys and texts in a value of JSON, those with quotes once more without. No recursion: it may be deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield from _as_it_is_and_apart(each)
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each
            waiting += each.values()
            if (text := _decoded(each.get(BYTES))) is not None:
                waiting.append(text)


def _as_it_is_and_apart(text: str) -> tuple[str, ...]:
    """For patterns with quotes in them, and for keys of JSON within the text."""
    return (text, _apart(text)) if '"' in text else (text,)


def _apart(text: str) -> str:
    return text.replace('"', "\n")


def _decoded(encoded: Any) -> str | None:
    try:
        return base64.b64decode(encoded).decode("utf-8", "replace")
    except (TypeError, ValueError):
        return None


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
