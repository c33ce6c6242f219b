"""One computation for all who ask the same: fifty open pages are told of a commit at once, and ask for one figure.

Before: `views.charts` has a question. After: its answer, computed here or by somebody who asked at the same time.

Who comes while the answer is being computed may not take it: rows they were told of may be too new for it. They wait
for the next computation, all of them for the same one. So at any time one runs and one waits, however many ask. Where
commits are counted (in the server), an answer also serves those who come later, until the next commit, and no longer
than KEPT_S: windows of time move on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

KEPT_S = 0.9
MOST_KEPT = 256  # questions; each answer has some 10 kB


@dataclass(slots=True)
class _Kept:
    answer: bytes
    version: int
    until: float


class Shared:
    """Answers by question. `version` counts commits; it says -1 where nobody counts them."""

    def __init__(self, version: Callable[[], int]) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._running: dict[str, Future[bytes]] = {}
        self._next: dict[str, Future[bytes]] = {}

    def answer(self, question: str, compute: Callable[[], bytes]) -> bytes:
        """The answer of a computation that began after this call, or since which nothing was committed."""
        with self._lock:
            kept = self._kept.get(question)
            if kept and kept.version == self._version() and time.monotonic() < kept.until:
                return kept.answer
            running, waiting = self._running.get(question), self._next.get(question)
            if running is None:
                mine = self._running[question] = Future()
            elif waiting is None:
                mine = self._next[question] = Future()
        if running is None:
            return self._compute(question, mine, compute)
        if waiting is not None:
            return waiting.result()
        running.exception()  # waits; what went wrong there is not ours
        with self._lock:
            # Who asked in between, after `running` ended, has begun another one: both are new enough.
            self._next.pop(question, None)
            self._running[question] = mine
        return self._compute(question, mine, compute)

    def _compute(self, question: str, mine: Future[bytes], compute: Callable[[], bytes]) -> bytes:
        version, began = self._version(), time.monotonic()
        try:
            answer = compute()
        except BaseException as error:
            self._end(question, mine)
            mine.set_exception(error)
            raise
        with self._lock:
            if version >= 0:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[question] = _Kept(answer, version, began + KEPT_S)
        self._end(question, mine)
        mine.set_result(answer)
        return answer

    def _end(self, question: str, mine: Future[bytes]) -> None:
        with self._lock:
            if self._running.get(question) is mine:
                del self._running[question]
