"""Many texts at once: the handlers of the panel, with a tiny model and a run made from the shell of this machine."""

import csv
import re
import types
from functools import partial
from pathlib import Path

import gradio as gr
import pytest
from gradio.utils import get_upload_folder

from minilm_demo import runs, serving
from minilm_demo.jobs.configs import TrainConfig
from minilm_demo.jobs.evaluation import evaluate
from minilm_demo.jobs.finetuning import finetune, with_rows_of_own
from minilm_demo.tasks import SKILLS, TASKS, get_task, skill_tasks
from minilm_demo.ui import many_texts_panel, predict_tab


@pytest.fixture
def run_of(tiny_checkpoint):
    """task -> the id of a finished run of it, which the page may offer to everybody."""

    def make(task: str = "sst2") -> str:
        config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1, eval_examples=4)
        record = runs.create_run("finetune", get_task(task), config)
        *_, last = runs.record_events(record, partial(finetune, task, record.config))
        assert last.status == "completed", last.message
        return record.run_id

    return make


def left_over() -> list:
    """Files below Gradio's folder of files it may serve."""
    return sorted(path for path in Path(get_upload_folder()).rglob("*") if path.is_file())


def told() -> tuple[list, object]:
    """What a handler tells of its progress, and the function to tell it to."""
    steps = []
    return steps, lambda done, unit="", desc="": steps.append((done, unit))


# -- rows of a validation set --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skill", "task"), [("sentiment", "sst2"), ("nli", "mnli"), ("stsb", "stsb")])
def test_rows_are_scored_by_the_first_model_chosen(run_of, skill, task):
    run = run_of(task)
    steps, progress = told()
    payload = many_texts_panel._score_rows(skill, [run, "no-such-model"], 50, task, progress)
    split = TASKS[task].eval_splits[0]
    expected = evaluate(task, run, data="sample", splits=[split], limit=50)
    number = expected.examples[split]
    assert payload["source"] == f"Scored on the bundled sample, not GLUE: {number} rows of {split}."
    assert steps[-1] == ((number, number), "rows")
    assert payload["notes"][-1].startswith(f"Answered by {serving.title_of(run)} in ")
    if task == "stsb":
        assert payload["matrix"] is None
    else:
        cells = [[cell["count"] for cell in row] for row in payload["matrix"]["rows"]]
        assert cells == [[str(count) for count in row] for row in expected.confusion[split]]


@pytest.mark.parametrize("task", ["mrpc", "qqp"])
def test_the_rows_of_either_task_of_a_skill_can_be_scored(task):
    payload = many_texts_panel._score_rows("paraphrase", ["paraphrase"], 50, task, told()[1])
    assert f"evaluate_rows('{task}'" in payload["code"]


def test_a_run_gets_the_rows_of_its_own_task(run_of):
    payload = many_texts_panel._score_rows("paraphrase", [run_of("qqp")], 50, "mrpc", told()[1])
    assert "evaluate_rows('qqp'" in payload["code"]


def test_only_a_skill_of_several_tasks_lets_choose_between_them():
    assert [value for _, value in many_texts_panel._which_rows("paraphrase")["choices"]] == ["mrpc", "qqp"]
    assert many_texts_panel._which_rows("paraphrase")["visible"]
    assert not many_texts_panel._which_rows("nli")["visible"]


def test_what_cannot_be_scored_is_said(run_of):
    with pytest.raises(gr.Error, match="No model is chosen"):
        many_texts_panel._score_rows("sentiment", [], 50, "sst2")
    with pytest.raises(gr.Error, match="50, 200, 500"):
        many_texts_panel._score_rows("sentiment", [run_of()], 100_000, "sst2")
    with pytest.raises(gr.Error, match="Unknown checkpoint '/etc'"):
        many_texts_panel._score_rows("sentiment", ["/etc"], 50, "sst2")


