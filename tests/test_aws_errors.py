"""What goes wrong with AWS: one line, what to do, and everything readable still counts."""

from __future__ import annotations

import socket
import sys

import botocore.exceptions
import pytest
from aws import Answer, Fake, Request, exception, fake, refusal, twisted
from reading import DEFAULT_HEADER, GOOD

from flowlens.cli.main import main
from flowlens.inputs.aws import Access, errors, objects
from flowlens.inputs.aws.errors import Kind, fault

LOG = f"{DEFAULT_HEADER}\n{GOOD}\n".encode()
ROLE = "arn:aws:iam::123456789012:role/reader"


def run(capfd, *arguments: str) -> tuple[int, list[str]]:
    """The exit code of a check, and what it says on standard error."""
    code = main(["check", *arguments])
    return code, capfd.readouterr().err.splitlines()


def from_s3(capfd, aws: Fake, *more: str) -> tuple[int, list[str]]:
    return run(capfd, "s3://bkt/p", "--endpoint-url", aws.url, *more)


def from_logs(capfd, aws: Fake, *more: str) -> tuple[int, list[str]]:
    return run(capfd, "cloudwatch:group", "--endpoint-url", aws.url, *more)


@pytest.fixture
def hasty(monkeypatch):
    """No pauses between calls."""
    from flowlens.inputs.aws.pace import Pace

    waits = Pace.__init__.__kwdefaults__
    monkeypatch.setattr(Pace.__init__, "__kwdefaults__", {**waits, "sleep": lambda seconds: None})


S3_REFUSALS = {
    "NoSuchBucket": (404, "no such bucket"),
    "AccessDenied": (403, "it takes s3:ListBucket"),
    "AllAccessDisabled": (403, "denies access"),
    "ExpiredToken": (400, "credentials have expired"),
    "InvalidAccessKeyId": (403, "doesn't accept these credentials"),
    "SignatureDoesNotMatch": (403, "doesn't accept these credentials"),
    "InvalidToken": (400, "doesn't accept these credentials"),
    "RequestTimeTooSkewed": (403, "set its clock right"),
    "SlowDown": (503, "throttles"),
    "InternalError": (500, "AWS fails"),
    "Unheard": (400, "AWS refuses the request (Unheard: so it is)"),
}


@pytest.mark.parametrize("code", S3_REFUSALS)
def test_a_listing_that_s3_refuses_is_one_line_and_exits_3(credentials, capfd, code):
    status, words = S3_REFUSALS[code]
    with fake(lambda request: refusal(status, code)) as aws:
        exit_code, lines = from_s3(capfd, aws)
    assert exit_code == 3
    (line,) = lines
    assert line.startswith("flowlens: s3://bkt/p: ")
    assert words in line
    assert code in line


LOGS_REFUSALS = {
    "ExpiredTokenException": "credentials have expired",
    "UnrecognizedClientException": "doesn't accept these credentials",
    "InvalidSignatureException": "doesn't accept these credentials",
    "ThrottlingException": "throttles",
    "ServiceUnavailableException": "AWS fails",
    "ResourceNotFoundException": "no such log group",
    "InvalidParameterException": "AWS refuses the request (InvalidParameterException: so it is)",
}


@pytest.mark.parametrize("code", LOGS_REFUSALS)
def test_a_log_group_that_aws_refuses_is_one_line_and_exits_3(credentials, hasty, capfd, code):
    with fake(lambda request: exception(code)) as aws:
        exit_code, lines = from_logs(capfd, aws)
    assert exit_code == 3
    (line,) = lines
    assert line.startswith("flowlens: cloudwatch:group: ")
    assert LOGS_REFUSALS[code] in line


def test_events_that_may_not_be_read_are_one_line(credentials, hasty, capfd):
    with fake(lambda request: exception("AccessDeniedException", status=403)) as aws:
        exit_code, lines = from_logs(capfd, aws, "--since", "1h", "--layout", "version")
    assert exit_code == 3
    assert len(lines) == 1
    assert "it takes logs:FilterLogEvents" in lines[0]


