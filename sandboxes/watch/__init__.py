"""Watches a cluster for as long as the server runs, and survives whatever becomes of it.

Before: `cluster` is the door. After: `store` has kept every change, in the writer's transaction.

    following   one resource: list, then watch; after 410, a reset or an outage again, telling what went meanwhile
    keeping     what was seen into the database, and how far it was read
    saving      all changes into the database, in portions, none lost while it cannot be written
    lease       of several processes one does it, and another one when that one is gone
    state       how it stands, in words
    watcher     finds the cluster, follows its resources, and another one when the kubeconfig leads there
"""

from sandboxes.watch.state import State, standing
from sandboxes.watch.watcher import Watcher, watcher

__all__ = ["State", "Watcher", "standing", "watcher"]
