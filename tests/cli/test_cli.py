"""The command line: documents on stdout, progress on stderr, one sentence when something is wrong."""

import contextlib
import csv
import dataclasses
import json
import re
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from printed_commands import check, commands_in
from small_runs import ENOUGH_TO_HOLD_BACK, ROOT, environment, of, python, wait_for, write_reviews

from minilm_demo import TASKS, DistillConfig, TrainConfig, evaluate, jobs, models, runs, trace_attention
from minilm_demo.cli import command_line, doctor, manage, options, output, train
from minilm_demo.cli.command_line import main
from minilm_demo.data import folders
from minilm_demo.results import DataSource, Evaluation, Finished, Stepped, to_json
from minilm_demo.runs import worker

EVALUATE_KEYS = {"task", "checkpoint", "data_source", "seen_by_base", "metrics", "intervals", "baseline"}
FINETUNE_KEYS = EVALUATE_KEYS | {
    "output_dir",
    "examples",
    "examples_seen",
    "rows_seen",
    "epochs",
    "seconds",
    "examples_per_second",
    "splits",
}


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    return str(write_reviews(tmp_path_factory.mktemp("cli-rows"), 24))


@pytest.fixture
def finetune(tiny_checkpoint, rows):
    """The words of a short fine-tune."""
    return [*("finetune", "sst2", "--checkpoint", str(tiny_checkpoint), "--data", rows), "--max-steps", "3"]


@pytest.fixture
def run(capsys):
    """Run a command in this process: its exit code, the lines of stdout, the lines of stderr. Commands that it prints
    must be understood."""

    def run(*words):
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        check(f"{said.out}\n{said.err}")
        return code, said.out.splitlines(), said.err.splitlines()

    return run


@pytest.fixture
def document(run):
    """The JSON document of a command that succeeds."""

    def document(*words) -> dict:
        code, out, err = run(*words, "--json")
        assert code == 0, err
        return json.loads(out[-1], parse_constant=pytest.fail)  # NaN and Infinity are no JSON

    return document


# -- tasks, help ---------------------------------------------------------------------------------------------------


def test_tasks_lists_every_task(run, document):
    code, out, err = run("tasks")
    assert (code, err) == (0, [])
    assert [line.split()[0] for line in out] == list(TASKS)
    listed = document("tasks")
    assert list(listed) == list(TASKS)
    assert listed["mnli"]["labels"] == ["entailment", "neutral", "contradiction"]
    assert listed["stsb"]["text_fields"] == ["sentence1", "sentence2"]


def test_tasks_and_the_package_need_neither_torch_nor_gradio():
    heavy = "{'torch', 'gradio', 'transformers', 'accelerate', 'datasets', 'peft', 'pandas'}"
    code = (
        "import sys, minilm_demo, minilm_demo.runs; from minilm_demo.cli import main; main(['tasks', '--json']);"
        f"loaded = {heavy} & set(sys.modules); sys.exit(f'loaded {{loaded}}' if loaded else 0)"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)) == list(TASKS)


@pytest.mark.parametrize(
    "command", ["", "doctor", "tasks", "finetune", "evaluate", "predict", "attention", "distill", "targets", "runs"]
)
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: python -m minilm_demo")
    assert not command or "--json" in said


@pytest.mark.parametrize(
    ("flag", "words", "field", "value"),
    [
        ("--checkpoint", ["minilm-l12"], "checkpoint", "minilm-l12"),
        ("--data", ["sample"], "data", "sample"),
        ("--train-split", ["train+more"], "train_split", "train+more"),
        ("--extra-train", ["a.csv", "b"], "extra_train", ("a.csv", "b")),
        ("--train-examples", ["200"], "train_examples", 200),
        ("--epochs", ["0.5"], "epochs", 0.5),
        ("--max-steps", ["7"], "max_steps", 7),
        ("--time-budget", ["60s"], "time_budget", 60.0),
        ("--time-budget", ["2m"], "time_budget", 120.0),
        ("--time-budget", ["1h"], "time_budget", 3600.0),
        ("--time-budget", ["45"], "time_budget", 45.0),
        ("--batch-size", ["16"], "batch_size", 16),
        ("--learning-rate", ["3e-5"], "learning_rate", 3e-5),
        ("--max-length", ["64"], "max_length", 64),
        ("--method", ["lora"], "method", "lora"),
        ("--seed", ["3"], "seed", 3),
        ("--warmup-ratio", ["0.2"], "warmup_ratio", 0.2),
        ("--weight-decay", ["0.1"], "weight_decay", 0.1),
        ("--max-grad-norm", ["2"], "max_grad_norm", 2.0),
        ("--dropout", ["0.1"], "dropout", 0.1),
        ("--eval-examples", ["50"], "eval_examples", 50),
        ("--precision", ["fp32"], "precision", "fp32"),
        ("--output", ["here"], "output_dir", "here"),
    ],
)
def test_every_flag_reaches_its_option(flag, words, field, value):
    argv = ["finetune", "sst2", *(part for word in words for part in (flag, word))]
    config = options.read_config(command_line.make_parser().parse_args(argv), TrainConfig)
    assert config == dataclasses.replace(TrainConfig(), **{field: value})


@pytest.mark.parametrize(
    ("flag", "words", "field", "value"),
    [
        ("--layers", ["3"], "layers", 3),
        ("--loss", ["at,vr"], "loss", "at,vr"),
        ("--init", ["teacher"], "init", "teacher"),
        ("--assistant", [], "assistant", True),
        ("--time-budget", ["60s"], "time_budget", 60.0),
        ("--probe", ["two words"], "probe", "two words"),
    ],
)
def test_every_flag_of_distill_reaches_its_option(flag, words, field, value):
    config = options.read_config(
        command_line.make_parser().parse_args(["distill", "mnli", flag, *words]), DistillConfig
    )
    assert config == DistillConfig(**{"task": "mnli", field: value})


