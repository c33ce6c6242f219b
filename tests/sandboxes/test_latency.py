"""How long stages took is told as the claims' stories are, and follows them when they change."""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from django.core.management import call_command

from collector.rollup import Subject, count_news, rows
from collector.writer import Committed
from sandboxes import latency, rollup
from sandboxes.correlate import reported
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim, StageSeries
from sandboxes.questions import ClaimFilter
from sandboxes.recorded import read_changes
from sandboxes.records import Change, Clock, Milestone, Moment
from sandboxes.rollup import TIME_TO_READY
from sandboxes.store import IMPORTED, add_client, save_changes
from tests.sandboxes.recordings import watch_lines

pytestmark = pytest.mark.django_db

ALL = ClaimFilter()


def changes_of(scenario: str) -> list[Change]:
    return list(read_changes(watch_lines(scenario)))


def counted() -> Counter[tuple[str, str]]:
    """How many claims were measured by stage and kind of start."""
    found: Counter[tuple[str, str]] = Counter()
    names = {series.pk: (series.stage, series.start_type) for series in StageSeries.objects.all()}
    for row in rows(Subject.STAGE, None, None, 10_800):
        found[names[row.series]] += row.count
    return +found


def told() -> Counter[tuple[str, str]]:
    """The same from the stories."""
    found: Counter[tuple[str, str]] = Counter()
    for claim in Claim.objects.all():
        for stage in from_json(claim.lifecycle).stages:
            if not stage.pre_warmed:
                found[stage.name, claim.start_type] += 1
        if claim.time_to_ready_ns is not None:
            found[TIME_TO_READY, claim.start_type] += 1
    return found


@pytest.mark.parametrize("scenario", ["traced-warm", "burst-drained", "failures"])
def test_stages_are_counted_once_however_often_a_claim_is_told_anew(scenario: str) -> None:
    changes = changes_of(scenario)
    for position in range(0, len(changes), 40):
        save_changes(IMPORTED, changes[position : position + 40])
        if position % 80:
            count_news()
    assert counted() == told() != Counter()
    save_changes(IMPORTED, changes)
    count_news()
    assert counted() == told()


def test_late_and_shuffled_changes_end_in_the_same_counts() -> None:
    changes = changes_of("burst-drained")
    first = {(c.uid, c.metadata["resourceVersion"], c.type): c for c in reversed(changes)}
    shuffled = random.Random(4).sample(list(first.values()), len(first))
    for position in range(0, len(shuffled), 50):
        save_changes(IMPORTED, shuffled[position : position + 50])
        count_news()
    assert counted() == told()


def test_what_the_client_saw_is_a_stage_of_its_own() -> None:
    save_changes(IMPORTED, changes_of("traced-warm"))
    claim = Claim.objects.exclude(ready_ns=None).first()
    assert claim is not None
    assert claim.ready_ns is not None
    ready_ns = claim.ready_ns + 4 * 10**6
    moment = Moment(Milestone.CLIENT_READY, ready_ns, ready_ns, ready_ns, Clock.CLIENT, 1, "span")
    for _ in range(2):
        add_client({claim.uid: (moment, None)}, Committed())
    assert counted() == told()
    assert counted()["client ready", claim.start_type] == 1


def test_a_claim_that_is_taken_away_is_not_counted_any_more() -> None:
    save_changes(IMPORTED, changes_of("traced-warm"))
    count_news()
    reported.take_away(list(Claim.objects.values_list("uid", flat=True)), Committed())
    count_news()
    assert counted() == Counter()


def test_the_table_has_the_stages_in_their_order_and_the_time_to_ready_last() -> None:
    save_changes(IMPORTED, changes_of("traced-warm"))
    table = latency.stages(ALL)
    places = [latency.ORDER.index(row.stage) for row in table.stages]
    assert places == sorted(places)
    last = table.stages[-1]
    assert last.stage == TIME_TO_READY
    times = list(
        Claim.objects.filter(start_type=last.start_type)
        .exclude(time_to_ready_ns=None)
        .values_list("time_to_ready_ns", flat=True)
    )
    assert last.now.count == len(times)
    assert last.now.max_ns == pytest.approx(max(ns for ns in times if ns is not None), rel=0.045)
    assert len(last.p95_ns) == len(table.times_ns) > 0
    assert last.before is None


def test_series_are_split_by_what_is_asked() -> None:
    save_changes(IMPORTED, changes_of("traced-warm"))
    save_changes(IMPORTED, changes_of("quickstart-cold"))
    by_start = latency.series(ALL, percentiles=(0.5,))
    ready = Claim.objects.exclude(time_to_ready_ns=None)
    assert {name: sum(line.counts) for name, line in by_start.items()} == Counter(
        ready.values_list("start_type", flat=True)
    )
    by_pool = latency.series(ALL, by="pool")
    assert {name: sum(line.counts) for name, line in by_pool.items()} == Counter(ready.values_list("pool", flat=True))
    assert list(latency.series(ALL, by="")) == [""]


