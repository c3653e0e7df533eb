"""Addresses as they are given: texts, or objects of the standard library's `ipaddress`."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, inet_pton

from flowlens.core.cidrs import Address

_OBJECTS = (IPv4Address, IPv6Address)


def read(given: str | Address) -> tuple[str, str, bytes]:
    """An address as given, in the one way to write it, and its bytes.

    Raises:
        ValueError: it is no address; the message is a clause that says what to give.

    >>> read("2001:DB8:0::7")[:2]
    ('2001:DB8:0::7', '2001:db8::7')
    """
    if isinstance(given, str):
        text = given
    elif isinstance(given, _OBJECTS):
        text = str(given)
    else:
        raise ValueError("no IP address; give text, or an object of the module ipaddress")
    try:
        # Strict where ip_address is, and IPv4 has but one way: ten times as fast.
        return text, text, inet_pton(AF_INET, text)
    except (OSError, ValueError):
        pass
    try:
        address = ip_address(text)
    except ValueError:
        why = "no IP address; write one such as 203.0.113.7 or 2001:db8::7"
        if "/" in text:
            why = "a range; give single addresses, for each of a range would be asked about"
        raise ValueError(why) from None
    _, zone, name = text.partition("%")
    if zone:
        raise ValueError(f"has a zone id, which no reverse name has; leave %{name} out")
    return text, str(address), address.packed


def value(text: str) -> Address:
    """The address that a text is, which was read before."""
    try:
        return IPv4Address(inet_pton(AF_INET, text))
    except OSError:
        return ip_address(text)
