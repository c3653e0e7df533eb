"""The kinds of sources, and how many there are of each: 11,000 benign ones and 3,610 scanners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.scans import answers, benign, scanners
from benchmarks.scans.visits import World

OWN = "own hosts"
"""What the truth calls our own addresses, which are sources, too."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sources: how many, whether they scan, and what makes their traffic.

    With `quiet` not one alarm is allowed.
    """

    name: str
    number: int
    make: Callable[[World, np.ndarray], None]
    scans: bool = False
    ipv6: bool = False
    quiet: bool = False


OFFICE_3, OFFICE_8 = "office, 3 slips", "office, 8 slips"
DISTRIBUTED = "distributed"

KINDS = (
    Kind("web", 2_700, benign.web),
    Kind("web, IPv6", 100, benign.web_ipv6, ipv6=True),
    Kind("web, a slip", 600, benign.web_slip),
    Kind("API", 500, benign.api),
    Kind("mail", 400, benign.mail),
    Kind("mail set up", 200, benign.mail_setup),
    Kind("DNS", 700, benign.names),
    Kind(OFFICE_3, 400, benign.office_3),
    Kind(OFFICE_8, 400, benign.office_8),
    Kind("stale", 400, benign.stale, quiet=True),
    Kind("health check", 300, benign.health, quiet=True),
    Kind("backscatter", 1_000, answers.backscatter, quiet=True),
    Kind("unreachables", 100, answers.unreachables),
    Kind("late, opening logged", 500, answers.late_logged, quiet=True),
    Kind("late, opening unseen", 500, answers.late_bare, quiet=True),
    Kind("answers", 500, answers.answers),
    Kind("answers, UDP", 300, answers.udp_answers),
    Kind("players", 300, benign.players),
    Kind("crawler", 100, benign.crawler),
    Kind("misconfigured", 300, benign.misconfigured),
    Kind("moved service", 500, benign.moved),
    Kind("pings", 150, benign.pinger),
    Kind("monitoring", 50, benign.monitor),
    Kind("fast horizontal", 500, scanners.fast_horizontal, scans=True),
    Kind("slow horizontal", 350, scanners.slow_horizontal, scans=True),
    Kind("vertical", 250, scanners.vertical, scans=True),
    Kind("block", 200, scanners.block, scans=True),
    Kind("scattered", 350, scanners.scattered, scans=True),
    Kind("botnet", 600, scanners.botnet, scans=True),
    Kind("census", 300, scanners.census, scans=True),
    Kind(DISTRIBUTED, 360, scanners.distributed, scans=True),
    Kind("amplifiers", 150, scanners.amplifiers, scans=True),
    Kind("guessers", 100, scanners.guessers, scans=True),
    Kind("web flaws", 150, scanners.web_flaws, scans=True),
    Kind("tool, port 6000", 120, scanners.tool_6000, scans=True),
    Kind("scan, IPv6", 30, scanners.ipv6, scans=True, ipv6=True),
    Kind("half-open", 150, scanners.half_open, scans=True),
)
