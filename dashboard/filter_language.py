"""The filter language of traces: `service = shop and duration > 1s and not http.status_code = 200`. docs/filters.md.

Before: `parameters` has the text of `q`. After: a condition for `collector.queries`; what is wrong is said with its
place.

A text without = < > ~ and quotes is no expression: it is looked for as it stands, in names, services and ids. The
grammar is LALR and takes no regular expression from outside, so reading takes a time that grows with the length alone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from collector.conditions import And, Compare, Condition, Field, Not, Op, Or
from dashboard.values import duration_ns
from dashboard.words import SPAN_KINDS, STATUSES

MAX_COMPARISONS = 30
MAX_DEPTH = 20
IS_EXPRESSION = re.compile(r'[=<>~"]')
GRAMMAR = r"""
?start: either
?either: both (OR both)*
?both: single (AND single)*
?single: NOT single -> negated
       | "(" either ")"
       | name OP value -> comparison
       | WORD -> text
       | QUOTED -> text
name: WORD | QUOTED
value: WORD | QUOTED
OR.2: /or(?![^\s()=<>!~"])/i
AND.2: /and(?![^\s()=<>!~"])/i
NOT.2: /not(?![^\s()=<>!~"])/i
OP: ">=" | "<=" | "!=" | "==" | "=" | ">" | "<" | "~"
WORD: /[^\s()=<>!~"]+/
QUOTED: /"(?:[^"\\]|\\["\\])*"/
%ignore /\s+/
"""
EQUALITY = {Op.EQUAL, Op.UNEQUAL}
TEXTS = EQUALITY | {Op.CONTAINS}
ORDER = {Op.EQUAL, Op.UNEQUAL, Op.GREATER, Op.AT_LEAST, Op.LESS, Op.AT_MOST}


class FilterError(ValueError):
    """What is wrong, as half a sentence, and at which character."""

    def __init__(self, words: str, at: int) -> None:
        super().__init__(f"cannot be read at character {at + 1}: {words}")
        self.at = at


def read_filter(text: str) -> str | Condition:
    """A condition, or the text itself where it is to be looked for as it stands. Raises FilterError."""
    text = text.strip()
    if not IS_EXPRESSION.search(text):
        return text
    try:
        condition: Condition = PARSER.parse(text)  # type: ignore[assignment]
    except VisitError as error:
        if isinstance(error.orig_exc, FilterError):
            raise error.orig_exc from error
        raise
    except UnexpectedInput as error:
        raise _unexpected(text, error) from error
    return condition


class _Reader(Transformer[Token, Condition]):
    """Builds the condition while parsing, from the inside out: no recursion, whatever is nested in what."""

    def __init__(self) -> None:
        super().__init__()

    def comparison(self, parts: list[Any]) -> Condition:
        name, operator, value = parts
        op = Op.EQUAL if operator == "==" else Op(str(operator))
        return _comparison(name, op, value)

    def name(self, parts: list[Token]) -> Token:
        return parts[0]

    def value(self, parts: list[Token]) -> Token:
        return parts[0]

    def text(self, parts: list[Token]) -> Condition:
        return Compare(Field.TEXT, Op.CONTAINS, _plain(parts[0]))

    def negated(self, parts: list[Any]) -> Condition:
        return _bounded(Not(parts[1]), parts[0])

    def both(self, parts: list[Any]) -> Condition:
        return _bounded(And(tuple(parts[::2])), parts[1])

    def either(self, parts: list[Any]) -> Condition:
        return _bounded(Or(tuple(parts[::2])), parts[1])


def _bounded(condition: Condition, token: Token) -> Condition:
    """Databases refuse expressions that are nested too deeply, and many comparisons take long."""
    depth, count = _measure(condition)
    if depth > MAX_DEPTH or count > MAX_COMPARISONS:
        raise FilterError(
            f"that is too long. At most {MAX_COMPARISONS} comparisons, nested {MAX_DEPTH} deep.", token.start_pos or 0
        )
    return condition


def _measure(condition: Condition) -> tuple[int, int]:
    """(depth, comparisons); each part was bounded when it was made, so this ends soon."""
    if isinstance(condition, Compare):
        return 1, 1
    parts = [condition.part] if isinstance(condition, Not) else condition.parts
    measured = [_measure(part) for part in parts]
    return 1 + max(depth for depth, _ in measured), sum(count for _, count in measured)


def _plain(token: Token) -> str:
    if token.type == "QUOTED":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return str(token)


def _comparison(name: Token, op: Op, value: Token) -> Condition:
    key, text = _plain(name), _plain(value)
    if name.type == "WORD" and key.lower() in FIELDS:
        field, ops, read = FIELDS[key.lower()]
        if value.type == "WORD" and text == "*":
            raise FilterError(f"every span has {key.lower()}: = * asks for attributes.", value.start_pos or 0)
        if op not in ops:
            allowed = ", ".join(one.value for one in Op if one in ops)
            raise FilterError(f"{key.lower()} is compared with {allowed}.", (name.end_pos or 0) + 1)
        try:
            return Compare(field, op, read(text))
        except ValueError as error:
            raise FilterError(f"“{text[:40]}” {error}", value.start_pos or 0) from error
    return _attribute(name, key, op, value, text)


def _attribute(name: Token, key: str, op: Op, value: Token, text: str) -> Condition:
    field = Field.ATTRIBUTE
    for prefix, of in (("resource.", Field.RESOURCE_ATTRIBUTE), ("span.", Field.SPAN_ATTRIBUTE)):
        if name.type == "WORD" and key.startswith(prefix) and len(key) > len(prefix):
            field, key = of, key.removeprefix(prefix)
    if not key or re.search(r'["\\\x00-\x1f]', key) or len(key) > 255:
        raise FilterError("a key has 1 to 255 characters, no quotes and no backslashes.", name.start_pos or 0)
    if value.type == "WORD" and text == "*":
        if op not in EQUALITY:
            raise FilterError("* stands for any value: with = it is there, with != it is not.", value.start_pos or 0)
        there = Compare(field, Op.THERE, key=key)
        return there if op == Op.EQUAL else Not(there)
    return Compare(field, op, text, key)


def _one_of(words: tuple[str, ...]) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.lower() in words:
            return words.index(text.lower())
        near = difflib.get_close_matches(text.lower(), words, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"is not known: use {', '.join(words[:-1])} or {words[-1]}.{hint}")

    return read


def _truth(text: str) -> bool:
    return _one_of(("false", "true"))(text) == 1


def _id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{4,32}", text):
        raise ValueError("is not an id or its beginning: write 4 to 32 hexadecimal digits.")
    return text.lower()


# What a name means, what it can be compared with, and how its value is read.
FIELDS: dict[str, tuple[Field, set[Op], Callable[[str], Any]]] = {
    "service": (Field.SERVICE, TEXTS, str),
    "name": (Field.NAME, TEXTS, str),
    "operation": (Field.NAME, TEXTS, str),
    "kind": (Field.KIND, EQUALITY, _one_of(SPAN_KINDS)),
    "status": (Field.STATUS, EQUALITY, _one_of(STATUSES)),
    "status_message": (Field.STATUS_MESSAGE, TEXTS, str),
    "duration": (Field.DURATION, ORDER, duration_ns),
    "scope": (Field.SCOPE, TEXTS, str),
    "trace_id": (Field.TRACE_ID, EQUALITY, _id),
    "span_id": (Field.SPAN_ID, EQUALITY, _id),
    "root": (Field.ROOT, EQUALITY, _truth),
}

PARSER = Lark(GRAMMAR, parser="lalr", transformer=_Reader(), propagate_positions=False)

# What the parser could go on with, by its terminals, and how people say that.
EXPECTED = (
    ({"OP", "AND"}, "here comes =, !=, >, >=, <, <= or ~ and a value, or and, or the end."),
    ({"OP"}, "after a name in quotes comes =, !=, >, >=, <, <= or ~ and a value."),
    ({"NOT"}, "here a comparison begins, such as duration > 1s, or not, or a parenthesis."),
    ({"WORD"}, "a value is missing: a word, a number, or a text in quotes."),
    ({"AND"}, "here and, or, or the end is expected. A value with blanks goes in quotes."),
)


def _unexpected(text: str, error: UnexpectedInput) -> FilterError:
    at: int = error.pos_in_stream  # type: ignore[assignment]
    if isinstance(error, UnexpectedCharacters):
        accepted = set(error.allowed or ())
        if text[at : at + 1] == '"':
            return FilterError("the quote is not closed.", at)
    else:
        accepted = set(error.accepts or ()) if isinstance(error, UnexpectedToken) else set()
        at = at if isinstance(error, UnexpectedToken) and error.token.type != "$END" else len(text)
    found = next((words for wanted, words in EXPECTED if wanted <= accepted), "that is not understood there.")
    if text[at : at + 1] == ")" and "RPAR" not in accepted and "WORD" not in accepted:
        found = "no parenthesis was opened for this one."
    if at == len(text) and "RPAR" in accepted:
        found = "a parenthesis is not closed."
    return FilterError(found, at)
