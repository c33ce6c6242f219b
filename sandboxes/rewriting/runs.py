"""Test runs and their sandboxes, once they are over: until then the worker has to know the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import orjson

from collector.redaction import Rules
from collector.rewriting import Kind, Looked
from collector.rewriting.shapes import differ, looked, page_of
from collector.sql import execute, rows_in, update_rows
from sandboxes import redaction
from sandboxes.models import Run, RunSandbox
from sandboxes.plans import from_json
from sandboxes.runs.recording import GOING_ON

RUNS, SANDBOXES = Run._meta.db_table, RunSandbox._meta.db_table
TASKS, FIRST_TASK = "django_tasks_database_dbtaskresult", "00000000-0000-0000-0000-000000000000"
OF_RUNS = ("plan", "form", "note", "problem", "state")
OF_SANDBOXES = ("error", "steps")


def kinds(rules: Rules) -> list[Kind]:
    """Runs, their sandboxes, and what the worker's tasks have failed with."""
    tables = (("runs", RUNS), ("sandboxes of runs", SANDBOXES))
    return [
        *(
            Kind(name, table, partial(_look, rules, table), partial(_rewrite, rules, table), page=100)
            for name, table in tables
        ),
        Kind("failures of tasks", TASKS, partial(_look_at_failures, rules), _rewrite_failures, FIRST_TASK, page=100),
    ]


def _look(rules: Rules, table: str, after: int, limit: int) -> Looked:
    columns = OF_RUNS if table == RUNS else OF_SANDBOXES
    rows = page_of(table, columns, after, limit)
    changes = [row[0] for row in rows if _masked(rules, table, dict(zip(columns, row[1:], strict=True)))]
    return looked(rows, limit, changes)


def _rewrite(rules: Rules, table: str, changes: Sequence[int]) -> int:
    """A run goes on while its page is open: its row is read again."""
    columns = OF_RUNS if table == RUNS else OF_SANDBOXES
    rows = list(rows_in(table, ("id", *columns), "id", changes))
    for row in rows:
        found = _masked(rules, table, dict(zip(columns, row[1:], strict=True)))
        if found:
            update_rows(table, tuple(found), [(*found.values(), row[0])])
    return len(rows)


def _masked(rules: Rules, table: str, row: Mapping[str, str]) -> dict[str, str]:
    """The columns that change."""
    if table == SANDBOXES:
        found = {"error": rules.text(row["error"]), "steps": redaction.stored_steps(rules, row["steps"])}
        return _changed(row, found, "steps")
    found = {"note": rules.text(row["note"]), "problem": rules.text(row["problem"])}
    plan = redaction.stored_plan(rules, row["plan"])
    if differ(row["plan"], plan):
        found["form"] = from_json(orjson.loads(plan)).form  # a digest: a short secret could be guessed from it
        if row["state"] not in GOING_ON:
            found["plan"] = plan
    return _changed(row, found, "plan")


def _changed(row: Mapping[str, str], found: Mapping[str, str], json: str) -> dict[str, str]:
    return {
        name: value
        for name, value in found.items()
        if (differ(row[name], value) if name == json else row[name] != value)
    }


# What a task of the worker has failed with. Its words are Python's, and may quote whatever was at hand.


def _look_at_failures(rules: Rules, after: str, limit: int) -> Looked:
    rows = page_of(TASKS, ("traceback",), after, limit)
    changes = [(masked, row_id) for row_id, text in rows if (masked := rules.text(text)) != text]
    return looked(rows, limit, changes)


def _rewrite_failures(changes: Sequence[tuple[str, object]]) -> int:
    update_rows(TASKS, ("traceback",), changes)
    return len(changes)


def runs_that_go_on() -> int:
    """Of how many runs the plan is kept as it is."""
    places = ",".join(["%s"] * len(GOING_ON))
    return int(execute(f"SELECT count(*) FROM {RUNS} WHERE state IN ({places})", list(GOING_ON)).fetchone()[0])
