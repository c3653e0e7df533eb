"""The state of the scan detector: what was seen, by day, and no verdicts.

One table, that of the query `exchanges`. States are put together row by row, in any order and
wherever the records were parted: what belongs to each other is found, and added up, when a verdict
is made; only then can it be told who is served, which answers are whose, and who has earned trust.
A state is a directory of Parquet files that appears whole or not at all. Which objects were read
for it, and that none was read twice, is the business of whoever keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flowlens.core.atomic import appearing
from flowlens.core.errors import UsageError
from flowlens.pipeline.evidence import Evidence

TABLES = ("exchanges",)
VERSION = 2

FIXED = ("session_packets", "session_packet_bytes", "half_open_packets")
"""Numbers of the evidence that are applied to records, and can't be changed in a state."""

_ABOUT = "state.json"
_LONGEST = 65_536
"""Bytes of a description that are read; a longer one is none."""


@dataclass(frozen=True, slots=True)
class State:
    """A state on disk, opened and found whole."""

    directory: Path
    numbers: Mapping[str, float]
    own: tuple[str, ...]

    @classmethod
    def open(cls, directory: Path) -> State:
        """The state in a directory.

        Raises:
            UsageError: there is none, or one of a newer flowlens.
        """
        place = directory / _ABOUT
        try:
            with place.open("rb") as file:
                about = json.loads(file.read(_LONGEST))
            version, numbers = index(about["state"]), {name: float(about[name]) for name in FIXED}
            own = tuple(str(cidr) for cidr in about["own"])
        except OSError as error:
            raise UsageError(
                f"{directory}: no state of the scan detector ({error.strerror}); "
                "flowlens scanners INPUT --save-state DIR makes one"
            ) from error
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise UsageError(f"{place}: no description of a state; make the state anew") from error
        if version != VERSION:
            raise UsageError(
                f"{directory}: state of version {version}; this flowlens reads {VERSION}"
            )
        return cls(directory, numbers, own)

    def require(self, evidence: Evidence, own: Sequence[str]) -> None:
        """See that it was made with the same numbers and networks, where these apply to records.

        Raises:
            UsageError: it was not.
        """
        for name in FIXED:
            if self.numbers[name] != evidence[name]:
                raise UsageError(
                    f"{self.directory}: made with {name}={self.numbers[name]:g}, and "
                    f"{evidence[name]:g} is asked for; make the state anew, or --set it back"
                )
        if set(self.own) != set(own):
            there = " ".join(f"--own {cidr}" for cidr in self.own) or "no --own"
            raise UsageError(f"{self.directory}: made with {there}; ask with the same")

    def sources(self) -> set[str]:
        """The addresses of all peers that it has seen."""
        place = self.directory / "exchanges.parquet"
        try:
            column = pq.read_table(place, columns=["peer"], page_checksum_verification=True)["peer"]
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(place, error) from error
        return set(pc.unique(column).to_pylist())

    def addresses(self) -> pa.Array:
        """All addresses that it has seen, of peers and of our own side.

        Raises:
            UsageError: the file is not what it should be.
        """
        place = self.directory / "exchanges.parquet"
        try:
            table = pq.read_table(
                place, columns=["peer", "address"], page_checksum_verification=True
            )
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(place, error) from error
        return pc.unique(pa.chunked_array([*table["peer"].chunks, *table["address"].chunks]))

    def is_sound(self) -> bool:
        """Whether it can be read to its end, and is what was written."""
        try:
            for name in TABLES:
                place = self.directory / f"{name}.parquet"
                for _ in pq.ParquetFile(place, page_checksum_verification=True).iter_batches():
                    pass
        except (OSError, pa.ArrowException):
            return False
        return True

    def batches(self, name: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """One of its tables, batch by batch, with the wanted columns.

        Raises:
            UsageError: the file is not what it should be.
        """
        place = self.directory / f"{name}.parquet"
        try:
            file = pq.ParquetFile(place, page_checksum_verification=True)
            if not file.schema_arrow.equals(schema):
                raise UsageError(f"{place}: not the columns of {name}; make the state anew")
            yield from file.iter_batches(131_072)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(place, error) from error


def save(
    read: Callable[[str], pa.RecordBatchReader],
    evidence: Evidence,
    own: Sequence[str],
    directory: Path,
) -> None:
    """Write a state to `directory`, which is new or empty; `read` gives a table by its name.

    Raises:
        UsageError: the directory can't be had, or is not empty.
        FlowlensError: writing fails.
    """
    with appearing(directory) as part:
        for name in TABLES:
            reader = read(name)
            place = part / f"{name}.parquet"
            with pq.ParquetWriter(
                place, reader.schema, compression="zstd", write_page_checksum=True
            ) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        about = {"state": VERSION, "own": sorted(own), **{n: evidence[n] for n in FIXED}}
        (part / _ABOUT).write_text(json.dumps(about) + "\n", encoding="utf-8")


def opened(
    directories: Sequence[Path], evidence: Evidence, own: Sequence[str]
) -> tuple[State, ...]:
    """States to start from.

    Raises:
        UsageError: one isn't there, isn't whole, was made otherwise, or is named twice.
    """
    seen: set[Path] = set()
    found = []
    for directory in directories:
        state = State.open(directory)
        state.require(evidence, own)
        if directory.resolve() in seen:
            raise UsageError(f"{directory}: the same state twice; its records would count twice")
        seen.add(directory.resolve())
        found.append(state)
    return tuple(found)


def _unreadable(place: Path, error: Exception) -> UsageError:
    what = next(iter(str(error).splitlines()), type(error).__name__)
    return UsageError(f"{place}: not readable ({what}); make the state anew")
