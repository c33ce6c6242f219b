"""Sorts the changes around one claim: its own versions, its Sandbox's, its Pods', the Events about them.

Before: `store` hands over every change it has, in any order, some twice, some of other objects. After: `sources` looks
for the moment something became true, `why` for what holds the claim up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sandboxes import object_fields as fields
from sandboxes.lifecycle.events import Happening, read_events
from sandboxes.object_fields import Object
from sandboxes.records import Change, ChangeType, Kind

GROUP = "agents.x-k8s.io/"
CLAIM_UID = GROUP + "claim-uid"
SANDBOX_NAME = GROUP + "sandbox-name"
# A claim's start makes about 60 changes. A crash loop left alone for days makes thousands: its beginning and its end
# tell the story.
MAX_CHANGES = 4_000
MAX_POOL_VERSIONS = 200  # its status changes with every claim
_ENDS = (ChangeType.DELETED, ChangeType.GONE)

Versions = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What is known around one claim, oldest first. `sandboxes` and `pods`: the versions of each, by first sight."""

    uid: str
    claim: Versions
    sandboxes: tuple[Versions, ...]
    pods: tuple[Versions, ...]
    events: tuple[Happening, ...]
    pool_events: tuple[Happening, ...]
    pools: dict[str, Versions]
    templates: dict[str, Object]
    last_ns: int  # the newest change of all: "now" for somebody who only reads

    @property
    def object(self) -> Object:
        """The claim as it was last seen."""
        return last_look(self.claim)

    @property
    def pool_name(self) -> str:
        return pool_named(self.object)

    @property
    def pool(self) -> Object:
        """The pool it names, as last seen while the claim was there."""
        versions = self.pools.get(self.pool_name, ())
        return versions[-1].object if versions else {}

    def pool_at(self, time_ns: int) -> Object:
        """The pool it names as it was then, or as it was first seen after: pools are scaled."""
        versions = self.pools.get(self.pool_name, ())
        before = [change.object for change in versions if change.received_ns <= time_ns]
        return (before or [change.object for change in versions[:1]] or [{}])[-1]


def pool_named(claim: Object) -> str:
    """The pool a claim names; v1alpha1 called it `warmpool` and let it be left out."""
    return fields.text_at(claim, "spec", "warmPoolRef", "name") or fields.text_at(claim, "spec", "warmpool")


def tell(changes: Sequence[Change]) -> Story | None:
    """The story of the first claim among the changes; None without one."""
    ordered = _in_order(changes)
    claim = next((change for change in ordered if change.kind is Kind.CLAIM and change.uid), None)
    if claim is None:
        return None
    versions = _versions(ordered, Kind.CLAIM).get(claim.uid, ())
    sandboxes = tuple(_sandboxes(_versions(ordered, Kind.SANDBOX), versions))
    pods = tuple(_pods(_versions(ordered, Kind.POD), sandboxes))
    about = {claim.uid, *(each[0].uid for each in sandboxes), *(each[0].uid for each in pods)}
    events = read_events(change for change in ordered if change.kind is Kind.EVENT)
    return Story(
        uid=claim.uid,
        claim=versions,
        sandboxes=sandboxes,
        pods=pods,
        events=tuple(event for event in events if event.about_uid in about),
        pool_events=tuple(event for event in events if event.about_kind == Kind.POOL),
        pools=_there(ordered, Kind.POOL, versions),
        templates={each: found[-1].object for each, found in _there(ordered, Kind.TEMPLATE, versions).items()},
        last_ns=max(change.received_ns for change in ordered),
    )


def last_look(versions: Versions) -> Object:
    """The object as it was last seen whole: of one that went unseen a list leaves only its metadata."""
    for change in reversed(versions):
        if change.type is not ChangeType.GONE:
            return change.object
    return versions[-1].object if versions else {}


def name(value: Object) -> str:
    return fields.text_at(value, "metadata", "name")


def namespace(value: Object) -> str:
    return fields.text_at(value, "metadata", "namespace")


