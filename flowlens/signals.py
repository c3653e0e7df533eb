"""Ctrl-C and its kin: a run ends soon, cleans up after itself, and says 130."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextmanager
def interruptible(
    stop: threading.Event | None = None, *numbers: signal.Signals
) -> Iterator[threading.Event]:
    """Turn signals into KeyboardInterrupt, and into an event for the threads that read.

    All signals that end a command, unless some are named; `stop` is an event to be used.

    Blocks may be nested: each one's event is set. Outside the main thread signals can't be had,
    and the event is never set.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    chosen = numbers or _SIGNALS
    before = {number: signal.getsignal(number) for number in chosen}

    def interrupt(number: int, frame: FrameType | None) -> None:
        stop.set()
        outer = before[number]
        if callable(outer):
            outer(number, frame)
        raise KeyboardInterrupt

    for number in chosen:
        signal.signal(number, interrupt)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
