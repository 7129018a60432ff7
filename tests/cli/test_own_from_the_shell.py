"""A table of one's own from the shell: trained on, scored, asked, explained, looked into, and taken away."""

import json
import zipfile

import pytest
from own_files import ASKED, write_own_table
from transformers import pipeline

from minilm_demo.cli.command_line import main


@pytest.fixture
def document(capsys):
    def document(*words) -> dict:
        assert main([*map(str, words), "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return document


@pytest.mark.parametrize("name", ASKED)
def test_from_the_table_to_the_zip(document, tmp_path, name):
    file, run = write_own_table(tmp_path, name), tmp_path / "run"
    text, expected = ASKED[name]
    length = ("--max-steps", 30 if name == "stars" else 12, "--batch-size", 16, "--learning-rate", 3e-4)
    tuned = document("finetune", "own", "--data", file, *length, "--output", run)
    assert tuned["output_dir"] == str(run) and tuned["steps"] == length[1]
    assert sum(document("evaluate", "own", "--checkpoint", run, "--data", file)["rows"].values()) >= 60, "all rows"
    answer = document("predict", "own", text, "--checkpoint", run, "--explain")
    if name == "stars":
        low, high = expected
        assert low <= answer["score"] <= high
    else:
        assert answer["label"] == expected
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    words = answer["importance"]["words"]
    assert [text[word["start"] : word["end"]] for word in words] == [word["word"] for word in words]
    seen = document("attention", text, "--checkpoint", run, "--output", tmp_path / "attention.npz")
    assert (seen["layers"], seen["heads"]) == (6, 12)
    document("runs", "export", run, "--output", tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as packed:
        packed.extractall(tmp_path / "model")
    plain = pipeline("text-classification", model=str(next((tmp_path / "model").rglob("config.json")).parent))
    (said,) = plain(text)
    assert said["label"] == expected if name != "stars" else said["score"] is not None
