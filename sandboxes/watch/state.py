"""How the watching stands, in words: of this process, or of the one that watches for all.

Before: `watcher` notes what it does and what stands in its way. After: pages, `/readyz` and the next one to hold the
lease say it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandboxes.records import ClusterIdentity
from sandboxes.watch.lease import held

FEW_GAPS = 9  # all that is watched in one namespace: each is a right to ask for
LEASES = "watch "
LATELY_S = 60  # longer than clocks of two machines differ and a renewal takes; it only chooses words


@dataclass(slots=True)
class State:
    """How the watching stands, in words. `gaps`: what is not allowed or not there, one by one."""

    status: str = "off"  # off, waiting, ok
    detail: str = "this process watches no cluster"
    cluster: ClusterIdentity | None = None
    gaps: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)  # that pass by themselves

    @property
    def sentence(self) -> str:
        """For people: the detail, and what is missing."""
        missing = [f"{name}: {why}" for name, why in list(self.gaps.items())[:FEW_GAPS]]
        passing = list(self.troubles.values())[:1]
        return "; ".join([self.detail, *missing, *passing])


def lease_name(cluster: ClusterIdentity, namespaces: Sequence[str]) -> str:
    """A lease for each cluster: processes that see different ones, or other namespaces of it, watch side by side."""
    return f"{LEASES}{cluster.uid} {','.join(sorted(namespaces))}"[:1_000]


def standing(own: State) -> State:
    """This process's, or when it watches nothing, that of another one that does. Reads the database."""
    if own.status == "ok":
        return own
    others = [f"{seen.holder.words} {seen.detail}" for seen in held(LEASES, LATELY_S) if seen.holder]
    return State("ok", "; ".join(others)) if others else own


def is_watched(cluster_uid: str) -> bool:
    """Whether any process watches that cluster. Reads the database."""
    return bool(held(f"{LEASES}{cluster_uid} ", LATELY_S))
