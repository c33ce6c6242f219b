"""What is kept and what was deleted, said on Setup, in the API, and where something is not here any more."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from html import unescape

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from collector.ingest import ingest, save_now
from collector.models import Pruning
from collector.retention import arrivals, stages
from collector.retention.passes import Limits, Pass
from collector.retention.record import Reason
from sandboxes.models import ObjectVersion
from tests.dashboard.test_claim import made
from tests.factories import batch, make_log, make_span, trace_id
from tests.sandboxes.loading import load

pytestmark = pytest.mark.django_db

DAY_NS = 86_400 * 10**9


def prune(days_ago: float = 8) -> None:
    """A trace came so long ago, and is deleted."""
    save_now(batch(make_span(trace=trace_id(1))))
    arrivals.note(stages.noted_tables, time.time_ns() - int(days_ago * DAY_NS))
    Pass(ingest.run_from_thread, lambda seconds: False).by_age(Limits(7, 0, 0))


def words(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return " ".join(unescape(answer.content.decode()).split())


def test_setup_says_what_is_kept_and_what_was_deleted(client: Client, settings: Settings) -> None:
    settings.RETENTION_DAYS, settings.RETENTION_MAX_BYTES = 7, 5 * 1024**3
    before = words(client, "/setup/")
    assert "7 days, up to 5.0 GiB" in before
    assert "nothing yet" in before
    prune()
    after = words(client, "/setup/")
    assert "older than RETENTION_DAYS allows (7)" in after
    assert "2 spans" in after


def test_no_limit_is_said_to_be_none(client: Client, settings: Settings) -> None:
    settings.RETENTION_DAYS, settings.RETENTION_MAX_BYTES = 0, 0
    assert "without limit" in words(client, "/setup/")


def test_the_status_tells_scripts(client: Client) -> None:
    prune()
    found = client.get("/api/v1/status").json()["retention"]
    assert found["disk_bytes"] > 0
    assert found["oldest_ns"] is None
    assert found["last_pruning"]["reason"] == "age"
    assert found["last_pruning"]["deleted"]["spans"] == 2
    assert found["last_pruning"]["until_ns"].isdigit()
    assert set(found["batches"]) == {"count", "p50_ms", "p99_ms", "max_ms"}


def test_the_page_of_a_trace_that_is_gone_says_since_when_and_why(client: Client) -> None:
    path = f"/traces/{trace_id(1)}/"
    assert "was deleted" not in words(client, path, 404)
    prune()
    html = words(client, path, 404)
    assert "What was received before" in html
    assert "older than RETENTION_DAYS allows" in html
    detail = client.get(f"/api/v1/traces/{trace_id(1)}").json()["detail"]
    assert "What was received before" in detail
    assert "older than RETENTION_DAYS allows" in detail


def test_a_trace_that_something_of_today_mentions_was_not_deleted(client: Client) -> None:
    prune()
    save_now(batch(make_log(trace=trace_id(2), time_ns=time.time_ns())))
    assert "was deleted" not in words(client, f"/traces/{trace_id(2)}/", 404)
    old_ns = time.time_ns() - 9 * DAY_NS
    save_now(batch(make_log(trace=trace_id(2), time_ns=old_ns)))
    html = words(client, f"/traces/{trace_id(2)}/", 404)
    assert "Something here mentions this trace at" in html
    assert "was deleted" in html


@pytest.mark.parametrize(
    ("reason", "said"),
    [(Reason.BYTES, "more than RETENTION_MAX_BYTES allows"), (Reason.ASKED, "manage.py prune was told so")],
)
def test_each_reason_has_its_words(client: Client, reason: Reason, said: str) -> None:
    prune()
    Pruning.objects.update(reason=reason)
    assert said in words(client, f"/traces/{trace_id(1)}/", 404)


def test_an_empty_list_of_an_old_time_says_that_it_was_deleted(client: Client) -> None:
    prune()
    now_ns = time.time_ns()
    for page in ("traces", "logs"):
        old = f"/{page}/?from={now_ns - 10 * DAY_NS}&to={now_ns - 9 * DAY_NS}"
        save_now(batch(make_span(), make_log()))
        assert "What was received before" in words(client, old)
        assert "What was received before" not in words(client, f"/{page}/?range=5m&service=nobody")


def test_a_claim_whose_objects_are_gone_says_so(client: Client) -> None:
    claim = next(iter(load("quickstart-cold").values()))
    prune()
    said = "Of what was known of this claim some is gone."
    Pruning.objects.update(until_ns=claim.zero_ns)
    assert said not in words(client, f"/claims/{claim.uid}/")
    Pruning.objects.update(until_ns=claim.zero_ns + 1)
    assert said in words(client, f"/claims/{claim.uid}/")
    ObjectVersion.objects.all().delete()
    html = words(client, f"/claims/{claim.uid}/")
    assert said in html
    assert claim.name in html


def lane(html: str, name: str) -> str:
    """The head of a lane."""
    return html[html.index(f'data-lane="{name}"') :].partition("</summary>")[0]


def test_an_empty_lane_says_when_what_was_in_it_was_deleted(client: Client) -> None:
    claim = next(iter(load("quickstart-cold").values()))
    path = f"/claims/{claim.uid}/"
    ObjectVersion.objects.all().delete()
    assert "nobody watched the cluster" in lane(words(client, path), "objects")
    assert "Run the program" in lane(words(client, path), "client")
    prune()
    Pruning.objects.update(until_ns=claim.zero_ns + 10**9, ended_ns=claim.zero_ns + 9 * DAY_NS)
    until, ended = (
        f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"
        for ns in (claim.zero_ns + 10**9, claim.zero_ns + 9 * DAY_NS)
    )
    html = words(client, path)
    for name in ("objects", "events", "client", "logs"):
        assert f"None is left. What was received before {until} was deleted, the last of it at {ended}" in lane(
            html, name
        )
        assert "nobody watched" not in lane(html, name)
    Pruning.objects.update(until_ns=claim.zero_ns)  # of the time before it
    assert "nobody watched the cluster" in lane(words(client, path), "objects")


def test_of_a_claim_that_no_cluster_told_of_no_object_was_deleted(client: Client) -> None:
    claim = made("from-spans")
    prune()
    Pruning.objects.update(until_ns=claim.zero_ns + 1)
    html = words(client, f"/claims/{claim.uid}/")
    assert "nobody watched the cluster" in lane(html, "objects")
    assert "None is left" in lane(html, "client")


def test_a_claim_that_is_gone_may_have_been_deleted(client: Client, settings: Settings) -> None:
    settings.ROLLUP_RETENTION_DAYS = 90
    assert "have not changed for 90 days" in words(client, "/claims/no-such-claim/", 404)
