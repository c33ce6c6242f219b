"""The stages of a claim's start as the bar and the cells below it. Plain Python.

Before: `sandboxes.lifecycle` has dated the stages. After: `timeline` hands them to the page.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandboxes import story
from sandboxes.lifecycle import STAGES
from sandboxes.records import Lifecycle, Stage


@dataclass(frozen=True, slots=True)
class Cell:
    """A stage below the bar; without `stage` it was not reached, or is being waited for (`waited_ns`)."""

    name: str
    owner: str
    stage: Stage | None = None
    usual_ns: int | None = None
    longest: bool = False
    waited_ns: int | None = None
    x: float = 0.0  # in the bar: percent of its own part
    width: float = 0.0
    before_ns: int | None = None  # pre-warmed: how long before zero it ended

    @property
    def duration_ns(self) -> int:
        return self.stage.duration_ns if self.stage else 0

    @property
    def segment(self) -> tuple[int, int] | None:
        """From when to when it was passed, ns; None while it was not."""
        return (self.stage.start.time_ns, self.stage.end.time_ns) if self.stage else None

    @property
    def title(self) -> str:
        return self.name[:1].upper() + self.name[1:]


def own_cells(
    lifecycle: Lifecycle, longest: Stage | None, usual_ns: dict[str, int], waits: story.Wait | None
) -> list[Cell]:
    """The stages of the claim's own start, those not reached too."""
    own = {stage.name: stage for stage in lifecycle.stages if not stage.pre_warmed}
    skipped = {stage.name for stage in lifecycle.stages if stage.pre_warmed}
    waited_ns = waits.end_ns - waits.start_ns if waits else 0
    whole_ns = max(sum(stage.duration_ns for stage in own.values()) + waited_ns, 1)
    cells, x = [], 0.0
    for kind in STAGES:
        stage = own.get(kind.name)
        if kind.name in skipped or not (stage or story.is_expected(lifecycle, kind.end)):
            continue
        waiting = stage is None and waits is not None and waits.name == kind.name
        width = round(100 * (stage.duration_ns if stage else waited_ns if waiting else 0) / whole_ns, 2)
        cell = Cell(
            name=kind.name,
            owner=stage.owner if stage else kind.owner,  # a stage begins where the last milestone known does
            stage=stage,
            usual_ns=usual_ns.get(kind.name),
            longest=stage is not None and stage is longest and waits is None,
            waited_ns=waited_ns if waiting else None,
            x=round(x, 2),
            width=width,
        )
        cells.append(cell)
        x += width
    return cells


def pre_warmed_cells(lifecycle: Lifecycle) -> list[Cell]:
    """What the pool did before: never part of the time to ready."""
    stages = [stage for stage in lifecycle.stages if stage.pre_warmed]
    whole_ns = max(sum(stage.duration_ns for stage in stages), 1)
    cells, x = [], 0.0
    for stage in stages:
        width = round(100 * stage.duration_ns / whole_ns, 2)
        before_ns = stage.end.time_ns - lifecycle.zero_ns
        cells.append(Cell(stage.name, stage.owner, stage, x=round(x, 2), width=width, before_ns=before_ns))
        x += width
    return cells
