"""What counts as one target: a host, and what one client legitimately tries together there.

The families are those of the detector's definition, so that all are measured by one rod.
"""

from __future__ import annotations

import numpy as np

from benchmarks.scans.network import TCP, UDP

FAMILIES = (
    ((TCP, 80), (TCP, 443), (TCP, 8080), (TCP, 8443), (UDP, 443)),
    ((TCP, 25), (TCP, 465), (TCP, 587)),
    ((TCP, 110), (TCP, 143), (TCP, 993), (TCP, 995)),
    ((TCP, 5060), (TCP, 5061), (UDP, 5060), (UDP, 5061)),
    ((TCP, 20), (TCP, 21), (TCP, 990)),
    ((UDP, 500), (UDP, 4500)),
    ((TCP, 53), (UDP, 53)),
)
"""Protocol and port of what stands for one service; the first names it. All else is alone."""

_WIDTH = 1 << 16


def family(protocol: np.ndarray, port: np.ndarray) -> np.ndarray:
    """A number for each service: that of its family's first protocol and port.

    >>> int(family(np.array(6), np.array(8443))) == 6 * 65536 + 80
    True
    """
    number = np.asarray(protocol * _WIDTH + port)
    for first, *others in FAMILIES:
        alike = [pair[0] * _WIDTH + pair[1] for pair in others]
        number = np.where(np.isin(number, alike), first[0] * _WIDTH + first[1], number)
    return number
