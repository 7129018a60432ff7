"""A visitor names and deletes runs of their own, and of nobody else."""

from functools import partial

import gradio as gr
import pytest

from minilm_demo import TrainConfig, finetune, runs
from minilm_demo.tasks import get_task
from minilm_demo.ui import keeping_panel
from minilm_demo.ui.following import run_view


@pytest.fixture
def run_of(tiny_checkpoint):
    """run_of(origin): the id of a finished run."""

    def make(origin: str) -> str:
        config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1, eval_examples=4)
        record = runs.create_run("finetune", get_task("sst2"), config, origin)
        list(runs.record_events(record, partial(finetune, "sst2", record.config)))
        return record.run_id

    return make


def test_a_name_stands_above_the_run(run_of):
    payload, name = keeping_panel._rename(run_of("page"), " Anna's ")
    assert name == "Anna's" and payload["title"].startswith("Anna's: SST-2: ")
    assert run_view(payload["run"])["title"] == payload["title"]


def test_a_run_of_the_shell_is_for_everybody_and_stays(run_of):
    shared = run_of("shell")
    row, *_ = keeping_panel.keep(runs.state(runs.run_folder(shared)))
    assert not row.visible
    with pytest.raises(gr.Error, match="made from the shell"):
        keeping_panel._rename(shared, "mine")
    with pytest.raises(gr.Error, match="made from the shell"):
        keeping_panel._delete(shared, [shared])
    assert runs.run_folder(shared).exists()


def test_a_deleted_run_leaves_the_visitors_list(run_of):
    mine, other = run_of("page"), run_of("page")
    row, *_ = keeping_panel.keep(runs.state(runs.run_folder(mine)))
    assert row.visible
    assert keeping_panel._delete(mine, [other, mine]) == [other]
    with pytest.raises(gr.Error, match="no such run"):
        keeping_panel._delete(mine, [other, mine])
    assert runs.run_folder(other).exists()
