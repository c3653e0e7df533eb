"""The scan detector once more, in plain Python: slow, by recursion, one source after the other.

It says what the queries say that they do (their headers, and the table of evidence), in whole
micro-nats, and knows nothing of states. Only the ENIs' own addresses are given to it, for what the
records prove about these is another query's business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from scan_sides import (
    TCP,
    Contact,
    Exchange,
    Side,
    Target,
    answer,
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

from flowlens.evidence import Evidence


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
        exchanges: defaultdict[tuple[Any, ...], Exchange] = defaultdict(Exchange)
        openings: defaultdict[tuple[Any, ...], dict[int, list[int]]] = defaultdict(dict)
        replies: defaultdict[tuple[Any, ...], list[Side]] = defaultdict(list)
        for side in seen:
            ends = (side.peer, side.target, side.told_port)
            if side.inward:
                exchanges[(side.day, *ends)].inward.append(side)
            elif not side.refused:
                replies[ends].append(side)
                if opening(side):
                    openings[ends].setdefault(side.day, []).append(side.start)
        contacts: defaultdict[str, list[Contact]] = defaultdict(list)
        for (day, peer, target, port), exchange in exchanges.items():
            if not self.is_return(exchange.inward, openings[(peer, target, port)], port):
                contacts[peer].append(Contact(day, target, port, exchange.inward))
        rejecting = self.rejecting(contacts, [side for found in replies.values() for side in found])
        records: defaultdict[str, list[Side]] = defaultdict(list)
        for side in seen:
            if side.inward:
                records[side.peer].append(side)
        touched = {
            peer: self.touched(contacts[peer], self.is_one_port(records[peer], contacts[peer]))
            for peer in records
        }
        for peer, exchanged in touched.items():
            for target, exchange in exchanged.items():
                ports = {contact.srcport for contact in contacts[peer] if contact.target == target}
                exchange.outward = [s for port in ports for s in replies[(peer, target, port)]]
        served = {
            target
            for exchanged in touched.values()
            for target, exchange in exchanged.items()
            if target.protocol == TCP and self.is_session(exchange)
        }
        targets = {
            peer: {t: self.target(exchange, t in served) for t, exchange in exchanged.items()}
            for peer, exchanged in touched.items()
        }
        sessions = self.sessions(seen, targets)
        verdicts: dict[str, dict[str, Any]] = {}
        for peer, found in records.items():
            inside = any(side.inside for side in found)
            nothing = {"tier": "backscatter" if contacts[peer] else "return"}
            visits = sessions.get(peer, {})
            verdict = self.walk.verdict(targets[peer], rejecting, visits, inside=inside)
            verdicts[peer] = {
                "first_seen": min(side.start for side in found),
                "last_seen": max(side.end for side in found),
                **(verdict or nothing),
                **self.traces(found, contacts[peer]),
                "inside": inside,
            }
        return verdicts | self.networks(verdicts, targets, rejecting, sessions)

    def is_return(
        self, inward: Sequence[Side], openings: Mapping[int, Sequence[int]], port: int | None
    ) -> bool:
        """Whether these records answer what our own side opened, on that day or another."""
        if any(kind(side) == "syn" for side in inward):
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

    def is_one_port(self, records: Sequence[Side], contacts: Sequence[Contact]) -> bool:
        targets = {contact.target for contact in contacts}
        ports = {target.port for target in targets}
        return (
            any(kind(side) == "unsure" for c in contacts for side in c.inward)
            and len({side.peer_port for side in records}) == 1
            and len({target.address for target in targets}) > 1
            and len(ports) > 1
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
        return any(map(self.is_heavy, exchange.inward)) and (acknowledged or not flagged)

    def rejecting(
        self, contacts: Mapping[str, Sequence[Contact]], replies: Collection[Side]
    ) -> set[str | None]:
        """ENIs whose log holds rejects alone."""
        numbers = self.evidence
        logs: defaultdict[str | None, list[Side]] = defaultdict(list)
        for found in contacts.values():
            for contact in found:
                logs[contact.target.eni] += contact.inward
        sending = {side.target.eni for side in replies}

        def span(seen: Sequence[Side]) -> int:
            return max(side.end for side in seen) - min(side.start for side in seen)

        everything = [side for seen in logs.values() for side in seen]
        whole = (
            not sending
            and all(side.refused for side in everything)
            and (
                len(everything) >= numbers["rejects_records"]
                or bool(everything and span(everything) >= numbers["rejects_log_seconds"])
            )
        )
        return {
            eni
            for eni, seen in logs.items()
            if eni not in sending
            and all(side.refused for side in seen)
            and (
                whole
                or len(seen) >= numbers["rejects_records"]
                or span(seen) >= numbers["rejects_seconds"]
            )
        }

    def sessions(
        self, seen: Iterable[Side], targets: Mapping[str, Mapping[Target, Mapping[str, Any]]]
    ) -> dict[str, dict[int, int]]:
        """Sessions of each peer by day, where it was served; of a day no more than earn trust."""
        found: defaultdict[tuple[str, int], set[tuple[Any, ...]]] = defaultdict(set)
        for side in seen:
            if (
                side.inward
                and side.target.protocol == TCP
                and self.is_heavy(side)
                and (side.peer_port > side.target.port if side.flags is None else side.flags & 2)
            ):
                eni, address, _, port = side.target
                key = (eni is None, eni or "", address, port, side.peer_port, side.target)
                found[(side.peer, side.day)].add(key)
        sessions: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for (peer, day), keys in found.items():
            told = sorted(keys)[: int(self.evidence["trust_sessions"])]
            outcomes = [targets[peer].get(key[-1], {}).get("outcome") for key in told]
            if SESSION in outcomes:
                sessions[peer][day] = outcomes.count(SESSION)
        return dict(sessions)

    def touched(self, contacts: Sequence[Contact], one_port: bool) -> dict[Target, Exchange]:
        """What went to and fro at each target that the source opened something at."""
        began = {"syn", "open"} | (set() if one_port else {"unsure"})
        together: defaultdict[Target, Exchange] = defaultdict(Exchange)
        for contact in contacts:
            together[contact.target].inward += contact.inward
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
            "answered": any(map(answer, exchange.outward)),
            "first": min(side.start for side in exchange.inward),
            "last": max(side.end for side in exchange.inward),
        }

    def outcome(self, exchange: Exchange, is_served: bool) -> int:
        records = exchange.inward
        flagged = any(side.flags is not None for side in records)
        answered = any(map(answer, exchange.outward))
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
            return CONNECTIONLESS
        if self.is_session(exchange):
            return SESSION
        if 1 <= half <= self.evidence["half_open_records"] and (flagged or answered):
            return HALF_OPEN
        return ANSWERED if answered else ALLOWED

    def traces(self, records: Sequence[Side], contacts: Sequence[Contact]) -> dict[str, Any]:
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
                        name: (min if name == "first" else max)(so_far[name], one[name])
                        for name in one
                    }
                for day, number in sessions.get(peer, {}).items():
                    visits[day] += number
            verdict = self.walk.verdict(together, rejecting, visits, inside=False)
            if verdict and verdict["tier"] == "scanner":
                found[network] = {**verdict, "inside": False, "members": len(peers)}
        return found
