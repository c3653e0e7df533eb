"""Ctrl-C and its kin, and deadlines: a run ends soon, and cleans up after itself.

Python hears a signal when its main thread next runs Python, which may be never while that thread
waits for DuckDB. So a thread of its own hears it too, at once, and ends what others wait for.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]

AGAIN = 0.05
"""Seconds between two attempts to end a run: one that comes between two queries has no effect."""


class _Ending:
    """A handler of a signal that ends the run."""

    def __init__(self, stop: threading.Event, outer: Any) -> None:
        self._stop = stop
        self._outer = outer

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()
        if callable(self._outer):
            self._outer(number, frame)
        raise KeyboardInterrupt


@contextmanager
def interruptible(stop: threading.Event | None = None) -> Iterator[threading.Event]:
    """Turn signals that end a command into KeyboardInterrupt, and into an event.

    Blocks may be nested: each one's event is set. Outside the main thread signals can't be had,
    and the event is never set.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, _Ending(stop, before[number]))
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


Act = Callable[[threading.Event], None]
"""What is done once, in a thread of its own; the event is set when it need not go on."""


@contextmanager
def overheard(act: Act) -> Iterator[None]:
    """Act as soon as a signal ends the run, whatever the main thread is doing.

    Blocks may be nested. Outside the main thread nothing is heard.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    ended = threading.Event()
    outer = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    listener = threading.Thread(
        target=_listen, args=(reads, outer, act, ended), name="flowlens-signals", daemon=True
    )
    listener.start()
    try:
        yield
    finally:
        ended.set()
        with suppress(ValueError, OSError):
            signal.set_wakeup_fd(outer, warn_on_full_buffer=False)
        os.close(writes)
        listener.join()
        os.close(reads)


def _listen(reads: int, outer: int, act: Act, ended: threading.Event) -> None:
    """Read the numbers of signals until one ends the run; whoever listened before hears them."""
    while numbers := os.read(reads, 64):
        if outer >= 0:
            with suppress(OSError):
                os.write(outer, numbers)
        if any(map(_ends, numbers)):
            act(ended)
            return


def _ends(number: int) -> bool:
    handler = signal.getsignal(number)
    return isinstance(handler, _Ending) or (number == signal.SIGINT and callable(handler))


class Deadline:
    """A moment by which a block must have ended; `passed` once it has not.

    A block without `seconds` has all the time there is.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self.passed = False
        self._ends = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds that are left."""
        return None if self._ends is None else max(0.0, self._ends - time.monotonic())

    @contextmanager
    def watched(self, act: Act) -> Iterator[None]:
        """Act when the moment has come."""
        if self.left is None:
            yield
            return
        ended = threading.Event()

        def wait() -> None:
            if not ended.wait(self.left):
                self.passed = True
                act(ended)

        watcher = threading.Thread(target=wait, name="flowlens-deadline", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


@contextmanager
def halting(halt: Callable[[], None], deadline: Deadline) -> Iterator[None]:
    """Halt what the block waits for, again and again, when a signal or the deadline ends it."""

    def act(ended: threading.Event) -> None:
        halt()
        while not ended.wait(AGAIN):
            halt()

    with overheard(act), deadline.watched(act):
        yield