def test_filters_are_those_of_the_list_of_claims() -> None:
    save_changes(IMPORTED, changes_of("traced-warm"))
    save_changes(IMPORTED, changes_of("quickstart-cold"))
    ready = Claim.objects.exclude(time_to_ready_ns=None)
    for name in ("pool", "template", "namespace", "start_type"):
        for value in set(ready.values_list(name, flat=True)):
            f = ClaimFilter(**{"start" if name == "start_type" else name: value})
            if value:
                assert latency.figures(f)[0].count == ready.filter(**{name: value}).count()
    assert latency.figures(ClaimFilter(cluster="imported"))[0].count == ready.count()
    assert latency.figures(ClaimFilter(cluster="another"))[0].count == 0


def test_the_range_is_where_claims_begin_and_what_was_before_it_is_told() -> None:
    save_changes(IMPORTED, changes_of("traced-warm"))
    zeros = sorted(Claim.objects.exclude(time_to_ready_ns=None).values_list("zero_ns", flat=True))
    later_ns = zeros[-1] + 10 * 10**9
    now, before = latency.figures(ClaimFilter(from_ns=later_ns, to_ns=later_ns + 600 * 10**9))
    assert now.count == 0
    assert before is not None
    assert before.count == sum(zero_ns >= later_ns - 600 * 10**9 for zero_ns in zeros) > 0


def test_the_heatmap_counts_every_claim_that_got_ready() -> None:
    save_changes(IMPORTED, changes_of("burst-drained"))
    found = latency.heatmap(ALL)
    assert sum(map(sum, found.counts)) == Claim.objects.exclude(time_to_ready_ns=None).count() > 0


def test_heatmaps_of_cold_and_warm_starts_can_be_laid_upon_each_other() -> None:
    save_changes(IMPORTED, changes_of("burst-drained"))
    found = latency.heatmaps(ALL, bands=10)
    cold, warm = found["cold"], found["warm"]
    assert (cold.bounds_ns, cold.times_ns) == (warm.bounds_ns, warm.times_ns)
    assert 1 < len(cold.bounds_ns) <= 11
    for kind, heatmap in found.items():
        ready = Claim.objects.filter(start_type=kind).exclude(time_to_ready_ns=None)
        assert sum(map(sum, heatmap.counts)) == ready.count() > 0


def test_of_nothing_there_is_nothing_to_tell() -> None:
    assert latency.stages(ALL).stages == []
    assert latency.series(ALL) == {}
    assert latency.heatmap(ALL).counts == []
    assert latency.heatmaps(ALL) == {}
    assert latency.figures(ALL)[0].count == 0


def test_further_places_of_a_day_are_counted_together_and_taken_back_from_where_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The claims of a recording, each in a namespace of its own, told step by step: stories change, and counts too."""
    assert not latency.crowded(ALL)
    monkeypatch.setattr("collector.rollup.cardinality.MOST_OF_A_GROUP", 3)
    namespaces: dict[str, str] = {}
    measure = rollup.measurements

    def moved(row: Claim) -> rollup.Measurements:
        namespace = namespaces.setdefault(row.uid, f"run-{len(namespaces)}")
        found = measure(row).items()
        return Counter({(key._replace(namespace=namespace), at_s, ns): n for (key, at_s, ns), n in found})

    monkeypatch.setattr(rollup, "measurements", moved)
    changes = changes_of("burst-drained")
    for position in range(0, len(changes), 40):
        save_changes(IMPORTED, changes[position : position + 40])
    assert counted() == told() != Counter()
    places = {series.pk: series for series in StageSeries.objects.all()}
    left = Counter[tuple[str, str]]()
    for row in rows(Subject.STAGE, None, None, 10_800):
        left[places[row.series].namespace, places[row.series].pool] += row.count
    assert rollup.OTHER in {namespace for namespace, _ in +left}
    assert len({namespace for namespace, _ in +left}) <= 4
    assert all((namespace == rollup.OTHER) == (pool == rollup.OTHER) for namespace, pool in +left)
    assert latency.figures(ClaimFilter(namespace=rollup.OTHER))[0].count > 0
    assert latency.crowded(ALL)
    call_command("rebuild_rollups", stdout=io.StringIO())
    anew = Counter[tuple[str, str]]()
    for row in rows(Subject.STAGE, None, None, 10_800):
        anew[places[row.series].namespace, places[row.series].pool] += row.count
    assert +anew == +left
    newest_ns = max(claim.zero_ns for claim in Claim.objects.all())
    assert not latency.crowded(ClaimFilter(from_ns=newest_ns + 10**13))
