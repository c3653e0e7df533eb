"""What passes the interfaces, and the flow-log records that come of it.

A *flow* is one direction of one connection at one interface, from its first packet to its last; a
*record* is what of it fell into one aggregation interval. Times are seconds since the log began.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.scans.network import Network

FIN, SYN, RST, SYN_ACK, RST_ACK = 1, 2, 4, 18, 20
NO_ADDRESS = -1

COLUMNS = {
    "eni": 0,
    "inward": True,
    "peer": 0,
    "own_port": 0,
    "peer_port": 0,
    "protocol": 6,
    "start": 0,
    "seconds": 0,
    "packets": 1,
    "bytes": 40,
    "refused": False,
    "opening": 0,
    "closing": 0,
    "opens": False,
    "ipv6": False,
    "packet_own": NO_ADDRESS,
}
"""A flow's columns and what they are where nothing is said.

`opening` are the TCP flags of the first packets and `closing` those of the last, as a flow log
gives them. `opens` tells the unasked openings of an outside peer, which are what truth is counted
from. `peer` and `packet_own` (the packet's own address on our side, where a NAT gateway's record
shows another) are numbers of addresses.
"""

Value = np.ndarray | int | bool


@dataclass(slots=True)
class Capture:
    """Flows as they are added, in blocks."""

    blocks: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(self, **values: Value) -> None:
        """Add flows; a single value stands for all of them."""
        filled = {**COLUMNS, **values}
        arrays = np.broadcast_arrays(*(np.atleast_1d(filled[name]) for name in COLUMNS))
        self.blocks.append(dict(zip(COLUMNS, arrays, strict=True)))

    def flows(self) -> dict[str, np.ndarray]:
        """All flows, a column an array, in the order they were added."""
        return {
            name: np.concatenate([block[name].astype(np.int64) for block in self.blocks])
            for name in COLUMNS
        }


def records(flows: dict[str, np.ndarray], network: Network, *, until: int) -> dict[str, np.ndarray]:
    """The records of flows that start before `until`, by end, as columns.

    Intervals lie at a place of its own for each interface. A flow has a record in the first and
    the last interval it touches, and in as many between as it has packets for.
    """
    interval, phase = network.interval[flows["eni"]], network.phase[flows["eni"]]
    last = flows["start"] + flows["seconds"]
    first_slot, last_slot = (flows["start"] - phase) // interval, (last - phase) // interval
    pieces = np.minimum(last_slot - first_slot + 1, flows["packets"])
    row = np.repeat(np.arange(len(pieces)), pieces)
    piece = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    taken = {name: column[row] for name, column in flows.items()}
    among, interval, phase = pieces[row], interval[row], phase[row]
    reach = (last_slot - first_slot)[row]
    slot = first_slot[row] + np.where(among > 1, piece * reach // np.maximum(among - 1, 1), 0)
    opened = slot * interval + phase
    start = np.maximum(taken["start"], opened)
    end = np.maximum(np.minimum(last[row], opened + interval - 1), start)
    before, after = (taken["packets"] * share // among for share in (piece, piece + 1))
    table = {
        **{name: taken[name] for name in ("eni", "inward", "peer", "own_port", "peer_port")},
        **{name: taken[name] for name in ("protocol", "refused", "ipv6", "packet_own")},
        "packets": after - before,
        "bytes": taken["bytes"] * after // taken["packets"]
        - taken["bytes"] * before // taken["packets"],
        "start": start,
        "end": end,
        "flags": np.where(piece == 0, taken["opening"], 0)
        | np.where(piece == among - 1, taken["closing"], 0),
    }
    kept = np.flatnonzero(start < until)
    order = kept[np.lexsort((kept, table["start"][kept], table["end"][kept]))]
    return {name: column[order] for name, column in table.items()}
