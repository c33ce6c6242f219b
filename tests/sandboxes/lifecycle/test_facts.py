"""What a lifecycle says of a claim besides its times."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sandboxes.lifecycle import from_json, to_json
from sandboxes.records import Change, ChangeType, Kind, Lifecycle, StartType
from tests.sandboxes.lifecycle.told import CLAIMS, altered, around, lifecycle_of, read, true_claims, without


@pytest.mark.parametrize(("scenario", "key"), CLAIMS)
def test_the_trace_context_is_kept_as_written(scenario: str, key: str) -> None:
    written = true_claims(scenario)[key].get("watch", {}).get("trace_context_annotation")
    assert written is None or lifecycle_of(scenario, key).trace_context == written


def test_some_recorded_claims_carry_a_trace_context() -> None:
    assert json.loads(lifecycle_of("traced-warm", "c1").trace_context)["traceparent"].startswith("00-")
    assert lifecycle_of("quickstart-cold", "c1").trace_context == ""


def test_a_trace_context_that_is_written_over_counts_as_well() -> None:
    """A controller whose cache is behind makes a second trace for the same claim."""
    changes = around("kubectl-made", "warm")
    last = [each for each in changes if each.kind is Kind.CLAIM][-2]
    metadata = last.object["metadata"]
    annotations = {**metadata.get("annotations", {}), "opentelemetry.io/trace-context": "another"}
    value = {**last.object, "metadata": {**metadata, "annotations": annotations}}
    first = lifecycle_of("kubectl-made", "warm").trace_context
    found = read([replace(last, object=value) if each is last else each for each in changes])
    assert [found.trace_context, *found.other_contexts] == list(filter(None, (first, "another")))
    assert from_json(to_json(found)) == found


def test_of_two_sandboxes_made_for_a_claim_the_one_it_names_serves_it() -> None:
    """A controller whose cache is behind adopts one and makes another."""
    changes, whole = around("full-path", "c1"), lifecycle_of("full-path", "c1")
    adopted = [each for each in changes if each.uid == whole.sandbox_uid]
    metadata = adopted[-1].object["metadata"]
    extra = {**metadata, "name": whole.name, "uid": "made-beside", "resourceVersion": "999999"}
    labels = {**metadata["labels"], "agents.x-k8s.io/claim-uid": whole.uid, "agents.x-k8s.io/launch-type": "cold"}
    made = {**adopted[-1].object, "metadata": {**extra, "labels": labels, "ownerReferences": []}}
    beside = Change(ChangeType.ADDED, Kind.SANDBOX, adopted[-1].received_ns + 1, made)
    found = read([*changes, beside])
    assert (found.sandbox, found.start_type) == (whole.sandbox, StartType.WARM)
    assert found.stages == whole.stages


def test_addresses_are_the_claims_and_else_the_pods() -> None:
    whole = lifecycle_of("quickstart-cold", "c1")
    assert whole.pod_ips == ("10.0.0.1",)

    def drop(value: dict[str, Any]) -> None:
        value.get("status", {}).get("sandbox", {}).pop("podIPs", None)

    assert read(altered(around("quickstart-cold", "c1"), Kind.CLAIM, drop)).pod_ips == whole.pod_ips


def test_a_claim_of_v1alpha1_names_its_template_itself() -> None:
    def older(value: dict[str, Any]) -> None:
        value["spec"] = {"sandboxTemplateRef": {"name": "old-template"}, "warmpool": "old-pool"}

    changes = without(around("quickstart-cold", "c1"), Kind.SANDBOX, Kind.POD)
    found = read(altered(changes, Kind.CLAIM, older))
    assert (found.pool, found.template) == ("old-pool", "old-template")


def _start(scenario: str, key: str, *left_out: Kind) -> Lifecycle:
    """With the label on the Sandbox gone, so that something else must tell."""

    def unlabel(value: dict[str, Any]) -> None:
        value["metadata"].get("labels", {}).pop("agents.x-k8s.io/launch-type", None)

    return read(altered(without(around(scenario, key), *left_out), Kind.SANDBOX, unlabel))


@pytest.mark.parametrize(("scenario", "key"), [claim for claim in CLAIMS if lifecycle_of(*claim).sandbox])
@pytest.mark.parametrize("left_out", [(), (Kind.EVENT,), (Kind.EVENT, Kind.SANDBOX)], ids=["event", "age", "name"])
def test_warm_or_cold_is_known_without_the_label(scenario: str, key: str, left_out: tuple[Kind, ...]) -> None:
    assert _start(scenario, key, *left_out).start_type is lifecycle_of(scenario, key).start_type


def test_before_there_is_a_sandbox_the_start_is_neither() -> None:
    claim = next(each for each in around("traced-warm", "c1") if each.kind is Kind.CLAIM)
    assert read([claim]).start_type is StartType.UNKNOWN
