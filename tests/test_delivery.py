"""Alerts on their way: to files, commands, webhooks and topics that misbehave."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
import threading
import time
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from alert_place import ALERT, END, TOKEN, a_firing
from aws import REGION, Answer, client, credentials, exception, fake, moto  # noqa: F401

from flowlens.batch.job import DAY, HOUR, Kind, Notify
from flowlens.batch.notify import Courier, commands, courier, send, webhook
from flowlens.batch.notify.alerts import Firing
from flowlens.batch.notify.outbox import Outbox
from flowlens.core.errors import FlowlensError
from flowlens.inputs.aws.access import Access


def a_courier(path: Path, *notify: Notify, waits: list[float] | None = None, **more) -> Courier:
    pause = (waits if waits is not None else []).append
    return Courier({one.name: one for one in notify}, directory=path, pause=pause, **more)


def refused(courier: Courier, destination: str, firing: Firing | None = None) -> str:
    """Why it isn't delivered; the line around that is as it always is."""
    with pytest.raises(FlowlensError) as caught:
        courier.deliver(firing or a_firing(), destination)
    text = str(caught.value)
    before, after = f"alert ssh to {destination}: ", "; it is tried again at the next run"
    assert text.startswith(before)
    assert text.endswith(after)
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    return text[len(before) : -len(after)]


def test_standard_output_gets_the_message(tmp_path, capfdbinary):
    a_courier(tmp_path).deliver(a_firing("é"), "stdout")
    assert capfdbinary.readouterr().out == "é\n".encode()