@pytest.mark.parametrize("name", ["s3://bkt/p", "cloudwatch:group"])
def test_without_credentials_it_says_where_to_give_them(credentials, capfd, name):
    credentials.delenv("AWS_ACCESS_KEY_ID")
    credentials.delenv("AWS_SECRET_ACCESS_KEY")
    exit_code, lines = run(capfd, name)
    assert exit_code == 3
    assert len(lines) == 1
    assert "no AWS credentials" in lines[0]
    assert "--profile" in lines[0]


@pytest.mark.parametrize("name", ["s3://bkt/p", "cloudwatch:group"])
def test_an_endpoint_that_nobody_answers_at_is_one_line(credentials, hasty, capfd, name):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        exit_code, lines = run(capfd, name, "--endpoint-url", url)
    assert exit_code == 3
    assert len(lines) == 1
    assert "can't be reached" in lines[0]
    assert url in lines[0]
    assert "--endpoint-url" in lines[0]


@pytest.mark.parametrize("name", ["s3://bkt/p", "cloudwatch:group"])
@pytest.mark.parametrize("page", [b"<html>log in</html>", b"<html/>", b"{}"])
def test_what_is_no_aws_is_one_line(credentials, hasty, capfd, name, page):
    with fake(lambda request: Answer(200, page)) as aws:
        exit_code, lines = run(capfd, name, "--endpoint-url", aws.url)
    assert exit_code == 3
    assert len(lines) == 1
    assert "what answers is not AWS" in lines[0] or "AWS fails" in lines[0]


def test_without_a_region_a_log_group_asks_for_one(credentials, capfd):
    credentials.delenv("AWS_DEFAULT_REGION")
    exit_code, lines = run(capfd, "cloudwatch:group")
    assert exit_code == 2
    assert lines == [
        "flowlens: no AWS region is known; give --region, or set AWS_REGION or the profile's region"
    ]


def test_a_profile_that_is_not_there_is_named_with_its_like(credentials, capfd, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile production]\nregion = eu-west-1\n")
    credentials.setenv("AWS_CONFIG_FILE", str(config))
    exit_code, lines = run(capfd, "s3://bkt/p", "--profile", "producton")
    assert exit_code == 2
    assert lines == [
        "flowlens: --profile producton: there is no such profile; did you mean production?"
    ]
    credentials.setenv("AWS_PROFILE", "gone")
    exit_code, lines = run(capfd, "s3://bkt/p")
    assert exit_code == 2
    assert lines == ["flowlens: AWS_PROFILE gone: there is no such profile; there are: production"]


def test_without_boto3_it_says_what_to_install(credentials, capfd):
    credentials.setitem(sys.modules, "boto3", None)
    exit_code, lines = run(capfd, "s3://bkt/p")
    assert exit_code == 2
    assert len(lines) == 1
    assert lines[0].endswith("pip install boto3")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--external-id", "x"], "--role-arn"),
        (["--role-arn", "reader"], "arn:aws:iam::123456789012:role/NAME"),
        (["--region", "Ireland"], "--region Ireland"),
        (["--endpoint-url", "localhost:4566"], "write https://HOST"),
        (["--endpoint-url", "http://[::"], "write https://HOST"),
        (["--endpoint-url", "http://"], "write https://HOST"),
    ],
)
def test_an_option_that_cannot_be_meant_is_one_line_and_exits_2(
    credentials, capfd, arguments, words
):
    exit_code, lines = run(capfd, "s3://bkt/p", *arguments)
    assert exit_code == 2
    assert len(lines) == 1
    assert words in lines[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("s3://", "write s3://BUCKET/PREFIX"),
        ("s3:///x", "write s3://BUCKET/PREFIX"),
        ("s3://no bucket/x", "Invalid bucket name"),
        ("cloudwatch:", "write cloudwatch:LOG-GROUP"),
        ("cloudwatch::stream", "write cloudwatch:LOG-GROUP"),
    ],
)
def test_an_input_that_names_nothing_is_one_line_and_exits_3(credentials, capfd, name, words):
    exit_code, lines = run(capfd, name)
    assert exit_code == 3
    assert len(lines) == 1
    assert words in lines[0]


