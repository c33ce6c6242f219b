"""One attribute compared, in SQL: JSON text on SQLite, JSONB on PostgreSQL.

Before: `matching` has a comparison. After: a condition of a query, true or false and never NULL.

The text it is compared with is as somebody wrote it: 200 is a number and a text, true a truth value and a text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func
from django.db.models.sql.compiler import SQLCompiler

from collector.conditions import Op

NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
LARGEST_WHOLE = 2**63

Parameters = tuple[str | int, ...]


class Case(NamedTuple):
    """What holds for values of a JSON kind: SQL with a place for the value, and what it is compared with."""

    kind: str  # number, string, true or false
    test: str
    wanted: tuple[Any, ...] = ()


class AttributeTest(Func):
    """Whether an attribute in `attributes` compares as asked. The key holds neither quotes nor backslashes."""

    output_field = BooleanField()

    def __init__(self, key: str, op: Op, text: str) -> None:
        super().__init__(F("attributes"))
        self.key, self.op, self.text = key, op, text

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **options: Any
    ) -> tuple[str, Parameters]:
        column, _ = compiler.compile(self.source_expressions[0])
        sql, parameters = self._jsonb(column) if connection.vendor == "postgresql" else self._json_text(column)
        return sql, tuple(parameters)

    def _json_text(self, column: str) -> tuple[str, list[Any]]:
        path = f'$."{self.key}"'
        # Looking for the key's letters first spares parsing the JSON of spans that do not have it.
        start, parameters = f"CASE WHEN instr({column}, %s) = 0 THEN 0 ", [f'"{self.key}"', path]
        if self.op == Op.THERE:
            return f"{start} ELSE json_type({column}, %s) IS NOT NULL END", parameters
        sql = f"{start} ELSE CASE json_type({column}, %s) "
        kinds = {"number": ("integer", "real"), "string": ("text",), "true": ("true",), "false": ("false",)}
        for case in cases(self.op, self.text):
            for kind in kinds[case.kind]:
                sql += f"WHEN '{kind}' THEN {case.test.format(value=f'json_extract({column}, %s)', like='LIKE')} "
                parameters += [path] * case.test.count("{value}") + list(case.wanted)
        return f"{sql} ELSE 0 END END", parameters

    def _jsonb(self, column: str) -> tuple[str, list[Any]]:
        member = f"({column} -> %s::text)"
        if self.op == Op.THERE:
            return f"({member} IS NOT NULL)", [self.key]
        sql, parameters = "CASE ", []
        for case in cases(self.op, self.text):
            if case.kind in ("true", "false"):
                sql += f"WHEN {member} = '{case.kind}'::jsonb THEN {case.test} "
                parameters.append(self.key)
                continue
            text = f'(({column} ->> %s::text) COLLATE "C")'
            value = f"({column} ->> %s::text)::numeric" if case.kind == "number" and "{like}" not in case.test else text
            sql += f"WHEN jsonb_typeof({member}) = '{case.kind}' THEN {case.test.format(value=value, like='ILIKE')} "
            parameters += [self.key] * (1 + case.test.count("{value}")) + list(case.wanted)
        return f"{sql} ELSE FALSE END", parameters


def cases(op: Op, text: str) -> list[Case]:
    """By the kind of the value that is there; a kind without a case does not match."""
    if op == Op.CONTAINS:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
        return [Case(kind, "{value} {like} %s ESCAPE '\\'", (pattern,)) for kind in ("number", "string")]
    sign, number = "<>" if op == Op.UNEQUAL else op.value, _number(text)
    in_order = op not in (Op.EQUAL, Op.UNEQUAL)
    found = []
    if number is not None:
        found.append(Case("number", f"{{value}} {sign} %s", (number,)))
    elif op == Op.UNEQUAL:
        found.append(Case("number", "1 = 1"))
    if number is None or not in_order:
        found.append(Case("string", f"{{value}} {sign} %s", (text,)))
    for kind in ("true", "false") if not in_order else ():
        holds = (text.lower() == kind) == (op == Op.EQUAL)
        found.append(Case(kind, "1 = 1" if holds else "1 = 0"))
    return found


def _number(text: str) -> int | float | None:
    if not NUMBER.fullmatch(text):
        return None
    amount = Decimal(text)
    return int(amount) if amount == int(amount) and abs(amount) < LARGEST_WHOLE else float(amount)
