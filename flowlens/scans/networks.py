"""The network that a source is one of: its /24, or its /64 for IPv6."""

from __future__ import annotations

from ipaddress import IPv6Network

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.knowledge import NETWORKS


def networks(addresses: pa.ChunkedArray) -> pa.Table:
    """Addresses with the networks they are in, IPv4 first; columns `address` and `network`.

    >>> networks(pa.chunked_array([["192.0.2.7", "2001:db8::7"]]))["network"].to_pylist()
    ['192.0.2.0/24', '2001:db8::/64']
    """
    is_ipv6 = pc.match_substring(addresses, ":")
    ipv4, ipv6 = addresses.filter(pc.invert(is_ipv6)), addresses.filter(is_ipv6)
    around = pc.replace_substring_regex(ipv4, r"[.]\d+$", ".0/24")
    beyond = [str(IPv6Network((address, 64), strict=False)) for address in ipv6.to_pylist()]
    return pa.table(
        [
            pa.chunked_array([*ipv4.chunks, *ipv6.chunks], pa.string()),
            pa.chunked_array([*around.chunks, pa.array(beyond, pa.string())], pa.string()),
        ],
        schema=NETWORKS,
    )
