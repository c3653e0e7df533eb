"""What is below deploy/ passes the check of its own tool, and agrees with the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pages import ROOT

from flowlens.core.errors import ExitCode

DEPLOY = ROOT / "deploy"
UNITS = ["flowlens@.service", "flowlens@.timer"]
FILES = sorted(
    path.relative_to(DEPLOY).as_posix()
    for path in DEPLOY.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts and path.name != "README.md"
)
EXPOSURE = 15
"""The most that systemd may find the service exposed, in tenths: 0 is safest, 100 nothing done."""


def tool(name: str) -> str:
    """A tool of the environment or the machine; tests are skipped without, but never under CI."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"no {name}: `make units` and the group `test` install it")
        pytest.skip(f"no {name}")
    return found


def said(*words: str | Path) -> str:
    """All that a tool says."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout + (f"exit code {done.returncode}" if done.returncode else "")


def verified(place: Path, **changes: str) -> str:
    """What systemd has against the units, with a program that exists, and a text replaced."""
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        text = text.replace("ExecStart=/opt/flowlens/bin/flowlens ", f"ExecStart={sys.executable} ")
        for old, new in changes.items():
            text = text.replace(old, new)
        (place / name).write_text(text)
    return said(tool("systemd-analyze"), "verify", "--man=no", *(place / name for name in UNITS))


def test_systemd_has_nothing_against_the_units(tmp_path):
    assert verified(tmp_path) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"PrivateTmp": "PrivateTemp"},
        {"Type=oneshot": "Type=onceshot"},
        {"OnCalendar=*-*-*": "OnCalendar=*-*-*-*"},
        {sys.executable: "/nowhere/flowlens"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_systemd_would_say_so_of_units_that_are_wrong(tmp_path, changes):
    assert verified(tmp_path, **changes)


def test_systemd_finds_the_service_hardly_exposed():
    asked = [tool("systemd-analyze"), "security", "--offline=yes", f"--threshold={EXPOSURE}"]
    done = subprocess.run(
        [*asked, "--no-pager", DEPLOY / "systemd/flowlens@.service"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_service_runs_as_a_user_that_is_made(tmp_path):
    made = said(
        tool("systemd-sysusers"),
        "--dry-run",
        f"--root={tmp_path}",
        DEPLOY / "systemd/flowlens.sysusers",
    )
    assert "exit code" not in made
    assert re.search(r"^Would create user 'flowlens'|^Creating user 'flowlens'", made, re.MULTILINE)
    assert "\nUser=flowlens\n" in (DEPLOY / "systemd/flowlens@.service").read_text()


def test_a_lock_that_is_held_is_no_failure_to_anyone():
    code = str(int(ExitCode.LOCKED))
    assert f"\nSuccessExitStatus={code}\n" in (DEPLOY / "systemd/flowlens@.service").read_text()
    assert f"0 | {code}) exit 0" in (DEPLOY / "cron/flowlens-cron").read_text()
    assert f"\nLOCKED = {code}\n" in (DEPLOY / "airflow/flowlens_dag.py").read_text()
    assert f"anything-but: [0, {code}]" in (DEPLOY / "aws/flowlens.yaml").read_text()


FIELD = r"(\*|\d+(-\d+)?(,\d+(-\d+)?)*)(/\d+)?"
LINE = re.compile(rf"{FIELD} {FIELD} {FIELD} {FIELD} {FIELD} +(?P<user>[a-z]+) +(?P<command>.+)")


def test_the_cron_line_is_one_that_cron_takes():
    text = (DEPLOY / "cron/flowlens").read_text()
    assert text.endswith("\n"), "cron leaves out a last line without a newline"
    rows = [row for row in text.splitlines() if row and not row.startswith("#")]
    settings = [row for row in rows if re.fullmatch(r"[A-Z_]+=\S*", row)]
    (line,) = [row for row in rows if row not in settings]
    found = LINE.fullmatch(line)
    assert found
    assert found["user"] == "flowlens"
    assert "%" not in found["command"], "cron ends a command at a %"
    assert found["command"].split()[0] == "flowlens-cron"
    assert any(row.startswith("PATH=/opt/flowlens/bin:") for row in settings)


@pytest.mark.parametrize(
    ("code", "ends", "mailed"),
    [(0, 0, "alert\n"), (75, 0, "alert\n"), (1, 1, "alert\nnote\nflowlens batch run"), (2, 2, "")],
)
def test_cron_mails_alerts_and_failures(tmp_path, code, ends, mailed):
    program = tmp_path / "flowlens"
    program.write_text(
        '#!/bin/sh\ntest "$*" = "batch run a job.toml" || exit 9\n'
        f"echo alert; echo note >&2; exit {code}\n"
    )
    program.chmod(0o755)
    done = subprocess.run(
        ["sh", DEPLOY / "cron/flowlens-cron", "a job.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == ends
    assert done.stdout == mailed if ends == 0 else done.stdout.startswith(mailed)
    assert list(tmp_path.iterdir()) == [program], "its file of notes is left"


def test_the_dockerfile_is_well():
    assert said(tool("hadolint"), "--no-color", DEPLOY / "docker/Dockerfile") == ""


def test_what_the_wheel_is_made_of_goes_into_the_image():
    rows = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {row.removeprefix("!") for row in rows if row.startswith("!")}
    made_of = {"LICENSE", "README.md", "flowlens", "pyproject.toml", "queries"}
    assert allowed == {*made_of, "wheelhouse"}
    assert all((ROOT / name).exists() for name in made_of)


def test_the_stack_is_well():
    assert said(tool("cfn-lint"), DEPLOY / "aws/flowlens.yaml") == ""


class Template(yaml.SafeLoader):
    """CloudFormation's YAML; `!Ref X` and its kin are read as what stands after the tag."""


