"""Log lines outside every trace: each is with the claim it names, and no other."""

from __future__ import annotations

import pytest
from django.db import connection  # noqa: F401 - for the condition below
from django.test import Client

from collector.ingest import save_now
from collector.models import Log
from sandboxes.correlate.lines import claims_of_lines, lines_of, lines_of_claim
from sandboxes.correlate.news import changed_claims
from sandboxes.models import Claim
from tests.dashboard.test_export import rows_of
from tests.factories import MS, SECOND, T0_NS, batch, make_log
from tests.sandboxes.test_correlate_calls import add_claim

pytestmark = pytest.mark.django_db
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="about SQLite's planner, which counts nothing")


def said(line: str, at_ns: int = T0_NS, trace: str | None = None) -> Log:
    save_now(batch(make_log(line, time_ns=at_ns, trace=trace, span="5" * 16 if trace else None)))
    return Log.objects.order_by("-id")[0]


def owner(log: Log) -> str:
    found = claims_of_lines(lines_of([log])).get(log.pk)
    return found.claim.uid if found else ""


def told(uid: str) -> list[object]:
    return [log.body for log in lines_of_claim(Claim.objects.get(uid=uid), 100)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Watching claim 'claim-one' for claim readiness (from resourceVersion=9)...", "one"),
        ("Resolved sandbox name 'box-two' from claim status (claim Ready)", "two"),
        ("Starting tunnel for Sandbox box-one", "one"),
        ("Watching claim 'claim-three' for claim readiness (from resourceVersion=9)...", ""),
        ("something about claim-one and box-two", ""),
    ],
)
def test_a_line_is_of_the_claim_it_names(line: str, expected: str) -> None:
    add_claim("one", T0_NS - SECOND)
    add_claim("two", T0_NS - SECOND)
    assert owner(said(line)) == expected
    assert {uid: told(uid) for uid in ("one", "two")} == {uid: [line] * (uid == expected) for uid in ("one", "two")}


def test_a_line_within_a_trace_is_its_spans() -> None:
    add_claim("one", T0_NS - SECOND)
    assert owner(said("Terminated SandboxClaim: claim-one", trace="a" * 32)) == ""
    assert told("one") == []


def test_of_a_name_used_again_each_claim_has_its_own_lines() -> None:
    add_claim("first", T0_NS - 20 * SECOND, T0_NS - 10 * SECOND)
    add_claim("second", T0_NS - 5 * SECOND)
    Claim.objects.update(name="nightly")
    for claim in Claim.objects.all():
        Claim.objects.filter(pk=claim.pk).update(lifecycle=claim.lifecycle | {"name": "nightly"})
    line = "Watching claim 'nightly' for claim readiness (from resourceVersion=9)..."
    earlier, later = said(line, T0_NS - 15 * SECOND), said(line, T0_NS)
    assert (owner(earlier), owner(later)) == ("first", "second")
    assert [log.pk for log in lines_of_claim(Claim.objects.get(uid="first"), 100)] == [earlier.pk]
    assert [log.pk for log in lines_of_claim(Claim.objects.get(uid="second"), 100)] == [later.pk]


def test_what_else_was_said_at_the_same_moment_is_left_out() -> None:
    add_claim("one", T0_NS - SECOND)
    said("Terminated SandboxClaim: claim-one", T0_NS + MS)
    said("nothing of interest", T0_NS + MS)
    assert told("one") == ["Terminated SandboxClaim: claim-one"]


def test_pages_and_exports_show_it(client: Client) -> None:
    add_claim("one", T0_NS - SECOND)
    said("Terminated SandboxClaim: claim-one")
    (row,) = rows_of(client, "logs")
    assert (row["claim_uid"], row["claim"], row["evidence"]) == ("one", "claim-one", "log")
    assert "/claims/one/" in client.get("/logs/?range=all").content.decode()
    assert "Terminated SandboxClaim: claim-one" in client.get("/claims/one/").content.decode()


@on_sqlite
@pytest.mark.parametrize("column", ["name", "sandbox"])
@pytest.mark.parametrize("names", [1, 200])
def test_claims_are_found_by_name_without_looking_through_all(column: str, names: int) -> None:
    """Measured over 100,000 claims: 160 ms a question without its index, less than 1 with it."""
    wanted = [f"claim-{number}" for number in range(names)]
    plan = Claim.objects.filter(**{f"{column}__in": wanted}).order_by("-zero_ns")[:2_000].explain()
    assert f"SEARCH sandboxes_claim USING INDEX claim_{column.replace('name', 'named')}" in plan


@on_sqlite
def test_claims_that_have_changed_are_found_without_looking_through_all() -> None:
    """Asked at each step. Measured over 100,000 claims: 190 ms of CPU without its index, less than 1 with it."""
    assert "SEARCH sandboxes_claim USING INDEX claim_changed" in changed_claims(5).explain()
