"""REDACT_BUILTIN, REDACT_PATTERNS and REDACT_KEYS to rules.

Before: `dashboard.settings` has the texts. After: it holds the rules, which all who store or show values ask.

A pattern that does nothing, or masks everything, would be found out when it is too late: what cannot be meant is an
error, and the dashboard does not start.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import re2

from collector.redaction.builtin import BUILTIN, KEYS, SETS
from collector.redaction.rules import Rules, quiet

MAX_SHOWN = 80


class BadRules(ValueError):
    """A sentence that names the variable and the pattern, and says what is wrong with it."""


def read_rules(builtin: Sequence[str], patterns: str, keys: Sequence[str]) -> Rules | None:
    """The rules that these ask for; None for none at all. Raises BadRules.

    `patterns` has one on each line, or is a JSON list of them.
    """
    own = _listed(patterns)
    chosen = dict.fromkeys(name for given in builtin for name in _named(given))
    wanted = [*(BUILTIN[name] for name in chosen if name in BUILTIN), *map(_checked, own)]
    hidden = [*(KEYS if "keys" in chosen else ()), *map(_checked_key, keys)]
    if not wanted and not hidden:
        return None
    try:
        return Rules(wanted, hidden)
    except re2.error as error:
        raise BadRules(f"REDACT_PATTERNS: all of them together are too much: {_reason(error)}.") from error


def _named(given: str) -> tuple[str, ...]:
    name = given.strip()
    if name in SETS:
        return SETS[name]
    if name in BUILTIN or name == "keys":
        return (name,)
    there = ", ".join((*BUILTIN, "keys", *SETS))
    raise BadRules(f"REDACT_BUILTIN: there is no {name[:MAX_SHOWN]!r}. There are: {there}.")


def _checked_key(key: str) -> str:
    if not key.strip("*? "):
        raise BadRules(f"REDACT_KEYS: {key!r} would mask every value there is; name the keys.")
    return key.strip()


def _listed(patterns: str) -> list[str]:
    if patterns.lstrip().startswith("["):
        try:
            found = orjson.loads(patterns)
        except orjson.JSONDecodeError:
            found = None  # a pattern that begins with a class of characters
        if isinstance(found, list):
            if not all(isinstance(each, str) for each in found):
                raise BadRules("REDACT_PATTERNS: in a JSON list each pattern has to be a text.")
            return found
    return [line.strip("\r") for line in patterns.split("\n") if line.strip()]


def _checked(pattern: str) -> str:
    try:
        compiled = re2.compile(pattern, options=quiet())
    except re2.error as error:
        raise BadRules(
            f"REDACT_PATTERNS: {pattern[:MAX_SHOWN]!r} is no regular expression of RE2's syntax: {_reason(error)}."
        ) from error
    if compiled.search("") is not None:
        raise BadRules(f"REDACT_PATTERNS: {pattern[:MAX_SHOWN]!r} matches an empty text, and with it any text.")
    return pattern


def _reason(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told)
