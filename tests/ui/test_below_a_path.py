"""The app mounted in another one, below a path: its files are found there, compressed and cached as at the top."""

import re
import struct

import fastapi
import gradio as gr
import pytest
from starlette.testclient import TestClient

from minilm_demo import ui, views

OPTIONS = ("theme", "css", "app_kwargs")  # of `launch_options()`, those that mounting takes


@pytest.fixture(scope="module")
def mounted():
    page, options = ui.build_page(), ui.launch_options()
    app = gr.mount_gradio_app(fastapi.FastAPI(), page, "/sub", **{name: options[name] for name in OPTIONS})
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def test_the_page_is_compressed_and_names_its_modules(mounted):
    page = mounted.get("/sub/", headers={"Accept-Encoding": "gzip"})
    assert (page.status_code, page.headers["content-encoding"]) == (200, "gzip")
    modules = re.findall(r'rel="modulepreload" crossorigin href="\./(assets/[\w.-]+)"', page.text)
    assert len(modules) > 30
    module = mounted.get(f"/sub/{modules[0]}", headers={"Accept-Encoding": "br"})
    assert (module.status_code, module.headers["content-encoding"]) == (200, "br")
    assert "immutable" in module.headers["cache-control"]
    assert '"root":"http://127.0.0.1/sub"' in page.text


@pytest.mark.parametrize("name", ["answers.js", "answers.css"])
def test_the_files_of_the_components_are_there(mounted, name):
    answer = mounted.get(f"/sub/{views.ADDRESS}/{views.version()}/{name}")
    assert (answer.status_code, answer.text) == (200, views.served_file(name)[1])


def test_the_zip_of_a_run_is_looked_for_below_the_path(mounted):
    answer = mounted.get("/sub/runs/sst2-AAAAAAAAAAAAAAAAAAAAAA.zip")
    assert (answer.status_code, answer.text[:24]) == (404, "There is no such run her")
    assert mounted.get("/sub/healthz").text == "ok"


def test_the_card_is_a_picture_named_by_its_whole_address(mounted):
    (image,) = re.findall(r'property="og:image" content="([^"]*)"', mounted.get("/sub/").text)
    assert image == "http://127.0.0.1/sub/card.png"
    answer = mounted.get("/sub/card.png")
    assert answer.headers["content-type"] == "image/png"
    assert struct.unpack(">II", answer.content[16:24]) == (1200, 630)


def test_no_address_in_the_page_begins_at_the_root_of_the_server(mounted):
    config = mounted.get("/sub/config").json()
    text = str([component["props"] for component in config["components"]])
    assert re.findall(r"""['"(](/(?:mlm|runs|assets|gradio_api)[^'"]*)""", text) == []
    assert ui.following.download_link("sst2-x").link == "runs/sst2-x.zip"
