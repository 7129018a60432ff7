"""What the page fetches besides Gradio's own files: addresses, compression, caching; what of it is in its config."""

import gzip
import json
import re

import brotli
import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from minilm_demo import views
from minilm_demo.serving import FIRST_LOOK_VIEW
from minilm_demo.ui import build_page, launch_options
from minilm_demo.ui.files import FILES, CompressedPage, KeptAssets, later
from minilm_demo.views.components import ALL

SCRIPT_LENGTH = 1500  # characters; a long js_on_load costs every new session (gr.HTML searches it)
MEANT = {"finished", "picked"}  # events of our own, offered by Gradio because their names stand quoted


async def page(request):
    return PlainTextResponse("words " * 1000)


async def stream(request):
    return StreamingResponse(iter(["data: 1\n\n"]), media_type="text/event-stream")


@pytest.fixture(scope="module")
def client():
    routes = [FILES, Route("/", page), Route("/config", page), Route("/gradio_api/queue/data", stream)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(CompressedPage)]))


def address(name: str) -> str:
    return f"/{views.ADDRESS}/{views.version()}/{name}"


@pytest.mark.parametrize("component", ALL, ids=lambda component: component.name)
@pytest.mark.parametrize("ending", ["js", "css"])
def test_a_file_comes_compressed_and_stays_for_good(client, component, ending):
    with client.stream("GET", address(f"{component.name}.{ending}"), headers={"Accept-Encoding": "gzip, br"}) as answer:
        content = b"".join(answer.iter_raw())
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith({"js": "text/javascript", "css": "text/css"}[ending])
    assert brotli.decompress(content).decode() == views.served_file(f"{component.name}.{ending}")[1]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("gzip;q=0.5, br;q=0", "gzip"), ("", None), ("zstd", None)],
)
def test_a_file_is_compressed_as_the_client_takes_it(client, accepted, encoding):
    with client.stream("GET", address("rows.css"), headers={"Accept-Encoding": accepted}) as answer:
        content = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    plain = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding](content)
    assert plain.decode() == views.served_file("rows.css")[1]


@pytest.mark.parametrize(
    "path",
    [
        "/mlm/0000000000000000/run.js",
        address("nothing.js"),
        address("run.map"),
        address("payloads.js"),
        address("shared/dom.js"),
        address("..%2Fcomponents.py"),
        address("../../components.py"),
        address(""),
    ],
)
def test_another_address_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_a_first_value_is_fetched_from_its_file(client):
    value = later(FIRST_LOOK_VIEW)
    assert value["kind"] == "later"
    answer = client.get("/" + value["address"])
    assert answer.headers["cache-control"].endswith("immutable")
    assert answer.json() == json.loads(FIRST_LOOK_VIEW.read_text(encoding="utf-8"))


def test_the_page_goes_compressed_and_an_event_stream_as_it_is(client):
    for path in ("/", "/config"):
        assert client.get(path, headers={"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"
    answer = client.get("/gradio_api/queue/data", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_gradios_files_are_read_once_and_kept_compressed():
    asked = []

    async def asset(request):
        asked.append(request.url.path)
        known = request.path_params["name"] == "known.js"
        return Response("let x;" * 100 if known else "no", 200 if known else 404, media_type="text/javascript")

    routes = [Route("/assets/{name}", asset), Route("/", page)]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(KeptAssets)]))
    for _ in range(3):
        asks = {"Accept-Encoding": "br", "If-None-Match": "x", "Range": "bytes=0-9"}
        answer = client.get("/assets/known.js", headers=asks)
        assert (answer.status_code, answer.text) == (200, "let x;" * 100)
        assert answer.headers["content-encoding"] == "br"
        assert answer.headers["cache-control"].endswith("immutable")
    assert client.get("/assets/known.js", headers={"Accept-Encoding": ""}).text == "let x;" * 100
    for _ in range(2):
        answer = client.get("/assets/other.js")
        assert (answer.status_code, answer.text) == (404, "no")
        assert "cache-control" not in answer.headers
    assert asked.count("/assets/known.js") == 2  # once for each encoding
    assert asked.count("/assets/other.js") == 2
    assert "cache-control" not in client.get("/").headers


# -- the config of the built page ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def config() -> dict:
    return build_page().get_config_file()


def ours(config: dict) -> list[dict]:
    return [one["props"] for one in config["components"] if "mlm-in-" in str(one["props"].get("html_template"))]


def test_scripts_of_the_page_are_short(config):
    assert len(ours(config)) >= 8
    for props in ours(config):
        assert len(props["js_on_load"]) < SCRIPT_LENGTH
        assert props["css_template"] == ""


def test_no_component_offers_an_event_by_accident(config):
    """`gr.HTML` takes every quoted word of its script for an event. A word that is the name of an argument or a method
    which Gradio looks for becomes a function in the config, and the whole page is copied with it for each visitor."""
    gradios = set(dir(gr.HTML)) | set(gr.HTML.__init__.__code__.co_varnames) | set(map(str, gr.HTML.EVENTS))
    for props in ours(config):
        assert not [name for name, value in props.items() if callable(value)]
        quoted = set(re.findall(r"['\"`]([^'\"`]*)['\"`]", props["js_on_load"]))
        assert quoted & gradios <= {"value"} | MEANT


def test_the_page_offers_the_events_that_are_meant():
    assert "'finished'" in views.gradio_parts(views.RUN)["js_on_load"]
    assert "'picked'" in views.gradio_parts(views.ANSWERS)["js_on_load"]


def test_the_route_is_among_the_apps_routes():
    paths = [route.path for route in launch_options()["app_kwargs"]["routes"]]
    downloads = ["/runs/{run_id}.zip", "/runs/{run_id}/adapter.zip"]
    assert paths == ["/healthz", *downloads, "/mlm/{version}/{name}", f"/{views.PLOTLY_ADDRESS}", "/card.png"]
