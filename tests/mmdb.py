"""A small writer of MMDB files (MaxMind DB format 2.0): records by network, one address family."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any


def write_mmdb(path: Path, records: dict[str, dict[str, Any]], *, version: int = 6) -> Path:
    """A database of networks that don't overlap; in version 6, IPv4 is at ::/96."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    leaves: dict[tuple[int, int], int] = {}
    for text, record in records.items():
        network = ip_network(text)
        length = network.prefixlen + (96 if version == 6 and network.version == 4 else 0)
        bits = f"{int(network.network_address):0{128 if version == 6 else 32}b}"[:length]
        node = 0
        for bit in map(int, bits[:-1]):
            if nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        leaves[node, int(bits[-1])] = len(data)
        data += _encoded(record)
    count = len(nodes)
    tree = b""
    for number, node in enumerate(nodes):
        for side in (0, 1):
            leaf = leaves.get((number, side))
            below = count if node[side] is None else node[side]
            tree += (below if leaf is None else count + 16 + leaf).to_bytes(4, "big")
    about = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_700_000_000,
        "database_type": "Test",
        "description": {"en": "made for a test"},
        "ip_version": version,
        "languages": ["en"],
        "node_count": count,
        "record_size": 32,
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(about))
    return path


_SIZES = {"node_count": 4, "build_epoch": 8}


def _encoded(value: Any, key: str | None = None) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return _control(2, len(text)) + text
    if isinstance(value, dict):
        about = "node_count" in value
        pairs = (
            _encoded(name) + _encoded(item, name if about else None) for name, item in value.items()
        )
        return _control(7, len(value)) + b"".join(pairs)
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    # Readers insist on the metadata's types: 16 bits, 32 for the nodes' number, 64 for the time.
    size = _SIZES.get(key, 4 if key is None else 2)
    return _control({2: 5, 4: 6, 8: 9}[size], size) + value.to_bytes(size, "big")


def _control(kind: int, size: int) -> bytes:
    first, extra = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([kind << 5 | first]) + extra if kind < 8 else bytes([first, kind - 7]) + extra
