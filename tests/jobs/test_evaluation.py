"""Scores of whole splits against scikit-learn, scipy and the SQuAD rules, and the mistakes that are listed."""

import csv
import json
import re
import string
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch

from minilm_demo.data.encoding import encode_texts
from minilm_demo.data.sources import open_source, sample_source
from minilm_demo.errors import DataError, UnknownName
from minilm_demo.jobs import evaluation, metrics
from minilm_demo.jobs.evaluation import (
    MISTAKES_KEPT,
    answers_at,
    best_threshold,
    evaluate,
    evaluate_rows,
    find_mistakes,
    score_rows,
)
from minilm_demo.jobs.forward import forward
from minilm_demo.jobs.prediction import predict_rows
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.results import Candidate, Evaluation, Prediction, ScoredRows, from_dict, to_dict
from minilm_demo.tasks import TASKS

CLASSIFICATION = [task.name for task in TASKS.values() if task.kind == "classification"]


@pytest.fixture(autouse=True)
def one_precision(monkeypatch):
    """Scoring in float32, so that it can be compared with predictions made here."""
    monkeypatch.setattr(evaluation, "pick_precision", lambda: "fp32")


@pytest.fixture(scope="module")
def checkpoint_for(tiny_checkpoint_for):
    """Task name -> the tiny checkpoint with an output layer that answers now this, now that."""
    loaded = {}

    def checkpoint_for(name):
        if name not in loaded:
            task = TASKS[name]
            loaded[name] = load_checkpoint(str(tiny_checkpoint_for(name)), task)
            model = loaded[name].model
            layer = model.qa_outputs if task.kind == "span" else model.classifier
            torch.nn.init.normal_(layer.weight, std=3, generator=torch.Generator().manual_seed(1))
            if task.kind != "span":  # no label is preferred on the whole
                inputs = encode_texts(task, loaded[name].tokenizer, sample_source(task).read("train"), 128)
                logits = np.stack([one["logits"] for one in forward(loaded[name], inputs)])
                layer.bias.data -= torch.from_numpy(logits.mean(0))
        return loaded[name]

    return checkpoint_for


def said_and_true(name, checkpoint, split):
    """What the checkpoint says of every row of the sample, one row at a time, and what is right."""
    task = TASKS[name]
    rows = sample_source(task).read(split)
    predictions = predict_rows(task, checkpoint, rows, batch_size=1)
    return rows, predictions, [row[task.label_field] for row in rows]


REFERENCES = {
    "accuracy": sklearn.metrics.accuracy_score,
    "f1": lambda true, said: sklearn.metrics.f1_score(true, said, zero_division=0),
    "matthews": sklearn.metrics.matthews_corrcoef,
}


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_classification_scores_equal_scikit_learn(name, checkpoint_for):
    task, checkpoint = TASKS[name], checkpoint_for(name)
    result = evaluate(name, checkpoint, data="sample")
    assert tuple(result.metrics) == task.eval_splits
    assert (result.task, result.checkpoint, result.labels) == (name, checkpoint.name, task.labels)
    for split in task.eval_splits:
        rows, predictions, true = said_and_true(name, checkpoint, split)
        said = [task.label2id[prediction.label] for prediction in predictions]
        assert tuple(result.metrics[split]) == task.metrics
        for metric, value in result.metrics[split].items():
            assert value == pytest.approx(REFERENCES[metric](true, said))
            low, high = result.intervals[split][metric]
            assert low <= value <= high
            assert low < high
        majority = [Counter(true).most_common(1)[0][0]] * len(true)
        if task.metrics == ("accuracy",):
            assert result.baseline[split] == {"accuracy": pytest.approx(REFERENCES["accuracy"](true, majority))}
        for metric, answer in result.baseline_answers[split].items():
            score = REFERENCES[metric](true, [task.label2id[answer]] * len(true)) if answer else 0
            assert result.baseline[split][metric] == pytest.approx(score)
        ids = range(len(task.labels))
        assert result.confusion[split] == sklearn.metrics.confusion_matrix(true, said, labels=ids).tolist()
        assert np.sum(result.confusion[split]) == result.examples[split] == len(rows)


