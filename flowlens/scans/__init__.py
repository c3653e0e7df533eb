"""Who is scanning: evidence weighed touch by touch, and what it comes to for each source."""

from flowlens.scans.detection import Detection, detect

__all__ = ["Detection", "detect"]
