"""The scan detector once more, in plain Python: slow, by recursion, one source after the other.

It says what the queries say that they do (their headers, and the table of evidence), in whole
micro-nats, and knows nothing of states. Only the ENIs' own addresses are given to it, for what the
records prove about these is another query's business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from ipaddress import ip_network
from operator import add
from typing import Any

from scan_sides import (
    TCP,
    Exchange,
    Side,
    Target,
    answer,
    call,
    kind,
    opening,
    sides,
)
from scan_walk import (
    ALLOWED,
    ANSWERED,
    CONNECTIONLESS,
    FREE,
    HALF_OPEN,
    SERVED,
    SESSION,
    Walk,
)

from flowlens.pipeline.evidence import Evidence

_MERGED: Mapping[str, Callable[[Any, Any], Any]] = {"first": min, "packets": add}


def judge(
    rows: Iterable[Mapping[str, Any]],
    enis: Mapping[str, Collection[str]],
    *,
    own: Collection[str] = (),
    evidence: Evidence | None = None,
) -> dict[str, dict[str, Any]]:
    """The rows of the query `sources` by source, then the networks that alarm as one."""
    return Detector(evidence or Evidence()).judge(list(sides(rows, enis, own)))


class Detector:
    """All steps, with one set of numbers."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.walk = Walk(evidence)

    def judge(self, seen: Sequence[Side]) -> dict[str, dict[str, Any]]:
        exchanges: dict[tuple[Any, ...], Exchange] = {}
        openings: defaultdict[tuple[Any, ...], dict[int, list[int]]] = defaultdict(dict)
        records: defaultdict[str, list[Side]] = defaultdict(list)
        for side in seen:
            ends = (side.peer, side.target, side.told_port)
            empty = Exchange(side.target, side.told_port)
            if side.inward:
                exchanges.setdefault((side.day, *ends), empty).inward.append(side)
                records[side.peer].append(side)
            elif not side.refused:
                exchanges.setdefault((side.day, *ends), empty).outward.append(side)
                if opening(side):
                    openings[ends].setdefault(side.day, []).append(side.start)
        contacts: defaultdict[str, list[Exchange]] = defaultdict(list)
        for (_, peer, target, port), exchange in exchanges.items():
            if not self.is_return(exchange.inward, openings[(peer, target, port)], port):
                contacts[peer].append(exchange)
        called = self.calls(seen, records, contacts)
        rejecting = self.rejecting(seen)
        touched = {
            peer: self.touched(contacts[peer], self.is_one_port(records[peer], contacts[peer]))
            for peer in records
        }
        for peer, exchanged in called.items():
            found = touched.setdefault(peer, {})
            found |= {target: one for target, one in exchanged.items() if one.inward}
            records[peer] += [side for one in exchanged.values() for side in one.inward]
            contacts[peer] += [one for one in exchanged.values() if one.inward]
        records = defaultdict(list, {peer: found for peer, found in records.items() if found})
        served = {
            target
            for exchanged in touched.values()
            for target, exchange in exchanged.items()
            if target.called is None and target.protocol == TCP and self.is_session(exchange)
        }
        targets = {
            peer: {t: self.target(exchange, t in served) for t, exchange in exchanged.items()}
            for peer, exchanged in touched.items()
        }
        sessions = {peer: self.sessions(contacts[peer], targets[peer]) for peer in records}
        verdicts: dict[str, dict[str, Any]] = {}
        for peer, found in records.items():
            inside = any(side.inside for side in found)
            unasked = any(exchange.inward for exchange in contacts[peer])
            verdict = self.walk.verdict(targets[peer], rejecting, sessions[peer], inside=inside)
            verdicts[peer] = {
                "first_seen": min(side.start for side in found),
                "last_seen": max(side.end for side in found),
                **(verdict or {"tier": "backscatter" if unasked else "return"}),
                **self.traces(found, contacts[peer]),
                "inside": inside,
            }
        return verdicts | self.networks(verdicts, targets, rejecting, sessions)

    def is_return(
        self, inward: Sequence[Side], openings: Mapping[int, Sequence[int]], port: int | None
    ) -> bool:
        """Whether these records answer what our own side opened, on that day or another."""
        if not inward or any(kind(side) == "syn" for side in inward):
            return False
        first, last = min(side.start for side in inward), max(side.start for side in inward)
        refused = any(side.refused for side in inward)
        lower = port is None or port < inward[0].target.port
        return any(
            min(opened) <= last + self.evidence["opened_after"]
            and max(opened) >= first - self.evidence["opened_before"]
            and (lower or min(opened) < first or (min(opened) == first and refused))
            for opened in openings.values()
        )

    def calls(
        self,
        seen: Sequence[Side],
        records: Mapping[str, Sequence[Side]],
        contacts: Mapping[str, Sequence[Exchange]],
    ) -> dict[str, dict[Target, Exchange]]:
        """Whom hosts of ours call, as their own ENIs tell; not what they pass on or others tell."""
        found: defaultdict[str, dict[Target, Exchange]] = defaultdict(dict)
        for side in filter(None, map(call, seen)):
            exchange = found[side.peer].setdefault(side.target, Exchange(side.target))
            (exchange.inward if side.inward else exchange.outward).append(side)
        asked: defaultdict[Target, list[Side]] = defaultdict(list)
        for side in (side for some in records.values() for side in some if side.inside):
            asked[side.target].append(side)
        told = {
            (peer, contact.target[1:4])
            for peer, some in contacts.items()
            for contact in some
            if any(side.inside and kind(side) != "stray" for side in contact.inward)
        }
        for peer, exchanged in found.items():
            passed: defaultdict[str | None, set[tuple[int, int]]] = defaultdict(set)
            for target, exchange in exchanged.items():
                sides = asked[Target(target.eni, peer, *target[2:4])]
                let_in = any(not side.refused for side in sides)
                if exchange.inward and let_in and any(kind(side) != "stray" for side in sides):
                    passed[target.eni].add(target[2:4])
            for target in list(exchanged):
                ports = passed[target.eni]
                gateway = len(ports) >= self.evidence["own_passed_ports"]
                if (gateway and target[2:4] in ports) or (peer, target[1:4]) in told:
                    del exchanged[target]
        return found

    def is_one_port(self, records: Sequence[Side], contacts: Sequence[Exchange]) -> bool:
        targets = {contact.target for contact in contacts if contact.inward}
        ports = {target.port for target in targets}
        return (
            any(kind(side) == "unsure" for side in records)
            and len({side.peer_port for side in records}) == 1
            and len({side.target.address for side in records}) > 1
            and len({side.target.port for side in records}) > 1
            and len(ports) >= self.evidence["one_port_share"] * len(targets)
        )

    def is_heavy(self, side: Side) -> bool:
        return (
            not side.refused
            and side.packets >= self.evidence["session_packets"]
            and side.bytes > self.evidence["session_packet_bytes"] * side.packets
        )

    def is_session(self, exchange: Exchange) -> bool:
        flagged = any(side.flags is not None for side in exchange.inward)
        acknowledged = any(
            side.flags is not None and side.flags & 18 == 18 for side in exchange.outward
        )
        answered = exchange.target.called is None or bool(exchange.outward)
        heavy = any(map(self.is_heavy, exchange.inward))
        return heavy and answered and (acknowledged or not flagged)

    def rejecting(self, seen: Sequence[Side]) -> set[str | None]:
        """ENIs whose log holds rejects alone."""
        numbers = self.evidence
        logs: defaultdict[str | None, list[Side]] = defaultdict(list)
        for side in seen:
            if side.inward or not side.refused:
                logs[side.target.eni].append(side)

        def is_long(some: Sequence[Side], seconds: str) -> bool:
            span = max(side.end for side in some) - min(side.start for side in some)
            return len(some) >= numbers["rejects_records"] or span >= numbers[seconds]

        everything = [side for some in logs.values() for side in some]
        whole = all(side.refused for side in everything) and is_long(
            everything, "rejects_log_seconds"
        )
        return {
            eni
            for eni, some in logs.items()
            if all(side.refused for side in some) and (whole or is_long(some, "rejects_seconds"))
        }

    def sessions(
        self, contacts: Sequence[Exchange], targets: Mapping[Target, Mapping[str, Any]]
    ) -> dict[int, int]:
        """Sessions of one peer by day, where it was served; without flags, records of sessions."""
        sessions: defaultdict[int, int] = defaultdict(int)
        for exchange in contacts:
            for side in exchange.inward:
                began = side.peer_port > side.target.port if side.flags is None else side.flags & 2
                if (
                    began
                    and side.target.called is None
                    and side.target.protocol == TCP
                    and self.is_heavy(side)
                    and targets.get(side.target, {}).get("outcome") == SESSION
                ):
                    sessions[side.day] += 1
        return dict(sessions)

    def touched(self, contacts: Sequence[Exchange], one_port: bool) -> dict[Target, Exchange]:
        """What went to and fro at each target that the source opened something at."""
        began = {"syn", "open"} | (set() if one_port else {"unsure"})
        together: dict[Target, Exchange] = {}
        for contact in contacts:
            exchange = together.setdefault(contact.target, Exchange(contact.target))
            exchange.inward += contact.inward
            exchange.outward += contact.outward
        return {
            target: exchange
            for target, exchange in together.items()
            if any(kind(side) in began for side in exchange.inward)
        }

    def target(self, exchange: Exchange, is_served: bool) -> dict[str, Any]:
        """What became of a target."""
        return {
            "outcome": self.outcome(exchange, is_served),
            "accepted": any(not side.refused for side in exchange.inward),
            "answered": self.is_answered(exchange),
            "packets": sum(side.packets for side in exchange.inward),
            "first": min(side.start for side in exchange.inward),
            "last": max(side.end for side in exchange.inward),
        }

    def is_answered(self, exchange: Exchange) -> bool:
        if exchange.target.called is not None:
            return bool(exchange.outward)
        return any(map(answer, exchange.outward))

    def outcome(self, exchange: Exchange, is_served: bool) -> int:
        records = exchange.inward
        flagged = any(side.flags is not None for side in records)
        answered = self.is_answered(exchange)
        half = sum(
            not side.refused
            and side.target.protocol == TCP
            and side.packets <= self.evidence["half_open_packets"]
            and (side.flags is None or side.flags & 6 == 6)
            for side in records
        )
        if all(side.refused for side in records):
            return SERVED if is_served else FREE
        if records[0].target.protocol != TCP:
            silent = exchange.target.called is not None and not answered
            return ALLOWED if silent else CONNECTIONLESS
        if self.is_session(exchange):
            return SESSION
        if 1 <= half <= self.evidence["half_open_records"] and (flagged or answered):
            return HALF_OPEN
        return ANSWERED if answered else ALLOWED

    def traces(self, records: Sequence[Side], contacts: Sequence[Exchange]) -> dict[str, Any]:
        ports = {side.peer_port for side in records}
        refused = [
            side
            for contact in contacts
            for side in contact.inward
            if side.refused and side.target.protocol == TCP
        ]
        packets, size = sum(side.packets for side in refused), sum(side.bytes for side in refused)
        alone = len(records) > 1 and len(ports) == 1
        return {
            "records": len(records),
            "one_srcport": min(ports) or None if alone else None,
            "syn_bytes": size // packets if packets and size % packets == 0 else None,
        }

    def networks(
        self,
        verdicts: Mapping[str, Mapping[str, Any]],
        targets: Mapping[str, Mapping[Target, Mapping[str, Any]]],
        rejecting: Collection[str],
        sessions: Mapping[str, Mapping[int, int]],
    ) -> dict[str, dict[str, Any]]:
        """The networks that alarm as one, over sources from outside that didn't alarm alone."""
        members: defaultdict[str, list[str]] = defaultdict(list)
        for peer, verdict in verdicts.items():
            if targets[peer] and verdict["tier"] != "scanner" and not verdict["inside"]:
                bits = 64 if ":" in peer else 24
                members[str(ip_network((peer, bits), strict=False))].append(peer)
        found = {}
        for network, peers in members.items():
            if len(peers) < self.evidence["group_members"]:
                continue
            together: dict[Target, dict[str, Any]] = {}
            visits: defaultdict[int, int] = defaultdict(int)
            for peer in peers:
                for target, one in targets[peer].items():
                    so_far = together.get(target, one)
                    together[target] = {
                        name: _MERGED.get(name, max)(so_far[name], one[name]) for name in one
                    }
                for day, number in sessions.get(peer, {}).items():
                    visits[day] += number
            verdict = self.walk.verdict(together, rejecting, visits, inside=False)
            if verdict and verdict["tier"] == "scanner":
                found[network] = {**verdict, "inside": False, "members": len(peers)}
        return found
