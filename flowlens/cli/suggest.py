"""What a user may have meant who asked for an ENI that no record is of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from flowlens.api import Flows
from flowlens.core.errors import FlowlensError, nearest
from flowlens.records.filter import Filter

LOOKED_AT = 200
"""Sources that are read once more to see which ENIs there are; all of a window have the same."""

NAMED = 3


def enis_like(flows: Flows, sought: Sequence[str]) -> list[str]:
    """A line for each ENI sought of which there is no record, with those it may stand for.

    Reads the first sources again, as far as they can be: no pipes, and no log groups.
    """
    found = flows.inputs.found
    again = tuple(source for source in found.sources if source.size is not None)[:LOOKED_AT]
    if not sought or not again:
        return []
    inputs = replace(flows.inputs, filter=Filter(), found=replace(found, sources=again, missing=()))
    known: list[str] = []
    with suppress(FlowlensError):
        sql = "select distinct interface_id from flows where interface_id is not null"
        known = sorted(Flows(inputs).sql(sql).arrow()["interface_id"].to_pylist())
    return [
        f"{eni}: no record is of this ENI; {_meant(eni, known)}"
        for eni in sought
        if known and eni not in known
    ]


def _meant(text: str, known: Sequence[str]) -> str:
    """The ENIs that begin so, with or without their `eni-`, or else those that are near.

    >>> _meant("0A1", ["eni-0a1b", "eni-0a1c", "eni-0b"])
    'did you mean eni-0a1b or eni-0a1c?'
    """
    begun = text.lower().removeprefix("eni-")
    like = [eni for eni in known if begun and eni.removeprefix("eni-").startswith(begun)]
    if not like:
        return nearest(text, known)
    more = f" ({len(like) - NAMED:,} more begin so)" if len(like) > NAMED else ""
    return f"did you mean {' or '.join(like[:NAMED])}?{more}"
