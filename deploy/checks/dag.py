"""Loads the DAG in Airflow's own environment, and runs its task with commands that end variously.

`python dag.py`, with the Python of an environment that has apache-airflow.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

DAGS = Path(__file__).parents[1] / "airflow"


def load() -> None:
    """One DAG, without an error, as it is meant to be scheduled."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowSkipException,
    )

    bag = DagBag(DAGS)
    assert not bag.import_errors, bag.import_errors
    assert list(bag.dags) == ["flowlens_rejects"], list(bag.dags)
    dag = bag.dags["flowlens_rejects"]
    assert dag.schedule == "20 * * * *", dag.schedule
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == (dag.schedule, "UTC")
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    (task,) = dag.tasks
    assert (task.task_id, task.retries) == ("run", 3)

    with tempfile.TemporaryDirectory() as directory:
        command = Path(directory) / "flowlens"
        place = task.python_callable.__globals__
        place["COMMAND"] = str(command)
        ends = {
            0: None,
            1: AirflowException,
            2: AirflowFailException,
            3: AirflowFailException,
            75: AirflowSkipException,
        }
        for code, expected in ends.items():
            command.write_text(
                f'#!/bin/sh\ntest "$*" = "batch run {place["JOB"]}" || exit 9\nexit {code}\n'
            )
            command.chmod(0o755)
            try:
                task.python_callable()
                ended = None
            except AirflowException as error:
                ended = type(error)
            assert ended is expected, (code, ended)
    print(f"airflow: {dag.dag_id} loads, scheduled {dag.schedule}, and ends as each exit code says")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        load()
