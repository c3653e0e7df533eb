"""The options that mean the same in every command that reads flow logs.

One table: each command that is decorated with `reads_flows` has them all, and gets them as one
`Options` value.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer


@dataclass(frozen=True, slots=True)
class Options:
    """What the user set of the common options."""

    since: Annotated[
        str | None,
        typer.Option(help="Records that start at or after this: ISO time (UTC) or a span, 24h."),
    ] = None
    until: Annotated[
        str | None, typer.Option(help="Records that start before this: ISO time (UTC) or 24h.")
    ] = None
    ip: Annotated[
        str | None, typer.Option(help="Address or CIDR on either side.", metavar="ADDRESS|CIDR")
    ] = None
    eni: Annotated[str | None, typer.Option(help="Records of this ENI.")] = None
    port: Annotated[int | None, typer.Option(help="Port on either side.")] = None
    action: Annotated[
        str | None, typer.Option(help="ACCEPT or REJECT.", metavar="ACCEPT|REJECT")
    ] = None
    account: Annotated[str | None, typer.Option(help="Records of this AWS account.")] = None
    where: Annotated[
        str | None,
        typer.Option(help='Any SQL condition on a record, such as "bytes > 1000".', metavar="SQL"),
    ] = None
    layout: Annotated[
        str | None,
        typer.Option(
            help="Fields of files without a header, as AWS writes them: '${version} …'.",
            metavar="FIELDS",
        ),
    ] = None
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit 4 if any line was malformed or any input unreadable."),
    ] = False
    quarantine: Annotated[
        Path | None,
        typer.Option(help="Write malformed lines there, as JSON lines.", metavar="FILE"),
    ] = None
    fail_empty: Annotated[
        bool, typer.Option("--fail-empty", help="Exit 1 if no record passes window and filters.")
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")
    ] = False
    region: Annotated[
        str | None, typer.Option(help="AWS: of the folders on S3, or of the CloudWatch log group.")
    ] = None
    profile: Annotated[
        str | None, typer.Option(help="AWS: a profile of your configuration.", metavar="NAME")
    ] = None
    role_arn: Annotated[str | None, typer.Option(help="AWS: a role to read in.", metavar="ARN")] = (
        None
    )
    external_id: Annotated[
        str | None, typer.Option(help="AWS: what the role's trust asks for.", metavar="ID")
    ] = None
    endpoint_url: Annotated[
        str | None, typer.Option(help="AWS: where S3 or CloudWatch Logs answers.", metavar="URL")
    ] = None
    requester_pays: Annotated[
        bool, typer.Option("--requester-pays", help="AWS: pay for reading a bucket that asks it.")
    ] = False


def reads_flows(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; it takes them as its keyword `options`."""
    hints = get_type_hints(Options, include_extras=True)
    own = get_type_hints(command, include_extras=True)
    parameters = [
        parameter.replace(annotation=own[parameter.name])
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != "options"
    ]
    parameters += [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=item.default,
            annotation=hints[item.name],
        )
        for item in fields(Options)
    ]

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        common = {item.name: kwargs.pop(item.name) for item in fields(Options)}
        command(*args, **kwargs, options=Options(**common))

    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {item.name: item.annotation for item in parameters}
    return wrapper