@pytest.mark.parametrize(
    ("command", "field"),
    [("finetune", one) for one in dataclasses.fields(TrainConfig)]
    + [("distill", one) for one in dataclasses.fields(DistillConfig) if one.name != "task"],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_option_has_a_flag_with_its_help(capsys, command, field):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    flag = {"output_dir": "--output", "columns": "--column"}.get(field.name, f"--{field.name.replace('_', '-')}")
    words = field.metadata["help"]
    assert re.search(rf"{flag}( \S+)? {re.escape(words)}", said), said


# -- finetune, evaluate --------------------------------------------------------------------------------------------


def test_finetune_prints_its_document_and_evaluate_the_same_numbers(document, finetune, rows, tmp_path):
    tuned = document(*finetune, "--output", tmp_path / "mine")
    assert tuned.keys() >= FINETUNE_KEYS
    assert (tuned["task"], tuned["checkpoint"], tuned["output_dir"]) == ("sst2", "mine", str(tmp_path / "mine"))
    assert (tuned["examples"], tuned["splits"], tuned["steps"]) == (24, {"train": 24}, 3)
    assert set(tuned["metrics"]) == {"validation"}
    low, high = tuned["intervals"]["validation"]["accuracy"]
    assert 0 <= low <= tuned["metrics"]["validation"]["accuracy"] <= high <= 1
    assert tuned["baseline"] == {"validation": {"accuracy": 0.5}}
    assert "20 rows of validation" in tuned["data_source"]
    assert tuned["seconds"] > 0 < tuned["examples_per_second"]
    for checkpoint in (tmp_path / "mine", tmp_path / "mine" / "checkpoint"):
        scored = document("evaluate", "sst2", "--checkpoint", checkpoint, "--data", rows)
        assert scored.keys() >= EVALUATE_KEYS
        assert {key: scored[key] for key in EVALUATE_KEYS} == {key: tuned[key] for key in EVALUATE_KEYS}


def test_finetune_for_people(run, finetune, tmp_path):
    code, out, err = run(*finetune, "--output", tmp_path / "mine")
    assert code == 0
    assert out[0].startswith("Kept step 3 of 3.")
    assert f"Saved in {tmp_path / 'mine'}" in out
    assert any("weights move" in line for line in err)
    steps = [line for line in err if line.startswith("step ")]
    assert re.fullmatch(r"step 0  validation rows: accuracy [01]\.\d{3}", steps[0])
    assert re.match(r"step 3  loss 0\.", steps[-2])
    assert re.fullmatch(r"step 3  validation rows: accuracy [01]\.\d{3}", steps[-1])
    assert (tmp_path / "mine" / "README.md").is_file()


def test_evaluate_draws_a_limited_number_of_rows(document, tiny_checkpoint_for, rows):
    words = ("evaluate", "sst2", "--checkpoint", tiny_checkpoint_for("sst2"), "--data", rows, "--limit", "7")
    scored = document(*words)
    assert scored["rows"] == {"validation": 7}
    assert document(*words, "--split", "train+validation")["rows"] == {"train": 7, "validation": 7}
    same = evaluate("sst2", str(tiny_checkpoint_for("sst2")), data=rows, limit=7)
    assert scored["metrics"] == same.metrics


def test_evaluate_scores_both_sets_of_mnli(document, tiny_checkpoint_for):
    words = ("evaluate", "mnli", "--checkpoint", tiny_checkpoint_for("mnli"), "--data", "sample", "--limit", "6")
    assert list(document(*words)["metrics"]) == ["validation_matched", "validation_mismatched"]


@pytest.mark.parametrize(
    ("kind", "split", "shown"),
    [
        ("hub", "validation", True),
        ("mirror", "validation", True),
        ("mirror", "train", False),
        ("sample", "validation", False),
        ("file", "validation", False),
    ],
)
def test_the_papers_scores_stand_beside_official_rows_only(kind, split, shown):
    scores = {split: {"accuracy": 0.9}}
    source = DataSource(kind, "rows", {split: 10})
    evaluation = Evaluation("sst2", "mine", source, scores, {split: {"accuracy": (0.8, 1.0)}}, scores, {split: 10})
    said = list(train._evaluation_lines(evaluation, ""))
    assert any("the paper, MiniLM-L6" in line for line in said) == shown
    assert any("not known here; it was scored on 10 of the 872 rows" in line for line in said) == shown
    assert not any("had seen" in line for line in said)


def test_what_bundled_had_seen_is_said_of_all_that_comes_from_it(run, document, tmp_path):
    seen = TASKS["qqp"].seen_by_bundled
    words = ("--data", "sample", "--max-steps", "1", "--train-examples", "8", "--eval-examples", "4")
    code, out, err = run("finetune", "qqp", *words, "--batch-size", "8", "--output", tmp_path / "mine")
    assert code == 0, err
    assert f"The bundled checkpoint's own training had seen {seen}." in out
    assert document("runs", "show", tmp_path / "mine")["result"]["seen_by_base"] == seen
    scored = ("evaluate", "qqp", "--checkpoint", tmp_path / "mine", "--data", "sample", "--limit", "4")
    assert document(*scored)["seen_by_base"] == seen
    assert f"The bundled checkpoint's own training had seen {seen}." in run(*scored)[1]


def test_a_run_stopped_while_it_fetches_says_so(run, document, finetune, monkeypatch):
    def stopped(task, config, should_stop):
        yield Finished("stopped", "Stopped before it began.")

    monkeypatch.setattr(jobs, "finetune", stopped)
    assert run(*finetune) == (0, ["Stopped before it began."], [])
    said = document(*finetune)
    assert (said["status"], said["message"], said["step"]) == ("stopped", "Stopped before it began.", 0)


def test_an_output_called_like_a_checkpoint_is_shown_with_its_path(run, finetune, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*finetune, "--output", "bundled")
    assert code == 0, err
    assert f"Saved in {tmp_path / 'bundled'}" in out
    assert f"--checkpoint {tmp_path / 'bundled'} " in out[-1]


# -- distill, targets ----------------------------------------------------------------------------------------------


@pytest.fixture
def distil(tiny_checkpoint, rows):
    """The words of a short distillation."""
    return ["distill", "--teacher", str(tiny_checkpoint), "--data", rows, "--steps", "3", "--batch-size", "8"]


def test_distill_prints_its_document(document, distil, tmp_path):
    said = document(*distil, "--layers", "1", "--hidden", "16", "--output", tmp_path / "mine")
    assert set(said["losses"]) == {"attention", "value_relation"}
    assert (said["output_dir"], said["steps"], said["layers"]) == (str(tmp_path / "mine"), 3, 1)
    assert said["steps_per_second"] > 0
    assert said["task"] == "sst2"
    shown = document("runs", "show", tmp_path / "mine")
    assert shown["result"] == said
    assert (shown["status"], shown["steps"], shown["metrics"]) == ("completed", 3, {"validation": said["losses"]})
    second = document(*distil, "--recipe", "minilm_v2")
    assert set(second["losses"]) == {"query_relation", "key_relation", "value_relation"}


def test_distill_for_people(run, distil, tmp_path):
    code, out, err = run(*distil, "mrpc", "--data", "sample", "--output", tmp_path / "mine")
    assert code == 0, err
    assert out[0].startswith("Made 3 steps.")
    assert any(line.strip().startswith("value relation") and " -> " in line for line in out)
    assert out[-1] == f"Fine-tune it: python -m minilm_demo finetune mrpc --checkpoint {tmp_path / 'mine'}"
    assert [line for line in err if line.startswith("step 3  loss")][-1].count("relation") == 1
    assert any(line.startswith("A student of tiny on bundled sample") for line in err)


def test_targets_writes_the_arrays_of_the_contract(document, run, distil, tiny_checkpoint, tmp_path):
    words = ("targets", "a good movie", "a bad one", "--teacher", tiny_checkpoint, "--output", tmp_path / "targets.npz")
    assert run(*words)[0] == output.EXIT_FAILED  # there is no student yet
    document(*distil)
    said = document(*words)
    assert said["student"].startswith("student_sst2-")
    assert set(said["losses"]) == {"attention", "value_relation"}
    assert [len(heads) for heads in said["by_head"].values()] == [2, 2]
    with np.load(said["output"]) as saved:
        length = len(said["tokens"])
        assert saved["teacher_QK"].shape == saved["student_VV"].shape == (2, length, length)
        assert saved["divergence_VV"].shape == (2, length)
        assert saved["tokens"].tolist() == said["tokens"]
    assert said["badge"]["title"] == "distilled here"
    code, out, _ = run(
        *words, "--recipe", "minilm_v2", "--student", tiny_checkpoint, "--relation-heads", "4", "--overwrite"
    )
    assert code == 0
    assert out[0].endswith(": the same model. Teacher and student are one model, so every divergence is 0.")
    assert any("query relation" in line for line in out)


def test_a_page_of_targets_says_what_the_teacher_is(run, tmp_path):
    page = tmp_path / "targets.html"
    code, out, _ = run("targets", "hello", "--teacher", "bundled", "--student", "sentiment", "--output", page)
    assert code == 0
    assert out[0].startswith("bundled, layer 6, beside sentiment, layer 6: not a distillation. ")
    assert '"title": "not a distillation"' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("texts", "label"),
    [(("He came.", "He arrived."), "equivalent"), (("Where is it?", "Where does it lie?"), "duplicate")],
)
def test_the_texts_decide_which_task_of_a_skill_answers(document, texts, label):
    assert label in document("predict", "paraphrase", *texts)["probabilities"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("distill", "sst3"), "Unknown task 'sst3'"),
        (("distill", "--loss", "qq"), "the terms of minilm_v1 are at, vr"),
        (("distill", "--layers", "many"), "invalid int value"),
        (("distill", "--teacher", "nobody"), "Unknown checkpoint 'nobody'"),
        (("distill", "--data", "/no/such/place"), "No data at"),
        (("distill", "--data", "sample", "--split", "dev"), "No split 'dev'"),
        (("targets", "one", "two", "three", "--output", "t.npz"), "one text or a pair; 3 came"),
        (("targets", "one", "--output", "t.pdf"), "must end in .html or .npz"),
        (("targets", "one", "--student", "bundled", "--recipe", "v3", "--output", "t.npz"), "Unknown recipe 'v3'"),
    ],
)
def test_wrong_words_of_distill_and_targets_exit_2(run, words, said):
    code, out, err = run(*words)
    assert (code, out) == (output.EXIT_USAGE, [])
    assert len(err) == 1
    assert said in err[0]


