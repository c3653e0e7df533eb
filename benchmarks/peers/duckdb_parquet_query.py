"""The rejected traffic by ENI and port in Parquet, as one would write it by hand in DuckDB.

How many records of each status there are goes to stderr, for flowlens knows that, too.
"""

import sys

import duckdb

FLOWS = "read_parquet($files)"

QUERY = f"""
copy (
    select
        interface_id,
        protocol,
        dstport,
        count(*) as records,
        sum(packets) as packets,
        sum(bytes) as bytes,
        count(distinct srcaddr) as sources,
        strftime(make_timestamp(min("start") * 1000000), '%Y-%m-%dT%H:%M:%SZ') as first_seen,
        strftime(make_timestamp(max("end") * 1000000), '%Y-%m-%dT%H:%M:%SZ') as last_seen
    from {FLOWS}
    where log_status = 'OK' and action = 'REJECT'
    group by interface_id, protocol, dstport
    order by records desc, interface_id, protocol, dstport
) to '/dev/stdout' (format csv, header)
"""

STATUSES = f"""
select
    log_status,
    count(*)
from {FLOWS}
group by log_status
order by log_status
"""


def main(directory: str) -> None:
    """Print the query's rows."""
    files = {"files": f"{directory}/*.parquet"}
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        for status, records in connection.execute(STATUSES, files).fetchall():
            print(status, records, file=sys.stderr)
        connection.execute(QUERY, files)


if __name__ == "__main__":
    main(sys.argv[1])
