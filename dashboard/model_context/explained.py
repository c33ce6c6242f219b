"""One claim explained: where its time went, why, what shows it, and what to type next.

Before: `asking` has a uid or a name. After: the same sentence, stages, Events and spans that the claim's page has.
"""

from __future__ import annotations

import time
from dataclasses import asdict

from dashboard.claim.kubectl import commands
from dashboard.claim.markdown import markdown
from dashboard.claim.pool_usual import Usual, usual
from dashboard.claim.reading import read
from dashboard.claim.skew import skew
from dashboard.claim.timeline import LIFE, Drawn, draw
from dashboard.model_context.asking import Asked, Own
from dashboard.model_context.claims import claim_url
from dashboard.model_context.linked import at, telemetry
from dashboard.model_context.quoting import NOTE, Item, length, moment, name, quoted, rest
from dashboard.parameters import ParameterError
from dashboard.templatetags.claims import from_zero, stage_length
from dashboard.templatetags.formats import duration
from dashboard.values import shown
from sandboxes import questions, story
from sandboxes.models import Claim
from sandboxes.records import Lifecycle, Milestone, Stage, Why

MOST_EVENTS, MOST_NAMESAKES = 30, 10
FACTS = ("namespace", "pool", "template", "sandbox", "pod", "node", "reason")
OWN = {"markdown": Own("yes: also the page's Markdown, to paste into an issue. Default: no.", ("no", "yes"))}


def explain(asked: Asked) -> Item:
    """Raises ParameterError when there is no such claim."""
    claim, namesakes = _claim(asked)
    now_ns = time.time_ns()
    seen, pool = read(claim), usual(claim)
    lifecycle = seen.lifecycle
    drawn = draw(seen, LIFE, now_ns, dict(pool.stages_ns), duration, None, skew(lifecycle))
    ended = lifecycle.moments.get(Milestone.DELETED) or lifecycle.moments.get(Milestone.EXPIRED)
    text = markdown(claim, lifecycle, drawn, claim_url(claim.uid)) if asked.own["markdown"] == "yes" else None
    return {
        "sentence": quoted(drawn.story.text, 1_000),
        "advice": quoted(drawn.story.advice),
        "proof": [
            {"text": quoted(proof.text), **at(proof.time_ns, lifecycle), **moment("time", proof.time_ns)}
            for proof in drawn.story.proofs
        ],
        "why": _why(lifecycle.why, drawn.story.text),
        "claim": _facts(claim, lifecycle),
        **_ready(claim, pool, lifecycle, now_ns),
        "stages": [_stage(stage, lifecycle, pool) for stage in lifecycle.stages],
        "clocks": [*drawn.clocks, drawn.skew.words],
        **_events(drawn, lifecycle),
        **telemetry(seen, now_ns),
        "kubectl": [
            {"does": does, "command": command}
            for does, command in commands(
                lifecycle.name, lifecycle.namespace, drawn.is_open, ended.time_ns if ended else None, now_ns
            )
        ],
        "markdown": text,
        "same_name": namesakes,
        "note": NOTE,
    }


def _claim(asked: Asked) -> tuple[Claim, list[Item]]:
    """The newest of this uid or name, and others of the name: names are used again."""
    found = list(questions.claims(asked.parameters.claims)[: MOST_NAMESAKES + 1])
    if not found:
        given = shown(asked.parameters.claims.claim)
        raise ParameterError(
            {"claim": f"No claim with the uid or name {given} is here. list_claims shows what there is."}
        )
    others = [{"uid": name(other.uid), **moment("began", other.zero_ns)} for other in found[1:]]
    return found[0], others


def _facts(claim: Claim, lifecycle: Lifecycle) -> Item:
    return {
        "uid": name(claim.uid),
        "claim": name(claim.name),
        **{key: name(getattr(claim, key)) for key in FACTS},
        "cluster": name(claim.cluster.name) if claim.cluster else "none: told from telemetry alone",
        "start_type": claim.start_type,
        "state": claim.state,
        **moment("zero", lifecycle.zero_ns),
        "url": claim_url(claim.uid),
    }


def _ready(claim: Claim, pool: Usual, lifecycle: Lifecycle, now_ns: int) -> Item:
    """How long it took against its pool's usual; or what it waits for."""
    waits = story.wait(lifecycle, now_ns)
    waiting = waits and {
        "for": story.WAITS_FOR[Milestone(waits.name)],
        "who": str(waits.owner),
        **length("waited", waits.end_ns - waits.start_ns),
    }
    return {
        **length("time_to_ready", claim.time_to_ready_ns, claim.time_to_ready_precision_ns or 1),
        "compared": pool.words,
        "usual": [{"start_type": median.start_type, **length("median", median.ns)} for median in pool.medians],
        "waiting": waiting,
    }


def _stage(stage: Stage, lifecycle: Lifecycle, pool: Usual) -> Item:
    """`took` is no surer than the clocks of both ends; the true length lies from `at_least_ns` to `at_most_ns`."""
    usual_ns = None if stage.pre_warmed else pool.stages_ns.get(stage.name)
    return {
        "stage": stage.name,
        "took": stage_length(stage),
        "duration_ns": str(stage.duration_ns),
        "at_least_ns": str(stage.lower_ns),
        "at_most_ns": str(stage.upper_ns),
        "usual": None if usual_ns is None else duration(usual_ns),
        "who": str(stage.owner),
        "ended": from_zero(stage.end.time_ns, lifecycle.zero_ns),
        "ended_ns": str(stage.end.time_ns),
        "clock": f"{stage.end.clock}, ± {duration(stage.end.precision_ns)}",
        "known_from": quoted(stage.end.source),
        "pre_warmed": "yes: before the claim, no part of its time to ready" if stage.pre_warmed else None,
    }


def _why(why: Why | None, told: str) -> Item | None:
    """The stable word, and the object or Event; the sentence where it is no part of what was told."""
    if why is None:
        return None
    proof = why.proof and {key: quoted(value) for key, value in asdict(why.proof).items() if key != "time_ns"}
    seen = moment("time", why.proof.time_ns or None) if why.proof else {}
    return {
        "cause": why.cause,
        "sentence": None if why.sentence in told else quoted(why.sentence),
        "proof": proof and proof | seen,
    }


def _events(drawn: Drawn, lifecycle: Lifecycle) -> Item:
    rows = [row for row in drawn.events if row.marks]
    return {
        "events": [
            {
                "reason": name(row.label),
                "about": name(row.about),
                "message": quoted(row.words),
                "count": row.count,
                "warning": row.warning or None,
                **at(row.marks[0].time_ns, lifecycle),
                **moment("time", row.marks[0].time_ns),
            }
            for row in rows[:MOST_EVENTS]
        ],
        "more_events": next(rest(len(rows), MOST_EVENTS, "Events"), None),
    }
