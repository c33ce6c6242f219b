"""The questions pages, API and exports ask of claims, as functions over the models.

Before: `dashboard.parameters` reads a ClaimFilter from a query string. After: `collector.paging` cuts the answer into
pages, and `timeline` draws what was seen of one claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from collector.telemetry_filter import in_range
from sandboxes import surroundings
from sandboxes.models import Claim, Cluster, Link, RunSandbox
from sandboxes.records import Change, StartType, State

OPEN_STATES = (State.STARTING, State.STUCK, State.READY, State.SUSPENDED)
AMBIGUOUS = "ambiguous"
CERTAINTIES = ("exact", "inferred", AMBIGUOUS)
IMPORTED_UID = "imported"  # store.IMPORTED
USUAL_CLAIMS = 50  # newest of a pool: what is usual there
USUAL_STARTS = 200  # newest of a pool, to compare a start with
MAX_POOLS = 8  # of one page that starts are compared in
MAX_NAMES = 200
MAX_TRACE_CLAIMS = 20
NEWEST = 2_000  # claims looked through for names to suggest


@dataclass(frozen=True, slots=True)
class Linked:
    """A claim that a span belongs to, and what shows it."""

    claim: Claim
    evidence: str
    certainty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFilter:
    """What to show; an empty field means any. `claim` is a name or a uid; `cluster` a name or a uid."""

    from_ns: int | None = None
    to_ns: int | None = None
    namespace: str = ""
    pool: str = ""
    template: str = ""
    start: str = ""
    state: str = ""
    claim: str = ""
    cluster: str = ""
    run: str = ""  # its uid
    min_time_to_ready_ns: int | None = None
    q: str = ""


def claims(f: ClaimFilter) -> QuerySet[Claim]:
    """Claims whose axis begins in the range, newest first."""
    found = in_range(Claim.objects.order_by("-zero_ns", "-id"), f, "zero_ns")
    exact = {"namespace": f.namespace, "pool": f.pool, "template": f.template, "start_type": f.start, "state": f.state}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if f.claim:
        found = found.filter(Q(uid=f.claim) | Q(name=f.claim))
    if f.cluster:
        found = found.filter(cluster__in=cluster_ids(f.cluster))
    if f.run:
        found = found.filter(name__in=RunSandbox.objects.filter(run__uid=f.run).values("claim"))
    if f.min_time_to_ready_ns is not None:
        found = found.filter(time_to_ready_ns__gte=f.min_time_to_ready_ns)
    if f.q:
        columns = ("name", "uid", "pool", "sandbox", "reason", "node")
        found = found.filter(Q(*((f"{column}__icontains", f.q) for column in columns), _connector=Q.OR))
    return found.prefetch_related("cluster")


def longest_first(found: QuerySet[Claim]) -> QuerySet[Claim]:
    """Those of these claims that became ready, the one that took longest first."""
    return found.filter(time_to_ready_ns__isnull=False).order_by("-time_to_ready_ns", "-id")


def claim_of(uid: str) -> Claim | None:
    """The claim of this uid. None has a NUL in it, and PostgreSQL could not even be asked."""
    return None if "\0" in uid else Claim.objects.filter(uid=uid).prefetch_related("cluster").first()


def cluster_ids(cluster: str) -> list[int]:
    """The clusters of this uid or name."""
    return list(Cluster.objects.filter(Q(uid=cluster) | Q(name=cluster)).values_list("id", flat=True))


def links(f: ClaimFilter) -> QuerySet[Link]:
    """The links of these claims, ambiguous ones too, in the order they were made."""
    found = Link.objects.order_by("id")
    return found if f == ClaimFilter() else found.filter(claim_uid__in=claims(f).order_by().values("uid"))


def states(f: ClaimFilter) -> dict[str, int]:
    """How many of the claims are in which state."""
    counted = claims(f).order_by().prefetch_related(None).values_list("state").annotate(number=Count("id"))
    return dict(counted)


def names(*columns: str) -> dict[str, list[str]]:
    """What there is to filter by in columns, as the newest claims have it: enough to suggest from. {"pools": [...]}"""
    newest = set(Claim.objects.order_by("-zero_ns", "-id").values_list(*columns)[:NEWEST])
    return {
        f"{column}s": sorted({row[at] for row in newest if row[at]})[:MAX_NAMES] for at, column in enumerate(columns)
    }


def cluster_names() -> list[str]:
    """The clusters claims came from, as people call them."""
    return sorted(set(Cluster.objects.values_list("name", flat=True)[:MAX_NAMES]))


def siblings(claim: Claim) -> QuerySet[Claim]:
    """The newest claims of the same pool, ready or once ready, itself among them."""
    # Joined to nothing, the namespace is no invitation to sort all claims of it instead of walking by time.
    place = Concat("namespace", Value(""), output_field=TextField())
    found = Claim.objects.alias(place=place).filter(pool=claim.pool, place=claim.namespace, cluster=claim.cluster)
    return found.filter(time_to_ready_ns__isnull=False).order_by("-zero_ns", "-id")


def changes_around(claim: Claim) -> list[Change]:
    """Every version seen of the claim, its Sandbox, its Pods, their Events, its pool and template, as they came."""
    if claim.cluster_id is None:
        return []
    # What was imported may be from any cluster: uids tell.
    imported = Cluster.objects.filter(uid=IMPORTED_UID).values_list("pk", flat=True)
    found = surroundings.around({claim.cluster_id, *imported}, claim.uid)
    return sorted(found, key=lambda change: change.received_ns)


def claim_links(uid: str, most: int) -> list[Link]:
    """The links of a claim, oldest first."""
    return list(Link.objects.filter(claim_uid=uid).order_by("id")[:most])


def evidence(uids: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """What joins telemetry to each claim: (evidence, certainty), the surest first, then the most frequent."""
    counted = (
        Link.objects.filter(claim_uid__in=list(uids))
        .values_list("claim_uid", "evidence", "certainty")
        .annotate(number=Count("id"))
        .order_by()
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for uid, evidence, certainty, _ in sorted(counted, key=lambda row: (CERTAINTIES.index(row[2]), -row[3])):
        found.setdefault(uid, []).append((evidence, certainty))
    return found


def trace_claims(trace_id: str) -> list[Claim]:
    """The claims that spans of this trace belong to; what may be another's does not count."""
    sure = Link.objects.filter(trace_id=trace_id).exclude(certainty=AMBIGUOUS).values("claim_uid")
    return list(Claim.objects.filter(uid__in=sure).order_by("zero_ns", "id")[:MAX_TRACE_CLAIMS])


