"""A job from its file: TOML, validated whole, with every problem told by line and key."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from flowlens.batch.job import HOUR, STDOUT, Alert, Job, Notify
from flowlens.batch.jobfile import checks
from flowlens.batch.jobfile.keylines import key_lines
from flowlens.batch.jobfile.keys import ALERT, KINDS, NOTIFY, SECTIONS, TOP, keys_of
from flowlens.batch.jobfile.problems import JobError, Problems
from flowlens.batch.jobfile.reading import Table, read_keys, read_list, read_table, read_tables
from flowlens.batch.jobtypes import Way, example

MOST_BYTES = 1 << 20
"""What a job file may hold; thousands of alerts fit in."""

_WHERE = re.compile(r"(?P<what>.*) \(at (line (?P<line>\d+), column \d+|end of document)\)", re.S)
_SAID = {
    "Cannot overwrite a value": "a key stands there twice; leave one out",
    "Cannot declare": "a table stands there twice; put its keys together",
    "Invalid value": "no value; put texts in quotes",
}
"""The commonest complaints of `tomllib` by their beginnings, with the way out."""

T = TypeVar("T")


def load(path: Path) -> Job:
    """The job of a file; relative paths in it go from its directory.

    Raises:
        JobError: the file can't be read or isn't TOML, or a key of it is wrong.
    """
    text = _text(path)
    table, lines = _parsed(path, text)
    problems = Problems(path, lines)
    place = Path(os.path.abspath(path))
    job = _Reader(table, problems, place.parent).job(place)
    problems.settle()
    assert job is not None
    return job


class _Reader:
    """Reads the tables of a job file, and says what is wrong with them."""

    def __init__(self, table: Table, problems: Problems, base: Path) -> None:
        self._table = table
        self._problems = problems
        self._base = base

    def job(self, path: Path) -> Job | None:
        """The job, or None if what it can't be without is missing or wrong."""
        problems = self._problems
        top = read_keys(self._table, TOP, (), problems, self._base)
        sections = {key: self._section(key) for key in SECTIONS if key in self._table}
        checks.places(top, problems)
        checks.spans(top, sections.get("retention", {}), problems)
        for key, place in sections.get("watch", {}).items():
            checks.file(("watch", key), place, top, problems)
        asked = top.get("queries", None if "queries" in self._table else ())
        params = read_tables(self._table, "params", problems)
        bound = checks.queries(top, asked, params, problems)
        destinations = read_tables(self._table, "notify", problems)
        notify = self._notify(destinations, top)
        alerts = self._alerts({STDOUT, *destinations}, top)
        if not all(key in top for key, hint in TOP.items() if example(hint)):
            return None
        return Job(
            path=path,
            **top,
            **{key: SECTIONS[key](**values) for key, values in sections.items()},
            params=_fixed({name: _fixed(values) for name, values in bound.items()}),
            alerts=tuple(alerts),
            notify=_fixed(notify),
        )

    def _section(self, key: str) -> dict[str, Any]:
        table = read_table(self._table, key, self._problems)
        return read_keys(table, keys_of(SECTIONS[key]), (key,), self._problems, self._base)

    def _notify(self, tables: Mapping[str, Table], top: Table) -> dict[str, Notify]:
        found = {}
        for name, table in tables.items():
            at = ("notify", name)
            checks.destination(at, table, self._problems)
            values = read_keys(table, NOTIFY, at, self._problems, self._base)
            for key, target in values.items():
                if key == "file":
                    checks.file((*at, key), target, top, self._problems)
                target = f"${target}" if key == "webhook_env" else target
                found[name] = Notify(name, KINDS[key], target)
        return found

    def _alerts(self, known: set[str], top: Table) -> list[Alert]:
        found: list[Alert] = []
        for at, table in read_list(self._table, "alerts", self._problems):
            values = read_keys(table, ALERT, at, self._problems, self._base)
            names = {alert.name for alert in found}
            checks.alert(at, table, values, names, known, self._problems)
            if {"name", "sql", "message"} <= values.keys():
                defaults = {"above": None, "below": None, "every": top.get("interval", HOUR)}
                found.append(Alert(**{**defaults, **values}))
        return found


def _fixed(values: Mapping[str, T]) -> Mapping[str, T]:
    return MappingProxyType(dict(values))


def _text(path: Path) -> str:
    """The text of a job file, with line ends as TOML means them."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise JobError.about(path, "is a directory; name the job's TOML file")
        if not stat.S_ISREG(status.st_mode):
            raise JobError.about(path, "is no regular file; a job is a TOML file in a directory")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        remedy = "`flowlens batch init` writes one"
        raise JobError.about(path, f"no such file; {remedy}") from error
    except OSError as error:
        raise JobError.about(path, f"{error.strerror or error}; a job is a TOML file") from error
    if len(data) > MOST_BYTES:
        raise JobError.about(path, f"over {MOST_BYTES >> 20} MiB; a job is a small TOML file")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise JobError.at(path, line, "no UTF-8 text; save the file as UTF-8") from error


def _parsed(path: Path, text: str) -> tuple[Table, Mapping[Way, int]]:
    """The file's table, and where its keys stand."""
    try:
        return tomllib.loads(text), key_lines(text)
    except RecursionError as error:
        raise JobError.about(path, "is nested too deep for a job") from error
    except ValueError as error:
        match = _WHERE.fullmatch(str(error))
        if match is None:
            raise JobError.about(path, f"no TOML: {error}") from error
        line = int(match["line"]) if match["line"] else text.rstrip("\n").count("\n") + 1
        raise JobError.at(path, line, f"no TOML: {_said(match['what'])}") from error


def _said(what: str) -> str:
    """What the parser says, as one would say it here."""
    known = next((said for theirs, said in _SAID.items() if what.startswith(theirs)), "")
    return known or f"{what[:1].lower()}{what[1:]}"
