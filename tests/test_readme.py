"""What the README shows runs as it stands there, but for the numbers of `SHORTER`."""

import re
import shlex
from pathlib import Path

import pytest

from minilm_demo import cli, predict
from minilm_demo.cli.output import EXIT_FAILED
from minilm_demo.results import Finished
from minilm_demo.tasks import SKILLS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORTER = {  # how long things take is all that a test changes
    "--time-budget 30s": "--max-steps 3",
    "--steps 300": "--steps 3",
    "time_budget=30": "max_steps=3",
    'client.predict("sst2", 30,': 'client.predict("sst2", 10,',
}


def blocks(language: str, containing: str) -> list[str]:
    """The fenced blocks of a language that contain a text, with the numbers of a test."""
    found = [block for block in re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S) if containing in block]
    assert found
    for long, short in SHORTER.items():
        found = [block.replace(long, short) for block in found]
    return found


def commands(block: str) -> list[list[str]]:
    """The words of every `python -m minilm_demo` line of a block."""
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert all(words[:3] == ["python", "-m", "minilm_demo"] for words in lines)
    return [words[3:] for words in lines]


def test_every_replacement_is_of_something_the_readme_says():
    assert [long for long in SHORTER if long not in README] == []


def test_the_commands_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("sh", "minilm_demo doctor")
    for words in commands(block):
        assert cli.main(words) == 0, (words, capsys.readouterr().err)
    assert (tmp_path / "my-sst2" / "checkpoint" / "config.json").is_file()
    assert {file.name for file in tmp_path.iterdir()} >= {"my-sst2", "my-student", "view.html", "targets.npz"}


def test_the_command_that_trains_a_skill_is_understood_and_asks_for_its_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (block,) = blocks("sh", "skills train")
    (words,) = commands(block)
    assert cli.main(words) == EXIT_FAILED
    assert "DIR" in capsys.readouterr().err


def test_the_pair_is_the_first_preset_and_answered_rightly():
    (words,) = [words for words in commands(blocks("sh", "predict nli")[0]) if words[:2] == ["predict", "nli"]]
    preset = SKILLS["nli"].presets[0]
    assert tuple(words[2:]) == preset.texts
    assert predict("mnli", "nli", dict(zip(("premise", "hypothesis"), words[2:], strict=True))).label == preset.answer


def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = blocks("python", "from minilm_demo import")
    scope: dict = {}
    exec(first, scope)
    assert isinstance(scope["event"], Finished) and scope["event"].status == "completed"
    exec(second, scope)
    assert scope["trace"].prediction.label == "contradiction"


@pytest.fixture
def http_client():
    """The README's client of a page, as code."""
    from minilm_demo import ui

    (block,) = blocks("python", "gradio_client")
    page = ui.build_page()
    _, url, _ = page.launch(**ui.launch_options(), prevent_thread_lock=True, quiet=True)
    yield block.replace("http://127.0.0.1:7860", url)
    page.close()


def test_the_http_client_runs(http_client):
    scope: dict = {}
    exec(http_client, scope)
    assert scope["state"]["status"] == "completed"


def test_the_http_client_says_that_a_run_failed(http_client, monkeypatch):
    monkeypatch.setenv("MINILM_CHECKPOINT", str(ROOT / "nowhere"))
    with pytest.raises(SystemExit, match=r"The run failed: .*nowhere"):
        exec(http_client, {})


def test_what_is_installed_and_started_is_there():
    lines = re.findall(r"^pip install -r (\S+) && python (?:-m pytest .*|(\S+))$", README, re.M)
    assert len(lines) == 2
    assert all((ROOT / name).is_file() for line in lines for name in line if name)


def entries(folder: Path) -> set[str]:
    """The modules and folders in a folder, as the tree writes them: `tasks.py`, `models/`."""
    modules = {file.name for file in folder.glob("[a-z]*.py")}
    return modules | {f"{child.name}/" for child in folder.glob("[a-z]*") if child.is_dir()}


def tree() -> str:
    return re.search(r"^## The tree\n\n```\n(.*?)^```", README, re.M | re.S)[1]


def test_the_tree_has_a_line_for_every_room_and_module_of_the_package():
    lines = re.findall(r"^  ([a-z_]+(?:\.py|/)) +\S", tree(), re.M)
    assert sorted(lines) == sorted(entries(ROOT / "minilm_demo"))


def test_the_tree_has_a_line_for_every_folder_of_python_files():
    lines = re.findall(r"^([a-z_]+(?:\.py|/)) +\S", tree(), re.M)
    folders = {f"{child.name}/" for child in ROOT.glob("[a-z]*") if child.is_dir() and any(child.glob("*.py"))}
    assert sorted(lines) == sorted({"app.py"} | folders)


def test_the_tree_names_the_folders_of_the_tests_that_are_not_rooms():
    folders = {name for name in entries(ROOT / "tests") if name.endswith("/")}
    (line,) = re.findall(r"^tests/ .*(?:\n {23}.*)*", tree(), re.M)
    named = set(re.findall(r"(?<= )[a-z]+/", line))
    assert named == folders - entries(ROOT / "minilm_demo")


def test_the_tree_names_nothing_that_is_gone():
    homes = (ROOT, ROOT / "minilm_demo", ROOT / "tests", ROOT / "docs")
    names = re.findall(r"[a-z_]+/[a-z_/]*|[a-z_]+\.py", tree())
    assert [name for name in names if not any((home / name).exists() for home in homes)] == []


def test_the_pictures_of_the_readme_exist():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []
