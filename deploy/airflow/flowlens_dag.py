"""A job of flowlens as a DAG of Airflow 3; to adapt: the three constants.

A run takes what is new since the last one, so runs have no date, nothing is caught up by Airflow,
and a retry after a failure or a kill goes on where that one ended.
"""

from __future__ import annotations

import logging
import subprocess
from datetime import timedelta

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

COMMAND = "/opt/flowlens/bin/flowlens"
JOB = "/etc/flowlens/rejects.toml"
SCHEDULE = "20 * * * *"

LOCKED = 75
LASTING = {2: "the job file or an option is wrong", 3: "no input was found, or none is readable"}

log = logging.getLogger(__name__)


@dag(
    dag_id="flowlens_rejects",
    schedule=SCHEDULE,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["flowlens"],
    doc_md=__doc__,
)
def flowlens_rejects() -> None:
    """Every hour: right for intervals of an hour and of a day."""

    @task(retries=3, retry_delay=timedelta(minutes=5), retry_exponential_backoff=True)
    def run() -> None:
        """Run the job; no shell takes part. A killed task leaves a whole store."""
        with subprocess.Popen(  # noqa: S603  # a list of constants
            [COMMAND, "batch", "run", JOB],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as running:
            try:
                for line in running.stdout or ():
                    log.info("%s", line.rstrip())
            except BaseException:
                running.terminate()
                raise
        code = running.returncode
        if code == LOCKED:
            raise AirflowSkipException("another run holds the store's lock, and does the work")
        if code in LASTING:
            raise AirflowFailException(f"exit code {code}: {LASTING[code]}")
        if code:
            raise AirflowException(f"exit code {code}; what is above says why")

    run()


flowlens_rejects()
