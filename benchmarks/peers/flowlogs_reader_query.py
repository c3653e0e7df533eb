"""The rejected traffic by ENI and port with flowlogs-reader's FlowRecord, which has no queries.

The loop over a file is that of its S3FlowLogsReader, which itself reads from S3 alone.
"""

import csv
import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flowlogs_reader import FlowRecord


@dataclass(slots=True)
class Total:
    """What is known of one ENI, protocol and port."""

    records: int = 0
    packets: int = 0
    bytes: int = 0
    sources: set[str] = field(default_factory=set)
    first_seen: datetime = datetime.max
    last_seen: datetime = datetime.min

    def add(self, record: FlowRecord) -> None:
        """Add a record."""
        self.records += 1
        self.packets += record.packets
        self.bytes += record.bytes
        self.sources.add(record.srcaddr)
        self.first_seen = min(self.first_seen, record.start)
        self.last_seen = max(self.last_seen, record.end)


def records(directory: str) -> Iterator[FlowRecord]:
    """The records of all files."""
    for path in sorted(Path(directory).glob("*.log.gz")):
        with gzip.open(path, "rt") as file:
            reader = csv.DictReader(file, delimiter=" ")
            reader.fieldnames = [name.replace("-", "_") for name in reader.fieldnames or ()]
            for row in reader:
                yield FlowRecord(row)


def main(directory: str) -> None:
    """Print the query's rows."""
    totals: dict[tuple[str, int, int], Total] = {}
    for record in records(directory):
        if record.log_status == "OK" and record.action == "REJECT":
            key = (record.interface_id, record.protocol, record.dstport)
            totals.setdefault(key, Total()).add(record)
    print("interface_id,protocol,dstport,records,packets,bytes,sources,first_seen,last_seen")
    for key, total in sorted(totals.items(), key=lambda item: (-item[1].records, item[0])):
        numbers = (total.records, total.packets, total.bytes, len(total.sources))
        times = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (total.first_seen, total.last_seen))
        print(*key, *numbers, *times, sep=",")


if __name__ == "__main__":
    main(sys.argv[1])
