"""The relation `evidence`: what each kind of touch weighs, and every other number of the detector.

One table, data/evidence.csv, holds them all; a user may set any of them. A weight is
λ = ln P(outcome | scanner) / P(outcome | benign). Nats become whole micro-nats, so that sums are
exact in any order.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import polars as pl
import pyarrow as pa

from flowlens.core.errors import UsageError, nearest

MICRO = 1_000_000
"""Micro-nats in a nat."""

_NATS, _SHARE = "nats", "share"
_BARS = ("alarm", "likely")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of the detector; `value` is the one that holds unless a user says otherwise."""

    name: str
    value: float
    unit: str
    meaning: str


@cache
def parameters() -> Mapping[str, Parameter]:
    """All numbers of the detector by name."""
    text = files("flowlens").joinpath("data/evidence.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType(
        {
            row["name"]: Parameter(row["name"], float(row["value"]), row["unit"], row["meaning"])
            for row in rows
        }
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers by which sources are judged: the shipped ones, but for those that were set.

    Raises:
        UsageError: no such number, or one that can't be meant.
    """

    given: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = parameters()
        for name, value in self.given.items():
            if name not in known:
                raise UsageError(f"no parameter {name!r} of the evidence; {nearest(name, known)}")
            _require(known[name], value)
        if not self["alpha"] < self["likely_alpha"] < self["beta"] < 1:
            raise UsageError("evidence: alpha < likely_alpha < beta < 1 must hold")

    def __getitem__(self, name: str) -> float:
        return self.given.get(name, parameters()[name].value)

    def micro(self, name: str) -> int:
        """A weight in micro-nats; also the bars `alarm` = ln(β/α) and `likely`, for Wald's test."""
        if name in _BARS:
            alpha = self["alpha" if name == "alarm" else "likely_alpha"]
            return round(math.log(self["beta"] / alpha) * MICRO)
        return round(self[name] * MICRO)

    def table(self) -> pa.Table:
        """One row: nats as whole micro-nats, shares as they are, all else as whole numbers."""
        row: dict[str, int | float] = {name: self.micro(name) for name in _BARS}
        for parameter in parameters().values():
            row[parameter.name] = {
                _NATS: self.micro(parameter.name),
                _SHARE: self[parameter.name],
            }.get(parameter.unit, int(self[parameter.name]))
        # pyarrow would import pandas, where it is installed, to look at the row.
        return pl.DataFrame([row]).to_arrow().cast(schema())


@cache
def schema() -> pa.Schema:
    """Columns of the relation."""
    return pa.schema(
        [(name, pa.int64()) for name in _BARS]
        + [
            (item.name, pa.float64() if item.unit == _SHARE else pa.int64())
            for item in parameters().values()
        ]
    )


def numbers(pairs: Mapping[str, str]) -> dict[str, float]:
    """Numbers from texts, as an option brings them.

    Raises:
        UsageError: a text is none.
    """
    given = {}
    for name, text in pairs.items():
        try:
            given[name] = float(text)
        except ValueError as error:
            raise UsageError(f"--set {name}={text}: a number is needed") from error
    return given


def _require(parameter: Parameter, value: float) -> None:
    name, unit = parameter.name, parameter.unit
    if not math.isfinite(value) or abs(value) > 1e9:
        raise UsageError(f"evidence {name}={value:g}: a number below a thousand million is needed")
    if unit == _SHARE and not 0 < value <= 1:
        raise UsageError(f"evidence {name}={value:g}: a share is above 0 and at most 1")
    if unit == _NATS and (value > 100 or (value < 0 < parameter.value)):
        raise UsageError(f"evidence {name}={value:g}: {parameter.value:g} nats is the usual value")
    if unit not in (_SHARE, _NATS) and (value < 0 or value != int(value)):
        raise UsageError(f"evidence {name}={value:g}: a whole number of {unit or 'them'} is needed")
