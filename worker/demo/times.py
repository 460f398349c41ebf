"""When the story plays."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/London")
START = datetime(2026, 11, 20, 15, 0, tzinfo=ZONE).astimezone(UTC)
MONDAY = datetime(2026, 11, 23, 9, 5, tzinfo=ZONE).astimezone(UTC)


def clock(hours: int, minutes: int) -> datetime:
    """A time of that Friday."""
    return START.astimezone(ZONE).replace(hour=hours, minute=minutes).astimezone(UTC)
