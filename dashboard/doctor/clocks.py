"""Checks of clocks: the cluster's against ours, the clients' against the cluster's.

What is known of each is an interval: HTTP dates and creation times have seconds. Only what is certain is told.
"""

from __future__ import annotations

from dashboard.doctor import commands
from dashboard.doctor.shapes import Check, Subject
from dashboard.doctor.stored import Stored
from dashboard.templatetags.formats import duration

NOTICED_NS = 250 * 10**6  # ahead or behind by more than this for certain: stages of a warm start are shorter
PRECISION_NS = 10**6

SERVER = Subject("clock-cluster", "Cluster's clock", "the API server's Date against this machine's clock")
CLIENTS = Subject("clock-clients", "Clients' clocks", "when clients asked against when their claims were made")


def of_cluster(ahead_ns: tuple[int, int] | None) -> Check:
    if ahead_ns is None:
        return SERVER.not_applicable("the API server says no time")
    return _check(SERVER, ahead_ns, "this machine's", "Set the clock of this machine.")


def of_clients(stored: Stored) -> Check:
    if stored.client_ahead_ns is None:
        return CLIENTS.not_applicable("no claim of a client was seen yet")
    return _check(CLIENTS, stored.client_ahead_ns, "the cluster's", "Set the clock where the program runs.")


def _check(subject: Subject, ahead_ns: tuple[int, int], other: str, fix: str) -> Check:
    low, high = ahead_ns
    why = " Until then, stages between the two are off by as much."
    if low > NOTICED_NS:
        return subject.warning(
            f"ahead of {other} by at least {duration(low, PRECISION_NS)}", fix + why, commands.set_clock()
        )
    if high < -NOTICED_NS:
        return subject.warning(
            f"behind {other} by at least {duration(-high, PRECISION_NS)}", fix + why, commands.set_clock()
        )
    return subject.ok(
        f"agrees with {other} as far as can be told: within {duration(max(-low, high, PRECISION_NS), 10**7)}"
    )
