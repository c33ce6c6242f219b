"""What a run that was cut short left in the cluster is deleted, found by the run's label.

Before: the server finds a run whose process died. After: the run is `interrupted`, and none of its claims is left; if
some are, it says how many. The cluster's own expiry (every claim has a time to live) is the last net.
"""

from __future__ import annotations

import time
from typing import Protocol

from sandboxes.cluster import ClusterError
from sandboxes.runs import recording

ATTEMPTS = 10
PAUSE_S = 2.0


class Leftovers(Protocol):
    """A cluster that knows what is a run's (`trigger.Trigger`)."""

    def left(self) -> list[str]: ...
    def delete(self, name: str) -> None: ...


def clean_up(run_id: str, cluster: Leftovers, *, keep: bool = False) -> None:
    """Deletes the run's claims and records how it ended. With `keep`, those that are there stay until they expire."""
    if keep:
        recording.interrupt(run_id, "Its process ended. Its sandboxes were to be kept: each expires by itself.")
        return
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            left = cluster.left()
            for name in left:
                cluster.delete(name)
        except ClusterError as error:
            problem = f"Its process ended, and its claims cannot be deleted now: {error}"
            time.sleep(PAUSE_S)
            continue
        if not left:
            recording.interrupt(run_id, "Its process ended. None of its claims is left in the cluster.")
            return
        problem = f"Its process ended. {len(left)} of its claims are being deleted."
        time.sleep(PAUSE_S)
    recording.interrupt(run_id, problem)
