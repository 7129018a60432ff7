"""What the README shows runs as it stands there, but for the numbers of `SHORTER`."""

import re
import shlex
from pathlib import Path

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


def test_the_http_client_runs():
    from minilm_demo import ui

    (block,) = blocks("python", "gradio_client")
    page = ui.build_page()
    try:
        _, url, _ = page.launch(**ui.launch_options(), prevent_thread_lock=True, quiet=True)
        scope: dict = {}
        exec(block.replace("http://127.0.0.1:7860", url), scope)
        run = scope["client"].predict(scope["run"], api_name="/run_status")
        assert run["status"] == "completed", run
    finally:
        page.close()


def test_what_is_installed_and_started_is_there():
    lines = re.findall(r"^pip install -r (\S+) && python (?:-m pytest .*|(\S+))$", README, re.M)
    assert len(lines) == 2
    assert all((ROOT / name).is_file() for line in lines for name in line if name)


def test_the_readme_names_files_and_commands_that_exist():
    tree = README[README.index("## The tree") :]
    named = re.findall(r"^  ([a-z_]+\.py|[a-z_]+\.py, [a-z_]+\.py|[a-z]+/)", tree, re.M)
    assert len(named) >= 10
    for entry in named:
        for name in entry.split(", "):
            assert (ROOT / "minilm_demo" / name).exists(), name
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).is_file(), picture
