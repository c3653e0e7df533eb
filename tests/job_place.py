"""A job in a test: logs that are written line by line, its file, its runs, what they publish."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from commands import command
from reading import DEFAULT_HEADER

from flowlens.batch.jobfile.loading import load
from flowlens.batch.run import run
from flowlens.inputs.store import Window

LEAST = """\
name = "rejects"
inputs = ["logs/"]
store = "store/"
output = "out/"
interval = "1d"
queries = ["rejected_by_port"]
formats = ["csv"]
"""


def at(text: str) -> int:
    """Seconds since 1970 of a day of November 2025, or a moment of it: `23`, `23T10:05`."""
    return int(datetime.fromisoformat(f"2025-11-{text}").replace(tzinfo=UTC).timestamp())


def line(
    start: int | str,
    *,
    src: str = "192.0.2.1",
    dst: str = "10.0.0.5",
    port: int = 22,
    packets: int = 1,
    size: int = 40,
    action: str = "REJECT",
    eni: str = "eni-1",
) -> str:
    """A record of the default format; its start is a number, or a moment for `at`."""
    begin = at(start) if isinstance(start, str) else start
    return (
        f"2 123456789012 {eni} {src} {dst} 40000 {port} 6 {packets} {packets * size} "
        f"{begin} {begin + 30} {action} OK"
    )


def quiet(start: str, status: str, eni: str = "eni-1") -> str:
    """A NODATA or SKIPDATA record."""
    return f"2 123456789012 {eni} - - - - - - - {at(start)} {at(start) + 30} - {status}"


@dataclass(frozen=True, slots=True)
class Place:
    """A directory with a job in it."""

    directory: Path

    @property
    def file(self) -> Path:
        return self.directory / "job.toml"

    @property
    def store(self) -> Path:
        return self.directory / "store"

    def job(self, more: str = "", **keys: str) -> Path:
        """Write the job file: the least one, with other values of its keys and more behind it."""
        lines = dict(text.split(" = ", 1) for text in LEAST.splitlines())
        told = "".join(f"{key} = {value}\n" for key, value in {**lines, **keys}.items() if value)
        self.file.write_text(told + more, encoding="utf-8")
        return self.file

    def log(self, name: str, lines: Iterable[str], header: str = DEFAULT_HEADER) -> Path:
        """Write a file below `logs/`, in place of one that is there."""
        path = self.directory / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{text}\n" for text in (header, *lines)), encoding="utf-8")
        return path

    def batch(self, what: str, *options: object, code: int = 0) -> subprocess.CompletedProcess:
        """A command of `flowlens batch` on the job."""
        done = command("batch", what, self.file, *options)
        assert done.returncode == code, done.stderr.decode()
        return done

    def run(self, *options: object, code: int = 0) -> dict[str, Any]:
        """A run; what it says that it did."""
        self.batch("run", *options, code=code)
        return self.told()

    def run_at(self, now: str, window: Window = (None, None)) -> dict[str, Any]:
        """A run at a moment of November 2025."""
        moment = datetime.fromtimestamp(at(now), UTC)
        run(load(self.file), window, clock=lambda: moment)
        return self.told()

    def told(self, interval: str = "") -> dict[str, Any]:
        """The run.json of an interval, or of the last run."""
        return json.loads((self.directory / "out" / interval / "run.json").read_text())

    def published(self) -> dict[str, bytes]:
        """All that is published, by its place below `out/`; but the last run's own record."""
        out = self.directory / "out"
        files = {str(path.relative_to(out)): path for path in sorted(out.glob("*/*"))}
        return {name: path.read_bytes() for name, path in files.items()}

    def rows(self, place: str) -> list[dict[str, str]]:
        """The rows of a published CSV file."""
        with (self.directory / "out" / place).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def ledger(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT on the ledger."""
        connection = sqlite3.connect(self.store / "ledger.sqlite")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


@pytest.fixture
def here(tmp_path: Path) -> Place:
    """A job that is yet to be written."""
    return Place(tmp_path)


LOGS = {
    "a.log": [line("23T10:00"), line("23T11:00", port=80), line("24T00:00"),
              quiet("23T12:00", "NODATA")],
    "b.log": [line("23T23:59"), line("24T10:00", src="192.0.2.9", action="ACCEPT")],
}  # fmt: skip


def fill(here: Place) -> None:
    for name, lines in LOGS.items():
        here.log(name, lines)


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(at(text), UTC)


def answer(here: Place, what: str, *options: object) -> bytes:
    """What a command says of the job's logs by themselves."""
    done = command(*what.split(), here.directory / "logs", "--quiet", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def alive(day: str) -> list[str]:
    """Hosts that are of use to somebody, and so are no part of a log of rejects alone."""
    return [
        line(f"{day}T00:00", src=f"10.0.1.{host}", dst="198.51.100.9", port=443, action="ACCEPT",
             eni=f"eni-{host}")
        for host in range(1, 8)
    ]  # fmt: skip


def knocks(source: str, day: str, hosts: range) -> list[str]:
    """A source that is refused by some hosts."""
    return [
        line(at(day) + 60 * host, src=source, dst=f"10.0.1.{host}", port=23, eni=f"eni-{host}")
        for host in hosts
    ]


SCANS = {
    "20.log": [*alive("20"), *knocks("203.0.113.7", "20", range(1, 8))],
    "21.log": [*alive("21"), *knocks("203.0.113.7", "21", range(1, 3)),
               *knocks("198.51.100.77", "21", range(1, 3))],
    "22.log": [*alive("22"), *knocks("198.51.100.77", "22", range(3, 8))],
}  # fmt: skip


@pytest.fixture
def scanned(here: Place) -> Place:
    for name, lines in SCANS.items():
        here.log(name, lines)
    return here
