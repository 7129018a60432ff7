"""Metrics against scikit-learn and scipy, the SQuAD rules by hand, intervals, baselines and refusals."""

import dataclasses
import time
import warnings

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from minilm_demo.errors import DataError
from minilm_demo.jobs import metrics
from minilm_demo.tasks import TASKS

pytestmark = pytest.mark.filterwarnings("error")  # no division by zero, no constant-input warnings, anywhere

# Any task with these metrics would do; the names of data sets play no part in the module.
BINARY = dataclasses.replace(TASKS["mrpc"], metrics=("f1", "accuracy", "matthews"))
REGRESSION = TASKS["stsb"]
SPAN = TASKS["squad"]
SPAN_2 = TASKS["squad_v2"]


def class_rows(seed, num_rows, num_labels, right=0.7):
    """Class ids that agree with the references in about `right` of the rows."""
    rng = np.random.default_rng(seed)
    references = rng.integers(num_labels, size=num_rows)
    other = rng.integers(num_labels, size=num_rows)
    return np.where(rng.random(num_rows) < right, references, other), references


def score_rows(seed, num_rows, ties=False):
    rng = np.random.default_rng(seed)
    references = rng.uniform(0, 5, num_rows)
    predictions = references + rng.normal(0, 1.5, num_rows)
    return (np.round(predictions), np.round(references)) if ties else (predictions, references)


# -- two arrays ----------------------------------------------------------------------------------------------------

CLASS_ROWS = {
    "two classes": class_rows(0, 200, 2),
    "two classes, wrong": class_rows(1, 200, 2, right=0.0),
    "three classes": class_rows(2, 300, 3),
    "five classes, few rows": class_rows(3, 7, 5),
    "all right": (np.array([0, 1, 1]), np.array([0, 1, 1])),
    "all wrong": (np.array([1, 0, 0]), np.array([0, 1, 1])),
    "predictions constant": (np.array([1, 1, 1, 1]), np.array([0, 1, 1, 0])),
    "references constant": (np.array([0, 1, 1, 0]), np.array([1, 1, 1, 1])),
    "both constant": (np.array([0, 0]), np.array([0, 0])),
    "no positive prediction": (np.array([0, 0, 0]), np.array([0, 1, 1])),
    "one row": (np.array([1]), np.array([1])),
}


@pytest.mark.parametrize("predictions, references", CLASS_ROWS.values(), ids=CLASS_ROWS.keys())
def test_class_metrics_equal_scikit_learn(predictions, references):
    assert metrics.accuracy(predictions, references) == pytest.approx(
        sklearn.metrics.accuracy_score(references, predictions)
    )
    table = sklearn.metrics.confusion_matrix(references, predictions, labels=range(5))
    assert metrics.confusion(predictions, references, 5) == table.tolist()
    f1 = sklearn.metrics.f1_score(references, predictions, labels=[1], average="macro", zero_division=0)
    assert metrics.f1(predictions, references) == pytest.approx(f1)
    with warnings.catch_warnings(action="ignore"):  # scikit-learn's, about a single class
        matthews = sklearn.metrics.matthews_corrcoef(references, predictions)
    assert metrics.matthews(predictions, references) == pytest.approx(matthews)


