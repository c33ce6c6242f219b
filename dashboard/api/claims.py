"""The API's answers about claims: the list, one whole, and links.

Before: the same query parameters as the pages. After: `dashboard.api` has them among its paths.
"""

from __future__ import annotations

from typing import Annotated

from django.db.models import F
from django.http import HttpRequest
from ninja import Path, Router, Status

from dashboard import values
from dashboard.api import claim_rows, rows, shapes
from dashboard.api.parameters import described
from dashboard.parameters import CLAIM_NAMES, ORDER, parse
from sandboxes import questions
from sandboxes.lifecycle import from_json

MAX_LINKS = 10_000  # of one claim in one answer; /links?claim= has them all, by pages

router = Router()


@router.get(
    "/claims",
    response=shapes.Claims,
    openapi_extra=described(CLAIM_NAMES | ORDER),
    summary="Claims, newest or longest first",
)
def claims(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, CLAIM_NAMES | ORDER, "all")
    page = parameters.page(questions.claims(parameters.claims), questions.longest_first)
    return {"items": [claim_rows.claim(claim) for claim in page.rows], "next": rows.cursor(page)}


@router.get(
    "/stages",
    response=shapes.Stages,
    openapi_extra=described(CLAIM_NAMES),
    summary="Stages of claims, the newest claim first; `limit` counts claims, whose stages come together",
)
def stages(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, CLAIM_NAMES, "all")
    page = parameters.page(questions.claims(parameters.claims))
    items = [claim_rows.stage_of(claim, stage) for claim in page.rows for stage in from_json(claim.lifecycle).stages]
    return {"items": items, "next": rows.cursor(page)}


@router.get("/links", response=shapes.Links, openapi_extra=described(CLAIM_NAMES), summary="Links, oldest first")
def links(request: HttpRequest) -> dict[str, object]:
    parameters = parse(request.GET, CLAIM_NAMES, "all")
    found = questions.links(parameters.claims).annotate(place=F("id")).order_by("place", "id")
    page = parameters.page(found)
    return {"items": [claim_rows.link(link) for link in page.rows], "next": rows.cursor(page)}


@router.get(
    "/claims/{path:uid}",
    response={200: shapes.WholeClaim, 404: shapes.Problem},
    openapi_extra=described(frozenset()),
    summary="A claim with its milestones, stages and links",
)
def claim(request: HttpRequest, uid: Annotated[str, Path(description="The claim's uid.")]) -> Status[dict[str, object]]:
    parse(request.GET, frozenset(), "all")
    row = questions.claim_of(uid)
    if row is None:
        sentence = f"No claim with the uid {values.shown(uid)} is here: it was not seen yet, or it was cleared."
        return Status(404, {"detail": sentence, "problems": {"uid": sentence}})
    lifecycle = from_json(row.lifecycle)
    found = questions.claim_links(uid, MAX_LINKS + 1)
    whole: dict[str, object] = {
        "claim": claim_rows.claim(row),
        "moments": [claim_rows.moment(moment) for moment in lifecycle.moments.values()],
        "stages": [claim_rows.stage(stage) for stage in lifecycle.stages],
        "why": claim_rows.why(lifecycle.why),
        "links": [claim_rows.link(link) for link in found[:MAX_LINKS]],
        "complete": len(found) <= MAX_LINKS,
    }
    return Status(200, whole)
