"""What every test gets: a home of its own, no network, a tiny checkpoint, and the real data where it is at hand."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Before anything imports huggingface_hub or gradio, which read these once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # and torch: tiny models are faster so, and workers share the cores
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="minilm-demo-gradio-")

import hub_server

from minilm_demo import models
from minilm_demo.tasks import TASKS

REAL_DATA = Path(os.environ.get("MINILM_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """Runs and caches of this test in a folder of its own; what the person running the suite has set is put aside."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MINILM_HOME", str(home))
    monkeypatch.delenv("MINILM_DATA", raising=False)
    monkeypatch.delenv("MINILM_CHECKPOINT", raising=False)
    return home


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    """A folder with a random two-layer BERT encoder (32 wide, 2 heads) and a WordPiece vocabulary of every letter."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    hub_server.write_safetensors_model(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_checkpoint_for(tiny_checkpoint, tmp_path_factory):
    """Task -> folder of the tiny checkpoint with a random output layer for it, which counts as a trained one."""
    folders = {}

    def folder_for(task: str) -> Path:
        if task not in folders:
            folders[task] = tmp_path_factory.mktemp("tiny-heads") / task
            fresh = models.load_checkpoint(str(tiny_checkpoint), TASKS[task], new_output_layer=True)
            fresh.model.save_pretrained(folders[task])
            fresh.tokenizer.save_pretrained(folders[task])
        return folders[task]

    return folder_for


@pytest.fixture(scope="session")
def roberta_tokenizer():
    """Byte-level, one token per byte: the space before a word is a part of its first token."""
    import transformers
    from tokenizers.pre_tokenizers import ByteLevel

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet())]
    return transformers.RobertaTokenizerFast(vocab={token: index for index, token in enumerate(tokens)}, merges=[])


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The root of a local mirror of GLUE and SQuAD; a test that uses it is marked `real_data`."""
    if not (REAL_DATA / "glue").is_dir():
        pytest.skip("no real data: set MINILM_DATA to a folder with glue/<task>/*.parquet and squad_v2/*.parquet")
    return REAL_DATA


def pytest_collection_modifyitems(items):
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


def pytest_terminal_summary(terminalreporter):
    reports = [report for status in ("passed", "failed", "xfailed") for report in terminalreporter.getreports(status)]
    ran = sum(report.when == "call" and "real_data" in report.keywords for report in reports)
    terminalreporter.write_line(f"real data: {ran} tests ran on it")


def pytest_unconfigure():
    shutil.rmtree(os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)


@pytest.fixture(scope="module")
def client():
    """A client of the page, served as app.py serves it."""
    from gradio_client import Client

    from minilm_demo import ui

    page = ui.build_page()
    _, url, _ = page.launch(**ui.launch_options(), prevent_thread_lock=True, quiet=True)
    yield Client(url, verbose=False)
    page.close()