def _in_order(changes: Sequence[Change]) -> list[Change]:
    """Each version once, as received; what ends an object comes last of its versions, whatever its receipt says."""
    once: dict[tuple[Kind, str, str, ChangeType], Change] = {}
    for change in changes:
        key = (change.kind, change.uid, fields.text_at(change.object, "metadata", "resourceVersion"), change.type)
        known = once.get(key)
        if known is None or change.received_ns < known.received_ns:
            once[key] = change
    ordered = sorted(once.values(), key=_age)
    half = MAX_CHANGES // 2
    return ordered if len(ordered) <= MAX_CHANGES else ordered[:half] + ordered[-half:]


def _age(change: Change) -> tuple[int, bool, int]:
    version = fields.text_at(change.object, "metadata", "resourceVersion")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 20 else 0
    return (change.received_ns, change.type in _ENDS, number)


def _versions(ordered: Iterable[Change], kind: Kind) -> dict[str, Versions]:
    found: dict[str, list[Change]] = {}
    for change in ordered:
        if change.kind is kind and change.uid:
            found.setdefault(change.uid, []).append(change)
    return {uid: _ended(versions) for uid, versions in found.items()}


def _ended(versions: list[Change]) -> Versions:
    """A uid never comes back: what a file lists after the deletion was older."""
    return tuple(sorted(versions, key=lambda change: change.type in _ENDS))


def _sandboxes(found: dict[str, Versions], claim: Versions) -> Iterator[Versions]:
    """The Sandboxes of this claim: by its uid on them, and only where none has it, by the name the claim gives."""
    uid = claim[0].uid
    ours = [versions for versions in found.values() if any(belongs(change.object, uid) for change in versions)]
    names = list(dict.fromkeys(filter(None, (sandbox_named(change.object) for change in reversed(claim)))))
    if ours:
        yield from _that_serve(ours, names)
        return
    for versions in found.values():
        last = last_look(versions)
        if name(last) in names and namespace(last) == namespace(claim[-1].object) and not fields.label(last, CLAIM_UID):
            yield versions


def _that_serve(ours: Sequence[Versions], names: Sequence[str]) -> Sequence[Versions]:
    """Those the claim has named, what it named last at the end; all of them while it names none. `names`: newest first.

    A controller whose cache is behind adopts a Sandbox and makes another: seen in a burst on a busy machine. The claim
    names the one that serves it.
    """
    named = [versions for versions in ours if name(last_look(versions)) in names]
    return sorted(named, key=lambda versions: -names.index(name(last_look(versions)))) or ours


def belongs(sandbox: Object, claim_uid: str) -> bool:
    """Whether that Sandbox is that claim's at that time: a pool's is not yet."""
    owners = fields.objects_at(sandbox, "metadata", "ownerReferences")
    return fields.label(sandbox, CLAIM_UID) == claim_uid or any(owner.get("uid") == claim_uid for owner in owners)


def sandbox_named(claim: Object) -> str:
    """The name a claim gives of its Sandbox; very old controllers wrote it with a capital."""
    given = fields.text_at(claim, "status", "sandbox", "name") or fields.text_at(claim, "status", "sandbox", "Name")
    return given or fields.annotation(claim, SANDBOX_NAME)


def _pods(found: dict[str, Versions], sandboxes: Sequence[Versions]) -> Iterator[Versions]:
    uids = {versions[0].uid for versions in sandboxes}
    for versions in found.values():
        owners = fields.objects_at(versions[-1].object, "metadata", "ownerReferences")
        if any(owner.get("uid") in uids for owner in owners):
            yield versions


def _there(ordered: Iterable[Change], kind: Kind, claim: Versions) -> dict[str, Versions]:
    """The pools or templates of the claim's namespace by name, as they were while it was there."""
    ended_ns = claim[-1].received_ns if claim[-1].type in _ENDS else None
    found: dict[str, Versions] = {}
    for change in ordered:
        each = name(change.object)
        late = ended_ns is not None and change.received_ns > ended_ns and each in found
        if change.kind is not kind or late or namespace(change.object) != namespace(claim[-1].object):
            continue
        if change.type in _ENDS:
            found.pop(each, None)
        else:
            found[each] = (*found.get(each, ())[-MAX_POOL_VERSIONS:], change)
    return found