# -- predict -------------------------------------------------------------------------------------------------------


def test_predict_one_text(document, tiny_checkpoint_for):
    said = document("predict", "sentiment", "what a film", "--checkpoint", tiny_checkpoint_for("sst2"))
    assert said.keys() >= {"label", "probabilities", "checkpoint", "milliseconds"}
    assert set(said["probabilities"]) == {"negative", "positive"}
    assert sum(said["probabilities"].values()) == pytest.approx(1)
    assert said["label"] == max(said["probabilities"], key=said["probabilities"].get)


def test_predict_a_pair(document, tiny_checkpoint_for):
    checkpoint = tiny_checkpoint_for("mnli")
    said = document("predict", "nli", "A man sleeps.", "He is awake.", "--checkpoint", checkpoint)
    assert list(said["probabilities"]) == ["entailment", "neutral", "contradiction"]
    assert said["checkpoint"] == checkpoint.name


def test_predict_an_answer(document, tiny_checkpoint_for):
    words = ("predict", "qa", "Who wrote?", "Ada wrote 😀 notes.", "--checkpoint", tiny_checkpoint_for("squad_v2"))
    said = document(*words, "--threshold", "1e9")
    assert said.keys() >= {"answer", "start", "end", "no_answer_score", "checkpoint", "milliseconds"}
    assert said["answer"] == "Ada wrote 😀 notes."[said["start"] : said["end"]] != ""
    said = document(*words, "--threshold=-1e9")
    assert (said["answer"], said["start"], said["end"]) == ("", None, None)


