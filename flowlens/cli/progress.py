"""Progress on standard error, and how it gets out of the way of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from flowlens.reader import Progress

if TYPE_CHECKING:
    from rich.status import Status


class Listing:
    """A sign of life on a terminal while inputs elsewhere are listed."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._status: Status | None = None

    def update(self, number: int) -> None:
        """Show how many objects were listed so far."""
        if self._status is None:
            self._status = self._console.status("listing")
            self._status.start()
        self._status.update(f"listing: {number:,} objects")

    def stop(self) -> None:
        """Clear it; more than once does no harm."""
        if self._status is not None:
            self._status.stop()


class Bar:
    """A progress bar on a terminal; it goes away before anything is written there."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("reading"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[records]:,} records"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("reading", total=None, records=0)
        self._bar.start()

    def update(self, progress: Progress) -> None:
        """Show how far the read has come."""
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.total or None,
            records=progress.records,
        )

    def stop(self) -> None:
        """Clear the bar; more than once does no harm."""
        self._bar.stop()


class Asking:
    """A sign of life on a terminal while names are asked for."""

    def __init__(self) -> None:
        from rich.console import Console

        self._status = Console(stderr=True).status("asking for names")
        self._status.start()

    def update(self, done: int, total: int) -> None:
        """Show how many addresses have their answer."""
        self._status.update(f"asking for names: {done:,} of {total:,} addresses")

    def stop(self) -> None:
        """Clear it; more than once does no harm."""
        self._status.stop()


class Cleared:
    """A sink that takes the bar away before the first byte is written."""

    def __init__(self, sink: BinaryIO, bar: Bar) -> None:
        self._sink = sink
        self._bar = bar

    def write(self, data: bytes) -> int:
        """Write to the sink."""
        self._bar.stop()
        return self._sink.write(data)