def test_matthews_does_not_overflow():
    predictions, references = np.tile(class_rows(0, 1000, 2), 400)
    assert metrics.matthews(predictions, references) == pytest.approx(
        metrics.matthews(predictions[:1000], references[:1000])
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("num_rows", [3, 10, 500])
def test_correlations_equal_scipy(num_rows, ties):
    predictions, references = score_rows(num_rows, num_rows, ties)
    assert metrics.pearson(predictions, references) == pytest.approx(scipy.stats.pearsonr(predictions, references)[0])
    assert metrics.spearman(predictions, references) == pytest.approx(scipy.stats.spearmanr(predictions, references)[0])


def test_average_ranks_equal_scipy_row_by_row():
    places = np.random.default_rng(0).integers(6, size=(4, 20))
    assert np.array_equal(metrics._average_ranks(places), scipy.stats.rankdata(places, axis=1))


def test_pearson_of_scores_far_from_zero():
    predictions, references = score_rows(0, 100)
    assert metrics.pearson(predictions + 1e6, references) == pytest.approx(metrics.pearson(predictions, references))


@pytest.mark.parametrize("correlation", [metrics.pearson, metrics.spearman])
@pytest.mark.parametrize(
    "constant", [[0.1] * 3, [0.0] * 3, [1e9 + 0.1] * 3, [np.nan] * 3], ids=["0.1", "0", "large", "nan"]
)
def test_correlation_with_a_constant_is_zero(correlation, constant):
    assert correlation(constant, [1.0, 2.0, 3.0]) == 0
    assert correlation([1.0, 2.0, 3.0], constant) == 0
    assert correlation([0.1] * 1000, np.arange(1000)) == 0


def test_results_are_plain_numbers():
    for function in metrics.METRICS.values():
        assert type(function([0, 1], [0, 1])) is float
    assert type(metrics.confusion([0, 1], [0, 1], 2)[0][0]) is int


def test_every_task_has_its_metrics():
    for task in TASKS.values():
        known = metrics.ANSWER_METRICS if task.kind == "span" else metrics.METRICS
        assert set(task.metrics) <= set(known), task.name
    assert set(metrics.RESAMPLED) | metrics.SHARES >= set(metrics.METRICS)


# -- SQuAD rules ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, normalized",
    [
        ("The U.S.A.", "usa"),
        ("  a  dog,\tan\nowl ", "dog owl"),
        ("the", ""),
        ("...", ""),
        ("", ""),
        ("theatre banana", "theatre banana"),  # only whole words are articles
        ("A-Team", "ateam"),  # punctuation goes first, so this "A" is no article any more
        ("rock-'n'-roll", "rocknroll"),
        ("ÉCOLE Straße", "école straße"),
        ("“curly” – dash", "“curly” – dash"),  # only ASCII punctuation goes
        ("5\u00a0km", "5 km"),
        ("the_the", "thethe"),
    ],
)
def test_normalize_answer(text, normalized):
    assert metrics.normalize_answer(text) == normalized


@pytest.mark.parametrize(
    "answer, golds, exact_match, f1",
    [
        ("Paris", ["Paris"], 1, 1),
        ("the Paris.", ["paris"], 1, 1),
        ("Rome", ["Paris"], 0, 0),
        ("Rome", ["Paris", "Rome", "the city of Rome"], 1, 1),  # the best gold counts
        ("city of Rome", ["Rome", "eternal city"], 0, 0.5),  # 1 of 3 and 1 of 1: 0.5; 1 of 3 and 1 of 2: 0.4
        ("of city Rome", ["Rome city of"], 0, 1),  # F1 does not see the order of words
        ("very very big", ["very big"], 0, 0.8),  # 2 shared: P 2/3, R 2/2
        ("very very very", ["very very"], 0, 0.8),  # a repeated word counts as often as both have it
        ("very", ["very very"], 0, 2 / 3),
        ("ÉCOLE", ["école"], 1, 1),
        # no answer
        ("", [], 1, 1),
        ("", [""], 1, 1),
        ("the", [], 1, 1),  # normalises to nothing, which is the right answer
        ("Paris", [], 0, 0),
        ("", ["Paris"], 0, 0),
        ("", ["the"], 1, 1),  # a gold that normalises to nothing does not count; none is left
        ("the", ["the"], 1, 1),
        ("Paris", ["the"], 0, 0),
        ("", ["the", "Paris"], 0, 0),  # here one is left
        ("Paris", ["...", "Paris"], 1, 1),
    ],
)
def test_answers_are_scored_by_the_official_rules(answer, golds, exact_match, f1):
    assert metrics.answer_exact_match(answer, golds) == exact_match
    assert metrics.answer_f1(answer, golds) == pytest.approx(f1)


ANSWERS = ["big dog", "", "cat", "", "owl"]
GOLDS = [["dog"], ["dog"], [], [], ["an owl", "bird"]]


def test_score_of_a_span_task():
    scores = metrics.score(SPAN_2, ANSWERS, GOLDS)
    assert scores == pytest.approx(
        {
            "f1": (2 / 3 + 0 + 0 + 1 + 1) / 5,
            "exact_match": 2 / 5,
            "has_answer_f1": (2 / 3 + 0 + 1) / 3,
            "has_answer_exact_match": 1 / 3,
            "no_answer_f1": 1 / 2,
            "no_answer_exact_match": 1 / 2,
        }
    )
    assert list(scores)[:2] == ["f1", "exact_match"]
    assert metrics.score(SPAN, ANSWERS, GOLDS) == {name: scores[name] for name in ("f1", "exact_match")}


