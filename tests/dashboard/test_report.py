"""Reports: one file with the numbers of the CSV, that needs nothing but itself and runs nothing of anybody else's."""

from __future__ import annotations

import io
import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import plotly.graph_objects as go
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from collector.ingest import save_now
from dashboard.report.document import policy
from dashboard.report.figures import Bar, bars_on_axis, spread_of, spreads
from sandboxes.models import Claim, Run, RunComparison
from sandboxes.records import Lifecycle, StartType
from sandboxes.runs import outcome, recording
from sandboxes.runs.outcome import Duration
from sandboxes.runs.recording import RunState, SandboxState
from tests.dashboard.test_claim import made, words
from tests.dashboard.test_export import rows_of
from tests.factories import MS, T0_NS, batch, make_log, make_span, span_id, trace_id
from tests.sandboxes.loading import link, load
from tests.sandboxes.runs.test_outcome import run_over

pytestmark = pytest.mark.django_db

Rows = list[list[tuple[str, str]]]  # of a table: (exact value or nothing, words)
HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"


class Reading(HTMLParser):
    """The tables and big numbers of a report, as a program would read them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, Rows] = {}
        self.numbers: dict[str, str] = {}
        self.scripts: list[dict[str, str | None]] = []
        self.elements: set[str] = set()
        self._table = self._number = ""
        self._cell: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.add(tag)
        if tag == "script":
            self.scripts.append(given)
        if tag == "table":
            self._table = given.get("data-table") or ""
            self.tables.setdefault(self._table, [])
        elif tag == "tr" and self._table:
            self.tables[self._table].append([])
        elif tag == "td" and self._table:
            self._cell = ["", ""]
        elif tag == "div":
            self._number = given.get("data-number") or ""
        elif tag == "data":
            if self._cell is not None:
                self._cell[0] = given["value"] or ""
            elif self._number:
                self.numbers[self._number] = given["value"] or ""

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell[1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and self._cell is not None:
            self.tables[self._table][-1].append((self._cell[0], self._cell[1].strip()))
            self._cell = None
        elif tag == "table":
            self.tables[self._table] = [row for row in self.tables[self._table] if row]
            self._table = ""


def report(client: Client, name: str, *args: str, **query: str) -> tuple[str, Reading]:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response.content[:500]
    assert response["Content-Disposition"].startswith('attachment; filename="')
    html = response.content.decode()
    return html, Reading(html)


def ended_run(count: int = 6, **members: object) -> Run:
    claims = [claim for claim in load("burst-drained").values() if claim.time_to_ready_ns][:count]
    run_id = run_over(claims, **members)
    recording.end(run_id, RunState.FINISHED, outcome=outcome.final(run_id))
    return Run.objects.get(uid=run_id)


def nearest_rank(values: list[float], q: float) -> float:
    return sorted(values)[math.ceil(q * len(values)) - 1]


def ms(text: str) -> float:
    return float(text)


def test_the_numbers_of_a_run_are_those_of_the_csv(client: Client) -> None:
    run = ended_run()
    _, found = report(client, "run_report", run.uid)
    (row,) = rows_of(client, "runs")
    names = {"Requested": "requested", "Ready": "ready", "Failed": "failed", "Cancelled": "cancelled", "Cold": "cold"}
    names |= {"Warm": "warm", "p50": "p50_ms", "p95": "p95_ms", "p99": "p99_ms"}
    assert {label: found.numbers[label] for label in names} == {label: row[name] for label, name in names.items()}


def test_the_stages_of_a_run_are_those_of_the_csv(client: Client) -> None:
    run = ended_run()
    _, found = report(client, "run_report", run.uid)
    lengths: dict[str, list[float]] = {}
    for row in rows_of(client, "stages", run=run.uid):
        if row["pre_warmed"] == "false":
            lengths.setdefault(row["stage"], []).append(ms(row["duration_ms"]))
    told = {row[0][1]: row for row in found.tables["stages"]}
    assert len(lengths) >= 5
    for name, values in lengths.items():
        assert told[name][1][0] == str(len(values))
        figures = [nearest_rank(values, 0.5), nearest_rank(values, 0.95), nearest_rank(values, 0.99), max(values)]
        assert [ms(exact) for exact, _ in told[name][2:6]] == figures, name


def test_the_sandboxes_of_a_run_are_the_claims_of_the_csv(client: Client) -> None:
    run = ended_run()
    _, found = report(client, "run_report", run.uid)
    told = {row[0][1]: row[6][0] for row in found.tables["sandboxes"]}
    assert told == {row["claim"]: row["time_to_ready_ms"] for row in rows_of(client, "claims", run=run.uid)}


def test_a_run_tells_its_failures_and_what_moved(client: Client) -> None:
    earlier, run = ended_run(), ended_run(state=SandboxState.FAILED, error_type="TimeoutError", error="gave up")
    stage = {
        "name": "time to ready", "count": 6, "earlier_count": 6, "p50_ns": 3, "earlier_p50_ns": 2_000 * MS,
        "shift_ns": 1, "shift_lower_ns": 0, "shift_upper_ns": 2, "p99_ns": 3, "earlier_p99_ns": 3,
        "p99_regressed": False, "p_value": 0.01, "verdict": "slower",
    }  # fmt: skip
    RunComparison.objects.create(run=run, earlier=earlier, made_ns=1, stages=[stage])
    html, found = report(client, "run_report", run.uid)
    assert f"p50 of run {earlier.pk}" in html
    (moved,) = [row for row in found.tables["stages"] if row[0][1] == "time to ready"]
    assert moved[8][0] == "2000.000000"
    assert moved[9][1].startswith("slower: median")
    assert sum(int(row[3][0]) for row in found.tables["failures"]) == 6


def test_a_run_that_has_not_begun_has_a_report(client: Client) -> None:
    run_id = run_over([])
    _, found = report(client, "run_report", run_id)
    assert found.numbers["Ready"] == "0"


def test_the_stages_of_a_claim_are_those_of_the_csv(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    html, found = report(client, "claim_report", claim.uid)
    columns = ("duration_ms", "lower_ms", "upper_ms")
    assert [[exact for exact, _ in row[3:6]] for row in found.tables["stages"]] == [
        [row[name] for name in columns] for row in rows_of(client, "stages")
    ]
    assert [row[7][0] for row in found.tables["stages"]] == [row["end_ns"] for row in rows_of(client, "stages")]
    (row,) = rows_of(client, "claims")
    assert found.numbers["Time to ready"] == row["time_to_ready_ms"]
    assert len(found.tables["events"]) > 3
    assert "simple-sandbox-pool" in html


def test_the_spans_and_logs_of_a_claim_are_in_its_report(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    span = make_span("GET /run", trace=trace_id(1), span=span_id(1), start_ns=claim.zero_ns, duration_ns=7 * MS)
    log = make_log("took a while", trace=trace_id(1), span=span_id(1), time_ns=claim.zero_ns)
    save_now(batch(span, log))
    link(claim, trace_id(1), span_id(1))
    _, found = report(client, "claim_report", claim.uid)
    (told,) = found.tables["spans"]
    (row,) = rows_of(client, "spans", claim=claim.uid)
    assert (told[4][0], told[5][0]) == (row["start_ns"], row["duration_ms"])
    assert f"{row['evidence']} {row['certainty']}" == told[2][1]
    assert [row[2][1] for row in found.tables["logs"]] == ["took a while"]


def test_a_claim_of_which_little_is_known_has_a_report(client: Client) -> None:
    _, found = report(client, "claim_report", made().uid)
    assert "Time to ready" not in found.numbers


def test_a_range_counts_what_the_csv_has(client: Client) -> None:
    load("burst-drained")
    load("quickstart-cold")
    save_now(batch(*(make_span("GET /", status="error" if n % 3 == 0 else "ok") for n in range(9))))
    _, found = report(client, "range_report", pool="simple-sandbox-pool")
    claims = rows_of(client, "claims", pool="simple-sandbox-pool")
    assert found.numbers["Claims"] == str(len(claims))
    assert found.numbers["Deleted"] == str(sum(row["state"] == "deleted" for row in claims))
    slowest = sorted((ms(row["time_to_ready_ms"]) for row in claims if row["time_to_ready_ms"]), reverse=True)
    assert [ms(row[5][0]) for row in found.tables["slowest"]] == slowest[:25]
    (operation,) = found.tables["operations"]
    windows = rows_of(client, "latency")
    assert operation[3][0] == str(sum(int(row["count"]) for row in windows)) == "9"
    assert operation[4][0] == str(sum(int(row["errors"]) for row in windows)) == "3"


def test_a_range_without_anything_says_so(client: Client) -> None:
    html, found = report(client, "range_report")
    assert found.numbers["Claims"] == "0"
    assert "No claim became ready in this time." in html


def test_a_wrong_filter_is_said_by_name(client: Client) -> None:
    answer = client.get(reverse("range_report"), {"pol": "x"})
    assert answer.status_code == 400
    assert "Did you mean pool" in answer.content.decode()
    answer = client.get(reverse("range_report"), {"area_min": "long"})
    assert answer.status_code == 400
    assert "area_min=long is not a duration" in answer.content.decode()


@pytest.mark.parametrize(("name", "uid"), [("run_report", "no-such-run"), ("claim_report", "no-such-claim")])
def test_what_is_not_there_has_no_report(client: Client, name: str, uid: str) -> None:
    assert client.get(reverse(name, args=[uid])).status_code == 404


def test_nothing_of_a_sender_becomes_markup_or_script(client: Client) -> None:
    claim = load("quickstart-cold")["c1"]
    Claim.objects.filter(pk=claim.pk).update(name=HOSTILE, pool=HOSTILE)
    hostile = make_span(HOSTILE, service=HOSTILE, trace=trace_id(1), span=span_id(1), start_ns=claim.zero_ns)
    save_now(batch(hostile, make_log(HOSTILE, trace=trace_id(1), span=span_id(1), time_ns=claim.zero_ns)))
    link(claim, trace_id(1), span_id(1))
    for name, args in (("claim_report", [claim.uid]), ("range_report", [])):
        html, found = report(client, name, *args)
        assert "img" not in found.elements
        assert "alert(1)</script>" not in html
        assert len(found.scripts) == html.count("</script>")
        assert HOSTILE in words(html) or HOSTILE in json.dumps(found.tables)


def test_the_file_asks_for_nothing_and_lets_nothing_in(client: Client) -> None:
    html, found = report(client, "claim_report", load("quickstart-cold")["c1"].uid)
    assert found.elements.isdisjoint({"link", "img", "iframe", "object", "base", "form", "audio", "video"})
    assert [script for script in found.scripts if "src" in script] == []
    assert set(re.findall(r"url\(.{6}", html.partition("</style>")[0])) == {'url("data:'}
    assert "default-src &#x27;none&#x27;; script-src &#x27;sha256-" in html
    assert "script-src 'none'" in policy([])


def test_the_figures_are_what_plotly_takes() -> None:
    stage = outcome.measures({"time to ready": (Duration(5 * MS), Duration(9 * MS, start=StartType.COLD))})
    charts = [
        bars_on_axis([Bar("a", "a", "client", T0_NS, T0_NS, "b"), Bar("a", "a", "warm", 5, 9, "")], T0_NS, ""),
        spreads(stage, {"time to ready": 4 * MS}, "run 1"),
        spread_of(
            [Duration(5 * MS), Duration(9 * MS, start=StartType.COLD)], [("cold", "cold"), ("unknown", "program")]
        ),
        spread_of([Duration(0)], [("unknown", "program")]),
    ]
    for chart in charts:
        assert chart.data
        figure: dict[str, Any] = json.loads(chart.as_json())["figure"]
        go.Figure(json.loads(re.sub(r'"var\(--[a-z0-9-]+(/\d+)?\)"', '"#123456"', json.dumps(figure))))


def test_the_command_writes_the_same(client: Client, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    run = ended_run()
    call_command("report", "run", str(run.pk))
    written = Reading(capfdbinary.readouterr().out.decode())
    _, sent = report(client, "run_report", run.uid)
    assert written.numbers == sent.numbers
    claim = Claim.objects.exclude(time_to_ready_ns=None).first()
    assert claim is not None
    for which in (("claim", claim.name), ("range", "--pool", claim.pool)):
        call_command("report", *which)
        assert capfdbinary.readouterr().out.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("run", "99"), "There is no run 99"),
        (("claim", "nobody"), "There is no claim nobody"),
        (("claim",), "Which claim?"),
        (("range", "24h"), "--range 24h"),
        (("range", "--range", "1y"), "range=1y"),
        (("run", "1", "--pool", "x"), "--pool is for the report of a range"),
    ],
)
def test_the_command_says_what_is_wrong(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=re.escape(said)):
        call_command("report", *given, stdout=io.StringIO())


def test_pages_lead_to_their_reports(client: Client) -> None:
    run = ended_run()
    claim = Claim.objects.first()
    assert claim is not None
    assert reverse("run_report", args=[run.uid]) in client.get(reverse("run", args=[run.uid])).content.decode()
    assert reverse("claim_report", args=[claim.uid]) in client.get(reverse("claim", args=[claim.uid])).content.decode()
    assert reverse("range_report") in client.get("/?range=all").content.decode()


def test_lifecycles_without_moments_do_not_break_a_report(client: Client) -> None:
    claim = made("bare", pool="p")
    assert Lifecycle(claim.uid, "default", "bare").zero_ns == 0
    report(client, "claim_report", claim.uid)


def test_what_is_counted_together_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.rollup.cardinality.MOST_OF_A_GROUP", 1)
    assert "counted together" not in report(client, "range_report", range="all")[0]
    load("burst-drained")
    save_now(batch(*(make_span(f"GET /users/{number}") for number in range(3))))
    html, _ = report(client, "range_report", range="all")
    assert "further ones are counted together, as (other)" in html
    assert "Further ones are counted together, as “other operations”" in html
