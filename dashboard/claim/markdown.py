"""A claim's story as Markdown, to paste into an issue or a chat.

Before: `timeline` has drawn it. After: the page's button copies it.
"""

from __future__ import annotations

import re

from dashboard.claim.timeline import Drawn
from dashboard.csv_rows import iso_time
from dashboard.templatetags.claims import from_zero, stage_length
from sandboxes.models import Claim
from sandboxes.records import Lifecycle

SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def markdown(claim: Claim, lifecycle: Lifecycle, drawn: Drawn, url: str) -> str:
    """Facts, the sentence with its proof, stages, Events."""
    zero_ns = lifecycle.zero_ns
    lines = [
        f"### SandboxClaim {_plain(lifecycle.namespace)}/{_plain(lifecycle.name)}: {lifecycle.state}",
        "",
        f"- pool {_plain(lifecycle.pool) or 'unknown'}, {lifecycle.start_type} start, node {_plain(claim.node) or '-'}",
        f"- from {iso_time(zero_ns)}, uid {_plain(claim.uid)}",
        f"- {url}",
        "",
        _plain(drawn.story.text),
    ]
    lines += [f"- proof: {_plain(proof.text)}" for proof in drawn.story.proofs]
    if drawn.story.advice:
        lines.append(f"- next: {_plain(drawn.story.advice)}")
    lines += ["", "| stage | took | at | clock |", "|---|---|---|---|"]
    for cell in (*drawn.pre_warmed, *(cell for cell, _ in drawn.cells)):
        if cell.stage is not None:
            end, name = cell.stage.end, cell.name + (" (pre-warmed)" if cell.stage.pre_warmed else "")
            at = from_zero(end.time_ns, zero_ns)
            lines.append(f"| {name} | {stage_length(cell.stage)} | {at} | {end.clock} |")
    if drawn.events:
        lines += ["", "| Event | about | at | |", "|---|---|---|---|"]
    for row in drawn.events:
        at = from_zero(row.marks[0].time_ns, zero_ns)
        lines.append(f"| {_plain(row.label)} | {_plain(row.about)} | {at} | {_plain(row.words)} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """In one line, with nothing that Markdown or HTML would make something of."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
