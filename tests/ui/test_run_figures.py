"""The figures that a finished run offers: whose runs are laid over each other, and what each head learned."""

from functools import partial

import gradio as gr
import pytest

from minilm_demo import DistillConfig, TrainConfig, distill, finetune, runs
from minilm_demo.tasks import get_task
from minilm_demo.ui import curves, distil_panel


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
    group, payload = curves.offer_curves(second, [second, other_task, "sst2-gone-gone-gone-gone-1", first])
    assert set(group.value) == {name for _, name in group.choices} == {first, second} and group.visible
    assert payload["title"] == "Learning curves of 2 runs"
    names = [trace["name"] for trace in payload["figure"]["data"] if trace["showlegend"]]
    assert len(set(names)) == 2 and all(name.startswith("SST-2 run of ") for name in names), "twins differ"
    assert stranger not in str(payload) and first not in str(payload)  # a run's id is a key to it
    group, payload = curves.offer_curves(second, None)
    assert payload["title"] == "Learning curves" and not group.visible
    assert curves.draw_curves([first])["title"] == "Learning curves"
    with pytest.raises(gr.Error, match="0 runs are chosen; a figure shows 1 to 8"):
        curves.draw_curves([])


def test_the_curves_of_two_students_lie_over_each_other(tiny_checkpoint):
    names = []
    for recipe in ("minilm_v1", "minilm_v2"):
        config = DistillConfig(
            teacher=str(tiny_checkpoint), data="sample", hidden=8, steps=2, batch_size=4, recipe=recipe
        )
        record = runs.create_run("distill", get_task("sst2"), config, origin="page")
        *_, last = runs.record_events(record, partial(distill, record.config))
        assert last.status == "completed", last.message
        names.append(record.run_id)
    group, payload = curves.offer_curves(names[0], names)
    assert set(group.value) == set(names) and payload["title"] == "Learning curves of 2 runs"


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
