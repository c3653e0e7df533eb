"""What flowlens declares is what it needs: nothing else may be there when a user runs it."""

import subprocess
import sys

import pytest

ALONE = """
import sys
from importlib.metadata import distribution, packages_distributions
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

needed, open_ = set(), ["flowlens"]
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
