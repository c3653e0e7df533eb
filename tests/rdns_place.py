"""What tests of reverse DNS share: a cache of their own, settings, answers, the command."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from flowlens.naming.dns.answers import Answer, Confirmation, Status
from flowlens.naming.dns.settings import Mode, Settings
from flowlens.naming.dns.table import FromFile

SLIDE = ("109.236.86.32", "internetpolice.co")
DAY = 86_400


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the usual cache lies in this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "flowlens/rdns.sqlite"


def settings(*named, **options):
    named = tuple(server.address for server in named)
    return Settings(Mode.ON, named, **{"rate": 5000.0, "timeout": 0.4, **options})


def run(*words, stdin=b"", **options):
    command = [sys.executable, "-P", "-m", "flowlens", "rdns", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, **options)


def table(path, *rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return FromFile(path)


def known(address, **fields):
    return Answer(address, **{"status": Status.OK, "name": "a.example", "asked": 1,
                              "confirmation": Confirmation.CONFIRMED,
                              "expires": int(time.time()) + 900, **fields})  # fmt: skip
