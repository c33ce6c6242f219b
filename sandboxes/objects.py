"""Objects of a cluster as they come: which of them matter to claims, and what each is part of. Plain Python.

Before: `cluster` received them, or `recorded` found them in a file. After: a `Change` for each, and for those a new
list no longer holds. They are strangers' text: whatever is malformed is left out, not met later as an error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from sys import intern
from typing import Any, NamedTuple

from sandboxes.records import Change, ChangeType, Kind

PREFIX = "agents.x-k8s.io/"
CLAIM_UID_LABEL = PREFIX + "claim-uid"
SANDBOX_HASH_LABEL = PREFIX + "sandbox-name-hash"

RESOURCES = {
    "sandboxclaims": Kind.CLAIM,
    "sandboxes": Kind.SANDBOX,
    "sandboxtemplates": Kind.TEMPLATE,
    "sandboxwarmpools": Kind.POOL,
    "pods": Kind.POD,
    "events": Kind.EVENT,
    "events.events.k8s.io": Kind.EVENT,
}
GROUPS = {
    Kind.CLAIM: ("extensions.agents.x-k8s.io/",),
    Kind.SANDBOX: ("agents.x-k8s.io/",),
    Kind.TEMPLATE: ("extensions.agents.x-k8s.io/",),
    Kind.POOL: ("extensions.agents.x-k8s.io/",),
    Kind.POD: ("v1",),
    Kind.EVENT: ("v1", "events.k8s.io/"),
}
# What Events about anything else say is not about a claim.
REGARDED = frozenset({Kind.CLAIM, Kind.SANDBOX, Kind.TEMPLATE, Kind.POOL, Kind.POD})

# Longer than Kubernetes allows; a stranger's file may hold anything, and PostgreSQL indexes no text beyond 2.7 kB.
MAX_NAME_CHARS = 253
MAX_UID_CHARS = 128
MAX_TIME_NS = 2**63 - 1


class Malformed(ValueError):
    """Something is no object of Kubernetes; says what it lacks."""


def change(
    kind: Kind, how: ChangeType, received_ns: int, value: Mapping[str, Any], after_ns: int | None = None
) -> Change | None:
    """A change of one of our objects; None for one that is no business of ours. Raises Malformed."""
    found = sound_change(kind, how, received_ns, value, after_ns)
    return found if _is_ours(kind, value) else None


def sound_change(
    kind: Kind, how: ChangeType, received_ns: int, value: Mapping[str, Any], after_ns: int | None = None
) -> Change:
    """A change of an object that somebody has found to be ours: a bundle holds no others. Raises Malformed."""
    metadata = mapping(value, "metadata")
    for key, longest in (
        ("uid", MAX_UID_CHARS),
        ("resourceVersion", MAX_UID_CHARS),
        ("name", MAX_NAME_CHARS),
        ("namespace", MAX_NAME_CHARS),
    ):
        text = metadata.get(key, "")
        sound = isinstance(text, str) and len(text) <= longest and text.isprintable()
        if not sound or (key == "uid" and not text):
            raise Malformed(f"a {kind} without a sound metadata.{key}")
    lean = {key: item for key, item in metadata.items() if key != "managedFields"}
    return Change(how, kind, received_ns, {**value, "metadata": lean}, after_ns)


def kind_of(value: Mapping[str, Any]) -> Kind | None:
    """The kind an object says it is of, when it is one of ours."""
    try:
        kind = Kind(value.get("kind", ""))
    except ValueError:
        return None
    version = value.get("apiVersion", "")
    return kind if isinstance(version, str) and version.startswith(GROUPS[kind]) else None


def belongs_to(change: Change) -> str:
    """The uid of what it is part of: a Sandbox's claim or pool, a Pod's Sandbox, what an Event is about; else empty."""
    if change.kind == Kind.EVENT:
        return _uid(regarding(change.object))
    if change.kind == Kind.SANDBOX and (claim := _uid(mapping(change.metadata, "labels"), CLAIM_UID_LABEL)):
        return claim
    owners = _owners(change.metadata)
    return next((_uid(owner) for owner in owners if owner.get("controller") is True), _uid(owners[0]) if owners else "")


def regarding(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an Event is about, in either of its two forms."""
    return mapping(event, "regarding") or mapping(event, "involvedObject")


def mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key; empty when there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _is_ours(kind: Kind, value: Mapping[str, Any]) -> bool:
    """Events about what matters to claims, Pods of sandboxes: a shared cluster is full of others."""
    if kind == Kind.EVENT:
        return regarding(value).get("kind") in REGARDED
    if kind == Kind.POD:
        metadata = mapping(value, "metadata")
        owned = any(owner.get("kind") == Kind.SANDBOX for owner in _owners(metadata))
        return owned or SANDBOX_HASH_LABEL in mapping(metadata, "labels")
    return True


def _owners(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    owners = metadata.get("ownerReferences")
    return [owner for owner in owners if isinstance(owner, dict)] if isinstance(owners, list) else []


def _uid(value: Mapping[str, Any], key: str = "uid") -> str:
    uid = value.get(key)
    return uid if isinstance(uid, str) and len(uid) <= MAX_UID_CHARS and uid.isprintable() else ""


class Present:
    """What of one resource was there when we last knew, so that a new list shows what was deleted meanwhile.

    Of each object only what tells it is kept: a cluster may hold ten thousand of each. Events are left out; they end by
    themselves after an hour, and that says nothing.
    """

    def __init__(self) -> None:
        self.last_ns: int | None = None  # when the server last told something
        self._objects: dict[str, _Known] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def take(self, change: Change) -> None:
        """Takes note of a change of this resource."""
        self.last_ns = change.received_ns
        if change.kind == Kind.EVENT:
            return
        if change.type in (ChangeType.DELETED, ChangeType.GONE):
            self._objects.pop(change.uid, None)
        else:
            namespace, name, version = (
                str(change.metadata.get(key, "")) for key in ("namespace", "name", "resourceVersion")
            )
            self._objects[change.uid] = _Known(change.kind, intern(namespace), name, version, belongs_to(change))

    def missing(self, listed: Collection[str], received_ns: int, after_ns: int | None) -> list[Change]:
        """What a new list does not hold any more, as GONE; before it the server last told something at `after_ns`."""
        gone = [
            Change(ChangeType.GONE, known.kind, received_ns, _remembered(uid, known), after_ns)
            for uid, known in self._objects.items()
            if uid not in listed
        ]
        for change in gone:
            del self._objects[change.uid]
        return gone


class _Known(NamedTuple):
    kind: Kind
    namespace: str
    name: str
    resource_version: str
    belongs_to: str


def _remembered(uid: str, known: _Known) -> dict[str, Any]:
    """An object of which no more is known than which one it was."""
    named = {"uid": uid, "name": known.name, "namespace": known.namespace, "resourceVersion": known.resource_version}
    owner = {"ownerReferences": [{"uid": known.belongs_to, "controller": True}]} if known.belongs_to else {}
    return {"metadata": named | owner}