def test_a_reader_that_went_away_is_no_end_of_the_run(tmp_path, monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        assert refused(a_courier(tmp_path), "stdout") == "nobody reads it any more"


def test_a_destination_that_the_job_no_longer_has_is_said(tmp_path):
    assert refused(a_courier(tmp_path), "chat") == "the job file has no such destination"


def test_a_file_gets_a_line_each(tmp_path):
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"broken')
    to = a_courier(tmp_path, Notify("log", Kind.FILE, path))
    to.deliver(a_firing("first \\x1b"), "log")
    to.deliver(a_firing("second"), "log")
    broken, *whole = path.read_text().splitlines()
    assert broken == '{"broken'
    assert [json.loads(line)["message"] for line in whole] == ["first \\x1b", "second"]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    to = a_courier(tmp_path, Notify("log", Kind.FILE, tmp_path))
    assert refused(to, "log") == f"{tmp_path}: Is a directory"


def a_command(*words: str) -> Notify:
    return Notify("pager", Kind.COMMAND, words)


def test_a_command_gets_the_alert_as_json_and_its_own_words_unchanged(tmp_path, capfd):
    script = 'cat > told; echo noise; echo "$1" > word'
    to = a_courier(tmp_path, a_command("sh", "-c", script, "sh", "$(touch pwned) {value}; *"))
    to.deliver(a_firing(), "pager")
    assert json.loads((tmp_path / "told").read_text()) == a_firing().to_dict()
    assert (tmp_path / "word").read_text() == "$(touch pwned) {value}; *\n"
    assert not (tmp_path / "pwned").exists()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (
            ("sh", "-c", "echo first >&2; echo 'a\033[31mb' >&2; exit 3"),
            "sh exits with 3: a\\x1b[31mb",
        ),
        (("sh", "-c", "exit 1"), "sh exits with 1"),
        (("sh", "-c", "kill -9 $$"), "sh was ended by signal 9"),
        (("./missing.sh",), "missing.sh can't be run: No such file or directory"),
        (("/dev/null",), "null can't be run: Permission denied"),
        (("a\0b",), "a\\x00b can't be run: embedded null byte"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path, command, why):
    assert refused(a_courier(tmp_path, a_command(*command)), "pager") == why


@pytest.mark.parametrize(
    ("noise", "why"),
    [("'\\n'; echo end", "end"), ("end", "\\x00" * 200)],
)
def test_a_command_may_say_a_lot(tmp_path, noise, why):
    script = f"(head -c 3000000 /dev/zero; printf {noise}) >&2; exit 1"
    said = refused(a_courier(tmp_path, a_command("sh", "-c", script)), "pager")
    assert said == f"sh exits with 1: {why}"


def test_a_command_that_reads_nothing_has_the_alert_all_the_same(tmp_path):
    a_courier(tmp_path, a_command("true")).deliver(a_firing("x" * 500_000), "pager")


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{number}/stat")
    return not status.exists() or ") Z" not in status.read_text()


def wait_for(condition) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(courier, "COMMAND_SECONDS", 0.3)
    script = "trap '' TERM; sleep 60 & echo $! > child; echo waiting >&2; wait; sleep 60"
    began = time.monotonic()
    why = refused(a_courier(tmp_path, a_command("sh", "-c", script)), "pager")
    assert why == "sh took over 0.3 s and was ended, with all it started: waiting"
    assert time.monotonic() - began < 3
    child = int((tmp_path / "child").read_text())
    assert wait_for(lambda: not alive(child))


@pytest.mark.parametrize("code", [0, 1])
def test_nobody_waits_for_what_a_command_leaves_behind(tmp_path, monkeypatch, code):
    monkeypatch.setattr(commands, "_GRACE", 0.1)
    script = f"sleep 60 & echo $! > child; echo failed >&2; exit {code}"
    to = a_courier(tmp_path, a_command("sh", "-c", script))
    began = time.monotonic()
    if code:
        assert refused(to, "pager") == "sh exits with 1: failed"
    else:
        to.deliver(a_firing(), "pager")
    assert time.monotonic() - began < 3
    child = int((tmp_path / "child").read_text())
    assert alive(child)
    os.kill(child, 9)


def test_an_interruption_ends_the_command_too(tmp_path, monkeypatch):
    begun = []

    def interrupted(process, seconds=None):
        if seconds == 30.0:
            begun.append(process)
            raise KeyboardInterrupt
        return wait(process, seconds)

    wait = commands.subprocess.Popen.wait
    monkeypatch.setattr(commands.subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        a_courier(tmp_path, a_command("sleep", "60")).deliver(a_firing(), "pager")
    assert [process.returncode for process in begun] == [-9]


def hook(url: str) -> Notify:
    return Notify("chat", Kind.WEBHOOK, url)


def test_a_webhook_gets_the_alert_as_json(tmp_path):
    with fake(lambda request: Answer(204)) as server:
        to = a_courier(tmp_path, hook(f"{server.url}/services/{TOKEN}?x=1"))
        to.deliver(a_firing("<!channel> & co"), "chat")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"/services/{TOKEN}?x=1")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == a_firing("<!channel> & co").to_dict() | {
        "text": "&lt;!channel&gt; &amp; co"
    }


def test_a_webhook_is_tried_again_with_the_same_key(tmp_path):
    answers = [Answer(500), Answer(0), Answer(429), Answer(200)]
    waits: list[float] = []
    with fake(lambda request: answers.pop(0)) as server:
        a_courier(tmp_path, hook(server.url), waits=waits).deliver(a_firing(), "chat")
    assert waits == [0.5, 1.0, 2.0]
    assert len(server.requests) == 4
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_the_key_is_that_of_alert_row_interval_and_destination(tmp_path):
    with fake(lambda request: Answer()) as server:
        other = replace(hook(server.url), name="other")
        to = a_courier(tmp_path, hook(server.url), other)
        to.deliver(a_firing(), "chat")
        to.deliver(replace(a_firing("4 new scanners"), value=4), "chat")
        to.deliver(a_firing(), "other")
        to.deliver(a_firing(row="22"), "chat")
        to.deliver(a_firing(end=END + DAY), "chat")
    first, second, *rest = [request.headers["idempotency-key"] for request in server.requests]
    assert first == second
    assert len({first, *rest}) == 4


@pytest.mark.parametrize(
    ("answer", "why", "tries"),
    [
        (Answer(503, TOKEN.encode()), "{url} answers 503 Service Unavailable, 4 times", 4),
        (Answer(404, TOKEN.encode()), "{url} answers 404 Not Found", 1),
        (Answer(499), "{url} answers 499", 1),
        (Answer(0), "{url} doesn't answer: RemoteDisconnected, 4 times", 4),
        (Answer(304), "{url} answers 304, a redirect; give the URL that it leads to", 1),
    ],
)
def test_a_webhook_that_fails_says_why_and_keeps_the_token(tmp_path, answer, why, tries):
    with fake(lambda request: answer) as server:
        to = a_courier(tmp_path, hook(f"{server.url}/{TOKEN}?token={TOKEN}"))
        assert refused(to, "chat") == why.format(url=server.url)
    assert len(server.requests) == tries


def test_a_webhook_that_cannot_be_reached_says_why(tmp_path):
    with fake(lambda request: Answer()) as server:
        url = server.url
    to = a_courier(tmp_path, hook(f"{url}/{TOKEN}"))
    assert refused(to, "chat") == f"{url} can't be reached: Connection refused, 4 times"


def test_a_webhook_that_hangs_is_left(tmp_path):
    over = threading.Event()

    def hang(request: object) -> Answer:
        over.wait(10)
        return Answer(0)

    with fake(hang) as server:
        began = time.monotonic()
        with pytest.raises(FlowlensError) as caught:
            webhook.post(
                a_firing(), f"{server.url}/{TOKEN}", "k", seconds=0.1, pause=lambda wait: None
            )
        assert time.monotonic() - began < 3
        over.set()
    assert str(caught.value) == f"{server.url} doesn't answer: it takes too long, 4 times"


def drip(connection: socket.socket, head: bytes, over: threading.Event) -> None:
    """Answer byte by byte, each well within a socket's timeout."""
    with connection:
        connection.recv(65_536)
        connection.sendall(head)
        while not over.wait(0.02):
            connection.sendall(b"x")


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\nX-Y: ", b"HTTP/1.1 200 OK\r\nX: y\r\n"]
)
def test_a_webhook_that_answers_byte_by_byte_is_left_when_the_attempt_is_over(head):
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=safely, args=(connection,), daemon=True).start()

        def safely(connection: socket.socket) -> None:
            with suppress(OSError):
                drip(connection, head, over)

        threading.Thread(target=serve, daemon=True).start()
        url, began = f"http://127.0.0.1:{server.getsockname()[1]}", time.monotonic()
        with pytest.raises(
            FlowlensError, match=f"{url} doesn't answer: it takes too long, 4 times"
        ):
            webhook.post(a_firing(), url, "k", seconds=0.3, pause=lambda wait: None)
        assert time.monotonic() - began < 3
        over.set()


