"""What is known beside the flow logs: our own networks, the evidence's numbers, earlier states."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from flowlens import evidence, services
from flowlens.engine import Connection, sql_errors
from flowlens.evidence import Evidence
from flowlens.state import TABLES, State

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
        services.create(connection)
        for name, table in (
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
        for state in self.earlier:
            for batch in state.batches(name, schema):
                connection.register("earlier", pa.Table.from_batches([batch]))
                with sql_errors():
                    connection.execute(f"insert into {name} from earlier")
                connection.unregister("earlier")
