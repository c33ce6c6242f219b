"""What the claim names and is not there, or asks for and is not allowed. Plain Python."""

from __future__ import annotations

from sandboxes import object_fields as fields
from sandboxes.lifecycle.why.case import Case, event_proof, object_proof, quoted, sentence
from sandboxes.records import SECOND, Kind, Why

_REFUSALS = {
    "EnvVarsInjectionRejected": "Set envVarsInjectionPolicy: Allowed in the SandboxTemplate, or leave env out.",
    "InvalidConfiguration": "Correct the claim or its SandboxTemplate, then make a new claim.",
    "InvalidMetadata": "Correct additionalPodMetadata: the controller's own labels and annotations are not allowed.",
    "VolumeClaimTemplatesError": "Correct them, or set volumeClaimTemplatesPolicy in the SandboxTemplate.",
}
_ERRORS = ("ReconcilerError", "AdoptionConflict", "MultiplePods", "SandboxMissing")
_QUOTA = "exceeded quota"
MAX_NAMED = 3
PASSING_NS = 3 * SECOND  # an error that its repetition heals, as two writers meeting, needs no words


def pool_missing(case: Case) -> Why | None:
    """No such pool; the documentation's earlier version gave a template's name here, and many programs still do."""
    if case.reason != "WarmPoolNotFound":
        return None
    pool = case.told_by.pool_name
    template = case.told_by.templates.get(pool)
    if template is None:
        known = _some(list(case.told_by.pools))
        words = f"There is no SandboxWarmPool {quoted(pool)} in this namespace."
        advice = f"Name one of its pools: {known}." if known else "Make the pool, or name another namespace."
        return Why("pool missing", words, advice, case.claim_proof())
    pools = [name for name, each in case.told_by.pools.items() if _template_of(each[-1].object) == pool]
    words = f"{quoted(pool)} is a SandboxTemplate, not a pool: create_sandbox() takes the name of a SandboxWarmPool."
    fix = f'Call create_sandbox("{pools[0]}"), a pool of this template.' if pools else "Make a pool of this template."
    proof = object_proof(Kind.TEMPLATE, template, case.message)
    return Why("template as pool", words, fix, proof)


def _template_of(pool: fields.Object) -> str:
    return fields.text_at(pool, "spec", "sandboxTemplateRef", "name")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(quoted(name) for name in sorted(names)[:MAX_NAMED]) + more


def template_missing(case: Case) -> Why | None:
    if case.reason != "TemplateNotFound":
        return None
    pool, template = case.told_by.pool_name, _template_of(case.told_by.pool)
    named = f" {quoted(template)}" if template else ""
    words = f"The pool {quoted(pool)} names a SandboxTemplate{named} that does not exist in this namespace."
    return Why(
        "template missing", words, "Make the template, or correct the pool's sandboxTemplateRef.", case.claim_proof()
    )


def over_quota(case: Case) -> Why | None:
    """The API server's words, wherever they ended up: an Event, or the condition of the claim."""
    advice = "Delete claims that are left over, or raise the namespace's ResourceQuota."
    event = next((each for each in case.told_by.events if each.warning and _QUOTA in each.message), None)
    if event is not None:
        words = f"The namespace's quota does not allow it: {sentence(event.message)}"
        return Why("quota", words, advice, event_proof(event))
    if _QUOTA not in case.message:
        return None
    words = f"The namespace's quota does not allow it: {sentence(case.message)}"
    return Why("quota", words, advice, case.claim_proof())


def refused(case: Case) -> Why | None:
    if case.reason not in _REFUSALS:
        return None
    words = f"The controller refused the claim: {sentence(case.message or case.reason)}"
    return Why("refused", words, _REFUSALS[case.reason], case.claim_proof())


def controller_error(case: Case) -> Why | None:
    if case.reason not in _ERRORS or case.not_ready_ns < PASSING_NS:
        return None
    words = f"The controller met an error and tries again: {sentence(case.message or case.reason)}"
    return Why("controller error", words, "Look at the controller's log for this claim.", case.claim_proof())
