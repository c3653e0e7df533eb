"""What Spark finds in a store, as JSON; run by the Python of an environment that has pyspark.

`python spark_reader.py STORE QUESTIONS.json`: names of questions with their SQL, over the relations
`flows`, `records` and `sources`, the latter two rollups by the hour.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

RELATIONS = {
    "flows": "flows/",
    "records": "rollups/hours/records/day=*/rollup.parquet",
    "sources": "rollups/hours/sources/day=*/rollup.parquet",
}


def main(store: Path, questions: Path) -> None:
    """Print the answers: the rows of each, of plain values."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    for name, place in RELATIONS.items():
        base = store / place.partition("day=")[0]
        read = spark.read.option("basePath", str(base)).option("mergeSchema", "true")
        read.parquet(str(store / place)).createOrReplaceTempView(name)
    asked = json.loads(questions.read_text(encoding="utf-8"))
    answers = {name: [list(row) for row in spark.sql(sql).collect()] for name, sql in asked.items()}
    print(json.dumps({"spark": spark.version, "answers": answers}))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