def test_predict_a_score(document, tiny_checkpoint_for):
    said = document("predict", "stsb", "a cat", "a dog", "--checkpoint", tiny_checkpoint_for("stsb"))
    assert said.keys() >= {"score", "checkpoint", "milliseconds"}
    assert not said.keys() & {"label", "probabilities", "answer", "start"}
    assert isinstance(said["score"], float)


@pytest.mark.parametrize(
    ("task", "texts", "last"),
    [("sst2", ["fine"], "ms"), ("stsb", ["a", "b"], "ms"), ("squad_v2", ["Who?", "Ada wrote."], "ms")],
)
def test_predict_for_people(run, tiny_checkpoint_for, task, texts, last):
    code, out, err = run("predict", task, *texts, "--checkpoint", tiny_checkpoint_for(task))
    assert (code, err) == (0, [])
    assert out[-1].endswith(last)


def test_predict_a_file(document, tiny_checkpoint_for, tmp_path):
    rows = ['1,"fine, ü"', "2,bad", "3,", "id,text", "4,🤮", f"5,{'a fine film ' * 60}"]
    (tmp_path / "in.csv").write_text("\n".join(["id,text", *rows, ""]), encoding="utf-8")
    words = ("predict", "sst2", "--checkpoint", tiny_checkpoint_for("sst2"))
    said = document(*words, "--file", tmp_path / "in.csv", "--output", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8-sig") as file:
        written = list(csv.DictReader(file))
    assert [row["id"] for row in written] == ["1", "2", "3", "id", "4", "5"]
    assert {row["prediction"] for row in written} <= {"negative", "positive", ""}
    assert said.pop("notes") and said == {
        "rows": 6,
        "empty": sum(not row["prediction"] for row in written),
        "repeated": 1,
        "truncated": sum(row["truncated"] == "true" for row in written),
        "with_unknown_words": sum(bool(row["unknown_words"]) for row in written),
        "unsure": sum(row["unsure"] == "true" for row in written),
        "output": str(tmp_path / "out.csv"),
    }
    assert (said["empty"], said["truncated"]) == (2, 1) and said["with_unknown_words"] >= 1


def without_skills(monkeypatch):
    """As in a copy of the app that ships none."""
    for name in [entry.name for entry in models.CATALOG.values() if entry.is_skill]:
        monkeypatch.delitem(models.CATALOG, name)


def test_predict_takes_the_latest_run(document, finetune, tiny_checkpoint, monkeypatch):
    without_skills(monkeypatch)
    run_id = document(*finetune)["checkpoint"]
    assert document("predict", "sst2", "fine")["checkpoint"] == run_id
    assert document("predict", "sentiment", "fine")["checkpoint"] == run_id
    words = ["finetune", "qqp", "--checkpoint", tiny_checkpoint, "--data", "sample", "--max-steps", "1"]
    qqp = document(*words, "--train-examples", "8", "--eval-examples", "4")["checkpoint"]
    said = document("predict", "paraphrase", "a?", "b?")  # mrpc comes first, but qqp is what was trained
    assert said["checkpoint"] == qqp
    assert "not_duplicate" in said["probabilities"]


def test_predict_takes_the_shipped_skill_for_its_name_and_a_run_for_the_task(document, finetune):
    assert document("predict", "sentiment", "A joy from start to end.")["checkpoint"] == "sentiment"
    assert document("predict", "sst2", "A joy from start to end.")["label"] == "positive"
    run_id = document(*finetune)["checkpoint"]
    assert document("predict", "sst2", "fine")["checkpoint"] == run_id
    assert document("predict", "sentiment", "fine")["checkpoint"] == "sentiment"


# -- attention -----------------------------------------------------------------------------------------------------

ATTENTION_KEYS = {
    "tokens_read",
    "tokens_total",
    "unknown_words",
    "checkpoint",
    "tokens",
    "layers",
    "heads",
    "output",
    "milliseconds",
    "truncated",
    "finding",
}
ATTENTION_KEYS |= {"segment_ids", "shape"}
PAIR = ("A man is asleep.", "Nobody is awake.")


def test_attention_writes_the_trace_it_describes(document, tmp_path):
    said = document("attention", *PAIR, "--output", tmp_path / "trace.npz")
    assert said.keys() == ATTENTION_KEYS | {"crossing_heads"}
    assert (said["checkpoint"], said["layers"], said["heads"]) == ("bundled", 6, 12)
    assert said["output"] == str(tmp_path / "trace.npz")
    trace = trace_attention("bundled", *PAIR)
    with np.load(tmp_path / "trace.npz", allow_pickle=False) as written:
        assert set(written.files) == {"tokens", "segment_ids", "attentions"}
        assert written["tokens"].tolist() == said["tokens"] == list(trace.tokens)
        assert np.array_equal(written["attentions"], trace.attentions)
    masses = [one["mass"] for one in said["crossing_heads"]]
    assert masses == sorted(masses, reverse=True) and len(masses) == 5
    first = said["crossing_heads"][0]
    assert said["finding"].startswith(f"Layer {first['layer'] + 1} of 6, head {first['head'] + 1} of 12: '")
    assert "in the other text" in said["finding"] and said["finding"].endswith(" times the average.")


def test_attention_finds_a_look_that_is_there(document, tmp_path):
    said = document("attention", "The film was not good.", "--output", tmp_path / "trace.npz")
    assert said.keys() == ATTENTION_KEYS
    found = re.fullmatch(
        r"Layer (\d) of 6, head (\d+) of 12: '(\w+)' gives '(\w+)' (0\.\d\d) of its attention, (.+) times the average.",
        said["finding"],
    )
    layer, head, one, other, weight, times = found.groups()
    weights = trace_attention("bundled", "The film was not good.").head(int(layer) - 1, int(head) - 1)
    found = weights[said["tokens"].index(one), said["tokens"].index(other)]
    assert float(weight) == pytest.approx(found, abs=0.006)
    assert float(times) == pytest.approx(found * len(said["tokens"]), abs=0.06)
    alone = document("attention", "film", "--output", tmp_path / "alone.npz")
    assert alone["finding"] == "'film' is the only token of this text, so there is no other to look at."


def test_attention_answers_when_a_task_is_named(run, document, tiny_checkpoint_for, tmp_path):
    checkpoint = tiny_checkpoint_for("mnli")
    words = ("attention", *PAIR, "--checkpoint", checkpoint, "--output", tmp_path / "trace.npz")
    words = (*words, "--overwrite")
    said = document(*words, "--task", "nli")
    asked = document("predict", "mnli", *PAIR, "--checkpoint", checkpoint)
    assert said["prediction"]["label"] == asked["label"]
    assert said["prediction"]["probabilities"] == pytest.approx(asked["probabilities"], abs=1e-5)
    assert "prediction" not in document(*words)
    code, out, err = run(*words, "--task", "mnli")
    assert (code, err) == (0, [])
    assert sum("lies on the other text" in line for line in out) == 4  # all heads of a tiny model
    assert any(line.startswith(asked["label"]) for line in out)
    assert out[-1].endswith(f"written to {tmp_path / 'trace.npz'}")


def test_attention_writes_a_page_of_its_own(document, tmp_path):
    document("attention", "<img src=x onerror=alert(1)>", "--output", tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "<img src=x" not in page


def test_a_page_is_titled_as_the_app_titles_it(document, tmp_path):
    said = document("attention", "Nobody came.", "--checkpoint", "nli", "--output", tmp_path / "view.html")
    assert said["checkpoint"] == "nli"
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert "<title>Inference skill (shipped): Nobody came.</title>" in page


# -- skills --------------------------------------------------------------------------------------------------------


def test_skills_lists_what_ships(run, document):
    listed = {one["name"]: one["tasks"] for one in document("skills")["skills"]}
    assert listed == {name: list(entry.tasks) for name, entry in models.CATALOG.items() if entry.is_skill}
    assert len(run("skills", "list")[1]) == len(listed)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("skills train", 2, "skills train needs a skill"),
        ("skills pack sentiment", 2, "skills pack needs a skill and a run"),
        ("skills train moods", 2, "Unknown skill 'moods'. Known: sentiment, nli, paraphrase, qa"),
        ("skills pack nli no-such-folder", 1, "There is no run 'no-such-folder' here"),
    ],
)
def test_what_is_wrong_with_a_skill_is_one_sentence(run, words, code, said):
    came, out, err = run(*words.split())
    assert (came, out) == (code, []) and said in err[-1]


