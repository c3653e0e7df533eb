"""Touches of one source as a picture of the size of a line of text: its hosts against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 280, 56
_EDGE = 4


def spark(touches: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """A point for each touch, from the left by time, from above by host, in their order."""
    if not touches:
        return []
    hosts = {host: place for place, host in enumerate(sorted({_host(row) for row in touches}))}
    moments = [row["first_seen"].timestamp() for row in touches]
    first, span = min(moments), max(moments) - min(moments)
    across, down = WIDTH - 2 * _EDGE, HEIGHT - 2 * _EDGE
    points = {
        (
            round(_EDGE + across * ((moment - first) / span if span else 0.5), 1),
            round(_EDGE + down * (hosts[_host(row)] + 0.5) / len(hosts), 1),
        )
        for row, moment in zip(touches, moments, strict=True)
    }
    return sorted(points)


def _host(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["dstaddr"] or "", row["interface_id"] or ""
