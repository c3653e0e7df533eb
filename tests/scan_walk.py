"""The walk over one source's touches, step by step: the second half of the detector's oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

from scan_sides import DAY, SERVICES, UDP, Target

from flowlens.pipeline.evidence import Evidence

ICMP = (1, 58)
TRACEROUTE = range(33_434, 33_535)
FREE, SERVED, ALLOWED, ANSWERED, HALF_OPEN, CONNECTIONLESS, SESSION = range(7)
COUNTS = {
    ALLOWED: "allowed",
    ANSWERED: "touches_answered",
    HALF_OPEN: "half_open",
    CONNECTIONLESS: "connectionless",
    SESSION: "touches_session",
}


class Touch(NamedTuple):
    first: int
    outcome: int
    service: int
    packets: int


SWEEPS = {
    "swept": "own_swept", "lone": "own_lone", "insisted": "own_insisted",
    "retried": "own_retried", "found_open": "own_session",
}  # fmt: skip
CLIENTS = (6 * 65_536 + 80, 6 * 65_536 + 25, 6 * 65_536 + 53, 17 * 65_536 + 123)
OF_CLIENTS = (ANSWERED, CONNECTIONLESS, SESSION)


class Walk:
    """S = max(0, max(0, S before - fading) + weight), with one set of numbers."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def weight(self, outcome: int, protocol: int, rejects_only: bool, sweep: str = "") -> int:
        if sweep:
            return self.evidence.micro(SWEEPS[sweep]) if sweep in SWEEPS else 0
        if outcome in (FREE, SERVED) and protocol in ICMP:
            return self.evidence.micro("refused_icmp")
        if outcome in (FREE, SERVED) and rejects_only:
            return self.evidence.micro("refused_rejects_only")
        names = (
            "refused", "refused_served", "allowed", "answered", "half_open", "connectionless",
            "session",
        )  # fmt: skip
        return self.evidence.micro(names[outcome])

    def verdict(
        self,
        targets: Mapping[Target, Mapping[str, Any]],
        rejecting: Collection[str],
        sessions: Mapping[int, int],
        *,
        inside: bool,
    ) -> dict[str, Any] | None:
        """The walk over a source's touches, and what it comes to."""
        if not targets:
            return None
        touches: dict[tuple[str | None, str, int], Touch] = {}
        for target, found in targets.items():
            listed = SERVICES.get((target.protocol, target.port))
            port = (
                TRACEROUTE[0]
                if target.protocol == UDP and target.port in TRACEROUTE
                else target.port
            )
            family = (listed and listed["family"]) or target.protocol * 65_536 + port
            service = target.protocol * 65_536 + target.port
            key = (target.eni, target.address, family)
            so_far = touches.get(key, Touch(found["first"], found["outcome"], service, 0))
            touches[key] = Touch(
                min(so_far.first, found["first"]),
                max(so_far.outcome, found["outcome"]),
                min(so_far.service, service),
                so_far.packets + found["packets"],
            )
        sweeps = self.sweeps(touches, rejecting) if inside else {}
        ordered = sorted(
            (touch.first, eni is None, eni or "", address, family, touch.outcome)
            for (eni, address, family), touch in touches.items()
        )
        ordered = [
            (
                first,
                eni if not nowhere else None,
                sweeps.get((eni if not nowhere else None, address, family), ""),
                address,
                family,
                outcome,
            )
            for first, nowhere, eni, address, family, outcome in ordered
        ]
        numbers = self.evidence
        trusted = (
            sum(sessions.values()) >= numbers["trust_sessions"]
            and len(sessions) >= numbers["trust_days"]
        )
        bar = (
            numbers.micro("alarm")
            + inside * numbers.micro("inside")
            + (trusted and not inside) * numbers.micro("trust")
        )
        score = peak = faded = rest = top = since = 0
        alarm = None
        for step, (first, eni, sweep, _, family, outcome) in enumerate(ordered):
            fading = numbers.micro("fading") * (first - ordered[0][0]) // DAY
            score, faded = max(0, score - (fading - faded)), fading
            if score == 0:
                rest = step
            score = max(0, score + self.weight(outcome, family >> 16, eni in rejecting, sweep))
            if score == 0:
                rest = step + 1
            if score > peak:
                peak, top, since = score, step, rest
            if alarm is None and score >= bar:
                alarm = step
        if alarm is None:
            top, since = len(ordered) - 1, rest
        evidence = score if alarm is None else peak
        against = sum(
            self.weight(outcome, family >> 16, eni in rejecting, sweep) > 0
            for _, eni, sweep, _, family, outcome in ordered
        )
        judged_whole = any(eni not in rejecting for _, eni, *_ in ordered)
        if alarm is not None:
            tier = "scanner"
        elif len(ordered) <= numbers["probe_contacts"] and all(
            outcome in (FREE, SERVED) for *_, outcome in ordered
        ):
            tier = "probe"
        else:
            lower_bar = numbers.micro("likely") + bar - numbers.micro("alarm")
            above = score >= lower_bar and against >= numbers["probe_contacts"]
            tier = "likely" if above else "benign"
        suspect = tier in ("scanner", "likely")
        counts: defaultdict[str, int] = defaultdict(int)
        for _, eni, sweep, _, family, outcome in ordered[since : top + 1] if suspect else ():
            if sweep in SWEEPS:
                counts[sweep] += 1
            elif sweep:
                continue
            elif outcome in (FREE, SERVED) and family >> 16 in ICMP:
                counts["refused_icmp"] += 1
            elif outcome in (FREE, SERVED):
                at_large = "refused_free" if outcome == FREE else "refused_served"
                counts["refused_only" if eni in rejecting else at_large] += 1
            else:
                counts[COUNTS[outcome]] += 1
        return {
            **counts,
            "tier": tier,
            "evidence": evidence,
            "bar": bar,
            "shape": self.shape(targets) if suspect else None,
            "pace": self.pace([touch[0] for touch in ordered]) if suspect else None,
            "contacts": len(ordered),
            "targets": len(targets),
            "hosts": len({target[:2] for target in targets}),
            "ports": len({target[2:4] for target in targets}),
            "first_seen": min(found["first"] for found in targets.values()),
            "last_seen": max(found["last"] for found in targets.values()),
            "alarm_at": None if alarm is None else ordered[alarm][0],
            "alarm_contact": None if alarm is None else alarm + 1,
            "answered": sum(found["answered"] for found in targets.values()),
            "accepted": sum(found["accepted"] for found in targets.values()),
            "sessions": sum(sessions.values()),
            "basis": "all" if judged_whole else "rejects only",
        }

    def sweeps(
        self,
        touches: Mapping[tuple[str | None, str, int], Touch],
        rejecting: Collection[str | None],
    ) -> dict[tuple[str | None, str, int], str]:
        """What each TCP or UDP touch of ours is by all that is done; "" weighs as ever."""
        numbers = self.evidence
        ours = {key: one for key, one in touches.items() if key[2] >> 16 in (6, 17)}
        ports: defaultdict[Any, list[bool]] = defaultdict(list)
        hosts: defaultdict[Any, list[bool]] = defaultdict(list)
        for key, one in ours.items():
            ports[one.service].append(one.outcome in OF_CLIENTS)
            hosts[key[:2]].append(one.outcome in OF_CLIENTS)

        def few(answers: list[bool]) -> bool:
            return sum(answers) < numbers["own_answered"] * len(answers)

        single = [answers for answers in ports.values() if len(answers) < numbers["own_sweep"]]
        sharing = len(single) >= numbers["own_peer_ports"] and not few(list(chain(*single)))
        found = {}
        for key, one in ours.items():
            listed = SERVICES.get(divmod(one.service, 65_536))
            probed = bool(listed and listed["probed"])
            lone = probed and few(ports[one.service])
            places = [hosts[key[:2]], *([ports[one.service]] if probed or not sharing else [])]
            swept = any(len(answers) >= numbers["own_sweep"] and few(answers) for answers in places)
            answered = one.outcome in OF_CLIENTS
            if not swept and (answered or not lone):
                found[key] = "no matter"
            elif answered:
                found[key] = "found_open" if one.outcome == SESSION else "no matter"
            elif key[2] in CLIENTS and one.packets >= numbers["own_retries"]:
                found[key] = "retried"
            elif one.packets >= numbers["own_insists"]:
                found[key] = "insisted"
            elif not swept:
                found[key] = "lone"
            else:
                found[key] = "" if one.outcome < ALLOWED and key[0] in rejecting else "swept"
        return found

    def shape(self, targets: Collection[Target]) -> str:
        numbers, total = self.evidence, len(targets)
        hosts: defaultdict[Any, int] = defaultdict(int)
        ports: defaultdict[Any, int] = defaultdict(int)
        for target in targets:
            hosts[target[:2]] += 1
            ports[target[2:4]] += 1
        most_ports, most_hosts = max(hosts.values()), max(ports.values())
        if most_ports >= max(numbers["vertical_ports"], numbers["vertical_share"] * total):
            return "vertical"
        if most_hosts >= max(numbers["horizontal_hosts"], numbers["horizontal_share"] * total):
            return "horizontal"
        if min(len(hosts), len(ports)) >= numbers["block_side"] and total >= numbers[
            "block_share"
        ] * len(hosts) * len(ports):
            return "block"
        if len(ports) <= numbers["few"]:
            return "horizontal"
        few_hosts = len(hosts) <= numbers["few"]
        return "vertical" if few_hosts and len(ports) >= numbers["vertical_ports"] else "random"

    def pace(self, times: Sequence[int]) -> str:
        gaps = sorted(after - before for before, after in pairwise(times))
        if not gaps:
            return "medium"
        median = gaps[(len(gaps) - 1) // 2]
        if median < self.evidence["fast"]:
            return "fast"
        return "slow" if median > self.evidence["slow"] else "medium"