def spans_of(claim: str, most: int) -> list[tuple[str, str]]:
    """(trace id, span id) of the spans that belong to the claims of this uid or name, `most` of them."""
    uids = Claim.objects.filter(Q(uid=claim) | Q(name=claim)).values("uid")
    sure = Link.objects.filter(claim_uid__in=uids).exclude(certainty=AMBIGUOUS)
    return [(link.trace_id, link.span_id) for link in sure.order_by("id").only("trace_id", "span_id")[:most]]


def claims_of_spans(spans: Iterable[tuple[str | None, str | None]]) -> dict[tuple[str, str], Linked]:
    """The claim each of these spans belongs to, of those that belong to one."""
    pairs = {(trace, span) for trace, span in spans if trace and span}
    if not pairs:
        return {}
    found = _links_of(Link.objects.filter(span_id__in={span for _, span in pairs}), {trace for trace, _ in pairs})
    return {(link.trace_id, link.span_id): linked for link, linked in found if (link.trace_id, link.span_id) in pairs}


def claims_of_traces(trace_ids: Iterable[str]) -> dict[str, list[Linked]]:
    """The claims that spans of each trace belong to, each once, the surest link first."""
    found: dict[str, dict[str, Linked]] = {}
    for link, linked in _links_of(Link.objects.all(), set(trace_ids)):
        found.setdefault(link.trace_id, {}).setdefault(link.claim_uid, linked)
    return {trace: list(claims.values()) for trace, claims in found.items()}


def _links_of(links: QuerySet[Link], trace_ids: set[str]) -> list[tuple[Link, Linked]]:
    """Links of these traces with their claims, exact ones first; what may be another's does not count."""
    if not trace_ids:
        return []
    sure = list(links.filter(trace_id__in=trace_ids).exclude(certainty=AMBIGUOUS).order_by("certainty", "id"))
    claims = {claim.uid: claim for claim in Claim.objects.filter(uid__in={link.claim_uid for link in sure})}
    return [
        (link, Linked(claims[link.claim_uid], link.evidence, link.certainty))
        for link in sure
        if link.claim_uid in claims
    ]


def lengths_in_pools(claims: Iterable[Claim]) -> dict[tuple[str, ...], list[int]]:
    """Times to ready of the newest starts of the same kind in the pools of these claims, by `pool_key`.

    For MAX_POOLS pools: each is a look into an index, 2 ms.
    """
    pools: dict[tuple[str, ...], Claim] = {}
    for claim in claims:
        if claim.pool and len(pools) < MAX_POOLS:
            pools.setdefault(pool_key(claim)[:-1], claim)
    found: dict[tuple[str, ...], list[int]] = {}
    for pool, claim in pools.items():
        for start_type, length_ns in siblings(claim).values_list("start_type", "time_to_ready_ns")[:USUAL_STARTS]:
            if length_ns is not None:
                found.setdefault((*pool, start_type), []).append(length_ns)
    return found


def pool_key(claim: Claim) -> tuple[str, ...]:
    """What a claim's start can be compared with."""
    return str(claim.cluster_id), claim.namespace, claim.pool, claim.start_type


def linked_spans(uids: Iterable[str]) -> dict[str, int]:
    """How many spans belong to each claim; ambiguous ones do not count."""
    sure = Link.objects.filter(claim_uid__in=list(uids)).exclude(certainty=AMBIGUOUS)
    return dict(sure.order_by().values_list("claim_uid").annotate(number=Count("id")))


START_TYPES = [str(start) for start in StartType]
STATES = [str(state) for state in State]