def test_a_name_server_that_never_answers_does_not_hold_a_webhook_up(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])
    began = time.monotonic()
    with pytest.raises(
        FlowlensError, match=r"http://chat\.example doesn't answer: it takes too long"
    ):
        webhook.post(a_firing(), "http://chat.example/", "k", seconds=0.1, pause=lambda wait: None)
    assert time.monotonic() - began < 3
    over.set()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(tmp_path, status):
    with fake(lambda request: Answer()) as other:
        place = {"Location": f"{other.url}/{TOKEN}"}
        with fake(lambda request: Answer(status, b"", place)) as server:
            to = a_courier(tmp_path, hook(f"{server.url}/{TOKEN}"))
            assert refused(to, "chat") == (
                f"{server.url} answers {status}, a redirect to {other.url}; "
                "give the URL that it leads to"
            )
    assert other.requests == []


def test_the_url_may_be_in_the_environment(tmp_path, monkeypatch):
    with fake(lambda request: Answer()) as server:
        to = a_courier(tmp_path, hook("$CHAT_URL"))
        why = "the environment variable CHAT_URL, which holds the URL, is not set"
        assert refused(to, "chat") == why
        monkeypatch.setenv("CHAT_URL", f"{server.url}/{TOKEN}\n")
        to.deliver(a_firing(), "chat")
    assert server.requests[0].path == f"/{TOKEN}"


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://host/{TOKEN}",
        f"file:///etc/{TOKEN}",
        f"https:///{TOKEN}",
        f"https://host:99999/{TOKEN}",
        f"https://host/a b{TOKEN}",
        f"https://host/a\r\nX: {TOKEN}",
        f"https://höst/{TOKEN}",
        f"https://[::1/{TOKEN}",
        f"https://me:{TOKEN}@/",
        TOKEN,
    ],
)
def test_what_is_no_url_is_said_without_it(tmp_path, monkeypatch, url):
    monkeypatch.setenv("CHAT_URL", url)
    why = refused(a_courier(tmp_path, hook("$CHAT_URL")), "chat")
    assert why.startswith("the URL in $CHAT_URL ")
    assert TOKEN not in why


def test_name_and_password_of_a_url_go_into_a_header_and_nowhere_else(tmp_path, monkeypatch):
    with fake(lambda request: Answer(401)) as server:
        place = server.url.removeprefix("http://")
        monkeypatch.setenv("CHAT_URL", f"http://me:{TOKEN}%40@{place}/x")
        why = refused(a_courier(tmp_path, hook("$CHAT_URL")), "chat")
    assert why == f"{server.url} answers 401 Unauthorized"
    (request,) = server.requests
    assert request.path == "/x"
    assert request.headers["host"] == place
    assert b64decode(request.headers["authorization"].split()[1]).decode() == f"me:{TOKEN}@"


def test_a_host_that_cannot_be_is_one_line(tmp_path):
    why = refused(a_courier(tmp_path, hook(f"http://{'a' * 64}.invalid/{TOKEN}")), "chat")
    assert TOKEN not in why


def topic() -> str:
    return client("sns").create_topic(Name="alarms")["TopicArn"]


def sns(arn: str) -> Notify:
    return Notify("people", Kind.SNS, arn)


def listened(arn: str) -> str:
    """The URL of a queue that hears the topic."""
    queue = client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    place = f"arn:aws:sqs:{REGION}:123456789012:heard"
    client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=place)
    return queue


def heard(queue: str) -> list[dict[str, str]]:
    found = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(one["Body"]) for one in found.get("Messages", [])]


