"""Times are told in the reader's zone."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest

from minilm_demo import runs
from minilm_demo.runs import clock


@pytest.fixture
def read_in(monkeypatch):
    """read_in(zone): the reader is in this zone."""
    monkeypatch.setattr(clock, "_zones", [])
    return lambda zone: runs.read_zone_from(lambda: zone)


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Berlin", "15 Jul 2024 14:05:09"),  # summer time
        ("America/New_York", "15 Jul 2024 08:05:09"),
        ("Asia/Kathmandu", "15 Jul 2024 17:50:09"),
        ("Pacific/Auckland", "16 Jul 2024 00:05:09"),
    ],
)
def test_the_zone_of_the_reader_counts_with_its_summer_time(read_in, zone, told):
    read_in(zoneinfo.ZoneInfo(zone))
    assert runs.local_time("2024-07-15T12:05:09.123+00:00") == told


def test_an_unknown_zone_is_said(read_in):
    read_in(UTC)
    assert runs.local_time("2024-07-15T12:05:09+00:00") == "15 Jul 2024 12:05:09 UTC"


def test_the_shell_tells_the_time_of_its_machine(read_in):
    now = datetime.now(UTC)
    assert runs.local_time(now.isoformat()) == f"{now.astimezone():%H:%M:%S}"
    year_ago = now - timedelta(days=400)
    assert str(year_ago.astimezone().year) in runs.local_time(year_ago.isoformat())
