"""Progress on standard error, and how it gets out of the way of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from flowlens.output.progress import Bar

if TYPE_CHECKING:
    from rich.status import Status


class Sign:
    """A sign of life on a terminal, from the first time that there is something to say."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def stop(self) -> None:
        """Clear it; more than once does no harm."""
        if self._status is not None:
            self._status.stop()

    def _say(self, words: str) -> None:
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(words)
            self._status.start()
        self._status.update(words)


class Listing(Sign):
    """While inputs elsewhere are listed."""

    def update(self, number: int) -> None:
        """Show how many objects were listed so far."""
        self._say(f"listing: {number:,} objects")


class Asking(Sign):
    """While names are asked for, after a bar if there was one."""

    def __init__(self, bar: Bar | None = None) -> None:
        super().__init__()
        self._bar = bar

    def update(self, done: int, total: int) -> None:
        """Show how many addresses have their answer."""
        if self._bar is not None:
            self._bar.stop()
        self._say(f"asking for names: {done:,} of {total:,} addresses")


class Cleared:
    """A sink that takes bars and signs away before the first byte is written."""

    def __init__(self, sink: BinaryIO, *shown: Bar | Sign) -> None:
        self._sink = sink
        self._shown = shown

    def write(self, data: bytes) -> int:
        """Write to the sink."""
        for one in self._shown:
            one.stop()
        return self._sink.write(data)
