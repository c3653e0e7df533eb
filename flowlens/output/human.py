"""Values as people read them: ports, counts, amounts, spans of time. Not yet escaped."""

from __future__ import annotations

from collections.abc import Sequence

from flowlens.records import services

PROTOCOLS = {
    1: "icmp",
    2: "igmp",
    4: "ipip",
    6: "tcp",
    17: "udp",
    41: "ipv6",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "icmpv6",
    89: "ospf",
    103: "pim",
    112: "vrrp",
    132: "sctp",
    136: "udplite",
}
"""Names of protocols that turn up in flow logs (IANA, Assigned Internet Protocol Numbers)."""

_WITH_PORTS = {6, 17, 33, 132, 136}


def port(protocol: int | None, number: int | None) -> str:
    """A destination as `23/tcp`; what has no port is its protocol.

    >>> port(6, 23), port(1, 0), port(47, 0), port(253, 0), port(None, None)
    ('23/tcp', 'icmp', 'gre', 'protocol 253', '-')
    """
    if protocol is None:
        return "-" if number is None else str(number)
    name = PROTOCOLS.get(protocol, f"protocol {protocol}")
    if number is None or (protocol not in _WITH_PORTS and number == 0):
        return name
    return f"{number}/{name}"


def service(protocol: int | None, number: int | None) -> str:
    """What usually listens there; flow logs hold no type of ICMP.

    >>> service(6, 23), service(1, 0), service(6, 64999)
    ('telnet', 'type not logged', '')
    """
    if protocol in (1, 58):
        return "type not logged"
    return services.names().get((protocol or 0, number or 0), "")


def port_service(protocol: int | None, number: int | None) -> str:
    """Port and service in a sentence.

    >>> port_service(6, 23), port_service(6, 64999), port_service(1, 0)
    ('23/tcp telnet', '64999/tcp', 'icmp')
    """
    name = "" if protocol in (1, 58) else service(protocol, number)
    return f"{port(protocol, number)} {name}".rstrip()


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> count(1, "file"), count(1234, "ENI"), count(2, "address", "addresses")
    ('1 file', '1,234 ENIs', '2 addresses')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def several(names: Sequence[str], most: int = 5) -> str:
    """Some names; where there are many, the first and the last, and how many they are.

    >>> several(["a", "b"]), several([f"{n}" for n in range(1000)])
    ('a, b', '0 to 999, 1,000 in all')
    """
    if len(names) > most:
        return f"{names[0]} to {names[-1]}, {len(names):,} in all"
    return ", ".join(names)


def alarms(expected: float) -> str:
    """How many false alarms are to be expected.

    >>> alarms(0.4), alarms(0.002)
    ('0.4 false alarms expected', 'under 0.1 false alarms expected')
    """
    return (
        f"{expected:.1f} false alarms expected"
        if expected >= 0.05
        else ("under 0.1 false alarms expected")
    )


def coverage(hosts: int, exposed: int | None) -> str:
    """Hosts touched of those exposed, where that is known.

    >>> coverage(9, 1234), coverage(14, None)
    ('9/1,234', '14')
    """
    return f"{hosts:,}" if exposed is None else f"{hosts:,}/{exposed:,}"


def amount(number: int | None) -> str:
    """Bytes with three digits at most and a decimal unit; `-` where the log has none.

    >>> amount(999), amount(41_000), amount(1_250_000)
    ('999 B', '41 kB', '1.2 MB')
    """
    if number is None:
        return "-"
    value, units = float(number), iter(("B", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while value >= 999.5 and unit != "PB":
        value, unit = value / 1000, next(units)
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"


def length(seconds: int) -> str:
    """A span of time in its largest units.

    >>> length(45), length(600), length(5400), length(86_400), length(93_600), length(0)
    ('45 s', '10 min', '1 h 30 min', '1 d', '1 d 2 h', '0 s')
    """
    if seconds < 60:
        return f"{seconds} s"
    sizes = (("d", 86_400), ("h", 3600), ("min", 60))
    parts = []
    for unit, size in sizes:
        whole, seconds = divmod(seconds, size)
        if whole:
            parts.append(f"{whole} {unit}")
    return " ".join(parts[:2])


def middle(text: str, size: int) -> str:
    """Text without its middle, so that an address keeps its network and its host.

    >>> middle("2001:db8:1111:2222:3333:4444:5555:6666", 20)
    '2001:db8:1…5555:6666'
    """
    if len(text) <= size:
        return text
    text = text.replace("…", "")
    left = size // 2
    return f"{text[:left]}…{text[len(text) - (size - left - 1) :]}"


def pair(source: str | None, target: str | None) -> str:
    """Two addresses with an arrow."""
    return f"{source or '-'} → {target or '-'}"


def grade(sure: int | None) -> str:
    """A grade from 1 to 5 as a bar; empty for none.

    >>> grade(4)
    '████·'
    """
    return "" if sure is None else "█" * sure + "·" * (5 - sure)
