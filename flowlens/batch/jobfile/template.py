"""The job file that `flowlens batch init` writes: the least that works, and all else explained."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path

from flowlens.core.errors import UsageError
from flowlens.output.sink import open_sink

_NAME = 'name = "rejects"'


def template(name: str = "rejects") -> str:
    """The text of a job file with this name."""
    text = files("flowlens").joinpath("data/job.toml").read_text(encoding="utf-8")
    return text.replace(_NAME, f'name = "{name}"', 1)


def write(path: Path) -> None:
    """Write a commented job file, named by the path's stem.

    Raises:
        UsageError: there is something already, or no such directory.
        FlowlensError: writing fails.
    """
    if os.path.lexists(path):
        raise UsageError(f"{path}: is there already; name a new file")
    with open_sink(path) as sink:
        sink.write(template(named(path)).encode())


def named(path: Path) -> str:
    """A job's name from its file's.

    >>> named(Path("jobs/Rejects of VPC 1.toml")), named(Path("-.toml"))
    ('rejects-of-vpc-1', 'job')
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower())
    return plain.strip("-_")[:64] or "job"
