"""The server in surroundings of other people: a proxy that does not answer, folders that cannot be written."""

import os
import shutil
import urllib.request
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from running_app import running_app

from minilm_demo.ui import surroundings

DEAD = "http://127.0.0.1:9"  # the port of "discard": nobody listens


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """What a test changes is put back."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("NO_PROXY", "no_proxy", "GRADIO_SERVER_NAME"):
        os.environ.pop(name, None)


@pytest.mark.parametrize(
    ("given", "host", "reached"),
    [
        ({}, None, "localhost,127.0.0.1,::1"),
        ({}, "0.0.0.0", "localhost,127.0.0.1,::1"),
        ({}, "lab.example.org", "localhost,127.0.0.1,::1,lab.example.org"),
        ({"GRADIO_SERVER_NAME": "192.0.2.7"}, None, "localhost,127.0.0.1,::1,192.0.2.7"),
        ({"NO_PROXY": "intra.example.org, 127.0.0.1"}, None, "intra.example.org,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.org", "no_proxy": "b.org,"}, None, "a.org,b.org,localhost,127.0.0.1,::1"),
        ({"no_proxy": "*"}, "lab.example.org", "*"),
        ({"NO_PROXY": ""}, "", "localhost,127.0.0.1,::1"),
    ],
)
def test_the_server_is_reached_directly_and_nothing_given_is_lost(given, host, reached):
    os.environ.update(given)
    surroundings.prepare(host)
    assert (os.environ["NO_PROXY"], os.environ["no_proxy"]) == (reached, reached)
    surroundings.prepare(host)
    assert os.environ["NO_PROXY"] == reached


@pytest.mark.parametrize(
    "proxies",
    [
        {"HTTP_PROXY": DEAD, "HTTPS_PROXY": DEAD, "http_proxy": DEAD, "https_proxy": DEAD},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "intra.example.org"},
    ],
    ids=["http", "socks"],
)
def test_the_app_starts_behind_a_proxy_that_does_not_answer(tmp_path, proxies):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with running_app(tmp_path, **proxies) as address:
        assert b"MiniLM Demo" in direct.open(address, timeout=60).read()


def test_uploads_have_a_private_folder_of_their_own(own_home):
    del os.environ["GRADIO_TEMP_DIR"]
    surroundings.prepare()
    assert os.environ["GRADIO_TEMP_DIR"] == str(own_home / "uploads")
    assert (own_home / "uploads").stat().st_mode & 0o777 == 0o700


def test_the_folder_that_the_user_has_chosen_is_taken(tmp_path):
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path / "chosen")
    surroundings.prepare()
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path / "chosen")
    assert (tmp_path / "chosen").is_dir()


@pytest.mark.parametrize("setting", ["GRADIO_TEMP_DIR", "MINILM_HOME"])
def test_a_folder_that_cannot_be_written_is_said_and_replaced(tmp_path, capsys, setting):
    (tmp_path / "file").write_text("in the way")
    del os.environ["GRADIO_TEMP_DIR"]
    os.environ[setting] = str(tmp_path / "file" / "folder")
    surroundings.prepare()
    fresh = os.environ["GRADIO_TEMP_DIR"]
    said = capsys.readouterr().err
    assert "cannot be written: Not a directory." in said
    assert f"set {setting} to a folder of your own. Until then uploads are kept in {fresh}." in said
    assert Path(fresh).stat().st_mode & 0o777 == 0o700
    Path(fresh).rmdir()


def test_without_a_home_that_can_be_written_the_page_answers_and_a_run_says_why_not(tmp_path):
    (tmp_path / "file").write_text("in the way")
    os.environ.pop("GRADIO_TEMP_DIR")
    with running_app(tmp_path, MINILM_HOME=str(tmp_path / "file" / "home")) as address:
        client = Client(address, verbose=False)
        assert client.predict("A joy from start to end.", api_name="/predict_sentiment")["label"] == "positive"
        uploaded = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.csv", b"sentence,label\n")})
        assert uploaded.status_code == 200
        with pytest.raises(
            AppError, match=r"^The server cannot record a run: Not a directory\. Ask the people who run"
        ):
            client.predict("sst2", api_name="/start_finetune")
    log = (tmp_path / "log.txt").read_text()
    assert "set MINILM_HOME to a folder of your own" in log
    assert "Traceback" not in log
    shutil.rmtree(log.split("Until then uploads are kept in ")[1].split(".\n")[0], ignore_errors=True)
