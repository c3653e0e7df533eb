"""The rules of other tools, each by its own definition, over the same files.

They were made for sensors that see packets. What a flow log lacks is filled in to their advantage:
an *attempt* is a TCP opening from outside, and it *failed* where it was refused or nobody of ours
answered. With flags (version 5) an opening has SYN without ACK, and an answer SYN-ACK. Without
(version 2) an opening is a packet inward that is no answer to us, that is, to a call of ours from
the higher port; and an answer has two packets, for one alone may be a RST.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.scans.network import OWN_ADDRESSES
from benchmarks.scans.views import View


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `alarms` is a SELECT of srcaddr and alarm_at (Unix seconds), over `attempts`
    (srcaddr, host, port, start, failed) and `refused` (srcaddr, host, start), one row a record.

    `source` says from where its numbers come.
    """

    name: str
    alarms: str
    source: str


_FAILURES = "(select * from attempts where failed)"

RULES = (
    Rule(
        "Zeek scan.zeek",
        f"""
        with firsts as (
            select srcaddr, host, port, start // 300 as epoch, min(start) as start
            from {_FAILURES}
            group by all
        ),
        counted as (
            select
                srcaddr,
                start,
                row_number() over (partition by srcaddr, epoch, port order by start) as hosts,
                row_number() over (partition by srcaddr, epoch, host order by start) as ports
            from firsts
        )
        select srcaddr, min(start) as alarm_at
        from counted
        where hosts >= 25 or ports >= 15
        group by srcaddr
        """,
        "Zeek, policy/misc/scan.zeek: addr_scan_threshold 25 hosts on one port and "
        "port_scan_threshold 15 ports of one host, both with failed connections, in intervals of "
        "5 minutes (SumStats epochs)",
    ),
    Rule(
        "bro-simple-scan",
        f"""
        with steps as (
            select
                *,
                coalesce(
                    start - lag(start) over (partition by srcaddr order by start) > 900, true
                ) as anew
            from {_FAILURES}
        ),
        runs as (
            select
                *,
                sum(anew::int) over (
                    partition by srcaddr order by start rows unbounded preceding
                ) as run
            from steps
        ),
        firsts as (
            select srcaddr, run, host, port, min(start) as start
            from runs
            group by all
        ),
        counted as (
            select
                srcaddr,
                start,
                row_number() over (partition by srcaddr, run order by start) as pairs,
                row_number() over (partition by srcaddr, run, port order by start) as hosts
            from firsts
        )
        select srcaddr, min(start) as alarm_at
        from counted
        where pairs >= 25 or hosts >= 20
        group by srcaddr
        """,
        "ncsa/bro-simple-scan, scripts/scan.zeek: scan_threshold 25 pairs of host and port, "
        "knockknock_threshold 20 hosts on one port, scan_timeout 15 minutes; its lower thresholds "
        "for dark nets don't apply, for every address that a flow log shows is in use",
    ),
    Rule(
        "REJECT to 5 hosts a day",
        """
        with firsts as (
            select srcaddr, host, start // 86400 as day, min(start) as start
            from refused
            group by all
        ),
        counted as (
            select
                srcaddr,
                start,
                row_number() over (partition by srcaddr, day order by start) as hosts
            from firsts
        )
        select srcaddr, min(start) as alarm_at
        from counted
        where hosts >= 5
        group by srcaddr
        """,
        "queries over flow logs as people write them; any protocol, days are UTC",
    ),
    Rule(
        "10 REJECT records",
        """
        with counted as (
            select
                srcaddr,
                start,
                row_number() over (partition by srcaddr order by start) as records
            from refused
        )
        select srcaddr, min(start) as alarm_at
        from counted
        where records >= 10
        group by srcaddr
        """,
        "queries over flow logs as people write them, over all that is read",
    ),
    Rule(
        "TRW as published",
        """
        with trials as (
            select
                srcaddr,
                host,
                arg_min(failed, (start, port)) as failed,
                min(start) as start
            from attempts
            group by all
        ),
        walked as (
            select
                srcaddr,
                start,
                host,
                sum(if(failed, 1, -1)) over (
                    partition by srcaddr order by start, host rows unbounded preceding
                ) as height
            from trials
        ),
        crossings as (
            select srcaddr, start, height, row_number() over (
                partition by srcaddr order by start, host
            ) as turn
            from walked
            where abs(height) >= 4
        )
        select srcaddr, start as alarm_at
        from crossings
        where turn = 1 and height = 4
        """,
        "Jung, Paxson, Berger, Balakrishnan, Fast Portscan Detection Using Sequential Hypothesis "
        "Testing, IEEE Symposium on Security and Privacy 2004: a trial is a source's first "
        "attempt at a host; theta0 .8, theta1 .2, so that each trial is a factor of 4 or 1/4; "
        "alpha .01, beta .99, so that the bounds are 99 and 1/99 and are crossed by four trials "
        "more of one kind than of the other; the first crossing decides for good",
    ),
)


def alarms(rule: Rule, directory: Path, view: View) -> pl.DataFrame:
    """The alarms of a rule over a view's files: srcaddr, alarm_at."""
    with duckdb.connect() as connection:
        prepare(connection, directory, view)
        table = pl.from_arrow(connection.sql(rule.alarms).to_arrow_table())
        assert isinstance(table, pl.DataFrame)
        return table


def prepare(connection: duckdb.DuckDBPyConnection, directory: Path, view: View) -> None:
    """Make the tables `attempts` and `refused` that rules read."""
    flags = '"tcp-flags"' if view is View.V5 else "null::int"
    connection.execute(
        f"""
        create temp table records as
        select
            "interface-id" as eni,
            srcaddr,
            dstaddr,
            srcport,
            dstport,
            protocol,
            packets,
            start,
            action = 'REJECT' as refused,
            {flags} as flags,
            {_own("srcaddr")} as from_us,
            {_own("dstaddr")} as to_us
        from read_csv('{directory}/*.log.gz', delim = ' ', header = true, nullstr = '-')
        where "log-status" = 'OK'
        """
    )
    connection.execute(
        """
        create temp table answers as
        select
            eni,
            dstaddr as peer,
            srcaddr as own,
            dstport as peer_port,
            srcport as own_port,
            sum(packets) as packets,
            bool_or(flags & 18 = 18) as acknowledged
        from records
        where from_us and not to_us and not refused and protocol = 6
        group by all
        """
    )
    opening, answered = "r.flags & 18 = 2", "a.acknowledged"
    if view is not View.V5:
        opening = "a.own is null or r.refused or a.own_port <= a.peer_port"
        answered = "a.packets >= 2"
    connection.execute(
        f"""
        create temp table attempts as
        select
            r.srcaddr,
            (r.eni, r.dstaddr) as host,
            r.dstport as port,
            r.start,
            r.refused or not coalesce({answered}, false) as failed
        from records r
        left join answers a
            on r.eni = a.eni
            and r.srcaddr = a.peer
            and r.dstaddr = a.own
            and r.srcport = a.peer_port
            and r.dstport = a.own_port
        where r.to_us and not r.from_us and r.protocol = 6 and ({opening})
        """
    )
    connection.execute(
        """
        create temp table refused as
        select srcaddr, (eni, dstaddr) as host, start
        from records
        where to_us and not from_us and refused
        """
    )


def _own(column: str) -> str:
    return "(" + " or ".join(f"starts_with({column}, '{one}')" for one in OWN_ADDRESSES) + ")"
