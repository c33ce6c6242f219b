"""A tool: what it takes, and its arguments read as the pages, the API and CSV read theirs.

Before: an agent calls a tool by name, with JSON. After: the tool's own function has `Parameters`, or the agent a
sentence for each thing that is wrong. A tool takes parameters of the API by their names, and few of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.api.parameters import VALUES, WORDS
from dashboard.model_context.quoting import Item
from dashboard.parameters import MAX_TEXT, PAGING_NAMES, ParameterError, Parameters, parse, query_of
from dashboard.values import one_of, shown

LIMIT = 20
MAX_LIMIT = 50  # an answer has to fit into what an agent can read


@dataclass(frozen=True, slots=True)
class Own:
    """An argument that pages do not have, or not so: its words, its values, the first of which is the default."""

    words: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call, read."""

    parameters: Parameters
    own: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`answer` gives what the agent gets, or raises ParameterError."""

    name: str
    title: str
    description: str
    answer: Callable[[Asked], Item]
    names: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    own: Mapping[str, Own] = field(default_factory=dict)
    limit: int = LIMIT
    max_limit: int = MAX_LIMIT

    @property
    def input_schema(self) -> Item:
        """What the tool takes, as JSON Schema: the API document's words."""
        properties: Item = {key: self._described(key) for key in WORDS if key in self.names}
        for key, own in self.own.items():
            properties[key] = {
                "type": "string",
                "description": own.words,
                "enum": [each for each in own.values if each],
            }
        return {
            "type": "object",
            "properties": properties,
            "required": list(self.required),
            "additionalProperties": False,
        }

    def _described(self, key: str) -> Item:
        if key == "limit":
            words = f"How many, 1 to {self.max_limit}. Default: {self.limit}."
            return {"type": "integer", "minimum": 1, "maximum": self.max_limit, "description": words}
        values = [value for value in VALUES.get(key, {}).get("enum", []) if value]
        return {"type": "string", "description": WORDS[key]} | ({"enum": values} if values else {})

    def read(self, arguments: Mapping[str, Any]) -> Asked:
        """Raises ParameterError with everything that is wrong."""
        problems: dict[str, str] = {}
        given = {key: _text(key, value, problems) for key, value in arguments.items()}
        for key in self.required:
            if not given.get(key, "").strip():
                problems.setdefault(key, f"{key} is needed. {WORDS[key]}")
        own = {key: self._own(key, given.pop(key, ""), problems) for key in self.own}
        try:
            names = self.names | self.own.keys()  # all of them, for the sentence about a name there is not
            parameters = parse(query_of(given), names, "all", self.limit, self.max_limit)
        except ParameterError as error:
            problems = error.problems | problems
        if problems:
            raise ParameterError(problems)
        return Asked(parameters, own)

    def _own(self, key: str, text: str, problems: dict[str, str]) -> str:
        values = self.own[key].values
        if not text:
            return values[0]
        try:
            return one_of([value for value in values if value])(text)
        except ValueError as error:
            problems[key] = f"{key}={shown(text)} {error}"
            return values[0]


def paged(names: frozenset[str]) -> frozenset[str]:
    """The same for a list that is read page by page."""
    return names | PAGING_NAMES


def _text(key: str, value: Any, problems: dict[str, str]) -> str:
    """JSON's numbers and null as a query string would have them."""
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)[: MAX_TEXT + 1]
    problems[shown(key)] = f"{shown(key)} has to be a text or a number."
    return ""
