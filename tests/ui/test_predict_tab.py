"""What the Predict tab asks a finished run, and what stands in its form then."""

from functools import partial

import gradio as gr
import pytest

from minilm_demo import runs
from minilm_demo.jobs import TrainConfig, finetune
from minilm_demo.jobs.finetuning import with_rows_of_own
from minilm_demo.tasks import TASKS, get_task
from minilm_demo.ui import many_texts_panel, predict_tab

TEXTS = {f"Wörter und mehr Wörter {number}": ("spam", "ham")[number % 2] for number in range(20)}


@pytest.fixture
def finished(tiny_checkpoint):
    """(task, …) -> the state of a finished run of it."""

    def make(task: str, **options) -> runs.RunState:
        config = TrainConfig(**{"checkpoint": str(tiny_checkpoint), "data": "sample", "max_steps": 1} | options)
        described, config = with_rows_of_own(get_task(task), config)
        record = runs.create_run("finetune", described, config)
        *_, last = runs.record_events(record, partial(finetune, described, record.config))
        assert last.status == "completed", last.message
        return runs.state(runs.run_folder(record.run_id))

    return make


@pytest.fixture
def own_run(finished, tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("Beschreibung,Art\n" + "".join(f"{text},{label}\n" for text, label in TEXTS.items()))
    return finished("own", data=str(file))


def opened(run, texts=()) -> dict:
    """The values of the form after a run was asked."""
    mine = [run.record.run_id]
    skill, first, second, presets, models, answer = predict_tab.open_question(run, mine, texts)
    assert answer["kind"] == "ask", "it is asked at once"
    asked = answer["question"]
    assert (skill.value, [first.value, second.value], models.value) == (
        asked["skill"], asked["texts"], asked["checkpoints"]
    ), "the form says what is asked"  # fmt: skip
    return {**asked, "note": answer["note"], "presets": presets}


def test_a_run_is_asked_about_its_watched_text_beside_the_model_it_began_from(finished):
    run = finished("sst2", checkpoint="sentiment", probe=("A dull film.",), method="head")
    asked = opened(run)
    assert asked["skill"] == "sentiment" and asked["texts"] == ["A dull film.", ""]
    assert asked["checkpoints"] == [run.record.run_id, "sentiment"]
    assert opened(run, ("Another row.",))["texts"] == ["Another row.", ""]


def test_without_a_watched_text_a_run_is_asked_about_the_example(finished):
    assert opened(finished("rte"))["texts"] == list(TASKS["rte"].example.values())


def test_a_run_of_an_own_table_is_asked_about_a_row_that_it_was_scored_on(own_run):
    asked = opened(own_run)
    assert asked["skill"] == own_run.record.task
    assert asked["texts"][0] in TEXTS
    assert not asked["presets"].visible, "an own table has no examples"


def test_a_batch_of_an_own_table_is_answered_and_none_of_its_rows_is_kept_to_be_scored(own_run, tmp_path):
    skill, chosen = own_run.record.task, [own_run.record.run_id]
    batch = tmp_path / "batch.csv"
    batch.write_text("Beschreibung\nWörter\n\nmehr Wörter\n", encoding="utf-8")
    button, said = many_texts_panel._answer_file(skill, chosen, str(batch), lambda *_, **__: None)
    assert button.visible and said.startswith("2 rows answered by ") and "1 row without a text" in said
    with pytest.raises(gr.Error, match="no rows are kept here to be scored"):
        many_texts_panel._score_rows(skill, chosen, 50, skill, lambda *_, **__: None)
