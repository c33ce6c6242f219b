"""The table of stages, what the client adds to it, and its way through JSON."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sandboxes import lifecycle
from sandboxes.records import MS, Clock, Milestone, Moment, Owner
from tests.sandboxes.lifecycle.told import CLAIMS, lifecycle_of

DOCS = Path(__file__).parents[3] / "docs" / "stages.md"


def test_the_table_is_one_row_of_stages_from_the_request_to_the_first_command() -> None:
    stages = lifecycle.STAGES
    assert stages[0].start is Milestone.REQUESTED
    assert stages[-1].end is Milestone.FIRST_COMMAND
    assert all(one.end is following.start for one, following in itertools.pairwise(stages))
    assert [each.end for each in stages] == list(Milestone)[1:-2]
    assert {each.owner for each in stages} == set(Owner)


def test_the_documented_table_is_the_table() -> None:
    rows = [f"| {each.name} | {each.owner} | {each.start} | {each.end} | {each.meaning} |" for each in lifecycle.STAGES]
    written = [line for line in DOCS.read_text().splitlines() if line.startswith("| ") and "---" not in line]
    assert written[1 : len(rows) + 1] == rows


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_every_recorded_claim_survives_json(scenario: str, key: str) -> None:
    found = lifecycle_of(scenario, key)
    stored = json.loads(json.dumps(lifecycle.to_json(found)))
    assert lifecycle.from_json(stored) == found
    own = [stage for stage in found.stages if not stage.pre_warmed]
    durations = [(stage.name, stage.duration_ns, stage.precision_ns) for stage in own]
    assert list(lifecycle.durations_in(stored)) == durations


def test_a_stages_end_that_is_told_otherwise_than_its_moment_survives_json() -> None:
    found = lifecycle_of("quickstart-cold", "c1")
    last = replace(found.stages[-1], end=replace(found.stages[-1].end, source="somebody else"))
    other = replace(found, stages=(*found.stages[:-1], last))
    assert lifecycle.from_json(lifecycle.to_json(other)) == other


def test_json_holds_no_nanoseconds_as_numbers() -> None:
    """JavaScript would round them."""

    def numbers(value: object) -> list[float]:
        if isinstance(value, dict):
            return [found for each in value.values() for found in numbers(each)]
        if isinstance(value, list):
            return [found for each in value for found in numbers(each)]
        return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []

    assert numbers(lifecycle.to_json(lifecycle_of("failures", "expires"))) == []


def test_what_the_client_saw_follows_the_claims_own_stages() -> None:
    whole = lifecycle_of("quickstart-cold", "c1")
    ready_ns = whole.moments[Milestone.CLAIM_READY].time_ns
    heard = _client(Milestone.CLIENT_READY, ready_ns + 2 * MS)
    command = _client(Milestone.FIRST_COMMAND, ready_ns + 30 * MS)
    found = lifecycle.with_client(whole, heard, command)
    assert [stage.name for stage in found.stages[-3:]] == ["claim ready", "client ready", "first command"]
    assert [stage.owner for stage in found.stages[-2:]] == [Owner.CLIENT, Owner.CLIENT]
    assert found.stages[-1].duration_ns == 28 * MS
    assert list(found.moments)[-1] is Milestone.DELETED
    assert lifecycle.with_client(found, None, None) == found


def test_a_first_command_is_known_without_the_clients_being_ready() -> None:
    whole = lifecycle_of("quickstart-cold", "c1")
    command = _client(Milestone.FIRST_COMMAND, whole.moments[Milestone.CLAIM_READY].time_ns + 30 * MS)
    found = lifecycle.with_client(whole, None, command)
    assert found.stages[-1].start == whole.moments[Milestone.CLAIM_READY]


def _client(milestone: Milestone, time_ns: int) -> Moment:
    return Moment(milestone, time_ns, time_ns, time_ns + 1, Clock.CLIENT, 1, "span POST /execute")


def test_time_to_ready_runs_from_the_clients_request() -> None:
    found = lifecycle.time_to_ready(lifecycle_of("quickstart-cold", "c1"))
    assert found is not None
    assert found.start.milestone is Milestone.REQUESTED
    assert found.end.milestone is Milestone.CLAIM_READY
    assert 1_240 * MS < found.duration_ns < 1_258 * MS  # the program measured 1,258 ms around its call
