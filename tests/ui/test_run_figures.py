"""The figures that a finished run offers: whose runs are laid over each other, and what each head learned."""

from functools import partial

import gradio as gr
import pytest

from minilm_demo import DistillConfig, TrainConfig, distill, finetune, runs
from minilm_demo.tasks import get_task
from minilm_demo.ui import distil_panel, finetune_tab


@pytest.fixture
def run_of(tiny_checkpoint):
    """run_of(task): the id of a finished fine-tune of two steps, started from the page."""

    def make(task: str = "sst2") -> str:
        config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=2, eval_examples=16)
        record = runs.create_run("finetune", get_task(task), config, origin="page")
        *_, last = runs.record_events(record, partial(finetune, task, record.config))
        assert last.status == "completed", last.message
        return record.run_id

    return make


def test_a_visitors_own_runs_of_a_task_lie_over_each_other(run_of):
    first, second, stranger, other_task = run_of(), run_of(), run_of(), run_of("rte")
    payload = finetune_tab.run_curves(second, [second, other_task, "sst2-gone-gone-gone-gone-1", first])
    assert payload["title"] == "Learning curves of 2 runs"
    names = [trace["name"] for trace in payload["figure"]["data"] if trace["showlegend"]]
    assert len(names) == 2 and all(name.startswith("SST-2 run of ") for name in names)
    assert stranger not in str(payload) and first not in str(payload)  # a run's id is a key to it
    assert finetune_tab.run_curves(second, None)["title"] == "Learning curves"


@pytest.mark.parametrize("probe", ["It was good.", ""])
def test_heads_over_steps_need_a_watched_text(tiny_checkpoint, probe):
    config = DistillConfig(teacher=str(tiny_checkpoint), data="sample", hidden=8, steps=2, batch_size=4, probe=probe)
    record = runs.create_run("distill", get_task("sst2"), config, origin="page")
    *_, last = runs.record_events(record, partial(distill, record.config))
    assert last.status == "completed", last.message
    if not probe:
        with pytest.raises(gr.Error, match="watched no text"):
            distil_panel.heads_over_steps(record.run_id)
    else:
        assert distil_panel.heads_over_steps(record.run_id)["title"] == "Which head learns when"
