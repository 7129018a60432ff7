"""Visitors' files on a server whose disk has no place for them, and files that were left."""

import os
import shutil
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from minilm_demo.ui import uploads

CSV = {"files": ("reviews.csv", b"sentence,label\nA joy.,1\n")}


@pytest.fixture
def address(client) -> str:
    return f"{client.src.rstrip('/')}/gradio_api/upload"


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    """The folder below which the server keeps its uploads, moved away for the test."""
    place, away = Path(os.environ["GRADIO_TEMP_DIR"]), tmp_path / "away"
    shutil.move(place, away)
    yield place
    place.unlink(missing_ok=True)
    shutil.move(away, place)


def test_an_upload_is_kept_below_the_folder(address):
    answer = httpx.post(address, files=CSV)
    assert answer.status_code == 200
    (path,) = answer.json()
    assert Path(path).is_relative_to(os.environ["GRADIO_TEMP_DIR"])


def test_an_upload_that_cannot_be_kept_is_answered_with_a_sentence(address, folder):
    folder.write_text("a file in the way")
    answer = httpx.post(address, files=CSV)
    assert answer.status_code == 507
    assert answer.text.startswith("The server has no place for this file: ")
    assert answer.text.endswith("Ask the people who run it to run `doctor` there, then try again.")
    assert str(folder) not in answer.text


def test_a_full_disk_is_said():
    async def full(request):
        await request.body()
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    routes = [Route("/upload", full, methods=["POST"]), Route("/other", full, methods=["POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(uploads.SaidUploads)])
    answer = TestClient(app).post("/upload", content=b"x")
    assert (answer.status_code, "No space left on device" in answer.text) == (507, True)
    assert TestClient(app, raise_server_exceptions=False).post("/other", content=b"x").status_code == 500


def test_an_answer_goes_on_as_it_is():
    async def kept(request):
        return PlainTextResponse("kept")

    app = Starlette(routes=[Route("/upload", kept)], middleware=[Middleware(uploads.SaidUploads)])
    assert TestClient(app).get("/upload").text == "kept"


def test_files_that_an_earlier_server_left_are_deleted(own_home, monkeypatch):
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    uploads.forget_left_files()  # there is no folder yet
    old, young = own_home / "uploads" / "old" / "a.csv", own_home / "uploads" / "young" / "b.csv"
    for file in (old, young):
        file.parent.mkdir(parents=True)
        file.write_text("a,b")
    long_ago = time.time() - uploads.LEFT_SECONDS - 60
    for place in (old, old.parent):
        os.utime(place, (long_ago, long_ago))
    os.utime(young.parent, (long_ago, long_ago))  # its file is young
    uploads.forget_left_files()
    assert [place.name for place in (own_home / "uploads").iterdir()] == ["young"]


def test_a_folder_that_the_user_has_chosen_is_not_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "thesis.txt").write_text("mine")
    os.utime(tmp_path / "thesis.txt", (0, 0))
    uploads.forget_left_files()
    assert (tmp_path / "thesis.txt").is_file()