def test_a_topic_gets_subject_and_message(tmp_path, moto):  # noqa: F811
    arn = topic()
    queue = listened(arn)
    # The topic's own region counts.
    moto_access = Access(region="us-east-1")
    to = a_courier(tmp_path, sns(arn), access=lambda: moto_access)
    to.deliver(replace(a_firing("dé \\x1b"), alert="é" * 200), "people")
    (one,) = heard(queue)
    assert one["Message"] == "dé \\x1b"
    assert one["Subject"] == f"flowlens rejects: {'?' * 82}"


def test_a_topic_that_is_not_there_is_one_line(tmp_path, moto):  # noqa: F811
    why = refused(a_courier(tmp_path, sns(topic() + "x")), "people")
    assert why.startswith("there is no such topic (NotFound: ")


def test_a_topic_says_what_is_missing(tmp_path, credentials):  # noqa: F811
    arn = f"arn:aws:sns:{REGION}:123456789012:alarms"
    body = (
        b"<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>"
        b"<Message>is not authorized</Message></Error></ErrorResponse>"
    )
    with fake(lambda request: Answer(403, body, {"Content-Type": "text/xml"})) as server:
        credentials.setenv("AWS_ENDPOINT_URL", server.url)
        assert "sns:Publish" in refused(a_courier(tmp_path, sns(arn)), "people")
    assert "AWS can't be reached" in refused(a_courier(tmp_path, sns(arn)), "people")
    credentials.delenv("AWS_ACCESS_KEY_ID")
    credentials.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no AWS credentials" in refused(a_courier(tmp_path, sns(arn)), "people")


def clock() -> datetime:
    return END + HOUR


def test_what_was_delivered_is_ticked_off_and_what_was_not_is_tried_again(ledger, tmp_path):
    box = Outbox(ledger)
    path = tmp_path / "later" / "alerts.jsonl"
    to = a_courier(tmp_path, Notify("log", Kind.FILE, path), a_command("true"))
    for destination in ("log", "pager"):
        assert box.wanted(a_firing(), ALERT, destination, END)
    sent = send(box, to, clock)
    assert (sent.delivered, sent.waiting) == (1, 1)
    assert sent.failures == (
        f"alert ssh to log: {path}: No such file or directory; it is tried again at the next run",
    )
    path.parent.mkdir()
    assert send(box, to, clock).delivered == 1
    assert send(box, to, clock).delivered == 0
    assert len(path.read_text().splitlines()) == 1


def test_a_crash_after_the_delivery_delivers_again(ledger, tmp_path, monkeypatch):
    box = Outbox(ledger)
    path = tmp_path / "alerts.jsonl"
    to = a_courier(tmp_path, Notify("log", Kind.FILE, path))
    box.wanted(a_firing(), ALERT, "log", END)
    with monkeypatch.context() as patched:
        patched.setattr(box, "delivered", lambda number, at: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            send(box, to, clock)
    with sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None) as other:
        assert send(Outbox(other), to, clock).delivered == 1
    other.close()
    first, second = path.read_text().splitlines()
    assert first == second


def test_a_destination_in_trouble_costs_no_other_and_not_the_whole_run(ledger, tmp_path):
    box = Outbox(ledger)
    path = tmp_path / "alerts.jsonl"
    to = a_courier(tmp_path, a_command("false"), Notify("log", Kind.FILE, path))
    for number in range(10):
        for destination in ("pager", "log"):
            assert box.wanted(a_firing(row=str(number)), ALERT, destination, END)
    sent = send(box, to, clock)
    assert (sent.delivered, sent.waiting) == (10, 10)
    assert len(sent.failures) == 4
    assert sent.failures[-1] == (
        "7 more alerts to pager: not tried, as it failed 3 times; they are tried at the next run"
    )


def test_a_destination_that_fails_now_and_then_is_not_left_alone(ledger, tmp_path):
    box = Outbox(ledger)
    for number in range(8):
        assert box.wanted(a_firing(row=str(number)), ALERT, "pager", END)
    every_other = "echo >> told; exit $(($(wc -l < told) % 2))"
    sent = send(box, a_courier(tmp_path, a_command("sh", "-c", every_other)), clock)
    assert (sent.delivered, sent.waiting) == (4, 4)


def test_what_could_not_be_delivered_in_time_is_given_up_and_said(ledger, tmp_path):
    box = Outbox(ledger)
    assert box.wanted(a_firing(), ALERT, "gone", END)
    sent = send(box, a_courier(tmp_path), lambda: END + 8 * DAY)
    assert sent == courier.Sent(
        0,
        (
            "alert ssh to gone: could not be delivered while it was news; it is given up: "
            "3 new scanners",
        ),
        0,
    )
