"""A webhook: an alert posted as JSON to a URL, which may itself be a secret.

Nothing that is raised here says more of the URL than its scheme and host, for the token of many a
chat is in the path; nor what the other side answers, which may repeat it.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote_to_bytes, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flowlens.batch.notify.alerts import Firing
from flowlens.core.errors import FlowlensError
from flowlens.core.version import version

WAITS = (0.5, 1.0, 2.0)
"""Seconds before each further attempt, after what may pass."""

SECONDS = 10.0
"""Seconds for an attempt as a whole: to find the host, to reach it, to send, to be answered."""

_PASSING = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS))

# What Slack asks for (api.slack.com, "Escaping text"): else `<!channel>` in a host's name calls
# everybody. Chats that read HTML's entities show them as the signs they are.
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class _NoRedirects(HTTPRedirectHandler):
    """Goes nowhere: what is posted is meant for one place, and its URL for nobody else."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> None:
        return None


class _PassingError(FlowlensError):
    """What may be gone a moment later."""


def post(
    firing: Firing,
    target: str,
    key: str,
    *,
    seconds: float = SECONDS,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Post a firing to the target, a URL or `$NAME` of the environment variable that holds it.

    `text` is the message, as chats want it. `key` goes along as the Idempotency-Key: the other side
    may know a repetition by it. An answer of 2xx means delivered; after a connection that fails,
    408, 429 or 5xx it is tried again.

    Raises:
        FlowlensError: it is not delivered; without the URL's path.
    """
    url = _url(target)
    body = firing.to_dict() | {"text": firing.message.translate(_SLACK)}
    user, _, host = url.netloc.rpartition("@")
    request = Request(  # noqa: S310  # the scheme has been looked at
        url._replace(netloc=host).geturl(),
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            "User-Agent": f"flowlens/{version()}",
            "Idempotency-Key": key,
            **_authorization(user),
        },
        method="POST",
    )
    for wait in WAITS:
        try:
            return _posted(request, url, seconds)
        except _PassingError:
            pause(wait)
    try:
        return _posted(request, url, seconds)
    except _PassingError as error:
        raise FlowlensError(f"{error}, {len(WAITS) + 1} times") from error


def _posted(request: Request, url: SplitResult, seconds: float) -> None:
    """Post it in a thread that is left behind when the time is over.

    Neither the system's look-up of names nor a side that answers byte by byte can be ended
    otherwise: a socket's timeout is for each of its operations anew.
    """
    raised: list[BaseException] = []
    done = threading.Event()

    def attempt() -> None:
        try:
            _attempted(request, url, seconds)
        except BaseException as error:
            raised.append(error)
        finally:
            done.set()

    threading.Thread(target=attempt, daemon=True).start()
    if not done.wait(seconds):
        raise _PassingError(f"{shown(url)} doesn't answer: it takes too long")
    if raised:
        raise raised[0]


def _attempted(request: Request, url: SplitResult, seconds: float) -> None:
    try:
        with build_opener(_NoRedirects).open(request, timeout=seconds):
            return
    except HTTPError as error:
        with error:
            raise _refusal(error, url) from None
    except URLError as error:
        raise _PassingError(f"{shown(url)} can't be reached: {_why(error.reason)}") from None
    except (OSError, HTTPException, UnicodeError) as error:
        raise _PassingError(f"{shown(url)} doesn't answer: {_why(error)}") from None


def _refusal(error: HTTPError, url: SplitResult) -> FlowlensError:
    status = f"{shown(url)} answers {error.code}"
    if 300 <= error.code < 400:
        place = _redirected(url, error.headers)
        return FlowlensError(f"{status}, a redirect{place}; give the URL that it leads to")
    if error.code in list(HTTPStatus):
        status += f" {HTTPStatus(error.code).phrase}"
    passing = error.code >= 500 or error.code in _PASSING
    return _PassingError(status) if passing else FlowlensError(status)


def _redirected(url: SplitResult, headers: Message) -> str:
    location = headers.get("Location")
    try:
        return f" to {shown(urlsplit(urljoin(url.geturl(), location)))}" if location else ""
    except ValueError:
        return ""


def _why(reason: object) -> str:
    """What went wrong, in the system's words or by its name; never in the other side's."""
    if isinstance(reason, TimeoutError):
        return "it takes too long"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__


def _authorization(user: str) -> dict[str, str]:
    """The header for a `NAME:PASSWORD` of a URL (RFC 7617)."""
    basic = base64.b64encode(unquote_to_bytes(user)).decode()
    return {"Authorization": f"Basic {basic}"} if user else {}


def _url(target: str) -> SplitResult:
    """The URL of a target.

    Raises:
        FlowlensError: there is none, or it is none that can be used.
    """
    place = "its URL"
    if target.startswith("$"):
        name = target.removeprefix("$")
        place = f"the URL in ${name}"
        target = os.environ.get(name, "").strip()
        if not target:
            raise FlowlensError(f"the environment variable {name}, which holds the URL, is not set")
    try:
        url = urlsplit(target)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or not target.isascii() or not target.isprintable() or " " in target:
        raise FlowlensError(f"{place} is none; write https://HOST/PATH")
    return url._replace(fragment="")


def shown(url: SplitResult) -> str:
    """As much of a URL as anybody may see."""
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{host}:{url.port}" if url.port else f"{url.scheme}://{host}"