# -- runs ----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_and_shown(run, document, finetune):
    assert run("runs")[1] == ["No runs yet."]
    assert document("runs", "list") == {"runs": []}
    tuned = document(*finetune)
    (listed,) = document("runs")["runs"]
    assert listed["run_id"] == tuned["checkpoint"]
    assert (listed["status"], listed["task"], listed["step"]) == ("completed", "sst2", 3)
    assert listed["folder"] == tuned["output_dir"] == str(models.runs_root() / listed["run_id"])
    shown = document("runs", "show", listed["run_id"])
    assert shown == listed | {
        "steps": 3,
        "seconds_left": None,
        "metrics": tuned["metrics"],
        "result": tuned,
        "error": None,
    }
    assert document("runs", "show", tuned["output_dir"]) == shown
    assert run("runs", "list")[1][0].split()[:2] == [listed["run_id"], "completed"]
    assert f"status: {listed['status']}" in run("runs", "show", listed["run_id"])[1]


def test_runs_are_named_exported_and_deleted(run, document, finetune, tmp_path):
    run_id = document(*finetune)["checkpoint"]
    assert document("runs", "rename", run_id, "First try")["name"] == "First try"
    assert "First try: SST-2 run of " in run("runs", "list")[1][0]
    place = tmp_path / "taken.zip"
    assert document("runs", "export", run_id, "--output", place)["output"] == str(place)
    with zipfile.ZipFile(place) as archive:
        assert "# First try\n" in archive.read("README.md").decode()
    code, _, said = run("runs", "export", run_id, "--adapter", "--output", tmp_path / "adapter.zip")
    assert code == 1 and "only a finished run with the method lora" in str(said)
    assert not (tmp_path / "adapter.zip").exists()
    assert run("runs", "rename", run_id)[0] == 2
    assert document("runs", "delete", run_id)["run_id"] == run_id
    assert document("runs") == {"runs": []}
    assert run("runs", "delete", run_id)[0] == 1


