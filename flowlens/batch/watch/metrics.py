"""Metrics of a job for Prometheus: a file that node_exporter's textfile collector reads.

The text exposition format, version 0.0.4 (prometheus.io, "Exposition formats"). Every gauge is a
figure as it stands at the end of a run; what has no value yet has no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowlens.core.errors import FlowlensError
from flowlens.output.sink import open_sink

_PREFIX = "flowlens_"

# Name, type, and what it says; the order is that of the file.
_FAMILIES = (
    ("records", "gauge", "Records of all objects that were read."),
    ("malformed", "gauge", "Malformed lines of these objects, put aside."),
    ("objects", "gauge", "Objects that were read."),
    ("objects_unreadable", "gauge", "Objects that could not be read."),
    ("lag_seconds", "gauge", "Seconds from the end of the newest record to the run's end."),
    ("run_duration_seconds", "gauge", "Seconds that the last run took."),
    ("run_records", "gauge", "Records that the last run added."),
    ("last_success_timestamp_seconds", "gauge", "When the last run that succeeded ended."),
    ("last_run_timestamp_seconds", "gauge", "When the last run ended."),
    ("last_run_exit_code", "gauge", "Exit code of the last run; 0 is a success."),
    ("intervals_published", "gauge", "Intervals that are published."),
    ("alerts_pending", "gauge", "Alerts that wait to be delivered."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The figures of a job after a run; times are seconds since 1970, None is not known.

    A run that fails gives the time of the last success on: it is for whoever keeps it (the ledger)
    to know it, and not read back from the file.
    """

    job: str
    records: int | None = None
    malformed: int | None = None
    objects: int | None = None
    objects_unreadable: int | None = None
    lag_seconds: float | None = None
    run_duration_seconds: float | None = None
    run_records: int | None = None
    last_success_timestamp_seconds: float | None = None
    last_run_timestamp_seconds: float | None = None
    last_run_exit_code: int | None = None
    intervals_published: int | None = None
    alerts_pending: int | None = None


def write(path: Path, metrics: Metrics) -> None:
    """Write the file beside its place and rename it: the collector never sees a half.

    Raises:
        FlowlensError: it can't be written; it is as it was.
    """
    try:
        with open_sink(path, device=False) as sink:
            sink.write(text(metrics).encode())
    except FlowlensError as error:
        why = getattr(error.__cause__, "strerror", None) or str(error).removeprefix(f"{path}: ")
        raise FlowlensError(
            f"{path}: {why}; the run goes on without its metrics, which are `metrics` under [watch]"
        ) from error


def text(metrics: Metrics) -> str:
    r"""The metrics in the exposition format.

    >>> print(text(Metrics(job="rejects", alerts_pending=2)), end="")
    # HELP flowlens_alerts_pending Alerts that wait to be delivered.
    # TYPE flowlens_alerts_pending gauge
    flowlens_alerts_pending{job="rejects"} 2
    """
    lines = []
    for name, kind, meaning in _FAMILIES:
        value = getattr(metrics, name)
        if value is not None:
            lines += [
                f"# HELP {_PREFIX}{name} {meaning}",
                f"# TYPE {_PREFIX}{name} {kind}",
                f'{_PREFIX}{name}{{job="{_label(metrics.job)}"}} {_figure(value)}',
            ]
    return "".join(f"{line}\n" for line in lines)


def _figure(value: float) -> str:
    # An exit code is a number with a name.
    return str(int(value)) if isinstance(value, int) else repr(value)


def _label(value: str) -> str:
    r"""A label's value between its quotes.

    >>> print(_label('a"b\\c\nd'))
    a\"b\\c\nd
    """
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
