"""How alerts reach people: a file, a command, a webhook, or a topic of SNS."""

from __future__ import annotations

from flowlens.batch.notify.courier import Courier, Sent, send

__all__ = ["Courier", "Sent", "send"]
