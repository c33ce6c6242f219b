"""What a receiver has done since it started: for the Setup page, the bar's rate, and the benchmark."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from collector.records import Batch

RATE_WINDOW_S = 5


@dataclass(slots=True)
class Statistics:
    """Counts since start. Times are nanoseconds; `decode_ns` and `write_ns` are what their threads took of a CPU."""

    started_ns: int = field(default_factory=time.time_ns)
    spans: int = 0
    points: int = 0
    logs: int = 0
    rejected: int = 0
    turned_away: int = 0
    last_receipt_ns: int = 0
    last_rejection: str = ""
    last_rejection_ns: int = 0
    decode_ns: int = 0
    write_ns: int = 0
    transactions: int = 0
    _seconds: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW_S + 1))

    def count(self, batch: Batch) -> None:
        """Takes note of a batch that was committed."""
        self.spans += len(batch.spans)
        self.points += len(batch.points)
        self.logs += len(batch.logs)
        self.last_receipt_ns = time.time_ns()
        if batch.rejected:
            self.rejected += batch.rejected
            self.last_rejection = "; ".join(batch.reasons)
            self.last_rejection_ns = self.last_receipt_ns
        second = self.last_receipt_ns // 10**9
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + len(batch.spans))
        else:
            self._seconds.append((second, len(batch.spans)))

    @property
    def spans_per_s(self) -> float:
        """Spans a second over the last whole seconds."""
        now = time.time_ns() // 10**9
        return sum(spans for second, spans in self._seconds if now - RATE_WINDOW_S <= second < now) / RATE_WINDOW_S