def _plain(loader: yaml.Loader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Template.add_multi_constructor("!", _plain)


def stack() -> dict[str, dict]:
    text = (DEPLOY / "aws/flowlens.yaml").read_text()
    return yaml.load(text, Template)["Resources"]


def statements() -> dict[str, list[dict]]:
    """What each role may, by its name in the stack."""
    found: dict[str, list[dict]] = {}
    for name, resource in stack().items():
        parts = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in parts.get("Policies", []):
                found.setdefault(name, []).extend(policy["PolicyDocument"]["Statement"])
        if resource["Type"] == "AWS::IAM::RolePolicy":
            found.setdefault(parts["RoleName"], []).extend(parts["PolicyDocument"]["Statement"])
    return found


def _list(value: object) -> list:
    return value if isinstance(value, list) else [value]


def test_each_role_may_what_it_needs_and_no_more():
    may = {
        role: {action for one in allowed for action in _list(one["Action"])}
        for role, allowed in statements().items()
    }
    assert may == {
        "TaskRole": {
            "s3:ListBucket",
            "s3:GetObject",
            "kms:Decrypt",
            "logs:FilterLogEvents",
            "logs:DescribeLogStreams",
            "sns:Publish",
        },
        "ExecutionRole": {
            "ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        },
        "SchedulerRole": {"ecs:RunTask", "iam:PassRole", "sqs:SendMessage"},
    }


def test_nothing_is_allowed_on_everything_but_a_token():
    every = [one for allowed in statements().values() for one in allowed]
    assert {one["Action"] for one in every if "*" in _list(one["Resource"])} == {
        "ecr:GetAuthorizationToken"
    }
    (passing,) = [one for one in every if one["Action"] == "iam:PassRole"]
    assert passing["Resource"] == ["TaskRole.Arn", "ExecutionRole.Arn"]
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }
    (listing,) = [one for one in every if one["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "${FlowLogPrefix}*"}}


def test_nobody_comes_in_to_the_task():
    resources = stack()
    groups = [one for one in resources.values() if one["Type"] == "AWS::EC2::SecurityGroup"]
    assert len(groups) == 2
    assert not any("SecurityGroupIngress" in one["Properties"] for one in groups)
    (way,) = [one for one in resources.values() if one["Type"] == "AWS::EC2::SecurityGroupIngress"]
    assert way["Properties"]["GroupId"] == "FileSystemSecurityGroup.GroupId"
    assert way["Properties"]["SourceSecurityGroupId"] == "TaskSecurityGroup.GroupId"


def test_the_stack_runs_the_image_as_the_image_is_made():
    parts = stack()["TaskDefinition"]["Properties"]
    (container,) = parts["ContainerDefinitions"]
    image = (DEPLOY / "docker/Dockerfile").read_text()
    assert f"\nUSER {container['User']}\n" in image
    written = [mount["ContainerPath"] for mount in container["MountPoints"]]
    assert f"\nVOLUME {str(written).replace(chr(39), chr(34))}\n" in image
    assert container["ReadonlyRootFilesystem"] is True
    assert container["Command"] == ["batch", "run", "JobFile"]


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_in_the_readme(file):
    assert f"`{file}`" in (DEPLOY / "README.md").read_text()


def test_the_readme_has_every_exit_code():
    text = (DEPLOY / "README.md").read_text()
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == {
        int(code) for code in ExitCode if code is not ExitCode.MALFORMED
    }
