"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

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
    assert "<title>nli" in (tmp_path / "attention.html").read_text(encoding="utf-8")


def test_the_prediction_example_says_something_without_arguments():
    lines = run("examples/2_predict.py").splitlines()
    assert [line.split()[0] for line in lines] == ["negative", "positive"]
    assert float(lines[1].split()[1]) > 0.5


@pytest.mark.parametrize(
    ("words", "said"), [(["my-sst2"], "Give a folder and a sentence"), (["nowhere", "A joy."], "nowhere")]
)
def test_the_prediction_example_says_what_it_takes(words, said):
    done = subprocess.run(
        [sys.executable, "examples/2_predict.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr


def test_the_distillation_example_comes_nearer_to_its_teacher(tmp_path):
    lines = run("examples/4_distill.py", "20", str(tmp_path)).splitlines()
    assert lines[0].startswith("step 20: attention")
    losses = [line.split() for line in lines if "->" in line]
    assert [words[0] for words in losses] == ["attention", "value"]
    assert all(float(words[words.index("->") + 1]) < float(words[words.index("->") - 1]) for words in losses)
    assert "<title>" in (tmp_path / "microscope.html").read_text(encoding="utf-8")
    assert (Path(lines[-1].removeprefix("saved in ")) / "config.json").is_file()
