"""What a dashboard tells of claims, asked as anybody would: through its API.

Before: a dashboard that watches a plane. After: a claim's whole story, once it says what was waited for.
"""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable
from typing import Any

from tests.server import Server

Item = dict[str, Any]
WAIT_S = 90  # only a failure takes that long


class Story:
    """A claim as the API has it: GET /api/v1/claims/UID."""

    def __init__(self, whole: Item) -> None:
        self.claim: Item = whole["claim"]
        self.moments: dict[str, Item] = {moment["milestone"]: moment for moment in whole["moments"]}
        self.stages: list[Item] = whole["stages"]
        self.links: list[Item] = whole["links"]
        self.why: Item | None = whole["why"]

    @property
    def state(self) -> str:
        return str(self.claim["state"])

    @property
    def cause(self) -> str:
        return str(self.why["cause"]) if self.why else ""

    @property
    def own_stages(self) -> list[str]:
        """The names of the stages that are the claim's, not its pool's, in order."""
        return [stage["stage"] for stage in self.stages if not stage["pre_warmed"]]

    @property
    def pre_warmed(self) -> list[str]:
        return [stage["stage"] for stage in self.stages if stage["pre_warmed"]]

    @property
    def evidence(self) -> set[str]:
        """What joins telemetry to it, ambiguous links left out."""
        return {link["evidence"] for link in self.links if link["certainty"] != "ambiguous"}

    def __repr__(self) -> str:
        return f"{self.claim['claim']}: {self.state}, {self.why}, {[stage['stage'] for stage in self.stages]}"


def story(dashboard: Server, uid: str) -> Story | None:
    """The claim's story; None as long as the dashboard has not heard of it."""
    try:
        return Story(dashboard.get_json(f"/api/v1/claims/{uid}"))
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def until(dashboard: Server, uid: str, holds: Callable[[Story], bool]) -> Story:
    """The claim's story as soon as this holds for it."""
    deadline = time.monotonic() + WAIT_S
    while not ((told := story(dashboard, uid)) and holds(told)):
        assert time.monotonic() < deadline, f"in vain; the last told was: {told}"
        time.sleep(0.1)
    return told


def until_state(dashboard: Server, uid: str, state: str) -> Story:
    return until(dashboard, uid, lambda told: told.state == state)


def until_cause(dashboard: Server, uid: str, cause: str) -> Story:
    return until(dashboard, uid, lambda told: told.cause == cause)
