"""The doctor examines a machine on which anything may be wrong, and always comes to a verdict."""

import sys

import pytest

from minilm_demo import cli, models
from minilm_demo.cli import doctor
from minilm_demo.errors import Unavailable


@pytest.fixture(autouse=True)
def roomy_machine(monkeypatch):
    monkeypatch.setattr(doctor, "MIN_MEMORY_GIGABYTES", 0)
    monkeypatch.setattr(doctor, "MIN_FREE_GIGABYTES", 0)


@pytest.fixture
def last_line(capsys):
    """Exit code and last line of a visit."""

    def visit():
        code = cli.main(["doctor"])
        return code, capsys.readouterr().out.splitlines()[-1]

    return visit


def check(name):
    return next(one for one in doctor.examine() if one.name == name)


def test_without_torch_there_still_is_a_verdict(monkeypatch, last_line):
    monkeypatch.setitem(sys.modules, "torch", None)  # what an import of a missing package meets
    monkeypatch.setattr(doctor, "versions", lambda: {"python": "3.11", "transformers": "5", "gradio": "6"})
    code, verdict = last_line()
    assert code == 1
    assert verdict.startswith("ready for class: no, because of packages, machine")
    assert "torch" in check("machine").says


@pytest.mark.parametrize(
    ("where", "broken", "name", "needed"),
    [
        (doctor.psutil, "virtual_memory", "machine", True),
        (models, "pick_device", "machine", True),
        (models, "home", "runs folder", True),
        (models, "load_checkpoint", "bundled", True),
        (doctor, "sample_source", "sample rows", True),
        (doctor, "local_sources", "local mirror", False),
        (doctor.hub, "is_offline_by_choice", "Hub", False),
        (models, "is_on_disk", "minilm-l12", False),
    ],
)
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Unavailable("It is gone."), "It is gone."),
        (ImportError("No module named 'torch'"), "No module named 'torch'"),
        (RuntimeError("some\nlibrary  broke"), "RuntimeError: some library broke"),
    ],
)
def test_a_check_that_breaks_is_a_check_that_failed(monkeypatch, last_line, where, broken, name, needed, error, says):
    def fails(*_, **options):
        raise error

    monkeypatch.setattr(where, broken, fails)
    if broken != "load_checkpoint":  # it takes its time
        monkeypatch.setattr(doctor, "_bundled", lambda: doctor.Check("bundled", True, True, "fine"))
    found = check(name)
    assert (found.ok, found.needed, found.says) == (False, needed, says)
    code, verdict = last_line()
    if needed:
        assert (code, name in verdict.removeprefix("ready for class: no, because of ").split(", ")) == (1, True)
    else:
        assert (code, verdict) == (0, "ready for class: yes")


def test_too_little_memory_is_said_beside_what_there_is(monkeypatch):
    monkeypatch.setattr(doctor, "MIN_MEMORY_GIGABYTES", 10**6)
    found = check("machine")
    assert not found.ok
    assert "cores" in found.says
    assert "1e+06 GB of memory are needed" in found.says


@pytest.mark.parametrize(
    ("setting", "names"), [("MINILM_HOME", ["runs folder", "uploads folder"]), ("GRADIO_TEMP_DIR", ["uploads folder"])]
)
def test_a_folder_that_cannot_be_written_is_named_with_a_remedy(monkeypatch, tmp_path, setting, names):
    (tmp_path / "file").write_text("in the way")
    if setting == "MINILM_HOME":
        monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setenv(setting, str(tmp_path / "file" / "folder"))
    failed = [one for one in doctor.examine() if one.name.endswith("folder") and not one.ok]
    assert [one.name for one in failed] == names
    assert all(one.needed and f"set {setting} to a folder of your own" in one.says for one in failed)
