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
        for side in seen:
            exchange = exchanges[(side.day, side.peer, side.target, side.told_port)]
            if side.inward:
                exchange.inward.append(side)
            elif not side.refused:
                exchange.outward.append(side)
        contacts: defaultdict[str, list[Contact]] = defaultdict(list)
        openings: defaultdict[tuple[Any, ...], dict[int, list[int]]] = defaultdict(dict)
        for (day, peer, target, port), exchange in exchanges.items():
            opened = [side.start for side in exchange.outward if opening(side)]
            if opened:
                openings[(peer, target, port)][day] = opened
            if not exchange.inward or self.answers_at_once(exchange, opened, port):
                continue
            syn = any(kind(side) == "syn" for side in exchange.inward)
            first = min(side.start for side in exchange.inward)
            last = max(side.end for side in exchange.inward)
            contacts[peer].append(
                Contact(day, target, None if syn else port, exchange, first, last)
            )
        rejecting = self.rejecting(contacts, {target.eni for _, target, _ in openings})
        served = {
            contact.target
            for found in contacts.values()
            for contact in found
            if contact.target.protocol == TCP
            and any(kind(side) in ("syn", "open") for side in contact.exchange.inward)
            and self.is_session([contact])
        }
        late = {
            id(contact)
            for peer, found in contacts.items()
            for contact in found
            if self.is_late(contact, openings.get((peer, contact.target, contact.srcport), {}))
        }
        sessions = self.sessions(seen)
        verdicts: dict[str, dict[str, Any]] = {}
        targets: dict[str, dict[Target, dict[str, Any]]] = {}
        inside = {side.peer: side.inside for side in seen}
        for peer in {side.peer for side in seen if side.inward}:
            records = [side for side in seen if side.inward and side.peer == peer]
            kept = [contact for contact in contacts[peer] if id(contact) not in late]
            targets[peer] = self.targets(kept, self.is_one_port(records, contacts[peer]), served)
            nothing = {"tier": "backscatter" if kept else "return"}
            visits = sessions.get(peer, {})
            verdict = self.walk.verdict(targets[peer], rejecting, visits, inside=inside[peer])
            verdicts[peer] = {
                "first_seen": min(side.start for side in records),
                "last_seen": max(side.end for side in records),
                **(verdict or nothing),
                **self.traces(records, contacts[peer]),
                "inside": inside[peer],
            }
        return verdicts | self.networks(verdicts, targets, rejecting, sessions)

    def answers_at_once(self, exchange: Exchange, opened: Sequence[int], port: int | None) -> bool:
        if not opened or any(kind(side) == "syn" for side in exchange.inward):
            return False
        starts = [side.start for side in exchange.inward]
        lower = port is None or port < exchange.inward[0].target.port
        return min(opened) <= max(starts) + self.evidence["opened_after"] and (
            lower or min(opened) <= min(starts)
        )

    def is_late(self, contact: Contact, openings: Mapping[int, Sequence[int]]) -> bool:
        """Whether it answers what our own side opened on another day."""
        return contact.srcport is not None and any(
            day != contact.day
            and min(opened) <= contact.last + self.evidence["opened_after"]
            and max(opened) >= contact.first - self.evidence["opened_before"]
            and (contact.srcport < contact.target.port or min(opened) <= contact.first)
            for day, opened in openings.items()
        )

    def is_one_port(self, records: Sequence[Side], contacts: Sequence[Contact]) -> bool:
        return (
            any(kind(side) == "unsure" for c in contacts for side in c.exchange.inward)
            and len({side.peer_port for side in records}) == 1
            and len({contact.target.address for contact in contacts}) > 1
            and len({contact.target.port for contact in contacts}) > 1
        )

    def is_heavy(self, side: Side) -> bool:
        return (
            not side.refused
            and side.packets >= self.evidence["session_packets"]
            and side.bytes > self.evidence["session_packet_bytes"] * side.packets
        )

    def is_session(self, contacts: Sequence[Contact]) -> bool:
        records = [side for contact in contacts for side in contact.exchange.inward]
        flagged = any(side.flags is not None for side in records)
        acknowledged = any(
            side.flags is not None and side.flags & 18 == 18
            for contact in contacts
            for side in contact.exchange.outward
        )
        return any(self.is_heavy(side) for side in records) and (acknowledged or not flagged)

    def rejecting(
        self, contacts: Mapping[str, Sequence[Contact]], calling: Collection[str | None]
    ) -> set[str]:
        """ENIs whose log holds rejects alone."""
        records: defaultdict[str, list[Side]] = defaultdict(list)
        for found in contacts.values():
            for contact in found:
                if contact.target.eni is not None:
                    records[contact.target.eni] += contact.exchange.inward
        return {
            eni
            for eni, seen in records.items()
            if all(side.refused for side in seen)
            and eni not in calling
            and (
                len(seen) >= self.evidence["rejects_records"]
                or max(side.end for side in seen) - min(side.start for side in seen)
                >= self.evidence["rejects_seconds"]
            )
        }

    def sessions(self, seen: Iterable[Side]) -> dict[str, dict[int, int]]:
        """Sessions of each peer by day."""
        found = {
            (side.peer, side.day, side.target, side.peer_port)
            for side in seen
            if side.inward
            and side.target.protocol == TCP
            and self.is_heavy(side)
            and (side.peer_port > side.target.port if side.flags is None else side.flags & 2)
        }
        sessions: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for peer, day, _, _ in found:
            sessions[peer][day] = sessions[peer].get(day, 0) + 1
        return dict(sessions)

    def targets(
        self, contacts: Sequence[Contact], one_port: bool, served: Collection[Target]
    ) -> dict[Target, dict[str, Any]]:
        """What became of each target that the source opened something at."""
        began = {"syn", "open"} | (set() if one_port else {"unsure"})
        together: defaultdict[Target, list[Contact]] = defaultdict(list)
        for contact in contacts:
            together[contact.target].append(contact)
        return {
            target: {
                "outcome": self.outcome(found, target in served),
                "accepted": any(not s.refused for c in found for s in c.exchange.inward),
                "answered": any(answer(s) for c in found for s in c.exchange.outward),
                "first": min(contact.first for contact in found),
                "last": max(contact.last for contact in found),
            }
            for target, found in together.items()
            if any(kind(side) in began for c in found for side in c.exchange.inward)
        }

    def outcome(self, contacts: Sequence[Contact], is_served: bool) -> int:
        records = [side for contact in contacts for side in contact.exchange.inward]
        flagged = any(side.flags is not None for side in records)
        answered = any(answer(side) for c in contacts for side in c.exchange.outward)
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
        if self.is_session(contacts):
            return SESSION
        if 1 <= half <= self.evidence["half_open_records"] and (flagged or answered):
            return HALF_OPEN
        return ANSWERED if answered else ALLOWED

    def traces(self, records: Sequence[Side], contacts: Sequence[Contact]) -> dict[str, Any]:
        ports = {side.peer_port for side in records}
        refused = [
            side
            for contact in contacts
            for side in contact.exchange.inward
            if side.refused and side.target.protocol == TCP
        ]
        packets = sum(side.packets for side in refused)
        alone = len(records) > 1 and len(ports) == 1
        return {
            "records": len(records),
            "one_srcport": min(ports) or None if alone else None,
            "syn_bytes": sum(side.bytes for side in refused) // packets if packets else None,
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
