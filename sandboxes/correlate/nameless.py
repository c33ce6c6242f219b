"""Whose are calls that name nothing: the claims they may be of, by time and by what their program did before.

Before: `binding` has given spans to the claims their traces name. After: a call with one claim left is an inferred
link; one with several is listed as ambiguous, and counted for none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sandboxes.correlate.claims import ClaimFacts, Claims, meant_at
from sandboxes.correlate.creations import MAX_TO_POST_NS, Choice, Place, Post, match
from sandboxes.correlate.keys import EXACT, Evidence, HintFacts, LinkRow, SpanFacts
from sandboxes.correlate.reading import hint_facts, read_spans
from sandboxes.correlate.tunnels import sandbox_behind
from sandboxes.hints import HintKind
from sandboxes.models import Hint, Link
from sandboxes.records import SECOND

NAMING_CLAIM = (HintKind.CLAIM_URL, HintKind.CLAIM_ATTRIBUTE, HintKind.CLAIM_LOG, HintKind.CREATE_LOG)
NAMING_SANDBOX = (HintKind.SANDBOX_URL, HintKind.SANDBOX_HEADER)
CALLS = (HintKind.COMMAND, HintKind.CALL)

NEAR_NS = 2 * MAX_TO_POST_NS
MAX_NEAR = 200  # more POSTs within a few seconds than elimination could sort out
MAX_NAMINGS = 5_000
HOUR_NS = 3_600 * SECOND
TUNNELS = (HintKind.TUNNEL_START, HintKind.TUNNEL)
LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")
LONGEST_TUNNEL_NS = 24 * HOUR_NS


class Nameless:
    """Answers for the calls of a group of traces; what several of them need is read once."""

    def __init__(self, claims: Claims, by_name: Mapping[str, Sequence[LinkRow]]) -> None:
        """`by_name`: the links of traces that were decided just now; of others they are in the database."""
        self._claims = claims
        self._by_name = by_name
        self._names_claims: dict[tuple[int | None, int], bool] = {}
        self._posts: dict[Place, Choice] = {}

    def choice(self, hint: HintFacts, span: SpanFacts) -> Choice:
        """The claims a call may be of; none, when it is of none that we know."""
        if hint.kind == HintKind.CREATE:
            return self._created_by(hint)
        if hint.kind in CALLS and self._is_of_a_sandbox(hint):
            if claim := self._behind_tunnel(hint):
                return Choice((claim,), decided=True, evidence=Evidence.LOG)
            claims = self._spoken_to(hint)
            # Among very many the one that was meant may not have been looked at.
            crowded = self._claims.crowded_at(hint.time_ns)
            return Choice(tuple(claims), decided=len(claims) == 1 and not crowded)
        return Choice()

    def _behind_tunnel(self, hint: HintFacts) -> ClaimFacts | None:
        """The claim of the sandbox that the program had said it opened a tunnel to, at this very port."""
        if not hint.value.startswith(LOOPBACK):
            return None
        near = (hint.time_ns - LONGEST_TUNNEL_NS, hint.time_ns)
        rows = Hint.objects.filter(kind__in=TUNNELS, time_ns__range=near, resource_id=hint.resource_id)
        lines = [hint_facts(row) for row in rows.order_by("-time_ns", "-id")[:MAX_NAMINGS]]
        sandbox = sandbox_behind(hint.value, hint.time_ns, lines)
        if not sandbox:
            return None
        self._claims.read_named([sandbox])
        return meant_at(self._claims.holding("", sandbox), hint.time_ns, only_ever=False)

    def _is_of_a_sandbox(self, hint: HintFacts) -> bool:
        """Many programs have an /upload. It counts where a command was sent to the same place by the same program."""
        if hint.kind == HintKind.COMMAND or not hint.value:
            return True
        near = (hint.time_ns - HOUR_NS, hint.time_ns + HOUR_NS)
        commands = Hint.objects.filter(kind=HintKind.COMMAND, value=hint.value, time_ns__range=near)
        return commands.filter(resource_id=hint.resource_id).exists()

    def _spoken_to(self, hint: HintFacts) -> list[ClaimFacts]:
        """Open claims; of those, the ones this program has named; of those, the ones whose sandbox it has looked up.

        The SDK looks a sandbox up before its first command. A program whose calls of the API server are not traced
        names none, and any open claim may be meant.
        """
        claims = self._claims.open_at(hint.time_ns)
        host = hint.value.rpartition(":")[0].strip("[]")
        if here := [claim for claim in claims if host and host in claim.pod_ips]:
            return here
        if not claims or not self._names_its_claims(hint):
            return [claim for claim in claims if not claim.reported]
        named, looked_up = self._known_to(hint, claims)
        return [claim for claim in claims if claim.uid in (looked_up or named)]

    def _names_its_claims(self, hint: HintFacts) -> bool:
        hour = hint.time_ns // HOUR_NS
        key = (hint.resource_id, hour)
        if key not in self._names_claims:
            near = ((hour - 1) * HOUR_NS, (hour + 2) * HOUR_NS)
            namings = Hint.objects.filter(kind__in=NAMING_CLAIM, time_ns__range=near, resource_id=hint.resource_id)
            self._names_claims[key] = namings.exists()
        return self._names_claims[key]

    def _known_to(self, hint: HintFacts, claims: Collection[ClaimFacts]) -> tuple[set[str], set[str]]:
        """The uids of the claims a program has named, and of those whose sandboxes it has spoken of until then."""
        values = {value for claim in claims for value in (claim.name, claim.sandbox) if value}
        namings = Hint.objects.filter(
            kind__in=(*NAMING_CLAIM, *NAMING_SANDBOX), value__in=values, resource_id=hint.resource_id
        )
        named: set[str] = set()
        looked_up: set[str] = set()
        for kind, value, namespace, time_ns in namings.values_list("kind", "value", "namespace", "time_ns")[
            :MAX_NAMINGS
        ]:
            for claim in claims:
                if namespace not in ("", claim.namespace) or time_ns < claim.begin_ns - MAX_TO_POST_NS:
                    continue  # of another claim, or of an earlier one of this name
                if kind in NAMING_CLAIM and value == claim.name:
                    named.add(claim.uid)
                elif kind in NAMING_SANDBOX and value == (claim.sandbox or claim.name) and time_ns <= hint.time_ns:
                    looked_up.add(claim.uid)
        return named | looked_up, looked_up

    def _created_by(self, hint: HintFacts) -> Choice:
        place = (hint.trace_id, hint.span_id)
        if place not in self._posts:
            self._posts[place] = Choice()  # too many near it, or settled by a key of its own
            near = (hint.time_ns - NEAR_NS, hint.time_ns + NEAR_NS)
            rows = Hint.objects.filter(kind=HintKind.CREATE, namespace=hint.namespace, time_ns__range=near)
            hints = [hint_facts(row) for row in rows.order_by("time_ns", "id")[: MAX_NEAR + 1]]
            claims = self._claims.made_between(hint.namespace, *near, MAX_NEAR + 1)
            if len(hints) <= MAX_NEAR and len(claims) <= MAX_NEAR:
                posts = _posts(hints)
                self._posts |= match(posts, claims, self._settled(posts), _first_asked(claims))
        return self._posts[place]

    def _settled(self, posts: Collection[Post]) -> dict[Place, str]:
        """POSTs that names have given to a claim."""
        places = {post.place for post in posts}
        unread = {trace_id for trace_id, _ in places} - self._by_name.keys()
        written = Link.objects.filter(trace_id__in=unread, certainty=EXACT)
        rows = [LinkRow(*values) for values in written.values_list(*LinkRow._fields)]
        rows += (row for trace_id, _ in places for row in self._by_name.get(trace_id, ()) if row.certainty == EXACT)
        return {(row.trace_id, row.span_id): row.claim_uid for row in rows if (row.trace_id, row.span_id) in places}


def _posts(hints: Collection[HintFacts]) -> list[Post]:
    traces = read_spans({hint.trace_id for hint in hints})
    places = {(hint.trace_id, hint.span_id) for hint in hints}
    found = ((place, traces.get(place[0], {}).get(place[1])) for place in sorted(places))
    return [Post(place, span) for place, span in found if span is not None]


def _first_asked(claims: Collection[ClaimFacts]) -> dict[str, Mapping[int, int]]:
    """When each program first asked the API server for these claims, by name."""
    asked: dict[str, dict[int, int]] = defaultdict(dict)
    rows = Hint.objects.filter(kind=HintKind.CLAIM_URL, value__in={claim.name for claim in claims})
    for value, namespace, resource_id, time_ns in rows.values_list("value", "namespace", "resource_id", "time_ns")[
        :MAX_NAMINGS
    ]:
        for claim in claims:
            if (claim.name, claim.namespace) == (value, namespace) and time_ns >= claim.begin_ns and resource_id:
                asked[claim.uid][resource_id] = min(time_ns, asked[claim.uid].get(resource_id, time_ns))
    return dict(asked)
