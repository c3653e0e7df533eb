"""Pacing: no more than so many calls a second, and longer and longer pauses while they fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from flowlens.inputs.aws.access import Access
from flowlens.inputs.aws.errors import PASSING, fault, foreign

T = TypeVar("T")

ATTEMPTS = 8
"""Tries of one call; the pauses between them add up to about two minutes."""

LONGEST = 60.0
"""The longest pause; seconds."""


class Pace:
    """Lets calls through at a rate, whoever makes them; retries those that may yet come through.

    `clock` and `sleep` are in seconds.
    """

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free = clock()

    def call(self, function: Callable[[], T], access: Access) -> T:
        """The result of a call, made when it is due; what it raises at last goes through."""
        for attempt in range(ATTEMPTS):
            self._wait()
            try:
                return function()
            except foreign() as error:
                if fault(error, access).kind not in PASSING or attempt == ATTEMPTS - 1:
                    raise
                self._sleep(min(LONGEST, 2.0**attempt))
        raise AssertionError("the last attempt returns or raises")

    def _wait(self) -> None:
        with self._lock:
            now = self._clock()
            due = max(now, self._free)
            self._free = due + self._interval
        if due > now:
            self._sleep(due - now)
