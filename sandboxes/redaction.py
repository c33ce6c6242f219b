"""What may not be kept or shown of a cluster's objects, of claims' stories and of test runs. Plain Python.

Before: `collector.redaction` knows what is masked. After: `store` and `runs.recording` keep what is left; `models`
masks with the same what was kept before. What tells objects apart and leads from one to another stays: by it a claim
is found at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.redaction import MASK, Rules

TOLD_APART_BY = ("apiVersion", "kind", "involvedObject", "regarding", "related")
IN_METADATA = ("uid", "name", "namespace", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
LEADS_UP = "ownerReferences"
OUR_LABELS = "agents.x-k8s.io/"

Json = dict[str, Any]


def object_without(rules: Rules, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object of a cluster: environment, annotations, arguments, messages; not what it is told apart by."""
    found = rules.value(value)
    if found is value or not isinstance(found, dict):
        return value
    metadata, kept = _mapping(value, "metadata"), _mapping(found, "metadata")
    identity = {key: metadata[key] for key in (*IN_METADATA, LEADS_UP) if key in metadata}
    labels = {key: label for key, label in _mapping(metadata, "labels").items() if key.startswith(OUR_LABELS)}
    if labels:
        identity["labels"] = {**_mapping(kept, "labels"), **labels}
    return {
        **found,
        **{key: value[key] for key in TOLD_APART_BY if key in value},
        **({"metadata": {**kept, **identity}} if metadata else {}),
    }


def lifecycle_without(rules: Rules, value: Json) -> Json:
    """A claim's story: why it is as it is, which often is an Event's message."""
    why = value.get("why")
    if why:
        proof = why.get("proof")
        if proof:
            proof = _texts(rules, proof, "reason", "message")
        why = {**_texts(rules, why, "sentence", "advice"), "proof": proof}
    contexts = [rules.text(context) for context in value.get("other_contexts", ())]
    return {**_texts(rules, value, "reason", "trace_context"), "other_contexts": contexts, "why": why}


# What a story took from objects' own words, and the keys they had there.
NAMED_BY = {
    "pool": ("warmPoolRef", "warmpool", "name"),
    "template": ("sandboxTemplateRef", OUR_LABELS + "sandbox-template-ref", "name"),
    "node": ("nodeName",),
    "sandbox": (OUR_LABELS + "sandbox-name",),
}


def story_without(rules: Rules, value: Json) -> Json:
    """A claim's story as it would be, had its objects been masked when they came: names they gave are texts."""
    names = {name: _named(rules, value[name], keys) for name, keys in NAMED_BY.items()}
    moments = [_texts(rules, moment, "source") for moment in value["moments"]]
    stages = [
        {**stage, **{end: _texts(rules, stage[end], "source") for end in ("start", "end")}} for stage in value["stages"]
    ]
    ips = [rules.text(ip) for ip in value["pod_ips"]]
    kept = lifecycle_without(rules, value)
    return {**kept, **names, "moments": moments, "stages": stages, "pod_ips": ips}


def hides_names(rules: Rules) -> bool:
    """Whether a story may change though nothing in its words matches: the keys its names once had are not in it."""
    return any(rules.hides(key) for keys in NAMED_BY.values() for key in keys)


def blueprints_without(rules: Rules, pool: str, template: str) -> tuple[str, str]:
    """A pool and a template, as `story_without` names them."""
    return _named(rules, pool, NAMED_BY["pool"]), _named(rules, template, NAMED_BY["template"])


def plan_without(rules: Rules, value: Json) -> Json:
    """What a run is asked to do: its commands, its file, the environment of its sandboxes."""
    return {
        **_texts(rules, value, "file_path", "file_content", "label"),
        "commands": [rules.text(command) for command in value["commands"]],
        "environment": rules.value(value["environment"]),
        "connection": _texts(rules, value["connection"], "url"),
    }


def steps_without(rules: Rules, value: list[Json]) -> list[Json]:
    """What was done in a sandbox, and what came back."""
    return [_texts(rules, step, "what", "output", "errors") for step in value]


def stored_object(rules: Rules, stored: str) -> str:
    """`object_without`, of JSON text."""
    return rules.within(stored, lambda value: object_without(rules, value))


def stored_lifecycle(rules: Rules, stored: str) -> str:
    """`lifecycle_without`, of JSON text."""
    return rules.within(stored, lambda value: lifecycle_without(rules, value))


def stored_plan(rules: Rules, stored: str) -> str:
    """`plan_without`, of JSON text."""
    return rules.within(stored, lambda value: plan_without(rules, value))


def stored_steps(rules: Rules, stored: str) -> str:
    """`steps_without`, of JSON text."""
    return rules.within(stored, lambda value: steps_without(rules, value))


def _texts(rules: Rules, value: Json, *names: str) -> Json:
    return {**value, **{name: rules.text(value[name]) for name in names if isinstance(value.get(name), str)}}


def _named(rules: Rules, name: str, keys: tuple[str, ...]) -> str:
    return MASK if name and any(map(rules.hides, keys)) else rules.text(name)


def _mapping(value: Mapping[str, Any], key: str) -> Json:
    found = value.get(key)
    return found if isinstance(found, dict) else {}
