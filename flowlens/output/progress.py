"""Progress bars for whoever waits: on a terminal, and in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from flowlens.reading.reader import Progress

PATIENCE = 0.5
"""Seconds before anything is shown: what is quick needs no bar."""

EVERY = 0.1
"""Seconds between two looks of a bar in a notebook."""


class Shows(Protocol):
    """A bar: it is told how far a read has come, and when the answer is there."""

    def update(self, progress: Progress) -> None:
        """Show how far the read has come."""

    def stop(self) -> None:
        """Clear it; more than once does no harm."""


def usual() -> Shows | None:
    """The bar that suits where this runs; None where nobody is there to look at it."""
    shell = sys.modules.get("IPython") and _shell()
    if shell and hasattr(shell, "kernel"):
        return Patient(NotebookBar)
    interactive = bool(shell) or hasattr(sys, "ps1")
    if interactive and sys.stderr is not None and sys.stderr.isatty():
        return Patient(Bar)
    return None


def wished() -> Shows:
    """The bar that suits where this runs, also where nobody might look at it."""
    return usual() or Patient(Bar)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()


class Bar:
    """A bar on a terminal, on standard error; it goes away before anything is written there."""

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


class NotebookBar:
    """A bar in a cell of a notebook, by what every front of Jupyter can show."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._next = 0.0

    def update(self, progress: Progress) -> None:
        """Show how far the read has come; not more often than one can look."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        self._show(
            f'<progress value="{progress.done}" max="{max(progress.total, 1)}"></progress> '
            f"{progress.done / 1e6:,.0f} of {progress.total / 1e6:,.0f} MB, "
            f"{progress.records:,} records"
        )

    def stop(self) -> None:
        """Clear the bar; more than once does no harm."""
        if self._handle is not None:
            # Without a text, too, so that nothing is left of it in a notebook that is kept.
            self._handle.update({"text/plain": "", "text/html": ""}, raw=True)
            self._handle = None

    def _show(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)
        else:
            self._handle.update(HTML(html))


class Patient:
    """Keeps a bar back until one has waited for a while; each read has its own."""

    def __init__(self, make: Callable[[], Shows]) -> None:
        self._make = make
        self._bar: Shows | None = None
        self._since: float | None = None

    def update(self, progress: Progress) -> None:
        """Show how far the read has come, if it takes long."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since >= PATIENCE:
            self._bar = self._bar or self._make()
            self._bar.update(progress)

    def stop(self) -> None:
        """Clear the bar; the next read begins anew."""
        bar, self._bar, self._since = self._bar, None, None
        if bar is not None:
            bar.stop()