def test_runs_stop_ends_a_worker(document, tiny_checkpoint, rows):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data=rows, batch_size=2, max_steps=50_000)
    record = runs.create_run("finetune", TASKS["sst2"], config)
    folder = runs.run_folder(record.run_id)
    process = runs.worker_context().Process(target=worker.work, args=(str(folder),), daemon=True)
    process.start()
    try:
        wait_for(lambda: of(Stepped, runs.read_events(folder)))
        said = document("runs", "stop", record.run_id)
        assert said["status"] in ("stopping", "stopped")
        process.join(150)
    finally:
        process.kill()
    assert document("runs", "show", record.run_id)["status"] == "stopped"


# -- doctor --------------------------------------------------------------------------------------------------------


def test_doctor_says_what_is_here(run, document, monkeypatch):
    monkeypatch.setattr(doctor, "MIN_MEMORY_GIGABYTES", 0)
    monkeypatch.setattr(doctor, "MIN_FREE_GIGABYTES", 0)
    code, out, err = run("doctor")
    assert (code, err) == (0, [])
    assert out[-1] == "ready for class: yes"
    assert any(line.startswith("ok  bundled") and "22,713,216 weights" in line for line in out)
    assert any("switched off by HF_HUB_OFFLINE" in line for line in out)
    said = document("doctor")
    assert said["ready"] is True
    assert {"packages", "machine", "bundled", "sample rows", "Hub", "minilm-l12"} <= {c["name"] for c in said["checks"]}
    assert all(check.keys() == {"name", "ok", "needed", "says"} for check in said["checks"])


