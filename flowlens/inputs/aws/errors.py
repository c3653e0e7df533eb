"""What went wrong with AWS, in one line that says what to do; a table, and who looks it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from flowlens.inputs.aws.access import Access, said

LONGEST = 300
"""Characters kept of what AWS itself says."""


NOT_AWS = "what answers is not AWS; check --endpoint-url, and the proxy"
"""Said where an answer lacks what it must have."""


class Kind(Enum):
    """What is wrong, as far as it matters for what to do next."""

    NO_CREDENTIALS = auto()
    SIGN_IN = auto()
    EXPIRED = auto()
    REFUSED = auto()
    CLOCK = auto()
    DENIED = auto()
    NO_BUCKET = auto()
    NO_GROUP = auto()
    NO_TOPIC = auto()
    VANISHED = auto()
    CHANGED = auto()
    ARCHIVED = auto()
    THROTTLED = auto()
    REGION = auto()
    UNREACHABLE = auto()
    BROKEN = auto()
    SERVICE = auto()
    SENSELESS = auto()
    OTHER = auto()


HOPELESS = frozenset(
    (Kind.NO_CREDENTIALS, Kind.SIGN_IN, Kind.EXPIRED, Kind.REFUSED, Kind.CLOCK, Kind.NO_BUCKET)
)
"""What will be the same for the next object, too."""

PASSING = frozenset((Kind.THROTTLED, Kind.UNREACHABLE, Kind.BROKEN, Kind.SERVICE))
"""What may be gone a moment later."""

_TEXTS: Mapping[Kind, str] = {
    Kind.NO_CREDENTIALS: "no AWS credentials ({why}); give --profile, set AWS_PROFILE or "
    "AWS_ACCESS_KEY_ID, or run where a role is attached",
    Kind.SIGN_IN: "the sign-in to AWS is missing or has expired ({why}); run `aws sso login` or "
    "`aws login` for the profile",
    Kind.EXPIRED: "the AWS credentials have expired ({why}); sign in again, or fetch new ones",
    Kind.REFUSED: "AWS doesn't accept these credentials ({why}); check --profile and "
    "AWS_ACCESS_KEY_ID",
    Kind.CLOCK: "AWS refuses this machine's time ({why}); set its clock right",
    Kind.DENIED: "AWS denies access ({why}); it takes {right}: use credentials that have it, by "
    "--profile or --role-arn{payer}",
    Kind.NO_BUCKET: "there is no such bucket ({why}); check its name, and --endpoint-url if given",
    Kind.NO_GROUP: "there is no such log group or stream ({why}); check its name, and --region",
    Kind.NO_TOPIC: "there is no such topic ({why}); check its ARN, and whose it is",
    Kind.VANISHED: "the object is gone ({why}): deleted since it was listed; run again",
    Kind.CHANGED: "the object was changed while it was read ({why}); run again",
    Kind.ARCHIVED: "the object is archived ({why}); restore it first: aws s3api restore-object",
    Kind.THROTTLED: "AWS throttles the requests ({why}), after retries too; run again later, or "
    "ask for less by --since and --until",
    Kind.REGION: "AWS answers from another region ({why}); set AWS_REGION to the bucket's own",
    Kind.UNREACHABLE: "AWS can't be reached ({why}); check the network, the proxy, --region and "
    "--endpoint-url",
    Kind.BROKEN: "the download breaks off ({why}), after retries too; run again",
    Kind.SERVICE: "AWS fails ({why}), after retries too; run again later",
    Kind.SENSELESS: "what answers is not AWS ({why}); check --endpoint-url, and the proxy",
    Kind.OTHER: "AWS refuses the request ({why})",
}

_CODES: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
        Kind.EXPIRED,
    ),
    **dict.fromkeys(
        (
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
            "InvalidToken",
            "AuthFailure",
            "MissingAuthenticationToken",
        ),
        Kind.REFUSED,
    ),
    "RequestTimeTooSkewed": Kind.CLOCK,
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "AllAccessDisabled",
            "AccountProblem",
            "NotSignedUp",
            "OptInRequired",
            "403",
        ),
        Kind.DENIED,
    ),
    "NoSuchBucket": Kind.NO_BUCKET,
    "ResourceNotFoundException": Kind.NO_GROUP,
    "NotFound": Kind.NO_TOPIC,
    **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "404"), Kind.VANISHED),
    **dict.fromkeys(("PreconditionFailed", "412", "InvalidRange", "416"), Kind.CHANGED),
    "InvalidObjectState": Kind.ARCHIVED,
    **dict.fromkeys(
        (
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "LimitExceededException",
            "BandwidthLimitExceeded",
            "503",
            "429",
        ),
        Kind.THROTTLED,
    ),
    **dict.fromkeys(
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        Kind.REGION,
    ),
    **dict.fromkeys(
        ("InternalError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException"),
        Kind.SERVICE,
    ),
    **dict.fromkeys(("500", "502", "504", "RequestTimeout"), Kind.SERVICE),
}

_CLASSES: Mapping[str, Kind] = {
    "NoCredentialsError": Kind.NO_CREDENTIALS,
    "PartialCredentialsError": Kind.NO_CREDENTIALS,
    "CredentialRetrievalError": Kind.NO_CREDENTIALS,
    "MetadataRetrievalError": Kind.NO_CREDENTIALS,
    "NoAuthTokenError": Kind.SIGN_IN,
    "TokenRetrievalError": Kind.SIGN_IN,
    "SSOError": Kind.SIGN_IN,
    "LoginError": Kind.SIGN_IN,
    "ResponseStreamingError": Kind.BROKEN,
    "IncompleteReadError": Kind.BROKEN,
    "HTTPClientError": Kind.UNREACHABLE,
    "ConnectionError": Kind.UNREACHABLE,
    "HTTPError": Kind.BROKEN,
    "HTTPException": Kind.BROKEN,
    "FlexibleChecksumError": Kind.BROKEN,
    "ChecksumError": Kind.BROKEN,
    "ResponseParserError": Kind.SENSELESS,
}
"""By the class of an error of botocore, or one that it stands on."""

_RIGHTS: Mapping[str, str] = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject (and kms:Decrypt where the object is encrypted by KMS)",
    "FilterLogEvents": "logs:FilterLogEvents",
    "DescribeLogGroups": "logs:DescribeLogGroups",
    "DescribeLogStreams": "logs:DescribeLogStreams",
    "DescribeFlowLogs": "ec2:DescribeFlowLogs",
    "Publish": "sns:Publish",
    "AssumeRole": "sts:AssumeRole, and the role's trust (--external-id if it asks for one)",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong; `text` is one line without the place."""

    kind: Kind
    text: str


