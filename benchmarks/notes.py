"""What a reader must know to judge the numbers: the machine, its load, the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("vpc-flowlens", "polars", "duckdb", "pyarrow", "isal", "msgspec", "flowlogs-reader"),
    *("boto3", "moto"),
)

IDLE = 0.5
"""A load above this before the first run means that others used the machine."""

METHOD = (
    "Medians of runs made in turn, after one of each that doesn't count; files in the page cache.",
    "Whole processes, start-up included; CPU is user and system time, children included;",
    "peak is the largest single process; MB are 10^6 bytes. Ratios: the first over the second,",
    "by medians and, in brackets, the median of neighbouring runs.",
    "flowlens checks every column of every line and counts the malformed; its peers don't.",
    "polars, DuckDB, flowlogs-reader: same columns, same rows as flowlens. awk: times as seconds,",
    "no order. wc and inflating answer nothing. Scaled: measured on 0.2 M records; what it takes",
    "beyond its start-up is multiplied.",
)


def notes(before: float) -> Iterator[str]:
    """The lines below the table; `before` is the load before the first run."""
    yield from METHOD
    yield f"{_processor()}, {_processors()} processors, {_memory()}, {platform.platform()}"
    yield f"Python {platform.python_version()}, " + ", ".join(
        f"{name} {_version(name)}" for name in PACKAGES
    )
    yield f"awk: {_awk()}"
    busy = " Others used the machine: absolute times are too long." if before > IDLE else ""
    yield f"Load before the first run: {before:.1f}.{busy}"


def load() -> float:
    """Processes at work, of the last minute."""
    return os.getloadavg()[0]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from the checkout" if package == "vpc-flowlens" else "missing"


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (info.read_text().splitlines() if info.exists() else ())
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"


def _awk() -> str:
    """The name of the awk that runs; it has no common way to ask for its version."""
    found = subprocess.run(["bash", "-c", "readlink -f $(command -v awk)"], capture_output=True)
    return found.stdout.decode().strip() or "missing"
