"""What flowlens declares is what it needs: nothing else may be there when a user runs it."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution

import pytest
from pages import ROOT

ALONE = """
import sys
from importlib.metadata import distribution, packages_distributions
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

needed, open_ = set(), ["vpc-flowlens"]
while open_:
    name = canonicalize_name(open_.pop())
    if name in needed:
        continue
    needed.add(name)
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            open_.append(requirement.name)
absent = {
    module
    for module, holders in packages_distributions().items()
    if not needed & {canonicalize_name(holder) for holder in holders}
}
assert {"pandas", "altair", "vl_convert"} <= absent


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())

from flowlens.cli.main import entry

entry()
"""


@pytest.mark.parametrize(
    "words",
    [
        ["report", "fixtures/demo"],
        ["check", "fixtures/forms"],
        ["report", "fixtures/forms"],
        ["sql", "select count(*) from flows", "fixtures/demo", "--format", "json"],
        ["query", "enis", "fixtures/demo", "--format", "markdown"],
    ],
    ids=" ".join,
)
def test_commands_run_with_the_declared_dependencies_alone(words):
    run = subprocess.run(
        [sys.executable, "-c", ALONE, *words], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_type_checkers_are_told_that_there_are_types():
    files = {str(file) for file in distribution("vpc-flowlens").files or ()}
    assert {"flowlens/py.typed", "flowlens/queries/action_totals.sql"} <= files


@pytest.mark.parametrize(
    ("extra", "place"),
    [("aws", "inputs/aws/access.py"), ("geo", "naming/who/geo.py"), ("plot", "charts/drawing.py")],
)
def test_a_hint_names_the_packages_that_an_extra_brings(extra, place):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = [line.partition(">")[0] for line in project["optional-dependencies"][extra]]
    assert f"pip install {' '.join(packages)}" in (ROOT / "flowlens" / place).read_text()


def test_nobody_is_told_to_install_a_strangers_program():
    """On PyPI `flowlens` is somebody else's."""
    stranger = re.compile(r"(?<!vpc-)\bflowlens\[|pip install (-\S+ )*flowlens\b")
    told = [
        f"{path}: {found[0]}"
        for place in ("README.md", "CHANGELOG.md", "Makefile", "docs", "deploy", "flowlens")
        for path in [ROOT / place, *(ROOT / place).rglob("*")]
        if path.suffix in (".md", ".py", ".sh", ".yaml", "") and path.is_file()
        for found in stranger.finditer(path.read_text())
    ]
    assert told == []
