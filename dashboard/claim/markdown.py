"""A claim's story as Markdown, to paste into an issue or a chat.

Before: `timeline` has drawn it. After: the page's button copies it.
"""

from __future__ import annotations

from dashboard.claim.timeline import Drawn
from dashboard.csv_rows import iso_time
from dashboard.markdown import plain
from dashboard.templatetags.claims import from_zero, stage_length
from sandboxes.models import Claim
from sandboxes.records import Lifecycle


def markdown(claim: Claim, lifecycle: Lifecycle, drawn: Drawn, url: str) -> str:
    """Facts, the sentence with its proof, stages, Events."""
    zero_ns = lifecycle.zero_ns
    lines = [
        f"### SandboxClaim {plain(lifecycle.namespace)}/{plain(lifecycle.name)}: {lifecycle.state}",
        "",
        f"- pool {plain(lifecycle.pool) or 'unknown'}, {lifecycle.start_type} start, node {plain(claim.node) or '-'}",
        f"- from {iso_time(zero_ns)}, uid {plain(claim.uid)}",
        f"- {url}",
        "",
        plain(drawn.story.text),
    ]
    lines += [f"- proof: {plain(proof.text)}" for proof in drawn.story.proofs]
    if drawn.story.advice:
        lines.append(f"- next: {plain(drawn.story.advice)}")
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
        lines.append(f"| {plain(row.label)} | {plain(row.about)} | {at} | {plain(row.words)} |")
    return "\n".join(lines) + "\n"