def test_a_group_without_rows_is_left_out():
    answerable = metrics.score(SPAN_2, ["dog"], [["dog"]])
    assert list(answerable) == ["f1", "exact_match", "has_answer_f1", "has_answer_exact_match"]
    unanswerable = metrics.score(SPAN_2, ["dog"], [[]])
    assert list(unanswerable) == ["f1", "exact_match", "no_answer_f1", "no_answer_exact_match"]
    assert list(metrics.intervals(SPAN_2, ["dog"], [[]])) == list(unanswerable)


def test_score_keeps_the_order_of_the_task():
    predictions, references = class_rows(0, 50, 2)
    assert list(metrics.score(BINARY, predictions, references)) == ["f1", "accuracy", "matthews"]
    assert metrics.score(BINARY, predictions, references)["f1"] == metrics.f1(predictions, references)


# -- intervals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_rows", [1, 3, 71, 872, 40430])
def test_wilson_equals_scipy(num_rows):
    for right in {0, 1, num_rows // 2, num_rows}:
        expected = scipy.stats.binomtest(right, num_rows).proportion_ci(method="wilson")
        low, high = metrics.wilson(right / num_rows, num_rows)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= low <= right / num_rows <= high <= 1


def test_wilson_of_ten_right_of_ten():
    assert metrics.wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)  # Brown, Cai, DasGupta 2001


CASES = {
    "binary": (BINARY, *class_rows(0, 300, 2)),
    "regression": (REGRESSION, *score_rows(0, 300)),
    "regression with ties": (REGRESSION, *score_rows(0, 300, ties=True)),
    "span": (SPAN, ANSWERS * 20, GOLDS * 20),
    "span without answers": (SPAN_2, ANSWERS * 20, GOLDS * 20),
}


@pytest.mark.parametrize("task, predictions, references", CASES.values(), ids=CASES.keys())
def test_intervals_hold_the_score_and_repeat_by_seed(task, predictions, references):
    scores = metrics.score(task, predictions, references)
    found = metrics.intervals(task, predictions, references, seed=3)
    assert list(found) == list(scores)
    for name, (low, high) in found.items():
        assert low < scores[name] < high, name
        assert type(low) is type(high) is float
    assert found == metrics.intervals(task, predictions, references, seed=3)
    other = metrics.intervals(task, predictions, references, seed=4)
    assert {name for name in found if found[name] == other[name]} == metrics.SHARES & set(found)


@pytest.mark.parametrize("name", ["f1", "matthews", "pearson", "spearman"])
def test_bootstrap_agrees_with_scipy(name):
    if name in REGRESSION.metrics:
        task, (predictions, references) = REGRESSION, score_rows(5, 150, ties=True)
    else:
        task, (predictions, references) = BINARY, class_rows(5, 150, 2)
    expected = scipy.stats.bootstrap(
        (predictions, references),
        metrics.METRICS[name],
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = metrics.intervals(task, predictions, references, resamples=2000)[name]
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.1 * width)


def test_bootstrap_of_mean_f1_agrees_with_the_normal_approximation():
    answers, golds = ANSWERS * 100, GOLDS * 100
    values = np.array([metrics.answer_f1(*row) for row in zip(answers, golds, strict=True)])
    error = 1.96 * values.std() / np.sqrt(len(values))
    low, high = metrics.intervals(SPAN, answers, golds, resamples=4000)["f1"]
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.1 * error)


def test_resampling_in_chunks_covers_every_resample(monkeypatch):
    predictions, references = score_rows(0, 50)
    monkeypatch.setattr(metrics, "CHUNK", 7 * 50)  # 7 resamples at once: 142 full chunks and 6 more
    values = metrics.RESAMPLED["spearman"](predictions, references, np.random.default_rng(0), 1000)
    assert values.shape == (1000,)
    assert len(np.unique(values)) > 900


