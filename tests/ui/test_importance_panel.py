"""The panel "Which words mattered?": its handler, with a tiny model and a run made from the shell of this machine."""

from functools import partial

import gradio as gr
import pytest

from minilm_demo import runs, serving
from minilm_demo.jobs.configs import TrainConfig
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.jobs.prediction import predict
from minilm_demo.tasks import get_task, skill_tasks
from minilm_demo.ui import importance_panel

TEXTS = {
    "sentiment": ("A joy from start to end.", ""),
    "nli": ("The museum is closed.", "You can visit it."),
    "stsb": ("A dog runs.", "A dog sleeps."),
    "qa": ("Who sleeps?", "A man sleeps on the bench by the river."),
}


@pytest.fixture
def run_of(tiny_checkpoint):
    """task -> the id of a finished run of it, which the page may offer to everybody."""

    def make(task: str) -> str:
        config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1, eval_examples=4)
        record = runs.create_run("finetune", get_task(task), config)
        *_, last = runs.record_events(record, partial(finetune, task, record.config))
        assert last.status == "completed", last.message
        return record.run_id

    return make


@pytest.mark.parametrize("skill", TEXTS)
def test_the_first_model_chosen_is_explained(skill, run_of):
    task = skill_tasks(skill)[0]
    run = run_of(task.name)
    payload = importance_panel._explain(skill, *TEXTS[skill], [run, "no-such-model"])
    fields = dict(zip(task.text_fields, TEXTS[skill], strict=False))
    prediction = predict(task, run, fields)
    assert payload["kind"] == "importance"
    if prediction.label:
        assert f"“{prediction.label.replace('_', ' ')}”" in payload["sentence"]
    for text, field in zip(payload["texts"], task.text_fields, strict=True):
        assert "".join(piece["text"] for piece in text["pieces"]) == fields[field]
    assert payload["notes"][0].startswith(f"Computed with {serving.title_of(run)} in ")


@pytest.mark.parametrize("chosen", [None, []])
def test_somebody_has_to_be_chosen(chosen):
    payload = importance_panel._explain("sentiment", "Fine.", "", chosen)
    assert payload == {"kind": "error", "sentence": importance_panel.NOBODY}


@pytest.mark.parametrize("name", ["/etc", "../x", "microsoft/anything", "bert-base", "a\x00b"])
def test_a_visitor_names_no_path_and_no_repository(name):
    with pytest.raises(gr.Error, match="Unknown checkpoint"):
        importance_panel._explain("sentiment", "Fine.", "", [name])


def test_an_empty_text_is_a_toast(run_of):
    with pytest.raises(gr.Error, match="The sentence is empty"):
        importance_panel._explain("sentiment", " ", "", [run_of("sst2")])


def test_its_events_are_private_and_keep_no_prediction_waiting():
    with gr.Blocks() as page:
        texts = gr.Textbox(), gr.Textbox()
        importance_panel.build_importance_panel(gr.Radio(["sentiment"]), texts, gr.CheckboxGroup([]))
    events = list(page.fns.values())
    assert [one.api_visibility for one in events] == ["private", "private"]
    assert events[0].concurrency_id == "importance"
    ids = {block.elem_id for block in page.blocks.values()}
    assert {"importance-ask", "importance"} <= ids
