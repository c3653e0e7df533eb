"""The network that is visited: two VPCs, their interfaces, and what each answers.

Most addresses serve nobody, as in a real VPC. The second VPC repeats private addresses of the
first. How many hosts play each role is drawn anew for every seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

ICMP, TCP, UDP = 1, 6, 17
DAY = 86_400

Pair = tuple[int, int]
"""A protocol and a port."""


class Answer(IntEnum):
    """What becomes of an opening packet."""

    REFUSED = 0
    """The security group drops it: REJECT."""
    SILENT = 1
    """It is let in and nobody answers: ACCEPT in one direction."""
    RESET = 2
    """It is let in and the host's kernel refuses it: ACCEPT both ways, RST back."""
    SERVED = 3


@dataclass(frozen=True, slots=True)
class Role:
    """What a host is for; `number` is the least and the most of them.

    `left_open` are ports that the security group lets in although nobody listens any more;
    `otherwise` is what TCP meets elsewhere on the host. Without `public` nothing from outside
    reaches it unasked.
    """

    number: Pair
    served: tuple[Pair, ...] = ()
    left_open: tuple[Pair, ...] = ()
    otherwise: Answer = Answer.REFUSED
    public: bool = True


ROLES = {
    "web": Role((9, 13), ((TCP, 80), (TCP, 443), (ICMP, 0))),
    "api": Role((4, 6), ((TCP, 443), (TCP, 8443))),
    "bastion": Role((4, 6), ((TCP, 22),)),
    "mail": Role((2, 4), ((TCP, 25), (TCP, 465), (TCP, 587), (TCP, 143), (TCP, 993))),
    "dns": Role((2, 3), ((UDP, 53), (TCP, 53))),
    "sip": Role((1, 2), ((UDP, 5060), (TCP, 5060), (TCP, 5061))),
    "vpn": Role((1, 2), ((UDP, 500), (UDP, 4500), (UDP, 1194))),
    "game": Role((1, 2), ((UDP, 27015), (TCP, 27015))),
    "loose": Role((1, 3), ((TCP, 22), (TCP, 443)), otherwise=Answer.RESET),
    "abandoned": Role((2, 4), left_open=((TCP, 80), (TCP, 443), (TCP, 8080))),
    "moving": Role((2, 2), ((TCP, 80), (TCP, 443))),
    "dark": Role((20, 34)),
    "private": Role((6, 9), public=False),
    "nat": Role((2, 2), otherwise=Answer.SILENT),
}
"""The services of `moving` end within the log; a NAT gateway logs every probe as ACCEPT."""

OWN_ADDRESSES = ("10.0.", "2600:1f18:4a3:")
"""How every address of ours begins."""

IPV6_ROLES = ("web", "api", "dark")
IPV6_HOSTS = 8
SLOW_SHARE = 0.25
"""Of the interfaces, those whose records are of 600 seconds; the others' are of 60."""


@dataclass(frozen=True, slots=True)
class Network:
    """The interfaces, one a row of every array, and what is open where (`keys`, sorted)."""

    role: np.ndarray
    vpc: np.ndarray
    address: list[str]
    address6: list[str]
    interface: list[str]
    interval: np.ndarray
    phase: np.ndarray
    keys: np.ndarray
    answers: np.ndarray
    moving_at: int

    def hosts(self, *roles: str) -> np.ndarray:
        """The hosts of these roles."""
        return np.flatnonzero(np.isin(self.role, roles))

    @property
    def exposed(self) -> np.ndarray:
        """The hosts that have a public address."""
        return self.hosts(*(name for name, role in ROLES.items() if role.public))

    @property
    def dark(self) -> np.ndarray:
        """The hosts that are exposed and serve nobody."""
        return self.hosts("dark")

    @property
    def over_ipv6(self) -> np.ndarray:
        """The hosts that have an IPv6 address, too."""
        return np.flatnonzero([bool(address) for address in self.address6])

    def answer(
        self, host: np.ndarray, protocol: np.ndarray, port: np.ndarray, when: np.ndarray
    ) -> np.ndarray:
        """What opening packets meet, as numbers of `Answer`; `when` is in seconds of the log."""
        wanted = _key(host, protocol, port)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        otherwise = np.array([ROLES[name].otherwise for name in self.role])[host]
        gateway = self.role[host] == "nat"
        default = np.where((protocol == TCP) | gateway, otherwise, Answer.REFUSED)
        found = np.where(self.keys[place] == wanted, self.answers[place], default)
        gone = (self.role[host] == "moving") & (when >= self.moving_at)
        return np.where(gone, Answer.REFUSED, found)


def network(rng: np.random.Generator, *, days: int) -> Network:
    """A network of its own for every state of `rng`."""
    role = np.array(
        [
            name
            for name, one in ROLES.items()
            for _ in range(rng.integers(one.number[0], one.number[1] + 1))
        ]
    )
    rng.shuffle(role)
    count = len(role)
    vpc = (np.arange(count) % 5 >= 3).astype(np.int64)
    rank = np.where(vpc == 0, np.cumsum(vpc == 0), np.cumsum(vpc == 1))
    with_ipv6 = np.flatnonzero(np.isin(role, IPV6_ROLES))[:IPV6_HOSTS]
    entries = [
        (int(_key(host, protocol, port)), int(answer))
        for host in range(count)
        for answer, pairs in (
            (Answer.SERVED, ROLES[role[host]].served),
            (Answer.SILENT, ROLES[role[host]].left_open),
        )
        for protocol, port in pairs
    ]
    keys, answers = np.array(sorted(entries)).T
    interval = np.where(rng.random(count) < SLOW_SHARE, 600, 60)
    return Network(
        role=role,
        vpc=vpc,
        address=[f"{OWN_ADDRESSES[0]}{int(place) // 16}.{10 + int(place) % 16}" for place in rank],
        address6=[
            f"{OWN_ADDRESSES[1]}{vpc[host] + 1}::{host + 16:x}" if host in with_ipv6 else ""
            for host in range(count)
        ],
        interface=[f"eni-0{number:016x}" for number in rng.integers(0, 1 << 60, count)],
        interval=interval,
        phase=rng.integers(0, interval),
        keys=keys,
        answers=answers,
        moving_at=int(days * DAY * 0.35),
    )


def _key(host: np.ndarray | int, protocol: np.ndarray | int, port: np.ndarray | int) -> np.ndarray:
    return np.asarray(host) << 24 | np.asarray(protocol) << 16 | port
