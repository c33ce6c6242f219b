"""Stored claims and links as the API's items.

Before: rows of `sandboxes.questions`. After: plain dicts, in the shapes of `shapes`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dashboard.csv_rows import iso_time
from sandboxes.models import Claim, Link
from sandboxes.records import Moment, Stage, Why

Item = dict[str, Any]
SAME = ("uid", "namespace", "pool", "template", "start_type", "state", "reason", "sandbox", "pod", "node", "clock")
MS = 10**6


def claim(row: Claim) -> Item:
    """A claim in short."""
    return {
        **{name: getattr(row, name) for name in SAME},
        "claim": row.name,
        "cluster": row.cluster.name if row.cluster_id is not None else None,
        "zero_ns": str(row.zero_ns),
        "created_ns": _text(row.created_ns),
        "ready_ns": _text(row.ready_ns),
        "deleted_ns": _text(row.deleted_ns),
        "time_to_ready_ms": _ms(row.time_to_ready_ns),
        "time_to_ready_precision_ms": _ms(row.time_to_ready_precision_ns),
    }


def moment(found: Moment) -> Item:
    """A milestone."""
    return {
        "milestone": found.milestone,
        "time_ns": str(found.time_ns),
        "lower_ns": str(found.lower_ns),
        "upper_ns": str(found.upper_ns),
        "clock": found.clock,
        "precision_ns": str(found.precision_ns),
        "source": found.source,
    }


def stage(found: Stage) -> Item:
    """A stage."""
    return {
        "stage": found.name,
        "owner": found.owner,
        "start_ns": str(found.start.time_ns),
        "end_ns": str(found.end.time_ns),
        "duration_ms": found.duration_ns / MS,
        "lower_ms": found.lower_ns / MS,
        "upper_ms": found.upper_ns / MS,
        "clock": found.end.clock,
        "precision_ns": str(found.precision_ns),
        "source": found.end.source,
        "pre_warmed": found.pre_warmed,
    }


def stage_of(row: Claim, found: Stage) -> Item:
    """A stage with the claim it is of: the columns of stages.csv."""
    same = ("namespace", "pool", "template", "start_type")
    return {
        "claim_uid": row.uid,
        "claim": row.name,
        **{name: getattr(row, name) for name in same},
        **stage(found),
        "start": iso_time(found.start.time_ns),
        "end": iso_time(found.end.time_ns),
    }


def why(found: Why | None) -> Item | None:
    """Why it is stuck, failed or slow."""
    if found is None:
        return None
    proof = asdict(found.proof) | {"time_ns": str(found.proof.time_ns)} if found.proof else None
    return {"cause": found.cause, "sentence": found.sentence, "advice": found.advice, "proof": proof}


def link(row: Link) -> Item:
    """A link."""
    names = ("claim_uid", "trace_id", "span_id", "evidence", "certainty")
    return {name: getattr(row, name) for name in names}


def _text(ns: int | None) -> str | None:
    return None if ns is None else str(ns)


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / MS
