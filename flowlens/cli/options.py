"""The options that mean the same in every command that has them.

A table each: a command that is decorated with `reads_flows` has all of `Options`, and likewise
`asks_names` and `asks_scanners`; it gets them as one value.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from flowlens.naming.lookup import Naming


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
        list[str] | None,
        typer.Option(
            help="Records with this address or CIDR on either side; repeat it or use commas.",
            metavar="ADDRESS|CIDR",
        ),
    ] = None
    eni: Annotated[
        list[str] | None,
        typer.Option(help="Records of this ENI; repeat it or use commas.", metavar="ENI"),
    ] = None
    port: Annotated[
        list[str] | None,
        typer.Option(
            help="Records with this port on either side: 22, 53/udp; repeat it or use commas.",
            metavar="PORT",
        ),
    ] = None
    action: Annotated[
        str | None, typer.Option(help="ACCEPT or REJECT.", metavar="ACCEPT|REJECT")
    ] = None
    account: Annotated[
        list[str] | None,
        typer.Option(
            help="Records of this AWS account; repeat it or use commas.", metavar="ACCOUNT"
        ),
    ] = None
    where: Annotated[
        str | None,
        typer.Option(
            help='Records that meet this SQL condition, such as "bytes > 1000".', metavar="SQL"
        ),
    ] = None
    layout: Annotated[
        str | None,
        typer.Option(
            help="Fields of files without a header, in AWS's notation: '${version} …'.",
            metavar="FIELDS",
        ),
    ] = None
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="If an input doesn't exist, read the others.")
    ] = False
    dedupe: Annotated[
        bool, typer.Option("--dedupe", help="Count a record once if several flow logs have it.")
    ] = False
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Exit with 4 if a line was malformed or an input unreadable."
        ),
    ] = False
    quarantine: Annotated[
        Path | None,
        typer.Option(help="Write malformed lines to this file, as JSON lines.", metavar="FILE"),
    ] = None
    fail_empty: Annotated[
        bool, typer.Option("--fail-empty", help="Exit with 1 if no record matches.")
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Write only errors to standard error.")
    ] = False
    timeout: Annotated[
        str | None,
        typer.Option(
            help="Exit with 1 if there is no answer in this time: seconds, or 30s, 5m.",
            metavar="TIME",
        ),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(help="AWS: region of the S3 folders or of the CloudWatch log group."),
    ] = None
    profile: Annotated[
        str | None, typer.Option(help="AWS: a profile in your configuration.", metavar="NAME")
    ] = None
    role_arn: Annotated[str | None, typer.Option(help="AWS: a role to assume.", metavar="ARN")] = (
        None
    )
    external_id: Annotated[
        str | None, typer.Option(help="AWS: the external ID of the role.", metavar="ID")
    ] = None
    endpoint_url: Annotated[
        str | None, typer.Option(help="AWS: the endpoint of S3 or CloudWatch Logs.", metavar="URL")
    ] = None
    requester_pays: Annotated[
        bool, typer.Option("--requester-pays", help="AWS: pay for reading a requester-pays bucket.")
    ] = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user set of the options for scanners."""

    tier: Annotated[
        str | None,
        typer.Option(
            help="scanner, likely, probe, benign, backscatter or return, separated by commas, or "
            "all; by default scanner and likely.",
            metavar="TIER",
        ),
    ] = None
    explain: Annotated[
        str | None,
        typer.Option(
            help="Show the evidence about one source step by step instead.", metavar="ADDRESS|CIDR"
        ),
    ] = None
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            help="An allow-list with one `CIDR reason` a line; may be repeated.", metavar="FILE"
        ),
    ] = None
    own: Annotated[
        list[str] | None,
        typer.Option(help="One of your own networks; may be repeated.", metavar="CIDR"),
    ] = None
    set: Annotated[
        list[str] | None,
        typer.Option(
            help="Change a number of the evidence; may be repeated.", metavar="NAME=VALUE"
        ),
    ] = None
    state: Annotated[
        list[Path] | None,
        typer.Option(help="Combine with this earlier state; may be repeated.", metavar="DIR"),
    ] = None
    save_state: Annotated[
        Path | None,
        typer.Option(
            help="Save the state in this directory, to combine it with later ones.", metavar="DIR"
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class NameOptions:
    """What the user set of the options for reverse DNS."""

    resolver: Annotated[
        list[str] | None,
        typer.Option(
            help="Use this resolver instead of the system's; may be repeated.",
            metavar="HOST[:PORT]",
        ),
    ] = None
    rdns_rate: Annotated[
        float, typer.Option(help="Queries a second; at most 900 to a VPC's own resolver.")
    ] = 200.0
    rdns_budget: Annotated[
        float | None,
        typer.Option(
            help="Make lookups for at most this time; the rest is not_asked.", metavar="SECONDS"
        ),
    ] = None
    rdns_limit: Annotated[
        int | None, typer.Option(help="Look up at most this many addresses.", min=0)
    ] = None
    rdns_cache: Annotated[
        Path | None, typer.Option(help="The file that keeps names between runs.", metavar="FILE")
    ] = None
    rdns_private: Annotated[
        list[str] | None,
        typer.Option(
            help="Look up private addresses at this resolver; may be repeated.",
            metavar="HOST[:PORT]",
        ),
    ] = None

    names: Annotated[
        list[Path] | None,
        typer.Option(
            help="Your own list of networks and names, CSV; may be repeated.", metavar="FILE"
        ),
    ] = None
    geo: Annotated[
        bool,
        typer.Option("--geo", help="Show the registries' country of each address (extra geo)."),
    ] = False
    mmdb: Annotated[
        list[Path] | None,
        typer.Option(
            help="Show country and network from this MMDB file; may be repeated.", metavar="FILE"
        ),
    ] = None

    def naming_for(self, mode: str) -> Naming | None:
        """For a command that names what it shows: within a minute unless told; None for off."""
        from flowlens.naming.lookup import BUDGET

        naming = self.naming(mode, budget=BUDGET)
        return None if mode == "off" and not (self.names or naming.geo) else naming

    def naming(self, mode: str, *, budget: float | None = None) -> Naming:
        """As the library takes them; `mode` is off, cache or on, `budget` holds unless one is set.

        Raises:
            UsageError: a number is out of its range, there is no such mode, or a file is wrong.
        """
        from flowlens.naming.lookup import naming
        from flowlens.naming.who import Geo

        return naming(
            mode,
            resolvers=self.resolver or (),
            private=self.rdns_private or (),
            rate=self.rdns_rate,
            budget=budget if self.rdns_budget is None else self.rdns_budget,
            limit=self.rdns_limit,
            cache=self.rdns_cache,
            lists=self.names or (),
            geo=Geo.open(*(self.mmdb or ())) if self.geo or self.mmdb else None,
        )


def reads_flows(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options; it takes them as its keyword `options`."""
    return _with(command, "options", Options)


def asks_names(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for reverse DNS; it takes them as its keyword `names`."""
    return _with(command, "names", NameOptions)


def asks_scanners(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for scanners; it takes them as its keyword `asked`."""
    return _with(command, "asked", Asked)


def _with(
    command: Callable[..., None], keyword: str, table: type[Options | NameOptions | Asked]
) -> Callable[..., None]:
    """The command with an option for each field of `table`, in place of `keyword`."""
    hints = get_type_hints(table, include_extras=True)
    own = get_type_hints(command, include_extras=True)
    parameters = [
        parameter.replace(annotation=own.get(parameter.name, parameter.annotation))
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != keyword
    ]
    parameters += [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=item.default,
            annotation=hints[item.name],
        )
        for item in fields(table)
    ]

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        given = {item.name: kwargs.pop(item.name) for item in fields(table)}
        command(*args, **kwargs, **{keyword: table(**given)})

    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {item.name: item.annotation for item in parameters}
    return wrapper
