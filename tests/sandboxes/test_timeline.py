"""Objects and Events on the time axis, from what a real cluster's watch brought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandboxes.lifecycle import read
from sandboxes.object_fields import time_ns
from sandboxes.records import SECOND, Change, ChangeType, Kind, Lifecycle
from sandboxes.timeline import MAX_MARKS, Row, Tone, event_rows, object_rows, regarding
from tests.sandboxes.loading import changes_of
from tests.sandboxes.recordings import truth


def around(scenario: str, key: str) -> tuple[Lifecycle, list[Change]]:
    """A claim's lifecycle and what it was read from."""
    claim = next(claim for claim in truth(scenario)["claims"] if claim["key"] == key)
    uids = {claim["uid"], claim.get("sandbox_uid"), claim.get("pod_uid"), *(claim.get("pod_uids") or [])}
    changes = [
        change for change in changes_of(scenario) if change.uid in uids or regarding(change.object).get("uid") in uids
    ]
    lifecycle = read(changes)
    assert lifecycle is not None
    return lifecycle, changes


def tones(row: Row) -> list[Tone]:
    return [bar.tone for bar in row.bars]


def test_a_cold_claims_objects_wait_run_and_are_ready() -> None:
    claim, sandbox, pod = object_rows(*around("quickstart-cold", "c1"))
    assert [claim.label, sandbox.label, pod.label] == ["SandboxClaim", "Sandbox", "Pod"]
    assert tones(claim)[-1] == Tone.READY
    assert list(dict.fromkeys(tones(pod))) == [Tone.WAITING, Tone.RUNNING, Tone.READY, Tone.ENDING]


def test_bars_follow_each_other_without_a_gap_and_end_with_the_object() -> None:
    lifecycle, changes = around("quickstart-cold", "c1")
    for row in object_rows(lifecycle, changes):
        assert [bar.end_ns for bar in row.bars[:-1]] == [bar.start_ns for bar in row.bars[1:]]
        uid = row.key.removeprefix("object-")
        deleted = next(change for change in changes if change.uid == uid and change.type == ChangeType.DELETED)
        assert row.bars[-1].end_ns == deleted.received_ns


def test_a_warm_claims_sandbox_was_the_pools_before_it_was_adopted() -> None:
    lifecycle, changes = around("traced-warm", "c1")
    rows = {row.label: row for row in object_rows(lifecycle, changes)}
    assert Tone.POOLED in tones(rows["Sandbox"])
    assert tones(rows["Sandbox"]).index(Tone.POOLED) < tones(rows["Sandbox"]).index(Tone.READY)
    pooled = [bar for bar in rows["Pod"].bars if bar.tone == Tone.POOLED]
    assert pooled
    assert pooled[0].start_ns < lifecycle.zero_ns


def test_an_object_that_is_still_there_has_an_open_bar() -> None:
    lifecycle, changes = around("quickstart-cold", "c1")
    alive = [change for change in changes if change.type != ChangeType.DELETED and change.kind == Kind.CLAIM]
    (row,) = object_rows(lifecycle, alive)
    assert row.bars[-1].end_ns is None


def test_what_went_while_nobody_watched_ends_in_an_interval() -> None:
    lifecycle, changes = around("quickstart-cold", "c1")
    gone = [
        replace(change, type=ChangeType.GONE, after_ns=change.received_ns - SECOND)
        if change.type == ChangeType.DELETED
        else change
        for change in changes
        if change.kind == Kind.CLAIM
    ]
    (row,) = object_rows(lifecycle, gone)
    last = row.bars[-1]
    assert (last.tone, last.end_ns) == (Tone.ENDING, last.start_ns + SECOND)


def test_every_event_is_in_both_apis_and_drawn_once() -> None:
    _, changes = around("quickstart-cold", "c1")
    rows = event_rows(changes)
    assert [row.label for row in rows] == [
        "SandboxProvisioned", "Scheduled", "Pulling", "Pulled", "Created", "Started", "Killing",
    ]  # fmt: skip
    assert all(row.count == 1 for row in rows)


def test_a_kubelets_event_is_known_to_the_second_until_we_received_it() -> None:
    lifecycle, changes = around("quickstart-cold", "c1")
    rows = {row.label: row for row in event_rows(changes)}
    (scheduled,) = rows["Scheduled"].marks
    assert scheduled.lower_ns == scheduled.time_ns
    (pulled,) = rows["Pulled"].marks
    assert pulled.lower_ns % SECOND == 0
    assert pulled.lower_ns < pulled.time_ns <= pulled.lower_ns + SECOND
    assert lifecycle.zero_ns < pulled.time_ns


def test_a_repeated_warning_is_one_row_that_says_how_often() -> None:
    _, changes = around("failures", "unschedulable")
    row = next(row for row in event_rows(changes) if row.label == "FailedScheduling")
    assert row.warning
    assert row.count == len({mark.lower_ns for mark in row.marks}) > 1
    assert "Insufficient cpu" in row.words


def event(**members: Any) -> Change:
    return Change(ChangeType.ADDED, Kind.EVENT, 5 * SECOND, {"metadata": {"uid": "e"}, **members})


def test_a_flood_of_events_is_one_row_of_bounded_length() -> None:
    flood = [
        replace(event(reason="BackOff", lastTimestamp=f"1970-01-01T00:{n // 60:02}:{n % 60:02}Z"), received_ns=n)
        for n in range(MAX_MARKS + 50)
    ]
    (row,) = event_rows(flood)
    assert len(row.marks) == MAX_MARKS


@pytest.mark.parametrize(
    "members",
    [
        {"reason": 5, "message": ["a"], "eventTime": "yesterday", "regarding": "pod"},
        {"count": "many", "series": [1], "lastTimestamp": 12, "involvedObject": None},
        {"type": None, "series": {"count": -3}, "deprecatedCount": 10**30},
    ],
)
def test_no_event_however_malformed_is_too_much(members: dict[str, Any]) -> None:
    (row,) = event_rows([event(**members)])
    assert (row.count, row.marks[0].time_ns) == (1, 5 * SECOND)


@pytest.mark.parametrize("status", [None, "x", {"conditions": "x"}, {"conditions": [1, {"type": 2}]}, {"phase": []}])
@pytest.mark.parametrize("kind", [Kind.CLAIM, Kind.SANDBOX, Kind.POD])
def test_no_object_however_malformed_is_too_much(kind: Kind, status: Any) -> None:
    change = Change(
        ChangeType.ADDED, kind, SECOND, {"metadata": {"uid": "u", "labels": 5}, "spec": 1, "status": status}
    )
    (row,) = object_rows(Lifecycle("u", "n", "c"), [change])
    assert tones(row) == [Tone.WAITING]


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T00:00:01.000000001Z", SECOND + 1),
        ("1970-01-01T01:00:01.5+01:00", SECOND + SECOND // 2),
        ("1970-13-01T00:00:01Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
    ],
)
def test_times_are_read_exactly_or_not_at_all(written: str, ns: int | None) -> None:
    assert time_ns(written) == ns
