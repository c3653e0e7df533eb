"""An alert, a firing of it, and a ledger: what tests of alerts and of their delivery share."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from aws import REGION, Answer, client, credentials, exception, fake, moto  # noqa: F401

from flowlens.batch.job import DAY, Alert
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.notify.outbox import SCHEMA

TOKEN = "T0K3N"
END = datetime(2026, 11, 24, tzinfo=UTC)

ALERT = Alert(
    name="ssh",
    sql="select 3 as value",
    message="{value} new scanners",
    above=0,
    below=None,
    every=DAY,
)


def a_firing(message: str = "3 new scanners", end: datetime = END, row: str = "") -> Firing:
    return Firing("ssh", "rejects", end - DAY, end, 3, message, row)


@pytest.fixture
def ledger(tmp_path):
    connection = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    connection.executescript(SCHEMA)
    yield connection
    connection.close()
