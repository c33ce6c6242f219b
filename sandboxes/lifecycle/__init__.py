"""Turns the changes around one claim into its lifecycle. Plain Python.

Before: `cluster` and `watch`, or an imported file, give changes; `store` collects those around one claim. After:
`store` keeps the `Lifecycle` in its row (`to_json`), `timeline` draws it.

    fields     whatever shape an object has, a field reads as itself or as missing
    story      the claim's versions, its Sandbox's, its Pods', the Events about them
    sightings  when something became true between two looks
    sources    the best source for each milestone, by rule
    stages     the table of stages; the moments in a row
    why        what holds a claim up, with its proof
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sandboxes import object_fields as fields
from sandboxes.lifecycle import story
from sandboxes.lifecycle.as_json import durations_in, from_json, moment_in, stages_in, to_json
from sandboxes.lifecycle.sources import moments_of, start_type, that_served
from sandboxes.lifecycle.stages import STAGES, StageKind, lay_in_row, stages_of
from sandboxes.lifecycle.state import reason_of, state_of
from sandboxes.lifecycle.story import GROUP, Story
from sandboxes.lifecycle.why import explain
from sandboxes.lifecycle.why.case import Case
from sandboxes.records import Change, Lifecycle, Milestone, Moment, Owner, Stage

__all__ = [
    "STAGES",
    "StageKind",
    "durations_in",
    "from_json",
    "moment_in",
    "read",
    "stages_in",
    "time_to_ready",
    "to_json",
    "with_client",
]

TRACE_CONTEXT = "opentelemetry.io/trace-context"
MAX_CONTEXTS = 5


def read(changes: Sequence[Change], now_ns: int | None = None) -> Lifecycle | None:
    """The lifecycle of the claim among the changes, in whatever order they come and however many times.

    Give all that is known: the claim's own, its Sandbox's, its Pods', Events about any of them, and its namespace's
    pools and templates (they explain a claim that is stuck). None without a claim. `now_ns` is what waiting is measured
    against: without it, the newest change.
    """
    told_by = story.tell(changes)
    if told_by is None:
        return None
    start = start_type(told_by)
    moments = lay_in_row(moments_of(told_by, start), start)
    why = explain(Case(told_by, moments, start, max(now_ns or 0, told_by.last_ns)))
    sandbox = story.last_look(told_by.sandboxes[-1]) if told_by.sandboxes else {}
    last_pod = story.last_look(that_served(told_by.pods, None))
    contexts = _trace_contexts(told_by)
    return Lifecycle(
        uid=told_by.uid,
        namespace=story.namespace(told_by.object),
        name=story.name(told_by.object),
        pool=told_by.pool_name,
        template=_template(told_by),
        start_type=start,
        state=state_of(told_by, moments, why),
        reason=reason_of(told_by),
        sandbox=story.name(sandbox) or next(filter(None, map(_named, reversed(told_by.claim))), ""),
        sandbox_uid=fields.text_at(sandbox, "metadata", "uid"),
        pod=story.name(last_pod),
        pod_uid=fields.text_at(last_pod, "metadata", "uid"),
        node=fields.text_at(last_pod, "spec", "nodeName") or fields.text_at(sandbox, "status", "nodeName"),
        moments=moments,
        stages=stages_of(moments, start),
        why=why,
        trace_context=contexts[0] if contexts else "",
        other_contexts=contexts[1:],
        pod_ips=_pod_ips(told_by, last_pod),
    )


def with_client(lifecycle: Lifecycle, client_ready: Moment | None, first_command: Moment | None) -> Lifecycle:
    """The lifecycle with what only telemetry knows: when the client heard of it, and its first command."""
    given = {moment.milestone: moment for moment in (client_ready, first_command) if moment is not None}
    if not given:
        return lifecycle
    known = {**lifecycle.moments, **given}
    moments = {milestone: known[milestone] for milestone in Milestone if milestone in known}
    return replace(lifecycle, moments=moments, stages=stages_of(moments, lifecycle.start_type))


def time_to_ready(lifecycle: Lifecycle) -> Stage | None:
    """From the client's request (else the claim's creation) to the claim's being ready; None until both are known."""
    start = lifecycle.moments.get(Milestone.REQUESTED) or lifecycle.moments.get(Milestone.CREATED)
    end = lifecycle.moments.get(Milestone.CLAIM_READY)
    return Stage("time to ready", Owner.CONTROLLER, start, end) if start and end else None


def _named(change: Change) -> str:
    return story.sandbox_named(change.object)


def _template(told_by: Story) -> str:
    """As the Sandbox has it, else as the pool names it; v1alpha1 claims named it themselves."""
    sandboxes = [change.object for versions in told_by.sandboxes for change in versions]
    annotated = (fields.annotation(each, GROUP + "sandbox-template-ref") for each in sandboxes)
    return (
        next(filter(None, annotated), "")
        or fields.text_at(told_by.pool, "spec", "sandboxTemplateRef", "name")
        or fields.text_at(told_by.object, "spec", "sandboxTemplateRef", "name")
    )


def _trace_contexts(told_by: Story) -> tuple[str, ...]:
    """Whatever its annotation said, in order. Once the client's, for good; the controller's may be written over.

    That one makes a trace for a claim without any, and in a burst does so again before it sees that it has: 1 claim of
    24 on a busy machine. Both traces are the claim's.
    """
    written = (fields.annotation(each.object, TRACE_CONTEXT) for each in told_by.claim)
    return tuple(dict.fromkeys(filter(None, written)))[:MAX_CONTEXTS]


def _pod_ips(told_by: Story, pod: Mapping[str, object]) -> tuple[str, ...]:
    """As the claim has them, else the Pod; a claim's list holds plain text."""
    of_claim = fields.at(told_by.object, "status", "sandbox", "podIPs")
    texts = (
        [each for each in of_claim[: fields.MAX_ITEMS] if isinstance(each, str)] if isinstance(of_claim, list) else []
    )
    return tuple(
        texts or filter(None, (fields.text_at(each, "ip") for each in fields.objects_at(pod, "status", "podIPs")))
    )
