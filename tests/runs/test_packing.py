"""What a finished run gives away: its model, and the adapter of a LoRA run, which answers as the model does."""

import re
import zipfile
from contextlib import ExitStack
from functools import partial
from unittest.mock import patch

import pytest
from huggingface_hub import ModelCard

from minilm_demo import TrainConfig, finetune, get_task, load_checkpoint, runs
from minilm_demo.errors import DataError
from minilm_demo.models import BUNDLED_REPO, bundled_folder

TEXTS = ["A joy from start to end.", "The plot is thin.", "I would not see it again."]


def run_of(task: str, **config):
    options = {"data": "sample", "max_steps": 3, "batch_size": 4, "eval_examples": 4} | config
    record = runs.create_run("finetune", get_task(task), TrainConfig(**options))
    *_, last = runs.record_events(record, partial(finetune, task, record.config))
    assert last.status == "completed", last.message
    return runs.state(runs.run_folder(record.run_id))


def outputs(model, tokenizer):
    import torch

    with torch.no_grad():
        read = tokenizer(TEXTS, TEXTS[::-1], padding=True, return_tensors="pt")
        answer = model.eval()(**read)
    return torch.cat([answer[name].flatten() for name in ("logits", "start_logits", "end_logits") if name in answer])


def unpacked(packed, folder):
    runs.write_zip(folder.with_suffix(".zip"), packed)
    with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize(
    ("task", "start"), [("sst2", "bundled"), ("stsb", "bundled"), ("squad_v2", "bundled"), ("mnli", "nli")]
)
def test_the_adapter_answers_as_the_merged_model_does(task, start, tmp_path):
    """By the very lines that its card prints."""
    import torch
    import transformers

    run = run_of(task, method="lora", checkpoint=start, learning_rate=0.01)
    folder = unpacked(runs.adapter_files(run), tmp_path / "taken")
    card = ModelCard.load(folder / "README.md")
    assert (card.data.library_name, card.data.base_model) == ("peft", BUNDLED_REPO)
    (lines,) = re.findall(r"```python\n(.*?)```", card.text, re.S)
    assert ("transformers" in lines) == (start == "bundled")
    names = {}

    def from_this_machine(loader):
        return lambda name, **options: loader(bundled_folder() if name == BUNDLED_REPO else name, **options)

    with ExitStack() as stack:
        for kind in ("AutoModelForSequenceClassification", "AutoModelForQuestionAnswering") * (start == "bundled"):
            loader = getattr(transformers, kind).from_pretrained
            stack.enter_context(patch.object(getattr(transformers, kind), "from_pretrained", from_this_machine(loader)))
        exec(lines.replace("FOLDER", str(folder)), names)
    merged = load_checkpoint(run.record.run_id, get_task(task))
    torch.testing.assert_close(
        outputs(names["model"], merged.tokenizer), outputs(merged.model, merged.tokenizer), atol=1e-4, rtol=1e-4
    )
    fresh = load_checkpoint(start, get_task(task), new_output_layer=True)
    assert not torch.allclose(outputs(fresh.model, merged.tokenizer), outputs(merged.model, merged.tokenizer))


def test_a_full_run_has_no_adapter(tiny_checkpoint):
    run = run_of("sst2", checkpoint=str(tiny_checkpoint))
    assert not runs.has_adapter(run.folder)
    with pytest.raises(DataError, match="only a finished run with the method lora"):
        runs.adapter_files(run)


@pytest.mark.parametrize(
    ("name", "zip_name"),
    [
        ("", "minilm-sst2"),
        ("Anna’s Café: №1", "minilm-annas-cafe-no1"),
        ("../../etc", "minilm-etc"),
        ('"; x=\r\ny', "minilm-x-y"),
        ("日本", "minilm-sst2"),
    ],
)
def test_the_zip_is_called_as_the_run(tiny_checkpoint, name, zip_name):
    run = run_of("sst2", checkpoint=str(tiny_checkpoint))
    runs.rename_run(run.folder, name)
    assert runs.run_files(runs.state(run.folder)).name == zip_name
