"""The README can't rot: its picture is real output, and its commands run.

`FLOWLENS_GOLDEN=write pytest tests/test_readme.py` draws the picture anew.
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
PICTURE = re.compile(r"(?<=```text\n\$ flowlens report fixtures/demo\n).*?(?=```\n)", re.DOTALL)
LINES = 40


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "flowlens", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd)


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("flowlens")]


@pytest.fixture
def place(tmp_path):
    """A directory that looks like the checkout, to be written into."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    return tmp_path


def test_the_picture_is_what_the_report_prints():
    printed = run("report", "fixtures/demo", "-q", cwd=ROOT).stdout.splitlines()[:LINES]
    drawn = "\n".join([*printed, "…", ""])
    text = README.read_text()
    if os.environ.get("FLOWLENS_GOLDEN") == "write":
        README.write_text(PICTURE.sub(lambda _: drawn, text))
    assert PICTURE.search(README.read_text())[0] == drawn


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
    for name in ("report", "show", "query", "sql", "check", "convert", "rdns", "schema"):
        assert f"flowlens {name}" in text
    for code in (0, 1, 2, 3, 4, 130):
        assert f"\n| {code} |" in text
