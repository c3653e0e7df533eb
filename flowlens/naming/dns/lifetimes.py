"""Lifetimes: how long an answer is taken for true without asking again; all in seconds."""

from __future__ import annotations

from flowlens.naming.dns.answers import LONGEST, Status

MINUTE, HOUR, DAY = 60, 3600, 86_400

NAMED = (HOUR, LONGEST)
"""Limits of a record's own TTL: some are 0, some are years."""

ABSENT = (15 * MINUTE, DAY)
"""Limits of what the zone's SOA says on names that don't exist (RFC 2308, 5)."""

FAILED = (5 * MINUTE, DAY)
"""Of a failure: so long after the first, doubled with every run that fails, up to that."""


def lifetime(status: Status, ttl: int, failures: int) -> int:
    """How long a reply holds; `failures` counts the failed runs in a row, this one included.

    >>> lifetime(Status.OK, 60, 0), lifetime(Status.NXDOMAIN, 60, 0)
    (3600, 900)
    >>> [lifetime(Status.TIMEOUT, 0, failures) for failures in (1, 2, 3, 20)]
    [300, 600, 1200, 86400]
    """
    if not status.is_verdict:
        first, last = FAILED
        return int(min(last, first * 2 ** min(max(failures, 1) - 1, 20)))
    least, most = NAMED if status is Status.OK else ABSENT
    return max(least, min(most, ttl))