@pytest.mark.parametrize(("header", "labels"), [("text,label", "spam ham"), ("essay,grade", "10 12.5 99.5")])
def test_the_labels_of_an_own_file_are_compared_with_a_model_of_ones_own(tiny_checkpoint, tmp_path, header, labels):
    labels, file = labels.split(), tmp_path / "mine <b>.csv"
    rows = [f"A text of mine {number},{labels[number % len(labels)]}" for number in range(30)]
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data=str(file), max_steps=1)
    task, config = with_rows_of_own(get_task("own"), config)
    record = runs.create_run("finetune", task, config)
    *_, last = runs.record_events(record, partial(finetune, task, record.config))
    assert last.status == "completed", last.message
    steps, progress = told()
    payload = many_texts_panel._score_file(task.name, [record.run_id], str(file), task.name, progress)
    expected = evaluate(task, record.run_id, data=str(file))
    assert sum(expected.examples.values()) == 30, "all rows, also those that the run learned from"
    assert "30 rows" in payload["title"] and steps[-1] == ((30, 30), "rows")
    assert any("also stand in the training rows" in note for note in payload["notes"])
    if task.labels:
        cells = [[cell["count"] for cell in row] for row in payload["matrix"]["rows"]]
        assert cells == [[str(count) for count in row] for row in expected.confusion[next(iter(expected.confusion))]]
    else:
        assert payload["matrix"] is None
    assert "data='mine <b>.csv'" in payload["code"], "no path of the server"


def test_a_file_that_cannot_be_scored_is_said(run_of, tmp_path, monkeypatch):
    score, run = many_texts_panel._score_file, run_of()
    with pytest.raises(gr.Error, match="Choose a file first"):
        score("sentiment", [run], None, "sst2")
    file = tmp_path / "mine.csv"
    file.write_text("sentence\nfine\nawful\n", encoding="utf-8")
    with pytest.raises(gr.Error, match="no column for label"):
        score("sentiment", [run], str(file), "sst2")
    file.write_text("sentence,label\nfine,1\nawful,0\n", encoding="utf-8")
    monkeypatch.setattr("minilm_demo.serving.labelled_file.FILE_CHARACTERS", 8)
    with pytest.raises(gr.Error, match="have 9 characters together; at most 8"):
        score("sentiment", [run], str(file), "sst2")


@pytest.mark.parametrize("skill", [*SKILLS, "stsb"])
def test_the_page_says_which_columns_a_file_needs_by_example(skill):
    said = many_texts_panel._needed_columns(skill)
    for task in skill_tasks(skill):
        assert all(f"`{field}`" in said for field in task.text_fields)
    assert all(text in said for text in skill_tasks(skill)[0].example.values())


def test_a_row_asks_the_model_that_was_scored():
    event = types.SimpleNamespace(texts=["A joy."], checkpoint="sentiment")
    chosen, *texts, asked = predict_tab._ask_row("sentiment", ["sst2-x"], event)
    assert (chosen, texts) == (["sentiment"], ["A joy.", ""])
    assert asked["kind"] == "ask"
    assert asked["question"] == {"skill": "sentiment", "texts": ["A joy.", ""], "checkpoints": ["sentiment"]}
    chosen, *_ = predict_tab._ask_row("sentiment", ["sst2-x", "sentiment"], event)
    assert chosen == ["sst2-x", "sentiment"], "the model is among the chosen ones"


# -- a file --------------------------------------------------------------------------------------------------------


def test_a_file_comes_back_with_predictions(run_of, tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("number,review\n1,fine\n2,awful\n", encoding="utf-8")
    run = run_of()
    steps, progress = told()
    button, said = many_texts_panel._answer_file("sentiment", [run], str(source), progress)
    output = Path(button.value if isinstance(button.value, str) else button.value["path"])
    with output.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["review"]) for row in rows] == [("1", "fine"), ("2", "awful")]
    assert {row["prediction"] for row in rows} <= {"negative", "positive"}
    assert steps[-1] == ((2, 2), "rows")
    assert said.split("\n\n")[0].replace("\\", "") == f"2 rows answered by {serving.title_of(run)}."
    # Gradio serves what lies below this folder; the name between says nothing of the file and cannot be guessed.
    assert output.parent.parent == Path(get_upload_folder())
    assert len(output.parent.name) == 64


