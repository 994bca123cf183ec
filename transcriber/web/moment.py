"""Times as answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment"]


def moment(seconds: float) -> datetime:
    """Make a time that people read of one that machines count."""
    return datetime.fromtimestamp(seconds, UTC)
