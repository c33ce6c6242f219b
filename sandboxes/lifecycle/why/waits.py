"""Waiting: for the controller, for a Sandbox of the pool, or longer than the claim was given. Plain Python."""

from __future__ import annotations

from sandboxes import object_fields as fields
from sandboxes.lifecycle import story
from sandboxes.lifecycle.ends import EXPIRY
from sandboxes.lifecycle.why.case import Case, event_proof, object_proof, quoted, span_text
from sandboxes.records import MS, SECOND, Kind, Milestone, Proof, StartType, Why

SILENT_NS = 5 * SECOND  # the recorded controllers took 3 to 30 ms
EMPTY_NS = 2 * SECOND  # the controller's own patience (warmCandidateGracePeriod)
NOTICED_NS = 300 * MS  # a warm start takes 50 to 100 ms
_CONTROLLER = "Check that the agent-sandbox controller runs with --extensions, and its log."


def expired(case: Case) -> Why | None:
    moment = case.moments.get(Milestone.EXPIRED)
    if moment is None:
        return None
    given = fields.text_at(case.told_by.object, "spec", "lifecycle", "shutdownTime")
    after = span_text(moment.time_ns - case.zero_ns)
    words = f"It expired {after} after its request" + (f": its shutdownTime was {given}." if given else ".")
    event = next((each for each in case.told_by.events if each.reason in EXPIRY), None)
    proof = event_proof(event) if event else case.claim_proof()
    return Why("expired", words, "Give it a later shutdown time if it should live longer.", proof)


def controller_silent(case: Case) -> Why | None:
    """Nothing has touched the claim: no annotation, no condition, no Sandbox."""
    if case.ready or case.told_by.sandboxes or Milestone.OBSERVED in case.moments or Milestone.BOUND in case.moments:
        return None
    waited_ns = case.waited_ns(Milestone.CREATED)
    if waited_ns < SILENT_NS:
        return None
    words = f"No controller took the claim up in {span_text(waited_ns)}."
    return Why("controller silent", words, _CONTROLLER, object_proof(Kind.CLAIM, case.told_by.object, "no condition"))


def pool_empty(case: Case) -> Why | None:
    if Milestone.BOUND in case.moments or Milestone.OBSERVED not in case.moments or case.told_by.sandboxes:
        return None
    waited_ns = case.waited_ns(Milestone.OBSERVED)
    if waited_ns < EMPTY_NS:
        return None
    words = f"The pool {quoted(case.told_by.pool_name)} had no Sandbox for it in {span_text(waited_ns)}."
    return Why("pool drained", words, "Raise the pool's replicas.", _pool_proof(case))


def _pool_proof(case: Case) -> Proof:
    """What the pool itself says, or the Event that tells of it."""
    told = [event for event in case.told_by.pool_events if event.about_name == case.told_by.pool_name and event.warning]
    if told:
        return event_proof(told[-1])
    replicas, free = _replicas(case), fields.at(case.told_by.pool, "status", "readyReplicas")
    counts = f"replicas {replicas}, readyReplicas {free if isinstance(free, int) else 0}"
    return object_proof(Kind.POOL, case.told_by.pool, counts) if case.told_by.pool else case.claim_proof()


def controller_late(case: Case) -> Why | None:
    created, observed = case.moments.get(Milestone.CREATED), case.moments.get(Milestone.OBSERVED)
    if created is None or observed is None or observed.lower_ns - created.upper_ns < SILENT_NS:
        return None
    waited = span_text(observed.time_ns - created.time_ns)
    proof = Proof(Kind.CLAIM.value, story.name(case.told_by.object), "", observed.source, observed.time_ns)
    return Why("controller late", f"The controller took the claim up only after {waited}.", _CONTROLLER, proof)


def forced_cold(case: Case) -> Why | None:
    """The pool's Sandboxes cannot serve a claim with variables or volumes of its own."""
    asked = [name for name in ("env", "volumeClaimTemplates") if fields.at(case.told_by.object, "spec", name)]
    if case.start is not StartType.COLD or not asked or not _replicas(case):
        return None
    words = f"It started cold, though the pool keeps Sandboxes warm, because the claim sets {' and '.join(asked)}."
    proof = object_proof(Kind.CLAIM, case.told_by.object, f"spec.{asked[0]}")
    return Why("forced cold", words, "Put what is the same for every claim into the SandboxTemplate.", proof)


def went_cold(case: Case) -> Why | None:
    """A pool that keeps Sandboxes had none left."""
    replicas, event = _replicas(case), case.event("SandboxProvisioned")
    if case.start is not StartType.COLD or not replicas:
        return None
    words = f"The pool {quoted(case.told_by.pool_name)} keeps {replicas} warm and had none ready: it started cold."
    return Why("pool drained", words, "Raise the pool's replicas.", event_proof(event) if event else _pool_proof(case))


def took_one_starting(case: Case) -> Why | None:
    """A warm start that waited: for a Sandbox to be made, or for the one it took to be ready."""
    observed, bound, ready = (
        case.moments.get(each) for each in (Milestone.OBSERVED, Milestone.BOUND, Milestone.CLAIM_READY)
    )
    if case.start is not StartType.WARM or bound is None or ready is None or observed is None:
        return None
    waited_ns, finished_ns = bound.lower_ns - observed.upper_ns, ready.lower_ns - bound.upper_ns
    if max(waited_ns, finished_ns) < NOTICED_NS:
        return None
    sandbox = case.moments.get(Milestone.SANDBOX_READY)
    if sandbox and sandbox.upper_ns <= observed.lower_ns:
        return _controller_slow(case, ready.time_ns - observed.time_ns)
    part = f"waited {span_text(waited_ns)} for one" if waited_ns > NOTICED_NS else "took one that was still starting"
    words = f"The pool {quoted(case.told_by.pool_name)} had no ready Sandbox: the claim {part}."
    event = case.event("SandboxAdopted")
    return Why("pool drained", words, "Raise the pool's replicas.", event_proof(event) if event else _pool_proof(case))


def _controller_slow(case: Case, needed_ns: int) -> Why:
    """Seen on a busy machine: the pool had a Sandbox ready, and one reconciliation took 0.4 s to hand it over."""
    words = (
        f"Its Sandbox was ready before it came; the controller needed {span_text(needed_ns)} to give it to the claim."
    )
    advice = "Look at the controller's load: how many claims came at once, its processor, the API server's answers."
    event = case.event("SandboxAdopted")
    return Why("controller slow", words, advice, event_proof(event) if event else case.claim_proof())


def _replicas(case: Case) -> int:
    """How many Sandboxes the pool was to keep when the claim came."""
    found = fields.at(case.told_by.pool_at(case.zero_ns), "spec", "replicas")
    return found if isinstance(found, int) else 0