def test_a_role_that_may_not_be_assumed_is_one_line(credentials, capfd):
    denied = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User x is not "
        "authorized\nto perform: sts:AssumeRole</Message></Error></ErrorResponse>"
    )
    with fake(lambda request: Answer(403, denied.encode())) as aws:
        credentials.setenv("AWS_ENDPOINT_URL", aws.url)
        exit_code, lines = run(capfd, "s3://bkt/p", "--role-arn", ROLE)
    assert exit_code == 3
    assert len(lines) == 1
    assert "sts:AssumeRole, and the role's trust (--external-id" in lines[0]


def test_what_can_be_read_beside_it_still_counts(credentials, hasty, capfd, tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)

    def answer(request: Request) -> Answer:
        return exception("ExpiredTokenException") if request.body else refusal(404, "NoSuchBucket")

    remote = ("s3://bkt/p", "cloudwatch:group")
    with fake(answer) as aws:
        words = (str(tmp_path), *remote, "--endpoint-url", aws.url)
        refused, (line,) = run(capfd, *words)
        exit_code, lines = run(capfd, *words, "--skip-missing")
        strict, _ = run(capfd, *words, "--skip-missing", "--strict")
    assert (refused, exit_code, strict) == (3, 0, 4)
    assert line.endswith(" (and 1 more); --skip-missing reads what is there")
    assert [line.split(": ")[1] for line in lines] == list(remote)
    assert "no such bucket" in lines[0]
    assert "credentials have expired" in lines[1]


def test_an_endpoint_that_goes_away_is_not_asked_for_every_object(credentials, monkeypatch, capfd):
    monkeypatch.setattr(objects, "THREADS", 1)
    content = {f"{number}.log": LOG for number in range(200)}
    gone = dict.fromkeys(content, lambda request, count: Answer(0))
    with twisted(content, gone) as aws:
        exit_code, lines = run(capfd, "s3://bkt/", "--endpoint-url", aws.url)
    assert exit_code == 3
    assert len(lines) == 1
    assert "can't be reached" in lines[0]
    assert len(aws.requests) < 20


ANSWERLESS = [
    (botocore.exceptions.NoCredentialsError(), Kind.NO_CREDENTIALS),
    (
        botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="y"),
        Kind.NO_CREDENTIALS,
    ),
    (botocore.exceptions.SSOTokenLoadError(error_msg="x"), Kind.SIGN_IN),
    (botocore.exceptions.UnauthorizedSSOTokenError(), Kind.SIGN_IN),
    (botocore.exceptions.TokenRetrievalError(provider="sso", error_msg="x"), Kind.SIGN_IN),
    (botocore.exceptions.ConnectTimeoutError(endpoint_url="x"), Kind.UNREACHABLE),
    (botocore.exceptions.ReadTimeoutError(endpoint_url="x"), Kind.UNREACHABLE),
    (botocore.exceptions.SSLError(endpoint_url="x", error="y"), Kind.UNREACHABLE),
    (botocore.exceptions.ProxyConnectionError(proxy_url="x"), Kind.UNREACHABLE),
    (botocore.exceptions.ResponseStreamingError(error="x"), Kind.BROKEN),
    (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), Kind.BROKEN),
]


@pytest.mark.parametrize(("error", "kind"), ANSWERLESS, ids=lambda item: type(item).__name__)
def test_an_error_without_an_answer_is_told_by_its_class(error, kind):
    found = fault(error, Access())
    assert found.kind is kind
    assert "{" not in found.text


def test_every_kind_has_its_line():
    assert set(errors._TEXTS) == set(Kind)


def test_what_aws_says_is_kept_short_and_on_one_line():
    answer = {"Error": {"Code": "Odd", "Message": "{x}\n\tat " + "y" * 9999}}
    text = fault(botocore.exceptions.ClientError(answer, "GetObject"), Access()).text
    assert "\n" not in text
    assert len(text) < 400
    assert "{x} at yyy" in text


def test_an_external_id_is_not_shown():
    assert "s3cret" not in repr(Access(role_arn=ROLE, external_id="s3cret"))
