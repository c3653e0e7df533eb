"""What is known about the name of an address: a status, perhaps a name, and whether it holds."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

LONGEST = 7 * 86_400
"""Seconds for which any answer holds at most."""


class Status(StrEnum):
    """How asking for an address's name ended; never a host name that isn't one."""

    OK = "ok"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    SKIPPED = "skipped"
    NOT_ASKED = "not_asked"
    PRIVATE = "private"

    @property
    def is_failure(self) -> bool:
        """Whether it was asked for and no verdict came: worth another try before long."""
        return self in _FAILURES

    @property
    def is_verdict(self) -> bool:
        """Whether name servers said what is so."""
        return self is Status.OK or self is Status.NXDOMAIN or self is Status.NODATA


_FAILURES = frozenset((Status.SERVFAIL, Status.REFUSED, Status.TIMEOUT, Status.MALFORMED))


class Confirmation(StrEnum):
    """What the name's own addresses say (forward-confirmed reverse DNS).

    A PTR record is written by whoever holds the address and may claim anything; the name's A and
    AAAA records are written by whoever holds the name.
    """

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNCONFIRMED = "unconfirmed"


class Answer(NamedTuple):
    """What is known about one address; a tuple, for these are made by the hundred thousand.

    `name` is safe ASCII (see `names.shown`); it and `confirmation` are there where the status is
    ok. `asked` and `expires` are seconds since 1970, the former there where a query went out, the
    latter where the answer is kept: not if the run ended before it could come.
    `failures` counts the runs in a row that ended without a verdict, `servers` those asked
    in the last one.
    """

    address: str
    status: Status
    name: str | None = None
    confirmation: Confirmation | None = None
    asked: int | None = None
    expires: int | None = None
    servers: str = ""
    failures: int = 0

    def holds(self, now: int, *, servers: str) -> bool:
        """Whether it need not be asked for again.

        A failure says something about the servers that were asked, and holds for these alone.
        One that holds for longer than anything can was written by a clock that went wrong.
        """
        if self.expires is None or not now < self.expires <= now + LONGEST:
            return False
        return self.status.is_verdict or self.servers == servers