def fault(error: Exception, access: Access) -> Fault:
    """What an error of botocore means."""
    code = str(said(error).get("Code", ""))
    kind = _kind(error, code)
    operation = str(getattr(error, "operation_name", ""))
    payer = ""
    if operation in ("ListObjectsV2", "GetObject") and not access.requester_pays:
        payer = "; if the bucket lets the requester pay, by --requester-pays"
    message = " ".join(str(said(error).get("Message") or error).split())
    why = message if not code or code == message else f"{code}: {message}"
    if len(why) > LONGEST:
        why = f"{why[:LONGEST]}…"
    right = _RIGHTS.get(operation, operation or "another right")
    return Fault(kind, _TEXTS[kind].format(why=why, right=right, payer=payer))


def _kind(error: Exception, code: str) -> Kind:
    if code in _CODES:
        return _CODES[code]
    names = (base.__name__ for base in type(error).__mro__)
    found = next((_CLASSES[name] for name in names if name in _CLASSES), None)
    if found is not None:
        return found
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
    return _CODES.get(str(status), Kind.OTHER)


def foreign() -> tuple[type[Exception], ...]:
    """What botocore raises, and what lies under it and gets through."""
    from http.client import HTTPException

    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, ClientError, ResponseParserError, HTTPError, HTTPException


@contextmanager
def explained(access: Access, wrong: Callable[[str], Exception]) -> Iterator[None]:
    """Turn an error of AWS into one made by `wrong` from its line."""
    try:
        yield
    except foreign() as error:
        raise wrong(fault(error, access).text) from error


def code_of(error: Exception) -> str:
    """AWS's code of an error, or the name of its class."""
    code: Any = said(error).get("Code")
    return str(code or type(error).__name__)
