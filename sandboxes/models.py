"""The tables of the cluster's side. Written by `store` and `correlate`; telemetry is joined by trace id, not by a key.

Ids of traces and spans are blobs, as in `collector.models`. Objects live seconds in a cluster and Events an hour: what
we saw of them, we keep.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from collector.fields import AttributesField, HexIdField, Reference, SaidField
from sandboxes import redaction

BLUEPRINTS = ("SandboxWarmPool", "SandboxTemplate")  # records.Kind, of which models know nothing


class Cluster(models.Model):
    """A cluster, told apart by the UID of its namespace kube-system: contexts are renamed, kind clusters recreated."""

    uid = models.TextField(unique=True)
    name = models.TextField()
    api_version = models.TextField(default="v1beta1")  # of SandboxClaims
    last_seen_ns = models.BigIntegerField(default=0)


class ObjectVersion(models.Model):
    """A version of an object, once, however often it is listed, watched or imported.

    `belongs_to` is the uid of what it is part of: a Sandbox's claim, a Pod's Sandbox, what an Event is about.
    """

    cluster = Reference(Cluster)
    kind = models.TextField()
    uid = models.TextField()
    namespace = models.TextField()
    name = models.TextField()
    belongs_to = models.TextField()
    resource_version = models.TextField()
    change = models.TextField()  # records.ChangeType
    received_ns = models.BigIntegerField()
    after_ns = models.BigIntegerField(null=True)
    object = AttributesField(redact=redaction.stored_object)

    class Meta:
        # None begins with the cluster or the kind: of those there are few, and SQLite, which does not count, would take
        # such an index for the best one and look through all there is.
        constraints = [
            models.UniqueConstraint(fields=["uid", "resource_version", "cluster", "change"], name="version_identity"),
        ]
        indexes = [
            models.Index(fields=["belongs_to", "kind"], name="version_belongs_to"),
            models.Index(fields=["namespace", "kind", "name", "received_ns"], name="version_name"),
            # Few among many, and all of them are asked for together. Only a query that says this very condition can
            # take it (`sandboxes.pools.reading`): no planner is misled.
            models.Index(
                fields=["kind", "namespace", "name", "cluster", "received_ns"],
                condition=Q(kind__in=BLUEPRINTS),
                name="version_blueprint",
            ),
        ]


class Claim(models.Model):
    """A claim in one row, so that lists read nothing else; `lifecycle` is its whole story (lifecycle.to_json)."""

    cluster = Reference(Cluster, null=True)  # None: known from telemetry alone
    uid = models.TextField()
    namespace = models.TextField()
    name = models.TextField()
    pool = models.TextField()
    template = models.TextField()
    start_type = models.TextField()
    state = models.TextField()
    reason = SaidField()
    cause = models.TextField(default="")  # why it is stuck, failed or slow, as the stable word of records.Why
    sandbox = models.TextField()
    pod = models.TextField()
    node = models.TextField()
    zero_ns = models.BigIntegerField()  # where its time axis begins; lists are ordered by it
    created_ns = models.BigIntegerField(null=True)
    ready_ns = models.BigIntegerField(null=True)
    deleted_ns = models.BigIntegerField(null=True)
    time_to_ready_ns = models.BigIntegerField(null=True)
    time_to_ready_precision_ns = models.BigIntegerField(null=True)
    clock = models.TextField()  # of time_to_ready
    lifecycle = AttributesField(redact=redaction.stored_lifecycle)
    changed_ns = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["uid"], name="claim_identity")]
        indexes = [
            models.Index(fields=["zero_ns"], name="claim_zero"),
            # Names come out of telemetry, mostly without a namespace.
            models.Index(fields=["name", "zero_ns"], name="claim_named"),
            models.Index(fields=["sandbox", "zero_ns"], name="claim_sandbox"),
            models.Index(fields=["state", "zero_ns"], name="claim_state"),
            models.Index(fields=["pool", "zero_ns"], name="claim_pool"),
            # The correlator asks ten times a second what has changed: 190 ms of looking through 100,000 claims.
            models.Index(fields=["changed_ns"], name="claim_changed"),
            models.Index(fields=["time_to_ready_ns", "id"], name="claim_length"),
        ]


class Hint(models.Model):
    """Something in new telemetry that may tell whose it is, written with it in one transaction.

    `value` is a claim name, a sandbox name, `namespace/claim`, a tunnel's port, ... by `kind` (correlate.HintKind).
    """

    kind = models.TextField()
    value = models.TextField()
    namespace = models.TextField()
    trace_id = HexIdField(null=True)
    span_id = HexIdField(null=True)
    time_ns = models.BigIntegerField()
    resource_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["trace_id"], name="hint_trace"),
            models.Index(fields=["kind", "value"], name="hint_value"),
            models.Index(fields=["kind", "time_ns"], name="hint_time"),
        ]


class Link(models.Model):
    """A span of a claim, with what shows it and how sure it is. Exact and inferred: at most one claim a span."""

    claim_uid = models.TextField()
    trace_id = HexIdField()
    span_id = HexIdField()
    evidence = models.TextField()
    certainty = models.TextField()  # exact, inferred, ambiguous

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace_id", "span_id", "claim_uid"], name="link_identity")]
        indexes = [models.Index(fields=["claim_uid"], name="link_claim")]


class Cursor(models.Model):
    """How far a reader has come, so that it goes on there after a crash."""

    name = models.TextField(unique=True)
    position = models.BigIntegerField()


class StageSeries(models.Model):
    """What stages of claims are measured by: the `series` of their rollups (`collector.models.Rollup`)."""

    digest = models.BinaryField(unique=True)
    stage = models.TextField()  # the milestone it ends with, or rollup.TIME_TO_READY
    start_type = models.TextField()
    pool = models.TextField()
    template = models.TextField()
    namespace = models.TextField()
    cluster = Reference(Cluster, null=True)


class ResourceVersion(models.Model):
    """How far a resource of a cluster was read; moved in the transaction that keeps what was read (watch.keeping)."""

    cluster = Reference(Cluster)
    resource = models.TextField()  # its path and selectors
    version = models.TextField()  # the API server's; empty while a list is being read

    class Meta:
        constraints = [models.UniqueConstraint(fields=["resource", "cluster"], name="resource_version_identity")]


class Lease(models.Model):
    """Which process does what only one should (watch.lease); nobody while `word` is empty."""

    name = models.TextField(unique=True)
    machine = models.TextField(default="")
    process = models.BigIntegerField(default=0)
    word = models.TextField(default="")  # the holder's own
    beat = models.BigIntegerField(default=0)
    renewed_ns = models.BigIntegerField(default=0)
    detail = models.TextField(default="")  # what the holder says of itself


class Run(models.Model):
    """A run of test sandboxes: what was asked for, by whom, and how it stands. Written by `runs.recording`.

    People call it by its number, the key. The uid is random: claims carry it as a label, and those of another dashboard
    in the same cluster must not be ours.
    """

    uid = models.TextField(unique=True)
    plan = AttributesField(redact=redaction.stored_plan)  # plans.to_json
    form = models.TextField()  # plans.Plan.form
    state = models.TextField()  # runs.recording.RunState
    asked_by = models.TextField()
    note = SaidField()
    asked_ns = models.BigIntegerField()
    began_ns = models.BigIntegerField(null=True)
    ended_ns = models.BigIntegerField(null=True)
    heartbeat_ns = models.BigIntegerField(null=True)  # of the process that does it
    problem = SaidField()  # why it did not end as it should
    outcome = AttributesField(null=True, redact=None)  # runs.outcome.Totals, once it ended
    changed_ns = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["asked_ns"], name="run_asked"), models.Index(fields=["form"], name="run_form")]


class RunSandbox(models.Model):
    """One sandbox of a run, as the client saw it: its own clock, its own errors. The cluster's side is the claim's."""

    run = Reference(Run)
    number = models.IntegerField()  # from 1
    claim = models.TextField()  # its name; the claim's page is found by it
    state = models.TextField()  # runs.recording.SandboxState
    requested_ns = models.BigIntegerField(null=True)
    ready_ns = models.BigIntegerField(null=True)
    ran_ns = models.BigIntegerField(null=True)
    deleted_ns = models.BigIntegerField(null=True)
    error_type = models.TextField()
    error = SaidField()
    # Commands and files: what was done, how long it took, what came back.
    steps = AttributesField(redact=redaction.stored_steps)
    trace_id = HexIdField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="run_sandbox_identity")]
        indexes = [models.Index(fields=["claim"], name="run_sandbox_claim")]


class RunComparison(models.Model):
    """Whether a run differs from an earlier one by more than noise. Made by the worker (`runs.comparison`)."""

    run = Reference(Run)
    earlier = Reference(Run)
    made_ns = models.BigIntegerField()
    stages = AttributesField(redact=None)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "earlier"], name="run_comparison_identity")]