def test_mnli_reports_both_splits_apart(checkpoint_for):
    result = evaluate("mnli", checkpoint_for("mnli"), data="sample")
    for part in (result.metrics, result.intervals, result.baseline, result.confusion, result.examples):
        assert list(part) == ["validation_matched", "validation_mismatched"]
    assert result.confusion["validation_matched"] != result.confusion["validation_mismatched"]
    one = evaluate("mnli", checkpoint_for("mnli"), data="sample", splits=["validation_mismatched"])
    assert one.metrics == {"validation_mismatched": result.metrics["validation_mismatched"]}


def test_regression_scores_equal_scipy(checkpoint_for):
    checkpoint = checkpoint_for("stsb")
    result = evaluate("stsb", checkpoint, data="sample")
    _, predictions, true = said_and_true("stsb", checkpoint, "validation")
    said = [prediction.score for prediction in predictions]
    scores = result.metrics["validation"]
    # the scores of the tiny checkpoint are nearly one number: the fifth digit depends on the size of the batch
    assert scores["pearson"] == pytest.approx(scipy.stats.pearsonr(said, true).statistic, abs=1e-4)
    assert scores["spearman"] == pytest.approx(scipy.stats.spearmanr(said, true).statistic, abs=1e-3)
    assert result.confusion == {}
    assert result.baseline["validation"] == {"pearson": 0, "spearman": 0}


def official_scores(answer, gold):
    """F1 and exact match of evaluate-v2.0.py of SQuAD, in a few lines."""

    def words(text):
        kept = "".join(character for character in text.lower() if character not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()

    answer, gold = words(answer), words(gold)
    shared = sum((Counter(answer) & Counter(gold)).values())
    if not answer or not gold:
        return float(answer == gold), float(answer == gold)
    precision, recall = shared / len(answer), shared / len(gold)
    return (2 * precision * recall / (precision + recall) if shared else 0.0), float(answer == gold)


@pytest.mark.parametrize("name", ["squad", "squad_v2"])
def test_span_scores_equal_the_squad_rules(name, checkpoint_for):
    checkpoint = checkpoint_for(name)
    result = evaluate(name, checkpoint, data="sample")
    rows, predictions, _ = said_and_true(name, checkpoint, "validation")
    pairs = [
        [official_scores(prediction.answer, gold) for gold in row["answers"]["text"] or [""]]
        for row, prediction in zip(rows, predictions, strict=True)
    ]
    f1, exact = (np.array([max(pair[which] for pair in golds) for golds in pairs]) for which in (0, 1))
    answered = np.array([bool(row["answers"]["text"]) for row in rows])
    scores = result.metrics["validation"]
    assert scores["f1"] == pytest.approx(f1.mean())
    assert scores["exact_match"] == pytest.approx(exact.mean())
    if name == "squad_v2":
        assert 0 < answered.sum() < len(rows)
        assert scores["has_answer_f1"] == pytest.approx(f1[answered].mean())
        assert scores["no_answer_f1"] == pytest.approx(f1[~answered].mean())
        assert result.baseline["validation"]["f1"] == pytest.approx((~answered).mean())
    else:
        assert answered.all()
        assert all(prediction.answer for prediction in predictions)


# -- rows and progress ---------------------------------------------------------------------------------------------


def texts(result):
    return {tuple(mistake.fields.values()) for mistake in result.mistakes}


def test_a_limit_draws_rows_by_the_seed(checkpoint_for):
    """Every row of a regression is listed among the mistakes, so that they tell which rows were drawn."""
    first, again, other = (
        evaluate("stsb", checkpoint_for("stsb"), data="sample", limit=10, seed=seed) for seed in (1, 1, 2)
    )
    assert first.examples == {"validation": 10}
    assert len(texts(first)) == 10
    assert texts(first) == texts(again)
    assert first.metrics == again.metrics
    assert texts(first) != texts(other)
    assert "10 rows of validation" in first.data_source.description
    assert first.data_source.splits == {"validation": 10}
    assert first.data_source.kind == "sample"


def test_a_limit_above_the_rows_takes_all(checkpoint_for):
    number = len(sample_source(TASKS["sst2"]).read("validation"))
    assert evaluate("sst2", checkpoint_for("sst2"), data="sample", limit=10_000).examples == {"validation": number}


@pytest.mark.parametrize("name", ["sst2", "mnli", "squad_v2"])
def test_progress_is_told_split_by_split(name, checkpoint_for, monkeypatch):
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 4)
    told = []
    result = evaluate(name, checkpoint_for(name), data="sample", limit=13, on_rows=lambda *args: told.append(args))
    assert list(dict.fromkeys(split for split, _, _ in told)) == list(TASKS[name].eval_splits)
    for split in TASKS[name].eval_splits:
        done = [number for one, number, _ in told if one == split]
        assert {of for one, _, of in told if one == split} == {13}
        assert done == sorted(done)
        assert done[-1] == result.examples[split] == 13
        assert len(done) >= 4


