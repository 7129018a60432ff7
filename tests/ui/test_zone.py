"""The page tells times in the zone that the browser's cookie names."""

import zoneinfo
from datetime import UTC
from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from minilm_demo.ui.zone import COOKIE, visitors_zone


@pytest.mark.parametrize(
    ("cookies", "zone"),
    [
        ({COOKIE: "Europe/Berlin"}, zoneinfo.ZoneInfo("Europe/Berlin")),
        ({}, UTC),
        ({COOKIE: "Mars/Olympus"}, UTC),
        ({COOKIE: "../../etc/passwd"}, UTC),
        ({COOKIE: "/etc/passwd"}, UTC),
        ({COOKIE: "Europe"}, UTC),
        ({COOKIE: ""}, UTC),
        ({COOKIE: "x" * 4000}, UTC),
        ({COOKIE: "a\x00b"}, UTC),
    ],
)
def test_the_cookie_names_the_zone(cookies, zone):
    token = LocalContext.request.set(SimpleNamespace(cookies=cookies))
    try:
        assert visitors_zone() == zone
    finally:
        LocalContext.request.reset(token)


def test_without_a_request_it_is_the_machines():
    assert visitors_zone() is None


def test_a_list_over_http_is_in_the_zone_of_the_cookie(client, monkeypatch):
    """The cookie reaches the handler through Gradio's queue."""
    import httpx

    seen = []
    monkeypatch.setattr("minilm_demo.ui.api.run_document", lambda run: seen.append(visitors_zone()) or {})
    url = f"{client.src}gradio_api/call/run_status"
    with httpx.Client(cookies={COOKIE: "Asia/Tokyo"}) as http:
        event = http.post(url, json={"data": ["x"]}).json()["event_id"]
        http.get(f"{url}/{event}")
    assert seen == [zoneinfo.ZoneInfo("Asia/Tokyo")]
