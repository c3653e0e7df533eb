"""Generic names: they hold the address's own digits, so they say nothing that it doesn't.

`ec2-192-0-2-77.compute-1.amazonaws.com`, `77.2.0.192.static.example.net`, `c000024d.example.net`.
Only what stands left of the registrable domain counts, for that is what a pattern filled in.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

_NUMBER = re.compile(r"\d+")
_WRITTEN_TOGETHER = re.compile(r"[0-9a-f]{8}")
"""What an address without separators has at least: 1.0.0.0 is the number 16777216."""

_NUMBERS_IN_A_ROW = re.compile(r"(?<!\d)\d++(?:[-._]\d++)+")
_SEPARATORS = str.maketrans("", "", "-._")
_DASHES = str.maketrans("._", "--")

_FEWEST = 3
_LEAST_DIGITS = 5
"""Digits that three octets must have together: `1-2-3` may count racks or ports."""


def holds_address(name: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether a name, in lower case and without its registrable domain, holds an address.

    IPv4: all four octets in order or reversed, whatever stands between them; three neighbouring
    ones with nothing but separators between them, if they are long enough to be no chance; all of
    them written together as hexadecimal, with leading zeros, or as one number. IPv6: all groups,
    short or in full, or the 16 nibbles of either half, in order or reversed.

    >>> from ipaddress import ip_address
    >>> holds_address("ec2-192-0-2-77.compute-1", ip_address("192.0.2.77"))
    True
    >>> holds_address("scan-2-77", ip_address("192.0.2.77"))
    False
    """
    if isinstance(address, IPv4Address):
        return _holds_v4(name, address)
    return _holds_v6(name, address)


def _holds_v4(name: str, address: IPv4Address) -> bool:
    octets = list(address.packed)
    numbers = _octets(name)
    if len(numbers) >= _FEWEST and _holds_octets(name, numbers, octets):
        return True
    joined = name.translate(_SEPARATORS)
    if not _WRITTEN_TOGETHER.search(joined):
        return False
    together = [str(int(address))]
    for ordered in (octets, octets[::-1]):
        together += ["".join(f"{octet:02x}" for octet in ordered)]
        together += ["".join(f"{octet:03}" for octet in ordered)]
    return any(text in joined for text in together)


def _holds_octets(name: str, numbers: list[int], octets: list[int]) -> bool:
    """Whether a name with these numbers has all octets, or three that stand side by side."""
    if _has_run(numbers, octets):
        return True
    for three in (octets[:3], octets[1:]):
        if not _has_run(numbers, three) or len("".join(map(str, three))) < _LEAST_DIGITS:
            continue
        if any(_has_run(_octets(row), three) for row in _NUMBERS_IN_A_ROW.findall(name)):
            return True
    return False


def _octets(text: str) -> list[int]:
    """The numbers in a text; what is too long to be an octet is -1."""
    return [int(number) if len(number) <= 3 else -1 for number in _NUMBER.findall(text)]


def _has_run(numbers: list[int], wanted: list[int]) -> bool:
    """Whether the wanted numbers stand side by side among others, in order or reversed."""
    size = len(wanted)
    both = (wanted, wanted[::-1])
    return any(numbers[at : at + size] in both for at in range(len(numbers) - size + 1))


def _holds_v6(name: str, address: IPv6Address) -> bool:
    nibbles = address.packed.hex()
    joined = name.translate(_SEPARATORS)
    if any(half in joined for half in (nibbles[:16], nibbles[16:])):
        return True
    reverse = nibbles[::-1]
    if any(half in joined for half in (reverse[:16], reverse[16:])):
        return True
    dashed = f"-{name.translate(_DASHES)}-"
    groups = "-".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))
    return any(f"-{text}-" in dashed for text in (groups, address.compressed.replace(":", "-")))
