"""The command that makes the precomputed experiment: it goes on where it was, and says what came out."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest
from ablation_samples import write_teacher
from small_runs import write_reviews

from minilm_demo.jobs.ablation import AblationConfig
from minilm_demo.results import AblationResult, from_dict, from_json

COMMAND = Path(__file__).resolve().parents[1] / "assets" / "make_ablation.py"


@pytest.fixture(scope="module")
def command():
    spec = importlib.util.spec_from_file_location("make_ablation", COMMAND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def flags(tiny_checkpoint, tmp_path):
    teacher = write_teacher(tmp_path / "teacher", tiny_checkpoint)
    rows = write_reviews(tmp_path / "rows", 40, 10)
    tiny = f"--layers 1 --steps 2 --train-examples 8 --epochs 1 --batch-size 4 --arms random,copied --data {rows}"
    return [*tiny.split(), "--teacher", str(teacher), "--output", str(tmp_path / "ablation.json")]


def written(tmp_path) -> AblationResult:
    return from_dict(AblationResult, json.loads((tmp_path / "ablation.json").read_text(encoding="utf-8")))


def test_it_writes_the_result_and_goes_on_where_it_was(command, flags, tmp_path, own_home, capsys, monkeypatch):
    assert command.main([*flags, "--seeds", "1"]) == 0
    assert "2 students in" in capsys.readouterr().out
    first = written(tmp_path)
    (file,) = (own_home / "ablation").glob("*.jsonl")
    assert [from_json(line) for line in file.read_text().splitlines()] == list(first.students)
    file.write_text(file.read_text().splitlines()[0] + "\n")  # as after an interruption
    assert command.main([*flags, "--seeds", "2"]) == 0
    said = capsys.readouterr()
    assert "1 so far" in said.err
    second = written(tmp_path)
    assert second.students[0] == first.students[0]
    assert [(one.seed, one.arm) for one in second.students] == [
        (seed, arm) for seed in (0, 1) for arm in ("random", "copied")
    ]
    assert "copied over random: " in said.out
    assert str(tmp_path) not in (tmp_path / "ablation.json").read_text()


def test_other_settings_have_a_file_of_their_own(command):
    one = AblationConfig(steps=300, data="/somewhere")
    assert command.students_file(one) == command.students_file(dataclasses.replace(one, seeds=9, arms="random"))
    assert command.students_file(one) != command.students_file(dataclasses.replace(one, steps=600))
    assert command.students_file(one) != command.students_file(dataclasses.replace(one, layers=4))
    assert "somewhere" not in str(command.students_file(one))


def test_a_wrong_flag_is_one_sentence(command, flags, capsys):
    assert command.main([*flags, "--seeds", "0"]) == 1
    assert "seeds is 0; it must lie between 1 and 20." in capsys.readouterr().err
