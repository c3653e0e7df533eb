"""How AWS is reached: profile, role, region, endpoint; sessions and clients of boto3.

boto3 is imported when the first client is made, and never before.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flowlens.core.errors import UsageError, nearest

CONNECTIONS = 32
"""Connections that a client keeps: as many as calls are ever under way at once."""

ATTEMPTS = 5

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+")
_SESSION_NAME = "flowlens"


@dataclass(frozen=True, slots=True)
class Access:
    """How AWS is reached; what is None comes from where boto3 looks for it.

    `endpoint_url` is that of S3 and CloudWatch Logs; boto3's own settings (`AWS_ENDPOINT_URL`)
    hold for the others. `requester_pays` accepts the costs of buckets that ask for that.

    Raises:
        UsageError: a value that can't be meant.
    """

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    endpoint_url: str | None = None
    region: str | None = None
    requester_pays: bool = False

    def __post_init__(self) -> None:
        if self.external_id and not self.role_arn:
            raise UsageError("--external-id belongs to a role; give --role-arn as well")
        if self.role_arn and not _ROLE.fullmatch(self.role_arn):
            raise UsageError(
                f"--role-arn {self.role_arn}: no role's ARN; "
                "write arn:aws:iam::123456789012:role/NAME"
            )
        if self.region and not _REGION.fullmatch(self.region):
            raise UsageError(f"--region {self.region}: no region's name; write one as eu-west-1")
        if self.endpoint_url and not _is_url(self.endpoint_url):
            raise UsageError(
                f"--endpoint-url {self.endpoint_url}: no URL; write https://HOST or http://HOST"
            )

    @property
    def payer(self) -> dict[str, str]:
        """What every request to S3 says of who pays."""
        return {"RequestPayer": "requester"} if self.requester_pays else {}


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Clients:
    """The clients of one run, made when first asked for; all of them share one session."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}

    def client(
        self, service: str, *, attempts: int = 0, connect_seconds: int = 5, read_seconds: int = 30
    ) -> Any:
        """A client of boto3, which any number of threads may use.

        Requests are tried `attempts` times; with 0 as often as AWS_MAX_ATTEMPTS says, or 5 times.

        Raises:
            UsageError: boto3 isn't installed, there is no such profile, or no region is known.
        """
        with self._lock:
            if service not in self._clients:
                if self._session is None:
                    self._session = _session(self.access)
                retries: dict[str, Any] = {"mode": "standard"}
                if attempts or "AWS_MAX_ATTEMPTS" not in os.environ:
                    retries["total_max_attempts"] = attempts or ATTEMPTS
                self._clients[service] = self._made(
                    service,
                    retries=retries,
                    connect_timeout=connect_seconds,
                    read_timeout=read_seconds,
                    max_pool_connections=CONNECTIONS,
                )
            return self._clients[service]

    def _made(self, service: str, **config: Any) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, NoRegionError

        # A bucket's region need not be that of the folders in it: S3 leads to the right one.
        own, given = self._session.region_name, self.access.region
        region = own or given if service == "s3" else given or own
        ours = service in ("s3", "logs")
        try:
            return self._session.client(
                service,
                region_name=region,
                endpoint_url=self.access.endpoint_url if ours else None,
                config=Config(**config),
            )
        except NoRegionError as error:
            raise UsageError(
                "no AWS region is known; give --region, or set AWS_REGION or the profile's region"
            ) from error
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"AWS can't be asked: {' '.join(str(error).split())}") from error


def _session(access: Access) -> Any:
    """A session of boto3 with the credentials of the profile, or of the role it assumes."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ProfileNotFound
        from botocore.session import Session as BotocoreSession
    except ImportError as error:
        raise UsageError(
            "reading from AWS needs boto3, which isn't installed; pip install boto3"
        ) from error
    try:
        session = boto3.Session(profile_name=access.profile)
        return _assumed(session, access) if access.role_arn else session
    except ProfileNotFound as error:
        name = access.profile or error.kwargs["profile"]
        option = "--profile" if access.profile else "AWS_PROFILE"
        known = BotocoreSession(profile=None).full_config.get("profiles", {})
        others = nearest(name, known) if known else "none is configured"
        raise UsageError(f"{option} {name}: there is no such profile; {others}") from error
    except BotoCoreError as error:
        raise UsageError(f"AWS can't be asked: {' '.join(str(error).split())}") from error


def _assumed(session: Any, access: Access) -> Any:
    """A session in the role; its credentials are fetched when needed and again as they expire."""
    import boto3
    from botocore import credentials
    from botocore.session import Session

    extra: dict[str, str] = {"RoleSessionName": _SESSION_NAME}
    if access.external_id:
        extra["ExternalId"] = access.external_id
    region = session.region_name or access.region or "us-east-1"

    def create(service: str, **options: Any) -> Any:
        return session.client(service, **{"region_name": region, **options})

    class Role(credentials.CredentialProvider):  # type: ignore[misc]  # botocore has no types
        METHOD = "assume-role"

        def load(self) -> Any:
            source = session.get_credentials()
            if source is None:
                return None
            fetcher = credentials.AssumeRoleCredentialFetcher(
                create, source, access.role_arn, extra_args=extra
            )
            return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "role")

    core = Session()
    core.register_component("credential_provider", credentials.CredentialResolver([Role()]))
    return boto3.Session(botocore_session=core, region_name=session.region_name)


def said(error: Exception) -> Mapping[str, Any]:
    """The error part of AWS's answer, if an answer came."""
    response = getattr(error, "response", None)
    part = response.get("Error", {}) if isinstance(response, dict) else {}
    return part if isinstance(part, dict) else {}