@pytest.mark.parametrize(
    "task, predictions, references",
    [
        (BINARY, [1], [1]),
        (BINARY, [0], [1]),
        (BINARY, [0, 0], [0, 0]),
        (REGRESSION, [2.5], [3.0]),
        (REGRESSION, [0.1] * 9, [0.1] * 9),
        (REGRESSION, [1.0, 2.0], [1.0, 2.0]),
        (SPAN_2, [""], [[]]),
        (SPAN_2, ["dog"], [["cat"]]),
    ],
)
def test_hardly_any_rows_give_numbers(task, predictions, references):
    scores = metrics.score(task, predictions, references)
    for name, (low, high) in metrics.intervals(task, predictions, references).items():
        assert np.isfinite([scores[name], low, high]).all()
        assert low <= scores[name] <= high


@pytest.mark.parametrize("name", ["f1", "matthews", "pearson", "spearman"])
def test_resampling_is_fast(name):
    rows = class_rows(0, 5000, 2) if name in BINARY.metrics else score_rows(0, 5000)
    started = time.process_time()
    metrics.RESAMPLED[name](*rows, np.random.default_rng(0), 1000)
    assert time.process_time() - started < 2.5  # under 0.5 s on an idle machine


# -- baselines -----------------------------------------------------------------------------------------------------


def test_baseline_of_mrpc():
    references = [1] * 279 + [0] * 129  # GLUE's MRPC validation split
    scores = metrics.baseline(TASKS["mrpc"], references)
    assert list(scores) == ["f1", "accuracy"]
    assert scores == pytest.approx({"accuracy": 0.684, "f1": 0.812}, abs=5e-4)


def test_baseline_with_a_negative_majority_finds_nothing():
    assert metrics.baseline(BINARY, [0, 0, 1]) == pytest.approx({"f1": 0, "accuracy": 2 / 3, "matthews": 0})


def test_baseline_takes_the_majority_of_the_train_split_if_given():
    assert metrics.baseline(BINARY, [0, 0, 1], train_references=[1, 1, 0])["accuracy"] == pytest.approx(1 / 3)


def test_baseline_of_regression_is_zero():
    assert metrics.baseline(REGRESSION, [0.1, 3.3, 4.7]) == {"pearson": 0, "spearman": 0}


def test_baseline_of_span_is_no_answer():
    assert metrics.baseline(SPAN, [["dog"], ["cat"]]) == {"f1": 0, "exact_match": 0}
    scores = metrics.baseline(SPAN_2, GOLDS)
    assert scores["exact_match"] == scores["f1"] == pytest.approx(2 / 5)
    assert (scores["has_answer_f1"], scores["no_answer_f1"]) == (0, 1)
    assert list(scores) == list(metrics.score(SPAN_2, ANSWERS, GOLDS))


# -- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [BINARY, REGRESSION, SPAN, SPAN_2])
@pytest.mark.parametrize("function", [metrics.score, metrics.intervals])
def test_no_rows_or_too_few_predictions_are_refused(function, task):
    row = ["dog"] if task.kind == "span" else 1
    with pytest.raises(DataError, match="No rows to score"):
        function(task, [], [])
    with pytest.raises(DataError, match="1 predictions came for 2 rows"):
        function(task, [""] if task.kind == "span" else [1], [row, row])
    with pytest.raises(DataError, match="No rows to score"):
        metrics.baseline(task, [])


@pytest.mark.parametrize("number", [2, 3, 5, 20])
def test_the_interval_of_a_mean_is_students(number):
    values = np.random.default_rng(number).normal(0.8, 0.02, number)
    expected = scipy.stats.t.interval(0.95, number - 1, values.mean(), scipy.stats.sem(values))
    assert metrics.mean_interval(values) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("metric", metrics.METRICS.values(), ids=metrics.METRICS.keys())
def test_logits_instead_of_class_ids_are_refused(metric):
    with pytest.raises(DataError, match="3 x 2 predictions came for 3 rows"):
        metric(np.zeros((3, 2)), np.zeros(3))


def test_unlabelled_rows_are_refused():
    with pytest.raises(DataError, match="Row 1 has no label"):
        metrics.score(BINARY, [0, 1], [0, -1])


def test_a_class_id_outside_the_table_is_refused():
    with pytest.raises(DataError, match="Class id 2 came"):
        metrics.confusion([0, 2], [0, 1], num_labels=2)


def test_confusion_has_true_rows_and_predicted_columns():
    assert metrics.confusion(predictions=[1, 1, 0], references=[0, 0, 0], num_labels=3) == [[1, 2, 0], [0] * 3, [0] * 3]