def test_doctor_names_what_is_missing(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MINILM_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(doctor, "MIN_MEMORY_GIGABYTES", 10**6)
    code, out, _ = run("doctor")
    assert code == 1
    assert out[-1] == "ready for class: no, because of machine, runs folder"
    assert [line.split("  ")[0] for line in out if line.startswith("NO")] == ["NO", "NO"]
    code, out, _ = run("doctor", "--json")
    assert code == 1
    assert json.loads(out[-1])["ready"] is False


# -- bad days ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "The following arguments are required: COMMAND"),
        ("train sst2", "invalid choice: 'train'"),
        ("finetune", "The following arguments are required: TASK"),
        ("finetune sst3", "Unknown task 'sst3'. Known: cola, sst2"),
        ("finetune sst2 --stepps 3", "unrecognized arguments: --stepps 3"),
        ("finetune sst2 --max-steps many", "invalid int value: 'many'"),
        ("finetune sst2 --max-steps 0", "max_steps is 0; it must lie between 1 and"),
        ("finetune sst2 --max-steps 5 --epochs 1", "Give one of epochs, max_steps and time_budget"),
        ("finetune sst2 --time-budget soon", "'soon' is no duration; write 30s, 2m or 1h"),
        ("finetune sst2 --time-budget s", "'s' is no duration"),
        ("finetune sst2 --time-budget nan", "time_budget is 'nan'; it must be a number"),
        ("finetune sst2 --method most", "invalid choice: 'most'"),
        ("finetune sst2 --checkpoint nonsense", "Unknown checkpoint 'nonsense'. Known: bundled"),
        ("evaluate sst2", "the following arguments are required: --checkpoint"),
        ("evaluate sst2 --checkpoint bundled --limit 0", "'0' is not a positive whole number"),
        ("evaluate sst2 --checkpoint bundled --limit x", "'x' is not a positive whole number"),
        ("evaluate sst3 --checkpoint bundled", "Unknown task 'sst3'"),
        ("evaluate sst2 --checkpoint nonsense", "Unknown checkpoint 'nonsense'"),
        ("predict mood hello", "Unknown skill or task 'mood'. Known: sentiment, nli"),
        ("predict sst2 --checkpoint {sst2}", "sst2 takes 1 texts (sentence); 0 came"),
        ("predict sst2 a b --checkpoint {sst2}", "sst2 takes 1 texts (sentence); 2 came"),
        ("predict sst2 --file in.csv --checkpoint {sst2}", "--file takes no texts and needs --output"),
        ("predict sst2 hello --file in.csv --output out.csv --checkpoint {sst2}", "--file takes no texts"),
        ("finetune sst2 --checkpoint {sst2} --data /no/such", "No data at '/no/such'"),
        ("finetune sst2 --checkpoint {sst2} --data ~nobody/rows", "No data at '~nobody/rows'"),
        ("finetune sst2 --checkpoint {sst2} --data mirror", "There is no local mirror: set MINILM_DATA"),
        ("finetune sst2 --checkpoint {sst2} --data README.md", "README.md: files may be .csv"),
        ("finetune sst2 --checkpoint {sst2} --data sample --train-split trian", "No split 'trian' for sst2"),
        ("finetune sst2 --checkpoint {sst2} --data sample --train-split train+", "No split '' for sst2"),
        ("finetune sst2 --checkpoint {sst2} --data sample --extra-train no.csv", "No extra training data at 'no.csv'"),
        ("evaluate sst2 --checkpoint {sst2} --data /no/such", "No data at '/no/such'"),
        ("evaluate sst2 --checkpoint {sst2} --data sample --split test", "No split 'test' for sst2"),
        ("evaluate sst2 --checkpoint {sst2} --data sample --split validation+*", "No split '*' for sst2"),
        ("attention a b c --output x.npz", "attention takes one text, or two for a pair; 3 came"),
        ("attention hello", "the following arguments are required: --output"),
        ("attention hello --output x.png", "--output is x.png; it must end in .html or .npz"),
        ("attention hello --output x.npz --checkpoint nonsense", "Unknown checkpoint 'nonsense'"),
        ("attention hello --output x.npz --task mood", "Unknown skill or task 'mood'"),
        ("runs show", "runs show needs a run id"),
        ("runs delete", "runs delete needs a run id"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(run, tiny_checkpoint_for, words, said):
    code, out, err = run(*words.format(sst2=tiny_checkpoint_for("sst2")).split())
    assert (code, out) == (2, [])
    assert len(err) == 1, err
    assert said.casefold() in err[0].casefold()
    assert not models.runs_root().exists()


def test_a_wrong_name_of_data_leaves_no_folder_behind(run, finetune, rows, tmp_path):
    for words in (["--extra-train", tmp_path / "no.csv"], ["--train-split", "trian"], ["--data", tmp_path / "no"]):
        code, out, err = run(*finetune, *words, "--output", tmp_path / "mine")
        assert (code, out, len(err)) == (2, [], 1)
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_inside_a_file_fails_the_run_that_tells_of_it(run, finetune, tmp_path):
    (tmp_path / "rows.csv").write_text("words,stars\nfine,1\n")
    for flag in ("--data", "--extra-train"):
        code, out, err = run(*finetune, flag, tmp_path / "rows.csv", "--output", tmp_path / flag)
        assert (code, out, len(err)) == (1, [], 1)
        assert "rows.csv has no column for sentence." in err[0]
        assert runs.state(tmp_path / flag).status == "failed"


def test_a_file_of_rows_is_read_by_the_run_alone(document, finetune, tmp_path, monkeypatch):
    lines = [f"{'fine' if index % 2 else 'bad'} {index},{index % 2}" for index in range(30)]
    (tmp_path / "rows.csv").write_text("\n".join(["sentence,label", *lines]))
    read, plain = [], folders.read_table
    monkeypatch.setattr(folders, "read_table", lambda path: read.append(path) or plain(path))
    document(*finetune, "--data", tmp_path / "rows.csv")
    assert len(read) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("finetune squad --checkpoint {tiny} --data {rows}", "no column for question and context and answers"),
        ("finetune sst2 --checkpoint {rows}", "holds no checkpoint yet"),
        ("finetune sst2 --checkpoint {tiny} --output {file}", "cannot be written"),
        ("evaluate sst2 --checkpoint {tiny} --data sample", "has no trained output layer for sst2. Fine-tune it first"),
        ("evaluate sst2 --checkpoint {mnli} --data sample", "has no trained output layer for sst2"),
        ("predict cola hello", "No fine-tuned checkpoint for cola here yet. Make one"),
        ("predict sst2 hello --checkpoint bundled", "has no trained output layer for sst2"),
        ("predict sst2 --checkpoint {sst2} --file {dir}/no.csv --output {dir}/out.csv", "There is no file"),
        ("predict sst2 --checkpoint {sst2} --file {file} --output {dir}/out.csv", "files may be"),
        ("attention hello --checkpoint {tiny} --output {dir}/no/x.npz", "cannot be written: No such file"),
        (
            "targets hello --teacher {tiny} --student {tiny} --output {dir}/no/x.html",
            "cannot be written: No such file",
        ),
        ("attention hello --checkpoint {tiny} --task sst2 --output {dir}/x.npz", "no trained output layer for sst2"),
        ("attention hello --checkpoint {mnli} --task mnli --output {dir}/x.npz", "mnli reads 2 texts"),
        ("runs show nothing", "There is no run 'nothing' here"),
        ("runs stop sst2-aaaaaaaaaaaaaaaaaaaaaa", "There is no run"),
    ],
)
def test_a_failed_job_is_one_line_and_exits_1(run, tiny_checkpoint_for, tiny_checkpoint, rows, tmp_path, words, said):
    (tmp_path / "file").write_text("in the way")
    places = {"tiny": tiny_checkpoint, "rows": rows, "file": tmp_path / "file", "dir": tmp_path}
    places |= {task: tiny_checkpoint_for(task) for task in ("sst2", "mnli")}
    code, out, err = run(*words.format(**places).split())
    assert (code, out) == (1, [])
    assert len(err) == 1, err
    assert said in err[0]


def test_an_empty_text_is_one_line(run, tiny_checkpoint_for):
    code, out, err = run("predict", "sst2", "  ", "--checkpoint", tiny_checkpoint_for("sst2"))
    assert (code, out, len(err)) == (1, [], 1)
    assert "The sentence is empty" in err[0]


def test_an_output_that_holds_a_run_is_one_line(run, finetune, tmp_path):
    assert run(*finetune, "--output", tmp_path / "mine")[0] == 0
    code, out, err = run(*finetune, "--output", tmp_path / "mine")
    assert (code, out, len(err)) == (1, [], 1)
    assert "already holds a run" in err[0] and "--overwrite" in err[0]
    assert run(*finetune, "--seed", "1", "--output", tmp_path / "mine", "--overwrite")[0] == 0
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["config"]["seed"] == 1


PEOPLES_FILES = ("README.md", "rows.csv", "checkpoint.old/notes.txt", "checkpoint.new/model.bin", "checkpoint/mine.txt")


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """A folder of a person's own, which is the current one; afterwards every file in it is as it was."""
    folder = tmp_path / "own"
    for name in PEOPLES_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"mine: {name}")
    monkeypatch.chdir(folder)
    yield folder
    found = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert found == {name: f"mine: {name}" for name in PEOPLES_FILES}


