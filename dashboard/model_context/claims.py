"""The list of claims: slow ones, failed ones, those left open.

Before: `asking` has read the filters, which are those of the page. After: an agent picks one and has it explained.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from dashboard.addresses import pages_url
from dashboard.claim.pool_usual import FEWEST, compared
from dashboard.csv_rows import iso_time
from dashboard.model_context import quoting
from dashboard.model_context.asking import Asked, Own
from dashboard.model_context.quoting import NOTE, Item, length, moment, name, quoted
from dashboard.templatetags.claims import stage_length
from dashboard.templatetags.formats import duration
from sandboxes import questions, story
from sandboxes.lifecycle import from_json
from sandboxes.models import Claim
from sandboxes.questions import OPEN_STATES, STATES
from sandboxes.records import Lifecycle, State

OPEN = "open"
NEWEST, SLOWEST = "newest", "slowest"
OWN = {
    "state": Own(f"One of {', '.join(STATES)}; or open: any of {', '.join(OPEN_STATES)}.", ("", OPEN, *STATES)),
    "sort": Own(
        "Which come first; slowest leaves out claims that were never ready. Default: newest.", (NEWEST, SLOWEST)
    ),
}


def claims(asked: Asked) -> Item:
    """A page of them, each in short."""
    parameters, state = asked.parameters, asked.own["state"]
    found = questions.claims(replace(parameters.claims, state="" if state == OPEN else state))
    if state == OPEN:
        found = found.filter(state__in=OPEN_STATES)
    if asked.own["sort"] == SLOWEST:
        found = questions.longest_first(found)
    page = parameters.page(found)
    evidence = questions.evidence(claim.uid for claim in page.rows)
    starts = questions.lengths_in_pools(page.rows)
    now_ns = time.time_ns()
    return {
        "claims": [_short(claim, evidence, starts, now_ns) for claim in page.rows],
        "next": str(page.next) if page.next else None,
        "more": "There are more: ask again with cursor set to next." if page.next else "These are all.",
        "elsewhere": None if page.rows or parameters.cursor else _elsewhere(parameters.claims),
        "note": NOTE,
    }


def claim_url(uid: str) -> str:
    """Where a person looks at it. A cluster's uids are short: of one made up by a sender there is no address."""
    return "" if len(uid) > quoting.MOST_NAME else f"{pages_url()}claims/{quote(uid, safe='')}/"


def _short(
    claim: Claim,
    evidence: Mapping[str, Sequence[tuple[str, str]]],
    starts: Mapping[tuple[str, ...], Sequence[int]],
    now_ns: int,
) -> Item:
    lifecycle = from_json(claim.lifecycle)
    alike = starts.get(questions.pool_key(claim), ())
    ready_ns = claim.time_to_ready_ns
    waiting = claim.state in (State.STARTING, State.STUCK) and ready_ns is None
    names = {key: name(getattr(claim, key)) for key in ("namespace", "pool", "template")}
    return {
        "uid": quoted(claim.uid, quoting.MOST_NAME),
        "claim": name(claim.name),
        **names,
        "start_type": claim.start_type,
        "state": claim.state,
        "cause": claim.cause,
        "why": quoted(lifecycle.why.sentence if lifecycle.why else claim.reason, 250),
        **moment("began", claim.zero_ns),
        **length("time_to_ready", ready_ns, claim.time_to_ready_precision_ns or 1),
        "compared": compared(ready_ns, sorted(alike), claim.start_type)
        if ready_ns is not None and len(alike) >= FEWEST
        else None,
        "longest_stage": _longest(lifecycle),
        "waits_for": f"{duration(now_ns - claim.zero_ns)} so far" if waiting else None,
        "telemetry": ", ".join(f"{kind} ({certainty})" for kind, certainty in evidence.get(claim.uid, ())[:3]),
        "url": claim_url(claim.uid),
    }


def _longest(lifecycle: Lifecycle) -> str | None:
    stage = story.longest(lifecycle)
    return f"{stage.name}: {stage_length(stage)} ({stage.owner})" if stage else None


def _elsewhere(asked: questions.ClaimFilter) -> str:
    """Nothing was found: whether there is anything at all, and when."""
    newest = questions.claims(replace(asked, from_ns=None, to_ns=None)).first()
    if newest is not None:
        return f"In another range or state there are some: the newest began {iso_time(newest.zero_ns)}."
    return "No claim matches these filters at any time." if Claim.objects.exists() else "No claim was ever seen here."
