"""The rejected traffic by ENI and port, as one would write it by hand in polars."""

import sys

import polars as pl

TEXTS = ("account-id", "interface-id", "srcaddr", "dstaddr", "action", "log-status")
ORDER = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport"),
    *("protocol", "packets", "bytes", "start", "end", "action", "log-status"),
)
KEYS = ("interface_id", "protocol", "dstport")


def main(directory: str) -> None:
    """Print the query's rows."""
    flows = pl.scan_csv(
        f"{directory}/*.log.gz",
        separator=" ",
        quote_char=None,
        null_values="-",
        schema={name: pl.String() if name in TEXTS else pl.Int64() for name in ORDER},
    )
    answer = (
        flows.filter(pl.col("log-status") == "OK", pl.col("action") == "REJECT")
        .rename({"interface-id": "interface_id"})
        .group_by(KEYS)
        .agg(
            pl.len().alias("records"),
            pl.col("packets", "bytes").sum(),
            pl.col("srcaddr").n_unique().alias("sources"),
            pl.col("start").min().alias("first_seen"),
            pl.col("end").max().alias("last_seen"),
        )
        .sort("records", *KEYS, descending=[True, False, False, False])
        .with_columns(pl.from_epoch(pl.col("first_seen", "last_seen"), time_unit="s"))
        .collect(engine="streaming")
    )
    answer.write_csv(sys.stdout.buffer, datetime_format="%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main(sys.argv[1])
