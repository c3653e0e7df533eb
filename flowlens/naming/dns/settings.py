"""Settings: how to ask, as a user gives it. Light: whatever shows names can import it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from pathlib import Path

from flowlens.core.errors import UsageError, nearest
from flowlens.core.listfile import shortened

RATE = 200.0
"""Queries a second unless told otherwise."""

SLOWEST = 0.1
"""Queries a second at least: what is slower would seem to hang."""

TIMEOUT = 1.5
"""Seconds from sending a query until another one is tried."""


class Mode(StrEnum):
    """Whether to ask."""

    OFF = "off"
    CACHE = "cache"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to ask. `resolvers` and `private` as users write them; without the former, the system's.

    `rate` is in queries a second, `budget` and `timeout` in seconds, `limit` in addresses that are
    asked about; `cache` is a file, None for the usual one.
    """

    mode: Mode = Mode.OFF
    resolvers: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    rate: float = RATE
    budget: float | None = None
    limit: int | None = None
    cache: Path | None = None
    timeout: float = TIMEOUT


def settings(
    mode: str,
    *,
    resolvers: Iterable[str] = (),
    private: Iterable[str] = (),
    rate: float = RATE,
    budget: float | None = None,
    limit: int | None = None,
    cache: str | Path | None = None,
) -> Settings:
    """Settings from what a user gave.

    Raises:
        UsageError: there is no such mode, or a number is out of its range.
    """
    if mode not in tuple(Mode):
        raise UsageError(f"--rdns {mode}: no such mode; {nearest(mode, tuple(Mode))}")
    rate = _number("--rdns-rate", rate)
    if not SLOWEST <= rate < inf:
        raise UsageError(f"--rdns-rate {rate:g}: give queries a second, {SLOWEST:g} or more")
    if budget is not None and not 0 <= (budget := _number("--rdns-budget", budget)) < inf:
        raise UsageError(f"--rdns-budget {budget:g}: give seconds, 0 or more")
    if limit is not None and not (isinstance(limit, int) and limit >= 0):
        raise UsageError(f"--rdns-limit {limit!r}: give a number of addresses, 0 or more")
    place = Path(cache) if cache is not None else None
    return Settings(Mode(mode), tuple(resolvers), tuple(private), rate, budget, limit, place)


def _number(option: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{option} {shortened(str(value))}: no number") from error


@dataclass(frozen=True, slots=True)
class Listener:
    """Whoever follows a lookup: how many are done of how many, and whether to stop before."""

    on_progress: Callable[[int, int], None] | None = None
    stop: Callable[[], bool] = lambda: False
