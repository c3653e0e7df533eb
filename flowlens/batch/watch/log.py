"""The log of a run: JSON lines with the run's id, for machines and for whoever looks for why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flowlens.batch import jsonline
from flowlens.core.escape import terminal


def warned(text: str) -> None:
    """Say on standard error what a run goes on without."""
    print(f"flowlens: {terminal(text)}", file=sys.stderr)


class Log:
    """What happens in one run, a line an event, added to a file; without a path nothing is kept.

    Runs may share a file: lines are added whole, and each has its run. A log that can't be written
    is told to `warn`, once, and costs the run nothing else.
    """

    def __init__(
        self, path: Path | None, run: str, *, warn: Callable[[str], None] = warned
    ) -> None:
        self._path = path
        self._run = run
        self._warn = warn

    def say(self, event: str, /, **facts: object) -> None:
        """Add a line: the time (UTC), the run, the event, and the facts in JSON's own types.

        A fact named `time`, `run` or `event` is not taken.
        """
        if self._path is None:
            return
        head = {"time": datetime.now(UTC), "run": self._run, "event": event}
        try:
            jsonline.append(self._path, jsonline.line({**head, **facts, **head}))
        except OSError as error:
            self._warn(
                f"{self._path}: {error.strerror}; the run goes on without its log, "
                "which is `log` under [watch]"
            )
            self._path = None
