"""Recorded claims in the database, with the telemetry that was recorded with them, for tests of pages and exports."""

from __future__ import annotations

from functools import cache

from collector.writer import Committed
from sandboxes.models import Claim, Link
from sandboxes.recorded import read_changes
from sandboxes.records import Change, ClusterIdentity
from sandboxes.store import keep
from tests.sandboxes.recordings import truth, watch_lines

LAB = ClusterIdentity("lab-uid", "lab-cluster")


@cache
def changes_of(scenario: str) -> list[Change]:
    """What a scenario's watch brought."""
    return list(read_changes(watch_lines(scenario)))


def load(scenario: str) -> dict[str, Claim]:
    """Keeps a scenario's claims; gives them by the key its truth knows them by."""
    keep(LAB, changes_of(scenario), Committed())
    rows = {claim.uid: claim for claim in Claim.objects.all()}
    return {claim["key"]: rows[claim["uid"]] for claim in truth(scenario)["claims"] if claim.get("uid") in rows}


def link(claim: Claim, trace_id: str, span_id: str, evidence: str = "annotation", certainty: str = "exact") -> Link:
    """A span of a claim, as the correlator would link it."""
    return Link.objects.create(
        claim_uid=claim.uid, trace_id=trace_id, span_id=span_id, evidence=evidence, certainty=certainty
    )
