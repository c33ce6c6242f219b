"""The door to a cluster: where it is, who it is, lists and watches of what matters to claims. Plain Python.

Before: `watch` asks. After: it gets pages of objects and watch events as the API server sent them, or one of `errors`,
which says what to do about it. Watching never writes to a cluster; what test runs do there is in `blocking`.

The kubernetes client is used for what it knows best: kubeconfig files, credentials from plugins, TLS, proxies. Paths
and JSON are ours: its models would cost a hundred times the parsing, and drop fields they do not know.
"""

from sandboxes.cluster.connection import Connection
from sandboxes.cluster.errors import (
    ClusterError,
    Expired,
    Forbidden,
    NoCluster,
    NotServed,
    Unauthorized,
    Unreachable,
)
from sandboxes.cluster.inspection import Answer, Inspector, Right
from sandboxes.cluster.place import Found, Target, find
from sandboxes.cluster.resources import Resource, core_events, resources

__all__ = [
    "Answer",
    "ClusterError",
    "Connection",
    "Expired",
    "Forbidden",
    "Found",
    "Inspector",
    "NoCluster",
    "NotServed",
    "Resource",
    "Right",
    "Target",
    "Unauthorized",
    "Unreachable",
    "core_events",
    "find",
    "resources",
]