@pytest.mark.parametrize("place", [".", "../own", "checkpoint", "README.md"])
@pytest.mark.parametrize("flag", [(), ("--overwrite",)])
@pytest.mark.parametrize("job", ["finetune", "distil"])
def test_a_run_leaves_the_files_of_people_alone(run, job, place, flag, taken, request):
    code, out, err = run(*request.getfixturevalue(job), "--output", place, *flag)
    assert (code, out, len(err)) == (1, [], 1)
    assert place.strip("./") in err[0] or place == "."


@pytest.mark.parametrize("words", ["attention film", "targets film --student {tiny}", "predict sst2 --file {rows}"])
def test_an_export_leaves_the_files_of_people_alone(run, words, taken, tiny_checkpoint_for, tmp_path):
    (tmp_path / "in.csv").write_text("sentence\na joy\n")
    words = words.format(tiny=tiny_checkpoint_for("sst2"), rows=tmp_path / "in.csv").split()
    answering = ["--checkpoint", tiny_checkpoint_for("sst2")] if words[0] == "predict" else []
    name = "rows.csv" if words[0] == "predict" else "view.html"
    if name == "view.html":
        (taken.parent / name).write_text("mine")
    code, out, err = run(*words, *answering, "--output", name if name == "rows.csv" else f"../{name}")
    assert (code, out, len(err)) == (1, [], 1)
    assert f"{name} exists already. Name a new file, or replace this one with --overwrite." in err[0]


def test_an_export_replaces_a_file_when_told_to(run, tiny_checkpoint_for, tmp_path):
    (tmp_path / "mine.csv").write_text("sentence\na joy\n")
    words = ("predict", "sst2", "--checkpoint", tiny_checkpoint_for("sst2"), "--file", tmp_path / "mine.csv")
    assert run(*words, "--output", tmp_path / "mine.csv")[0] == 1
    assert (tmp_path / "mine.csv").read_text() == "sentence\na joy\n"
    for _ in range(2):
        assert run(*words, "--output", tmp_path / "out.csv", "--overwrite")[0] == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.csv", "out.csv"]  # no leftovers


def test_what_is_printed_to_try_runs(run, finetune, tiny_checkpoint, tmp_path):
    """Also for a task with pairs, and for a folder whose name has a space."""
    for task, data in (("sst2", ()), ("mrpc", ("--data", "sample", "--train-examples", "32", "--eval-examples", "8"))):
        words = [word if word != "sst2" else task for word in finetune]
        code, out, err = run(*words, *data, "--output", tmp_path / f"my {task}")
        assert code == 0, err
        (command,) = commands_in(out[-1])
        assert out[-1].startswith("Try it: ")
        assert run(*command)[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--checkpoint", "{sst2}", "sst2", "a joy", "--json"),
        ("sst2", "--json", "--checkpoint", "{sst2}", "a joy"),
        ("sst2", "a joy", "--checkpoint", "{sst2}", "--json"),
        ("sst2", "--checkpoint", "{sst2}", "--json", "--", "--a joy"),
    ],
)
def test_options_may_stand_anywhere(run, words, tiny_checkpoint_for):
    code, out, err = run("predict", *(word.format(sst2=tiny_checkpoint_for("sst2")) for word in words))
    assert code == 0, err
    assert json.loads(out[-1])["label"] in ("negative", "positive")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("some\nlibrary  broke"), "Something unforeseen went wrong: RuntimeError: some library broke"),
        (PermissionError(13, "Permission denied", "x"), "Something unforeseen went wrong: PermissionError"),
        (KeyboardInterrupt(), "Broken off."),
    ],
)
def test_nothing_ends_in_a_traceback(run, monkeypatch, error, said):
    def broken(*_):
        raise error

    monkeypatch.setattr(manage, "print_result", broken)
    code, out, err = run("tasks")
    assert (code, out, len(err)) == (1, [], 1)
    assert err[0].startswith(said)


def test_wrong_words_in_a_process_of_their_own():
    done = python("-m", "minilm_demo", "finetune", "sst3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].startswith("Unknown task 'sst3'.")
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_pipe_is_no_traceback():
    command = f'"{sys.executable}" -m minilm_demo tasks | true'
    done = subprocess.run(command, shell=True, env=environment(), cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_ctrl_c_keeps_the_best_and_still_prints_the_document(tiny_checkpoint, tmp_path):
    rows = write_reviews(tmp_path / "rows", ENOUGH_TO_HOLD_BACK)
    words = ["finetune", "sst2", "--checkpoint", tiny_checkpoint, "--data", rows, "--batch-size", "2"]
    words += ["--max-steps", "100000", "--output", tmp_path / "mine", "--json"]
    command = [sys.executable, "-m", "minilm_demo", *map(str, words)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: (tmp_path / "mine").is_dir() and of(Stepped, runs.read_events(tmp_path / "mine")))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=150)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == 0, err
    said = json.loads(out.splitlines()[-1])
    assert said.keys() >= FINETUNE_KEYS
    assert said["steps"] < 100_000
    assert "Stopping; the best checkpoint is kept." in err
    assert "Traceback" not in err
    state = runs.state(tmp_path / "mine")
    assert state.status == "stopped"
    assert state.has_checkpoint


def test_the_document_of_a_failed_run_says_why(document):
    record = runs.create_run("finetune", TASKS["sst2"], TrainConfig())
    event = Finished("failed", "The disk is full.")
    (runs.run_folder(record.run_id) / "events.jsonl").write_text(to_json(event) + "\n")
    shown = document("runs", "show", record.run_id)
    assert (shown["status"], shown["message"], shown["step"]) == ("failed", "The disk is full.", 0)
    assert (shown["error"], shown["result"], shown["metrics"]) == ("The disk is full.", None, {})
