"""What a run of test sandboxes is asked to do. Plain Python.

Before: a form or a command line was filled in and checked. After: `runs.engine` does it, through `trigger`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import orjson

# Every claim of a run carries it, with the run's id: what is cleaned up is found by it, whatever happened in between.
RUN_LABEL = "sandbox-dashboard/run"


class Way(StrEnum):
    """How commands reach a sandbox; the words of the SDK's connection configurations."""

    TUNNEL = "tunnel"  # kubectl port-forward to the router's Service
    GATEWAY = "gateway"
    DIRECT = "direct"  # a URL of the router
    IN_CLUSTER = "in-cluster"  # the Pod's own address


@dataclass(frozen=True, slots=True)
class Connection:
    """A way, and where it leads."""

    way: Way = Way.TUNNEL
    url: str = ""  # DIRECT
    gateway: str = ""  # GATEWAY
    gateway_namespace: str = "default"
    router_namespace: str = "agent-sandbox-system"  # TUNNEL: where sandbox-router-svc is


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole of it. Without a rate, `concurrency` sandboxes are busy at any time; with one they start by the clock.

    `ramp_s` is how long it takes until the full concurrency, or rate, is reached.
    """

    pool: str
    namespace: str = "default"
    count: int = 1
    concurrency: int = 10
    rate_per_s: float | None = None
    ramp_s: float = 0
    commands: tuple[str, ...] = ()
    file_path: str = ""  # written before the commands and read back after them
    file_content: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)  # of the sandbox: forces a cold start
    ready_timeout_s: int = 180
    command_timeout_s: int = 60
    time_to_live_s: int = 600
    keep: bool = False
    label: str = ""
    connection: Connection = field(default_factory=Connection)

    @property
    def form(self) -> str:
        """The same for runs that ask for the same: what a later run is compared with. The label is only a name."""
        asked = {name: value for name, value in to_json(self).items() if name != "label"}
        return hashlib.blake2b(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def to_json(plan: Plan) -> dict[str, Any]:
    """What `from_json` reads."""
    return asdict(plan)


def from_json(stored: Mapping[str, Any]) -> Plan:
    """What `to_json` made."""
    connection = Connection(**{**stored["connection"], "way": Way(stored["connection"]["way"])})
    return Plan(**{**stored, "commands": tuple(stored["commands"]), "connection": connection})
