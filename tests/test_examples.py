"""The examples run as they stand."""

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
    assert lines[0].startswith("attentions: (6, 12, 13, 13)")
    assert sum("goes across" in line for line in lines) == 5
    before, after = lines[-2].split()[1], lines[-2].split()[-1]
    assert lines[-2].startswith("contradiction") and float(before) > float(after)
    assert "<title>Attention" in (tmp_path / "attention.html").read_text(encoding="utf-8")
