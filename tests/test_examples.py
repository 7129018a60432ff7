"""The examples and the README's snippet run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_run_one_after_the_other():
    said = run("examples/1_finetune.py", "1")
    assert "accuracy" in said and "always the same answer: 0.50" in said
    folder = said.strip().splitlines()[-1].removeprefix("saved in ").removesuffix("/checkpoint")
    lines = run("examples/2_predict.py", folder, "A joy from start to end.").splitlines()
    ours = {line.split()[0]: float(line.split()[1]) for line in lines[:2]}
    plain = {line.split()[0]: float(line.split()[1]) for line in lines[2:]}
    assert ours.keys() == plain.keys() == {"negative", "positive"}
    assert all(abs(ours[label] - plain[label]) < 1e-3 for label in ours)


def test_the_attention_example_switches_the_crossing_heads_off(tmp_path):
    lines = run("examples/3_attention.py", str(tmp_path)).splitlines()
    assert lines[0].startswith("attentions: (6, 12, 18, 18)")
    assert sum("goes across" in line for line in lines) == 5
    before, after = lines[-2].split()[1], lines[-2].split()[-1]
    assert lines[-2].startswith("contradiction") and float(before) > float(after)
    assert "<title>Attention" in (tmp_path / "attention.html").read_text(encoding="utf-8")


def test_the_readme_names_files_and_commands_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme[readme.index("## The tree") :]
    named = re.findall(r"^  ([a-z_]+\.py|[a-z]+/)", tree, re.M)
    assert len(named) >= 10
    for entry in named:
        for name in entry.split(", "):
            assert (ROOT / "minilm_demo" / name).exists(), name
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", readme):
        assert (ROOT / picture).is_file(), picture
