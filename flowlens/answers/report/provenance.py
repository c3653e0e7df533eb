"""Where a report comes from: what was read, and how the report was made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from flowlens.answers.report.model import Made, Named, Read
from flowlens.core.counts import Account
from flowlens.core.version import version
from flowlens.pipeline.run import Inputs
from flowlens.records.filter import Filter

FIRST = 3
"""Sources named where some are truncated or unreadable."""


def made(inputs: Inputs, as_of: datetime, window: str) -> Made:
    """How the report is made; one hash means sources of the same names and sizes."""
    sources = inputs.found.sources
    listed = "\n".join(f"{source.name}\t{source.size}" for source in sources)
    digest = hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
    return Made(
        version=version(),
        as_of=as_of.astimezone(UTC),
        window=_window(inputs.filter, window),
        filter=_conditions(inputs.filter),
        inputs=_place(inputs.found.inputs),
        inputs_hash=digest[:12],
    )


def read(account: Account, inputs: Inputs) -> Read:
    """The account of the read, with the first sources that could not be read whole."""
    total = account.total
    return Read(
        files=len(account.sources),
        lines=total.lines,
        records=total.records,
        headers=total.headers,
        blanks=total.blanks,
        malformed=total.malformed,
        repeats=total.repeats,
        ok=total.ok,
        nodata=total.nodata,
        skipdata=total.skipdata,
        reasons=dict(sorted(total.reasons.items(), key=lambda item: (-item[1], item[0]))),
        truncated=_named((source.name, source.truncated) for source in account.truncated),
        unreadable=_named((source.name, source.unreadable) for source in account.unreadable),
        selected=account.selected,
        first_seen=account.first_seen,
        last_seen=account.last_seen,
    )


def _named(pairs: Iterable[tuple[str, str]]) -> Named:
    every = list(pairs)
    return Named(len(every), tuple(every[:FIRST]))


def _place(inputs: tuple[str, ...]) -> str:
    """One input as it was given, or how many there are."""
    return inputs[0] if len(inputs) == 1 else f"{len(inputs)} inputs"


def _window(chosen: Filter, given: str) -> str:
    """The window as half-open times, and what the user wrote for it."""
    if chosen.since is None and chosen.until is None:
        return "all times"
    ends = [f"{end:%Y-%m-%dT%H:%M:%SZ}" if end else "" for end in (chosen.since, chosen.until)]
    text = f"from {ends[0]}" if ends[0] else ""
    text += f" until {ends[1]}" if ends[1] else ""
    relative = f" ({given}, counted back from the time of the report)" if given else ""
    return text.strip() + relative


def _conditions(chosen: Filter) -> str:
    """The filter apart from the window."""
    return str(replace(chosen, since=None, until=None))
