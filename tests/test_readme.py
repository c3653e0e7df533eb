"""The README can't rot: its pictures are real output, and its commands run.

`FLOWLENS_GOLDEN=write pytest tests/test_readme.py` draws the pictures anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PICTURES = {"report fixtures/demo": 40, "scanners fixtures/demo --limit 3": 100}
"""Commands whose output is shown, with the lines that are."""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "flowlens", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd)


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("flowlens")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory that looks like the checkout, to be written into by one command after another."""
    place = tmp_path_factory.mktemp("place")
    (place / "fixtures").symlink_to(ROOT / "fixtures")
    return place


@pytest.mark.parametrize("command", PICTURES)
def test_a_picture_is_what_the_command_prints(command):
    printed = run(*command.split(), "-q", cwd=ROOT).stdout.splitlines()
    most = PICTURES[command]
    drawn = "\n".join([*printed[:most], *["…"] * (len(printed) > most), ""])
    picture = re.compile(
        rf"(?<=```text\n\$ flowlens {re.escape(command)}\n).*?(?=```\n)", re.DOTALL
    )
    if os.environ.get("FLOWLENS_GOLDEN") == "write":
        README.write_text(picture.sub(lambda _: drawn, README.read_text()))
    assert picture.search(README.read_text())[0] == drawn


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_a_command_of_the_readme_runs(arguments, place):
    done = run(*arguments, cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "convert" in arguments


def test_the_python_of_the_readme_runs(place, monkeypatch):
    monkeypatch.chdir(place)
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(code[1], names)
    assert names["frame"].height > 0
    assert names["table"].num_rows == 1
    assert names["checked"].account.total.adds_up


def test_every_command_and_exit_code_is_in_the_readme():
    text = README.read_text()
    for name in (
        "report",
        "show",
        "query",
        "sql",
        "check",
        "convert",
        "scanners",
        "rdns",
        "schema",
    ):
        assert f"flowlens {name}" in text
    for code in (0, 1, 2, 3, 4, 130):
        assert f"\n| {code} |" in text
