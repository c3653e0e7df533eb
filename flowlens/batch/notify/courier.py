"""The courier: brings what waits in the outbox to its destinations, and says what couldn't be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flowlens.batch import jsonline
from flowlens.batch.job import STDOUT, Kind, Notify
from flowlens.batch.notify import commands, webhook
from flowlens.batch.notify.alerts import Firing, digest
from flowlens.batch.notify.outbox import Outbox
from flowlens.batch.notify.topic import Topics
from flowlens.core.errors import FlowlensError
from flowlens.core.escape import terminal
from flowlens.inputs.aws.access import Access
from flowlens.output.sink import ClosedPipe, open_sink

COMMAND_SECONDS = 30.0
"""Seconds that a command may take over one alert."""

PATIENCE = 3
"""Failures in a row after which a destination is left alone until the next run."""


class Courier:
    """Delivers to the destinations of a job, of which `stdout` is one that is always there.

    Commands run in `directory`; `access` says how SNS is reached, and is asked if it has to be.
    `pause` waits between attempts.
    """

    def __init__(
        self,
        notify: Mapping[str, Notify],
        *,
        directory: Path,
        access: Callable[[], Access] = Access,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._notify = notify
        self._directory = directory
        self._access = access
        self._pause = pause
        self._topics: Topics | None = None

    def deliver(self, firing: Firing, destination: str) -> None:
        """Deliver a firing; when this returns, the destination has it.

        Raises:
            FlowlensError: it doesn't; one line that says which alert, where to, and why.
        """
        try:
            self._deliver(firing, destination)
        except FlowlensError as error:
            raise FlowlensError(
                f"alert {firing.alert} to {destination}: {terminal(str(error))}; "
                "it is tried again at the next run"
            ) from error

    def _deliver(self, firing: Firing, destination: str) -> None:
        if destination == STDOUT:
            _show(firing)
            return
        if destination not in self._notify:
            raise FlowlensError("the job file has no such destination")
        notify = self._notify[destination]
        match notify.kind, notify.target:
            case Kind.FILE, Path() as path:
                _append(path, firing)
            case Kind.COMMAND, tuple(command):
                given = f"{jsonline.line(firing.to_dict())}\n".encode()
                commands.run(command, given, seconds=COMMAND_SECONDS, directory=self._directory)
            case Kind.WEBHOOK, str(url):
                webhook.post(firing, url, digest(firing.id, destination), pause=self._pause)
            case Kind.SNS, str(arn):
                self._topics = self._topics or Topics(self._access())
                self._topics.publish(firing, arn)
            case _:
                raise AssertionError(notify)


def _show(firing: Firing) -> None:
    try:
        with open_sink(None) as sink:
            sink.write(f"{firing.message}\n".encode())
    except ClosedPipe as error:
        raise FlowlensError("nobody reads it any more") from error
    except FlowlensError as error:
        raise FlowlensError(getattr(error.__cause__, "strerror", None) or str(error)) from error


def _append(path: Path, firing: Firing) -> None:
    try:
        jsonline.append(path, jsonline.line(firing.to_dict()), durable=True)
    except OSError as error:
        raise FlowlensError(f"{path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an outbox: what was delivered, what wasn't and why, and what still waits."""

    delivered: int
    failures: tuple[str, ...]
    waiting: int


def send(outbox: Outbox, courier: Courier, now: Callable[[], datetime]) -> Sent:
    """Deliver what is pending, as it was noted; one destination's trouble is not another's.

    A destination that fails a few times in a row is left alone until the next run. What has become
    too old is given up, which is told as a failure, too. This takes its time, and each delivery is
    ticked off at once: call it outside of a transaction.
    """
    failures = [
        f"alert {old.firing.alert} to {old.destination}: could not be delivered while it was news; "
        f"it is given up: {old.firing.message}"
        for old in outbox.give_up(now())
    ]
    delivered = 0
    failed: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for one in outbox.pending():
        if failed[one.destination] >= PATIENCE:
            left[one.destination] += 1
            continue
        try:
            courier.deliver(one.firing, one.destination)
        except FlowlensError as error:
            failed[one.destination] += 1
            failures.append(str(error))
        else:
            failed[one.destination] = 0
            outbox.delivered(one.id, now())
            delivered += 1
    failures += [
        f"{number:,} more alerts to {destination}: not tried, as it failed {PATIENCE} times; "
        "they are tried at the next run"
        for destination, number in left.items()
    ]
    return Sent(delivered, tuple(failures), len(outbox.pending()))
