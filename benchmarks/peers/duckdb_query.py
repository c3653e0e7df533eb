"""The rejected traffic by ENI and port, as one would write it by hand in DuckDB."""

import sys

import duckdb

QUERY = """
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
    from read_csv(
        $files,
        delim = ' ',
        header = true,
        quote = '',
        escape = '',
        nullstr = '-',
        auto_detect = false,
        columns = {
            'version': 'integer',
            'account_id': 'varchar',
            'interface_id': 'varchar',
            'srcaddr': 'varchar',
            'dstaddr': 'varchar',
            'srcport': 'integer',
            'dstport': 'integer',
            'protocol': 'integer',
            'packets': 'bigint',
            'bytes': 'bigint',
            'start': 'bigint',
            'end': 'bigint',
            'action': 'varchar',
            'log_status': 'varchar'
        }
    )
    where log_status = 'OK' and action = 'REJECT'
    group by interface_id, protocol, dstport
    order by records desc, interface_id, protocol, dstport
) to '/dev/stdout' (format csv, header)
"""


def main(directory: str) -> None:
    """Print the query's rows."""
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(QUERY, {"files": f"{directory}/*.log.gz"})


if __name__ == "__main__":
    main(sys.argv[1])