def test_a_file_of_ones_own(tmp_path, checkpoint_for):
    file = tmp_path / "my.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["review", "sentiment"])
        writer.writerows([f"good movie {index}", "positive"] for index in range(10))
    result = evaluate("sst2", checkpoint_for("sst2"), data=str(file))
    assert result.examples == {"all": 10}
    assert result.data_source.description == "own file my.csv: 10 rows of all"
    assert evaluate("sst2", checkpoint_for("sst2"), data=str(file), splits=["validation"]).examples == {"validation": 2}
    assert evaluate_rows("sst2", checkpoint_for("sst2"), data=str(file)).split == "all"


def test_an_open_source_and_paths_serve_as_well(tiny_checkpoint_for, tmp_path):
    folder = tiny_checkpoint_for("sst2")
    task = TASKS["sst2"]
    by_name = evaluate("sst2", str(folder), data="sample", limit=5)
    assert evaluate(task, folder, data=sample_source(task), limit=5).metrics == by_name.metrics
    rows = [json.dumps(row) for row in sample_source(task).read("validation")]
    (tmp_path / "validation.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert evaluate(task, folder, data=tmp_path, limit=5).metrics == by_name.metrics


def test_what_is_refused(checkpoint_for, tmp_path):
    with pytest.raises(DataError, match="No split 'test' for sst2"):
        evaluate("sst2", checkpoint_for("sst2"), data="sample", splits=["test"])
    with pytest.raises(DataError, match="at least 1"):
        evaluate("sst2", checkpoint_for("sst2"), data="sample", limit=0)
    with pytest.raises(UnknownName, match="task 'sst3'"):
        evaluate("sst3", "bundled", data="sample")
    (tmp_path / "validation.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="sst2 validation has 0 rows"):
        evaluate("sst2", checkpoint_for("sst2"), data=str(tmp_path))


@pytest.mark.parametrize("name", ["mrpc", "stsb", "mnli", "squad_v2"])
def test_a_result_survives_json(name, checkpoint_for):
    result = evaluate(name, checkpoint_for(name), data="sample", limit=12)
    text = json.dumps(to_dict(result), allow_nan=False)
    assert from_dict(Evaluation, json.loads(text)) == result


# -- scored rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sst2", "mnli", "stsb", "squad", "squad_v2"])
def test_scored_rows_have_the_numbers_of_evaluate(name, checkpoint_for):
    task, checkpoint = TASKS[name], checkpoint_for(name)
    split = task.eval_splits[-1]
    told = []
    result = evaluate_rows(
        name, checkpoint, data="sample", split=split, limit=23, seed=3, on_rows=lambda *args: told.append(args)
    )
    whole = evaluate(name, checkpoint, data="sample", splits=[split], limit=23, seed=3)
    assert replace(result.evaluation, seconds=0) == replace(whole, seconds=0)
    assert result.split == split
    assert len(result.rows) == 23
    assert told[-1] == (split, 23, 23)


@pytest.mark.parametrize("name", ["sst2", "mnli", "squad_v2"])
def test_scored_rows_fill_the_cells_of_their_table(name, checkpoint_for):
    task = TASKS[name]
    result = evaluate_rows(name, checkpoint_for(name), data="sample")
    assert result.split == task.eval_splits[0]
    size = len(task.labels) or 2
    counted = np.zeros((size, size), int)
    for row in result.rows:
        counted[row.cell] += 1
    assert counted.tolist() == result.table
    rows, predictions, true = said_and_true(name, checkpoint_for(name), result.split)
    for scored, row, prediction, label in zip(result.rows, rows, predictions, true, strict=True):
        assert scored.fields == {field: row[field] for field in task.text_fields}
        if task.labels:
            assert (scored.expected, scored.predicted) == (task.labels[label], prediction.label)
            assert scored.value == pytest.approx(max(prediction.probabilities.values()), abs=1e-4)
            assert scored.cell == (label, task.labels.index(prediction.label))
        else:
            assert scored.cell == (0 if label["text"] else 1, 0 if prediction.answer else 1)
    if task.labels:
        assert result.evaluation.confusion == {result.split: result.table}
    else:
        assert result.evaluation.confusion == {}
        f1 = result.evaluation.metrics[result.split]["f1"]
        assert f1 == pytest.approx(np.mean([row.value for row in result.rows]))


@pytest.mark.parametrize("name", ["stsb", "squad"])
def test_no_table_where_there_are_no_classes(name, checkpoint_for):
    result = evaluate_rows(name, checkpoint_for(name), data="sample", limit=9)
    assert result.table == []
    assert {row.cell for row in result.rows} == {None}
    if name == "stsb":
        off = [abs(float(row.expected) - float(row.predicted)) for row in result.rows]
        assert [row.value for row in result.rows] == pytest.approx(off, abs=0.11)  # the words have one digit


def test_scored_rows_survive_json(checkpoint_for):
    result = evaluate_rows("mnli", checkpoint_for("mnli"), data="sample", limit=12)
    assert from_dict(ScoredRows, json.loads(json.dumps(to_dict(result), allow_nan=False))) == result


def test_what_evaluate_rows_refuses(checkpoint_for):
    with pytest.raises(DataError, match="No split 'test' for sst2"):
        evaluate_rows("sst2", checkpoint_for("sst2"), data="sample", split="test")
    with pytest.raises(DataError, match="at least 1"):
        evaluate_rows("sst2", checkpoint_for("sst2"), data="sample", limit=0)


# -- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sst2", "mnli", "stsb", "squad_v2"])
def test_mistakes_are_the_worst_first(name, checkpoint_for):
    task = TASKS[name]
    result = evaluate(name, checkpoint_for(name), data="sample")
    confidences = [mistake.confidence for mistake in result.mistakes]
    assert 0 < len(confidences) <= MISTAKES_KEPT
    assert confidences == sorted(confidences, reverse=True)
    source = open_source(task, "sample")
    for mistake in result.mistakes:
        row = source.read(mistake.split)[mistake.index]
        assert mistake.fields == {field: row[field] for field in task.text_fields}
        assert mistake.expected != mistake.predicted
    if task.labels:
        wrong = sum(np.sum(table) - np.trace(table) for table in result.confusion.values())
        assert len(result.mistakes) == min(MISTAKES_KEPT, wrong)


def test_the_most_confident_wrong_labels_are_kept():
    task = TASKS["sst2"]
    rows = [{"sentence": f"row {index}", "label": index % 2} for index in range(100)]
    sure = [0.6 + 0.004 * index for index in range(100)]
    predictions = [
        Prediction("sst2", "x", 0.0, label="positive", probabilities={"negative": 1 - p, "positive": p}) for p in sure
    ]
    mistakes = find_mistakes(task, "validation", score_rows(task, rows, predictions))
    assert [mistake.index for mistake in mistakes] == list(range(98, 58, -2))
    assert {(mistake.expected, mistake.predicted) for mistake in mistakes} == {("negative", "positive")}
    assert mistakes[0].confidence == sure[98]


@pytest.mark.parametrize(
    "golds, answer, mistake",
    [
        (["the red house"], "red house", None),
        (["red house", "big blue barn"], "a big blue barn", None),
        (["red house"], "red", None),
        (["a very big red house"], "red", ("a very big red house", "red", pytest.approx(0.6))),
        (["red house"], "", ("red house", "(no answer)", 1.0)),
        ([], "red", ("(no answer)", "red", 1.0)),
        ([], "", None),
    ],
)
def test_answers_that_share_less_than_half_their_words_are_mistakes(golds, answer, mistake):
    rows = [{"question": "q", "context": "c", "answers": {"text": golds, "answer_start": [0] * len(golds)}}]
    scored = score_rows(TASKS["squad_v2"], rows, [Prediction("squad_v2", "x", 0.0, answer=answer)])
    found = find_mistakes(TASKS["squad_v2"], "validation", scored)
    assert [(one.expected, one.predicted, one.confidence) for one in found] == ([mistake] if mistake else [])


# -- real weights, real rows ---------------------------------------------------------------------------------------


def test_the_mirror_is_scored_and_named(real_data, checkpoint_for):
    result = evaluate("mnli", checkpoint_for("mnli"), data=str(real_data), limit=40)
    assert result.examples == {"validation_matched": 40, "validation_mismatched": 40}
    assert result.data_source.kind == "mirror"
    assert "40 of " in result.data_source.description
    assert "9,815" in result.data_source.description


# -- the no-answer threshold ---------------------------------------------------------------------------------------


def test_the_threshold_has_the_best_f1_of_all():
    task, chance = TASKS["squad_v2"], np.random.default_rng(0)
    golds = [["the old bridge"]] * 30 + [[]] * 10
    spans = ["the old bridge", "old", "a new road"]
    scores = [*chance.normal(-2, 2, 30), *chance.normal(1, 2, 10)]
    predictions = [
        Prediction("squad_v2", "mine", 1.0, no_answer_score=score, candidates=(Candidate(spans[row % 3], 0, 1, 0.0),))
        for row, score in enumerate(scores)
    ]

    def f1(threshold: float) -> float:
        return metrics.score(task, answers_at(predictions, threshold), golds)["f1"]

    chosen = best_threshold(predictions, golds)
    assert f1(chosen) == pytest.approx(max(f1(tenth / 10) for tenth in range(-100, 100)))
    assert f1(chosen) > max(f1(-100), f1(100))


@pytest.mark.parametrize("threshold", [-100.0, -80.0, -50.0])
def test_answers_at_a_threshold_are_those_predicted_with_it(checkpoint_for, threshold):
    task, checkpoint = TASKS["squad_v2"], checkpoint_for("squad_v2")
    rows = open_source(task, "sample").read("validation")[:12]
    at = [one.answer for one in predict_rows(task, checkpoint, rows, threshold=threshold)]
    assert answers_at(predict_rows(task, checkpoint, rows), threshold) == at


def test_texts_without_a_span_have_nothing_to_choose():
    assert best_threshold([], []) == 0.0
    nothing = Prediction("squad_v2", "mine", 1.0, answer="")
    assert best_threshold([nothing], [["Rome"]]) == 0.0
    assert answers_at([nothing], 5.0) == [""]


def test_scores_that_are_no_numbers_choose_nothing():
    broken = Prediction("squad_v2", "mine", 1.0, no_answer_score=float("nan"), candidates=(Candidate("a", 0, 1, 0.0),))
    assert best_threshold([broken], [["a"]]) == 0.0
