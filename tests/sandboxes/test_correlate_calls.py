"""Calls that name nothing: the one claim they can be of, several, or none."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from collector.ingest import save_now
from collector.models import Span
from sandboxes.correlate import Correlator
from sandboxes.lifecycle import to_json
from sandboxes.models import Claim, Cluster, Link
from sandboxes.records import Clock, Lifecycle, Milestone, Moment
from tests.factories import MS, SECOND, T0_NS, batch, make_log, make_span
from tests.sandboxes.test_correlate_recordings import join

pytestmark = pytest.mark.django_db

CLIENT = 3
RUNTIME = "http://127.0.0.1:18888"


def moment(milestone: Milestone, time_ns: int) -> Moment:
    return Moment(milestone, time_ns, time_ns, time_ns, Clock.CLIENT, 1, "test")


def add_claim(uid: str, begin_ns: int, end_ns: int | None = None, pod_ips: tuple[str, ...] = ()) -> None:
    cluster, _ = Cluster.objects.get_or_create(uid="c", name="c")
    moments = {Milestone.REQUESTED: moment(Milestone.REQUESTED, begin_ns)}
    if end_ns is not None:
        moments[Milestone.DELETED] = moment(Milestone.DELETED, end_ns)
    lifecycle = Lifecycle(uid, "default", f"claim-{uid}", sandbox=f"box-{uid}", moments=moments, pod_ips=pod_ips)
    names = ("namespace", "name", "pool", "template", "start_type", "state", "reason", "sandbox", "pod", "node")
    Claim.objects.create(
        cluster=cluster,
        uid=uid,
        zero_ns=begin_ns,
        deleted_ns=end_ns,
        clock="",
        lifecycle=to_json(lifecycle),
        changed_ns=time.time_ns(),
        **{name: getattr(lifecycle, name) for name in names},
    )


def call(path: str = "/execute", at_ns: int = T0_NS, place: str = RUNTIME) -> None:
    save_now(batch(make_span("POST", kind=CLIENT, start_ns=at_ns, attributes={"url.full": place + path})))


def said(line: str, at_ns: int, trace: str | None = None) -> None:
    save_now(batch(make_log(line, time_ns=at_ns, trace=trace, span="5" * 16 if trace else None)))


def links() -> set[tuple[str, str, str]]:
    join(Correlator())
    return set(Link.objects.values_list("claim_uid", "evidence", "certainty"))


def test_a_command_is_of_the_only_claim_open() -> None:
    add_claim("before", T0_NS - 9 * SECOND, T0_NS - 5 * SECOND)
    add_claim("open", T0_NS - SECOND)
    add_claim("after", T0_NS + SECOND)
    call()
    assert links() == {("open", "time", "inferred")}


def test_a_command_that_may_be_of_two_is_listed_for_both() -> None:
    add_claim("one", T0_NS - SECOND)
    add_claim("two", T0_NS - SECOND)
    call()
    assert links() == {("one", "time", "ambiguous"), ("two", "time", "ambiguous")}


def test_a_command_without_an_open_claim_is_nobodys() -> None:
    add_claim("before", T0_NS - 9 * SECOND, T0_NS - SECOND)
    call()
    assert links() == set()


def test_a_claim_heard_of_later_takes_back_what_seemed_clear() -> None:
    add_claim("one", T0_NS - SECOND)
    call()
    assert links() == {("one", "time", "inferred")}
    add_claim("two", T0_NS - 2 * SECOND)
    assert links() == {("one", "time", "ambiguous"), ("two", "time", "ambiguous")}


def test_an_upload_counts_where_a_command_went_to_the_same_place() -> None:
    add_claim("open", T0_NS - SECOND)
    call("/upload", place="http://files.example:80")
    assert links() == set()
    call("/upload")
    call("/execute", T0_NS + MS)
    assert links() == {("open", "time", "inferred")}
    assert Link.objects.count() == 2


def test_a_pods_own_address_tells_its_claim_among_several() -> None:
    add_claim("one", T0_NS - SECOND, pod_ips=("10.0.0.7",))
    add_claim("two", T0_NS - SECOND, pod_ips=("10.0.0.8",))
    call(place="http://10.0.0.8:8888")
    assert links() == {("two", "time", "inferred")}


def test_among_more_open_claims_than_are_looked_at_none_is_chosen() -> None:
    for number in range(70):
        add_claim(str(number), T0_NS - SECOND - number, pod_ips=("10.0.0.1",) if number == 0 else ())
    call(place="http://10.0.0.1:8888")
    assert {certainty for _, _, certainty in links()} == {"ambiguous"}


# Tunnels: a port of this machine for each sandbox, and a line that says which

HERE, THERE = "http://127.0.0.1:40001", "http://127.0.0.1:40002"


def open_two() -> None:
    add_claim("one", T0_NS - 9 * SECOND)
    add_claim("two", T0_NS - 9 * SECOND)


def open_tunnel(uid: str, place: str, at_ns: int) -> None:
    said(f"Starting tunnel for Sandbox box-{uid}", at_ns)
    said(f"Tunnel ready at {place}", at_ns + MS)


def owners() -> dict[int, set[tuple[str, str, str]]]:
    """Links by the time of their span, in seconds after T0."""
    join(Correlator())
    times = dict(Span.objects.values_list("span_id", "start_ns"))
    found: dict[int, set[tuple[str, str, str]]] = {}
    for link in Link.objects.all():
        at_s = (times[link.span_id] - T0_NS) // SECOND
        found.setdefault(at_s, set()).add((link.claim_uid, link.evidence, link.certainty))
    return found


@pytest.mark.parametrize("logs_first", [True, False])
def test_a_tunnels_port_tells_its_claim_among_several(logs_first: bool) -> None:
    open_two()
    steps: list[Callable[[], None]] = [
        lambda: open_tunnel("one", HERE, T0_NS - 2 * SECOND),
        lambda: open_tunnel("two", THERE, T0_NS - SECOND),
        lambda: call(place=HERE),
        lambda: call(place=THERE, at_ns=T0_NS + SECOND),
    ]
    for step in steps if logs_first else reversed(steps):
        step()
        join(Correlator())
    assert owners() == {0: {("one", "log", "inferred")}, 1: {("two", "log", "inferred")}}


def test_a_port_used_again_is_the_later_tunnels() -> None:
    open_two()
    open_tunnel("one", HERE, T0_NS - SECOND)
    call(place=HERE)
    open_tunnel("two", HERE, T0_NS + SECOND)
    call(place=HERE, at_ns=T0_NS + 2 * SECOND)
    assert owners() == {0: {("one", "log", "inferred")}, 2: {("two", "log", "inferred")}}


def test_tunnels_that_open_at_once_are_nobodys() -> None:
    open_two()
    said("Starting tunnel for Sandbox box-one", T0_NS - 4 * MS)
    said("Starting tunnel for Sandbox box-two", T0_NS - 3 * MS)
    said(f"Tunnel ready at {THERE}", T0_NS - 2 * MS)
    said(f"Tunnel ready at {HERE}", T0_NS - MS)
    call(place=HERE)
    call(place=THERE, at_ns=T0_NS + SECOND)
    both = {("one", "time", "ambiguous"), ("two", "time", "ambiguous")}
    assert owners() == {0: both, 1: both}


def test_tunnels_that_open_at_once_are_told_apart_by_their_traces() -> None:
    open_two()
    for uid, at_ns, trace in (("one", T0_NS - 4 * MS, "a" * 32), ("two", T0_NS - 3 * MS, "b" * 32)):
        said(f"Starting tunnel for Sandbox box-{uid}", at_ns, trace)
    said(f"Tunnel ready at {THERE}", T0_NS - 2 * MS, "b" * 32)
    said(f"Tunnel ready at {HERE}", T0_NS - MS, "a" * 32)
    call(place=HERE)
    call(place=THERE, at_ns=T0_NS + SECOND)
    assert owners() == {0: {("one", "log", "inferred")}, 1: {("two", "log", "inferred")}}


def test_a_tunnel_of_another_program_says_nothing() -> None:
    open_two()
    for line in ("Starting tunnel for Sandbox box-one", f"Tunnel ready at {HERE}"):
        save_now(batch(make_log(line, time_ns=T0_NS - SECOND, service="another")))
    call(place=HERE)
    assert links() == {("one", "time", "ambiguous"), ("two", "time", "ambiguous")}


def test_a_port_without_a_tunnel_says_nothing_though_others_have_one() -> None:
    open_two()
    open_tunnel("one", HERE, T0_NS - SECOND)
    call(place=THERE)
    assert links() == {("one", "time", "ambiguous"), ("two", "time", "ambiguous")}
