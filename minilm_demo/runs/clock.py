"""Times for people, in the time zone of whoever reads them: this machine's, or on the page the browser's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

_zones: list[Callable[[], tzinfo | None]] = []  # of the page


def read_zone_from(zone: Callable[[], tzinfo | None]) -> None:
    """Let `zone()` say the reader's time zone from now on; None stands for this machine's."""
    _zones[:] = [zone]


def local_time(created: str) -> str:
    """A moment (ISO 8601) as "14:05:09" of today or "30 Nov 14:05:09"; in UTC with the word, because a reader whose
    zone is unknown cannot guess it. The seconds tell two runs of one minute apart."""
    zone = _zones[0]() if _zones else None
    moment = datetime.fromisoformat(created).astimezone(zone)
    today = datetime.now(moment.tzinfo).date()
    day = "" if moment.date() == today else f"{moment.day} {moment:%b} "
    year = "" if moment.year == today.year else f"{moment.year} "
    return f"{day}{year}{moment:%H:%M:%S}{' UTC' if zone is UTC else ''}"
