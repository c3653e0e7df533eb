"""A topic of SNS."""

from __future__ import annotations

from dataclasses import replace

from flowlens.batch.notify.alerts import Firing
from flowlens.core.errors import FlowlensError
from flowlens.inputs.aws.access import Access, Clients
from flowlens.inputs.aws.errors import explained

_SUBJECT = 100
"""Characters of a subject: ASCII on one line, says SNS's Publish."""

_SECONDS = 10
"""For an answer; longer than SNS ever needs for one message."""


class Topics:
    """The topics of one run, in any region; a topic's ARN says in which."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._clients: dict[str, Clients] = {}

    def publish(self, firing: Firing, arn: str) -> None:
        """Publish a firing's message under a subject that says which job and alert it is of.

        Raises:
            FlowlensError: SNS doesn't take it, or can't be asked.
        """
        region = arn.split(":")[3]
        access = replace(self._access, region=region)
        clients = self._clients.setdefault(region, Clients(access))
        subject = f"flowlens {firing.job}: {firing.alert}".encode("ascii", "replace").decode()
        with explained(access, FlowlensError):
            clients.client("sns", read_seconds=_SECONDS).publish(
                TopicArn=arn, Subject=subject[:_SUBJECT], Message=firing.message
            )
