"""How long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds. Tests wait less."""

    first_wait_s: float = 0.5
    longest_wait_s: float = 30
    gap_wait_s: float = 60  # before asking again for what is not allowed, or not there
    look_s: float = 5  # at the kubeconfig
    lasting_s: float = 5  # a watch this long was a good one

    def wait_s(self, failures: int, at_least_s: float = 0) -> float:
        """Twice as long after each failure, up to the longest; spread, so that not all come back at once."""
        longest: float = min(self.longest_wait_s, self.first_wait_s * 2 ** min(failures - 1, 20))
        return max(at_least_s, longest * random.uniform(0.5, 1))  # noqa: S311  # no secret