def test_a_file_of_questions_is_answered_by_the_task_of_questions(tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("question1,question2\nWhere is it?,Where does it lie?\n", encoding="utf-8")
    button, _ = many_texts_panel._answer_file("paraphrase", ["paraphrase"], str(source), told()[1])
    output = Path(button.value if isinstance(button.value, str) else button.value["path"])
    assert "probability_duplicate" in output.read_text(encoding="utf-8").splitlines()[0]


def test_two_outputs_never_share_a_place(run_of, tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("sentence\nfine\n", encoding="utf-8")
    run = run_of()
    before = left_over()
    for _ in range(2):
        many_texts_panel._answer_file("sentiment", [run], str(source), told()[1])
    assert len({path.parent for path in set(left_over()) - set(before)}) >= 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("number,words\n1,hello\n", "mine.csv has no column for sentence. Found: number, words. Needed: sentence."),
        ("sentence\n", "mine.csv has no rows."),
        ('sentence,id\n,1\n" ",2\n', "mine.csv has 2 rows, and no text in sentence."),
        ("sentence\n" + "fine\n" * 2001, "mine.csv has 2,001 rows; at most 2,000 are answered at once here."),
        ("sentence\n" + f"{'x' * 1001}\n" * 2000, "mine.csv has 2,002,000 characters of text; at most 2,000,000"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence_and_leaves_nothing(run_of, tmp_path, content, words):
    source = tmp_path / "mine.csv"
    source.write_text(content, encoding="utf-8")
    run, before = run_of(), left_over()
    with pytest.raises(gr.Error, match=re.escape(words)):
        many_texts_panel._answer_file("sentiment", [run], str(source))
    assert left_over() == before


def test_no_file_and_no_model_are_said(run_of):
    with pytest.raises(gr.Error, match=r"Choose a file first\. Its columns: premise, hypothesis"):
        many_texts_panel._answer_file("nli", [run_of("mnli")], None)
    with pytest.raises(gr.Error, match="No model is chosen"):
        many_texts_panel._answer_file("nli", None, "any.csv")


def test_another_file_hides_the_old_download():
    button, said = many_texts_panel._other_file()
    assert (button.visible, button.value, said) == (False, None, many_texts_panel.NO_ANSWERS)


# -- the panel -----------------------------------------------------------------------------------------------------


def test_the_panel_is_closed_and_its_events_are_private():
    with gr.Blocks() as page:
        skill, checkpoints = gr.Radio(["sentiment"]), gr.CheckboxGroup()
        many_texts_panel.build_many_texts_panel(skill, checkpoints)
    named = {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}
    assert {"many", "rows-count", "rows-run", "scored-rows", "csv-file", "csv-run", "csv-out"} <= set(named)
    assert not named["many"].open
    assert {function.api_visibility for function in page.fns.values()} == {"private"}
    heavy = [function for function in page.fns.values() if function.concurrency_id == "many texts"]
    assert [function.concurrency_limit for function in heavy] == [1, 1, 1]


def test_a_batch_ends_for_another_file_and_lets_the_next_one_begin(run_of, tmp_path):
    """Gradio ends only the event of a cancelled batch; the thread would work to the end of 600 rows."""
    file, run = tmp_path / "mine.csv", run_of()
    file.write_text("sentence\n" + "fine\n" * 600, encoding="utf-8")
    visitor = gr.Request(session_hash="visitor")
    steps = []

    def progress(done, **_):
        steps.append(done)
        if len(steps) == 2:
            many_texts_panel._chosen_file(None, visitor)

    with pytest.raises(gr.Error, match=r"The work on mine.csv was ended after \d+ of 600 rows"):
        many_texts_panel._answer_file("sentiment", [run], str(file), progress, visitor)
    assert len(steps) == 2 and not many_texts_panel._AT_WORK
    _, said = many_texts_panel._answer_file("sentiment", [run], str(file), told()[1], visitor)
    assert said.startswith("600 rows answered by")
