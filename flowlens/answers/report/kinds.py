"""Records by what they are: with traffic or not, with an action, with an ENI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flowlens.answers.report.model import Row
from flowlens.pipeline.run import Question

KINDS = Question(
    "select log_status, action is null as no_action, interface_id is null as no_eni, "
    "coalesce(resource_type = 'TransitGateway', false) or tgw_id is not null "
    "or tgw_attachment_id is not null as gateway, "
    "count(*) as records from flows group by log_status, no_action, no_eni, gateway"
)
"""No named query, for it counts NODATA and SKIPDATA as well."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Records that passed the filter, by kind; all but `nodata` and `skipdata` with traffic.

    `gateway` are a transit gateway's, `no_eni` others that name no ENI.
    """

    nodata: int
    skipdata: int
    gateway: int
    no_eni: int


def kinds(rows: Iterable[Row]) -> Kinds:
    """The answer to `KINDS`, added up."""
    every = list(rows)

    def records(chosen: Callable[[Row], bool]) -> int:
        return sum(row["records"] for row in every if chosen(row))

    def traffic(row: Row) -> bool:
        return bool(row["log_status"] == "OK")

    return Kinds(
        nodata=records(lambda row: row["log_status"] == "NODATA"),
        skipdata=records(lambda row: row["log_status"] == "SKIPDATA"),
        gateway=records(lambda row: traffic(row) and row["no_action"] and row["gateway"]),
        no_eni=records(lambda row: traffic(row) and row["no_eni"] and not row["gateway"]),
    )
