"""A program as our child: on our terminal, with the signals we get, its exit status ours.

Before: `environment` says how to start it. After: it has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
KILLED = 128  # and the signal's number, as shells have it


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs it to its end; gives the exit status a shell would. Raises OSError when it cannot be started."""
    before = {number: signal.getsignal(number) for number in PASSED_ON}
    received: list[int] = []
    for number in PASSED_ON:  # those that come before there is a child
        signal.signal(number, lambda early, _: received.append(early))
    try:
        child = subprocess.Popen(command, env=dict(environment))
        for number in PASSED_ON:
            signal.signal(number, _passing_on(child))
        for early in received:
            child.send_signal(early)
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return KILLED - status if status < 0 else status


def _passing_on(child: subprocess.Popen[bytes]) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches everybody in the terminal's foreground: a second one would be one too many.
        if number not in FROM_TERMINAL or not _in_foreground():
            child.send_signal(number)

    return handle


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # no terminal
        return False
