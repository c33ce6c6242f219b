"""Recorded watch streams and kubectl's JSON become changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.objects import Malformed, belongs_to
from sandboxes.recorded import Recording, read_changes
from sandboxes.records import Change, ChangeType, Kind
from tests.sandboxes.recordings import SCENARIOS, truth, watch_lines

SECOND = 10**9


def line(how: str, value: Any, at_s: int = 1, resource: str = "sandboxclaims", **more: Any) -> dict[str, Any]:
    return {"received_unix_nano": at_s * SECOND, "resource": resource, "type": how, "object": value, **more}


def claim(uid: str, version: str = "1") -> dict[str, Any]:
    return {
        "apiVersion": "extensions.agents.x-k8s.io/v1beta1",
        "kind": "SandboxClaim",
        "metadata": {"uid": uid, "name": f"claim-{uid}", "namespace": "default", "resourceVersion": version},
    }


def pod(uid: str, **metadata: Any) -> dict[str, Any]:
    members = {"uid": uid, "name": uid, "namespace": "default", "resourceVersion": "1", **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": members}


def read(*lines: dict[str, Any]) -> list[Change]:
    recording = Recording(now_ns=99 * SECOND)
    return [change for value in lines for change in recording.read(value)]


def told(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.type.value, change.uid) for change in changes]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_claim_of_a_recording_is_in_its_changes(scenario: str) -> None:
    uids = {item["uid"] for item in truth(scenario)["claims"] if item.get("uid")}
    claims = {change.uid for change in read_changes(watch_lines(scenario)) if change.kind == Kind.CLAIM}
    assert uids <= claims
    assert uids or scenario == "watch-timeouts"


def test_a_claim_deleted_while_the_watch_was_down_is_gone_within_the_outage() -> None:
    gone = [change for change in read_changes(watch_lines("api-outage")) if change.type == ChangeType.GONE]
    assert [change.metadata["name"] for change in gone] == ["sandbox-claim-72dfb635"]
    outage = [value for value in map(json.loads, watch_lines("api-outage")) if value["resource"] == "sandboxclaims"]
    down_ns = next(value["received_unix_nano"] for value in outage if value["type"] == "DISCONNECT")
    relist_ns = [value["received_unix_nano"] for value in outage if value["type"] == "LIST"][-1]
    assert gone[0].after_ns is not None
    assert gone[0].after_ns < down_ns < gone[0].received_ns == relist_ns


def test_a_claim_made_while_the_watch_was_down_is_listed() -> None:
    changes = [change for change in read_changes(watch_lines("api-outage")) if change.kind == Kind.CLAIM]
    first = next(change for change in changes if change.metadata["name"] == "sandbox-claim-8299c5ef")
    assert first.type == ChangeType.LISTED


def test_watches_that_time_out_and_bookmarks_close_nothing() -> None:
    changes = list(read_changes(watch_lines("watch-timeouts")))
    assert not [change for change in changes if change.type == ChangeType.GONE]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_warm_or_cold_sandbox_belongs_to_its_claim_and_its_pod_to_it(scenario: str) -> None:
    changes = list(read_changes(watch_lines(scenario)))
    parents = {change.uid: belongs_to(change) for change in changes}  # the last word: after adoption
    for item in truth(scenario)["claims"]:
        if item.get("sandbox_uid") and item["sandbox_uid"] in parents:
            assert parents[item["sandbox_uid"]] == item["uid"]
        for uid in item.get("pod_uids") or []:
            assert parents[uid] == item["sandbox_uid"]


def test_events_about_nodes_and_namespaces_are_left_out() -> None:
    regarded = {
        change.object.get("regarding", change.object.get("involvedObject"))["kind"]
        for change in read_changes(watch_lines("burst-drained"))
        if change.kind == Kind.EVENT
    }
    assert regarded == {"SandboxClaim", "Pod"}


def test_a_new_list_shows_what_is_gone() -> None:
    changes = read(
        line("LIST", {}, 1, count=2),
        line("ADDED", claim("a"), 1, from_list=True),
        line("ADDED", claim("b"), 1, from_list=True),
        line("BOOKMARK", claim(""), 5),
        line("DISCONNECT", None, 6),
        line("LIST", {}, 9, count=1),
        line("ADDED", claim("b", "2"), 9, from_list=True),
    )
    assert told(changes) == [("LISTED", "a"), ("LISTED", "b"), ("LISTED", "b"), ("GONE", "a")]
    assert (changes[-1].after_ns, changes[-1].received_ns) == (5 * SECOND, 9 * SECOND)


def test_an_empty_new_list_closes_all() -> None:
    changes = read(line("ADDED", claim("a"), 1), line("LIST", {}, 3, count=0))
    assert told(changes) == [("ADDED", "a"), ("GONE", "a")]


def test_a_list_that_breaks_off_closes_nothing() -> None:
    changes = read(
        line("ADDED", claim("a"), 1),
        line("LIST", {}, 3, count=2),
        line("ADDED", claim("b"), 3, from_list=True),
        line("DISCONNECT", None, 4),
    )
    assert told(changes) == [("ADDED", "a"), ("LISTED", "b")]


def test_kubectls_list_of_several_kinds_is_read_as_listed() -> None:
    listed = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [claim("a"), pod("theirs"), pod("ours", labels={"agents.x-k8s.io/sandbox-name-hash": "1"})],
    }
    recording = Recording(now_ns=99 * SECOND)
    changes = recording.read(listed)
    assert told(changes) == [("LISTED", "a"), ("LISTED", "ours")]
    assert {change.received_ns for change in changes} == {99 * SECOND}
    assert recording.others == 1


def test_kubectls_watch_events_without_times_do_not_date_anything() -> None:
    changes = read({"type": "ADDED", "object": claim("a")}, {"type": "DELETED", "object": claim("a", "2")})
    assert told(changes) == [("LISTED", "a"), ("GONE", "a")]


def test_managed_fields_are_dropped() -> None:
    value = claim("a")
    value["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    assert "managedFields" not in read(line("ADDED", value))[0].metadata


@pytest.mark.parametrize(
    "value",
    [
        line("ADDED", None),
        line("ADDED", {"metadata": "x"}),
        line("ADDED", claim("")),
        line("ADDED", claim("x" * 1_000)),
        line("SHOUTED", claim("a")),
        {**line("ADDED", claim("a")), "received_unix_nano": "yesterday"},
        {**line("ADDED", claim("a")), "received_unix_nano": 2**64},
        {"kind": "List", "items": ["a"]},
    ],
)
def test_what_is_no_object_is_told_and_reading_goes_on(value: dict[str, Any]) -> None:
    recording = Recording()
    with pytest.raises(Malformed):
        recording.read(value)
    assert told(recording.read(line("ADDED", claim("b")))) == [("ADDED", "b")]


JSON = st.recursive(
    st.sampled_from([None, True, 0, 2**70, "", "a", "\x00", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "labels", "uid"]), inner),
    max_leaves=8,
)


@given(
    metadata=st.dictionaries(st.sampled_from(["uid", "name", "labels", "ownerReferences", "namespace"]), JSON),
    kind=st.sampled_from(["SandboxClaim", "Sandbox", "Pod", "Event", "Node"]),
    more=st.dictionaries(st.sampled_from(["regarding", "involvedObject", "status", "spec"]), JSON),
)
def test_no_object_however_odd_breaks_the_reading(metadata: Any, kind: str, more: Any) -> None:
    version = {"Pod": "v1", "Event": "v1", "Sandbox": "agents.x-k8s.io/v1beta1"}
    value = {"apiVersion": version.get(kind, "extensions.agents.x-k8s.io/v1"), "kind": kind, "metadata": metadata}
    try:
        changes = Recording().read({**more, **value})
    except Malformed:
        return
    assert all(isinstance(belongs_to(change), str) for change in changes)
