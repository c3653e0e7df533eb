"""Inputs on AWS: objects on S3, and CloudWatch log groups read live.

Everything of boto3 is behind this package, and imported when such an input is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowlens.inputs.aws import cloudwatch, s3
from flowlens.inputs.aws.access import Access, Clients
from flowlens.inputs.aws.paths import choice
from flowlens.inputs.find import Remote
from flowlens.records.filter import Filter

__all__ = ["Access", "remotes"]


def remotes(
    access: Access,
    chosen: Filter,
    *,
    layout_given: bool = False,
    listed: Callable[[int], None] = lambda number: None,
) -> Mapping[str, Remote]:
    """The listers of AWS's inputs by their prefixes; `listed` hears how many objects there are.

    Window, account and region narrow what is listed: the filter decides on records all the same.
    """
    clients = Clients(access)
    folders = choice(chosen.since, chosen.until, accounts=chosen.account, region=access.region)
    return {
        s3.SCHEME: s3.lister(clients, folders, listed),
        cloudwatch.SCHEME: cloudwatch.lister(clients, chosen, given=layout_given),
    }
