"""What is known beside the flow logs: our own networks, the evidence's numbers, earlier states."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from flowlens.pipeline import evidence
from flowlens.pipeline.evidence import Evidence
from flowlens.pipeline.scan_state import TABLES, State
from flowlens.records import services
from flowlens.sql.engine import Connection, sql_errors

TOGETHER = 250_000
"""Rows of earlier states that are added at once."""

ADDRESSES = pa.schema([("address", pa.string())])
NETWORKS = pa.schema([("address", pa.string()), ("network", pa.string())])

SCHEMAS = {
    "services": services.SCHEMA,
    "evidence": evidence.schema(),
    "declared": ADDRESSES,
    "networks": NETWORKS,
}
"""Relations that are no named queries."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`own` are CIDRs whose addresses are our own, whatever the records prove."""

    own: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    earlier: tuple[State, ...] = ()

    def create(self, connection: Connection) -> None:
        """Make the relations that need no flows."""
        for name, table in (
            ("services", services.table()),
            ("evidence", self.evidence.table()),
            ("declared", pa.Table.from_batches([], ADDRESSES)),
            ("networks", pa.Table.from_batches([], NETWORKS)),
        ):
            connection.register("given", table)
            connection.execute(f"create table {name} as from given")
            connection.unregister("given")

    def declare(self, connection: Connection) -> None:
        """Enter the addresses in the flows that lie in our own networks."""
        for cidr in self.own:
            with sql_errors():
                connection.execute(
                    "insert into declared select address from ("
                    "select srcaddr as address from flows union select dstaddr from flows"
                    ") where in_cidr(address, $cidr)",
                    {"cidr": cidr},
                )

    def remember(self, connection: Connection, name: str, schema: pa.Schema) -> None:
        """Add what earlier states hold to the relation of that name, if it is one of theirs."""
        if name not in TABLES:
            return
        held: list[pa.RecordBatch] = []
        for state in self.earlier:
            for batch in state.batches(name, schema):
                held.append(batch)
                if sum(each.num_rows for each in held) >= TOGETHER:
                    _add(connection, name, held)
        _add(connection, name, held)


def _add(connection: Connection, name: str, held: list[pa.RecordBatch]) -> None:
    """Add rows to a relation, many at once, for each time costs as much as thousands of rows."""
    if held:
        connection.register("earlier", pa.Table.from_batches(held))
        with sql_errors():
            connection.execute(f"insert into {name} from earlier")
        connection.unregister("earlier")
        held.clear()
