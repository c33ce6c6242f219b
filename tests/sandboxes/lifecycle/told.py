"""Claims of the recordings, as `lifecycle.read` is given them: everything around one claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

from sandboxes import lifecycle
from sandboxes.recorded import read_changes
from sandboxes.records import Change, ChangeType, Kind, Lifecycle
from tests.sandboxes.recordings import truth, watch_lines

SCENARIOS = (
    "api-outage",
    "bootstrapped-cold",
    "burst-drained",
    "failures",
    "full-path",
    "kubectl-made",
    "parent-span",
    "quickstart-cold",
    "traced-warm",
)


@cache
def changes_of(scenario: str) -> tuple[Change, ...]:
    return tuple(read_changes(watch_lines(scenario)))


@cache
def true_claims(scenario: str) -> dict[str, dict[str, Any]]:
    """The claims that came to be, by their key in truth.json."""
    return {claim["key"]: claim for claim in truth(scenario)["claims"] if claim.get("uid")}


CLAIMS = [(scenario, key) for scenario in SCENARIOS for key in true_claims(scenario)]


def around(scenario: str, key: str) -> list[Change]:
    """Every change of a recording but for other claims' own."""
    uid = true_claims(scenario)[key]["uid"]
    return [change for change in changes_of(scenario) if change.kind is not Kind.CLAIM or change.uid == uid]


@cache
def lifecycle_of(scenario: str, key: str) -> Lifecycle:
    return read(around(scenario, key))


def read(changes: Sequence[Change], now_ns: int | None = None) -> Lifecycle:
    found = lifecycle.read(changes, now_ns)
    assert found is not None
    return found


def until(changes: Iterable[Change], time_ns: int) -> list[Change]:
    """What was known by then."""
    return [change for change in changes if change.received_ns <= time_ns]


def without(changes: Iterable[Change], *kinds: Kind) -> list[Change]:
    return [change for change in changes if change.kind not in kinds]


def one_look(changes: Iterable[Change], time_ns: int) -> list[Change]:
    """What `kubectl get -o json` would have printed at that time, of the claim and all around it."""
    last: dict[str, Change] = {}
    for change in until(changes, time_ns):
        last[change.uid] = change
    ends = (ChangeType.DELETED, ChangeType.GONE)
    there = [change for change in last.values() if change.type not in ends]
    return [replace(change, type=ChangeType.LISTED, received_ns=time_ns) for change in there]


def altered(changes: Iterable[Change], kind: Kind, alter: Callable[[dict[str, Any]], None]) -> list[Change]:
    """The changes with each object of that kind altered."""
    return [_altered(change, alter) if change.kind is kind else change for change in changes]


def _altered(change: Change, alter: Callable[[dict[str, Any]], None]) -> Change:
    value = deepcopy(dict(change.object))
    alter(value)
    return replace(change, object=value)
