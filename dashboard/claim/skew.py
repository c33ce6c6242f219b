"""How far the client's clock is from the cluster's, and a claim's story with that taken out. Plain Python.

Before: `sandboxes.lifecycle` has dated the moments, `reading` the rest. After: the page says what was seen, and shows
the story corrected only for who asks: a shift is an estimate, and what is drawn then is not what was received.

The client asked before the cluster had the claim, and heard that it is ready after the cluster said so. That bounds the
shift from both sides; taken is the smallest one that agrees with both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.models import Log
from dashboard.claim.reading import Seen
from dashboard.claim.span_lanes import is_far
from dashboard.trace.tree import SpanFacts
from sandboxes.records import MS, Clock, Lifecycle, Milestone, Moment


@dataclass(frozen=True, slots=True)
class Skew:
    """What has to be added to the client's times: at least, at most, and what is enough; None where nothing tells."""

    least_ns: int | None = None
    most_ns: int | None = None
    corrected: bool = False

    @property
    def known(self) -> bool:
        return self.least_ns is not None or self.most_ns is not None

    @property
    def shift_ns(self) -> int:
        """0 when the clocks may agree. Where the bounds contradict each other the clock moved meanwhile: the middle."""
        least_ns, most_ns = self.least_ns, self.most_ns
        if least_ns is not None and most_ns is not None and least_ns > most_ns:
            return (least_ns + most_ns) // 2
        if least_ns is not None and least_ns > 0:
            return least_ns
        return most_ns if most_ns is not None and most_ns < 0 else 0

    @property
    def words(self) -> str:
        """What was seen, and what was done about it."""
        if not self.known:
            return "no client clock to compare with"
        shift_ns = self.shift_ns
        if not shift_ns:
            unseen_ns = max(self.most_ns or 0, -(self.least_ns or 0))
            finer = f" (less than {_ms(unseen_ns)} would not show)" if unseen_ns >= MS else ""
            return f"no client to cluster skew seen{finer}, nothing corrected"
        side = "ahead of" if shift_ns < 0 else "behind"
        done = f"shifted {self.badge}" if self.corrected else "not corrected"
        return f"the client's clock is at least {_ms(abs(shift_ns))} {side} the cluster's; {done}"

    @property
    def badge(self) -> str:
        """-120 ms, with a real minus."""
        return f"{'−' if self.shift_ns < 0 else '+'}{_ms(abs(self.shift_ns))}"  # noqa: RUF001


def skew(lifecycle: Lifecycle) -> Skew:
    """From what the client and the cluster say of the same claim."""
    moments = lifecycle.moments
    asked, made = _clients(moments, Milestone.REQUESTED), moments.get(Milestone.CREATED)
    said, heard = moments.get(Milestone.CLAIM_READY), _clients(moments, Milestone.CLIENT_READY)
    return Skew(
        least_ns=said.lower_ns - heard.upper_ns if said and heard else None,
        most_ns=made.upper_ns - asked.lower_ns if asked and made else None,
    )


def corrected(seen: Seen, found: Skew) -> tuple[Seen, Skew]:
    """The story with the client's moments, spans and log lines shifted; the cluster's stay."""
    by_ns = found.shift_ns
    if not by_ns:
        return seen, found
    lifecycle = seen.lifecycle
    moments = {name: _shifted(moment, by_ns) for name, moment in lifecycle.moments.items()}
    stages = tuple(
        replace(stage, start=_shifted(stage.start, by_ns), end=_shifted(stage.end, by_ns)) for stage in lifecycle.stages
    )
    traces = {trace: [_shifted_span(span, by_ns) for span in spans] for trace, spans in seen.traces.items()}
    for log in seen.logs:
        _shift_log(log, by_ns)
    story = replace(lifecycle, moments=moments, stages=stages)
    return replace(seen, lifecycle=story, traces=traces), replace(found, corrected=True)


def _clients(moments: Mapping[Milestone, Moment], name: Milestone) -> Moment | None:
    """Only what the client's own clock said: without its spans a log line's receipt may stand for it."""
    moment = moments.get(name)
    return moment if moment is not None and moment.clock == Clock.CLIENT else None


def _shifted(moment: Moment, by_ns: int) -> Moment:
    if moment.clock != Clock.CLIENT:
        return moment
    return replace(
        moment, time_ns=moment.time_ns + by_ns, lower_ns=moment.lower_ns + by_ns, upper_ns=moment.upper_ns + by_ns
    )


def _shifted_span(span: SpanFacts, by_ns: int) -> SpanFacts:
    return span if is_far(span) else replace(span, start_ns=span.start_ns + by_ns)


def _shift_log(log: Log, by_ns: int) -> None:
    """In place: the row was read for this page alone, and is never saved."""
    log.time_ns += by_ns


def _ms(ns: int) -> str:
    return f"{ns / 10**6:.0f} ms" if ns >= 10**7 else f"{ns / 10**6:.1f} ms"
