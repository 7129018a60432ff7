"""Metrics against numbers worked out by hand and formulas in numpy, the SQuAD rules, intervals, constants, refusals."""

import dataclasses
import warnings
from functools import partial

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from minilm_demo.errors import DataError
from minilm_demo.jobs import array_metrics, metrics
from minilm_demo.results import Constant
from minilm_demo.tasks import TASKS

pytestmark = pytest.mark.filterwarnings("error")  # of numpy, scipy or scikit-learn: what is undefined is 0

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

# Predictions, references -> accuracy, F1 of class 1, Matthews correlation, worked out by hand.
CLASS_ROWS = {
    "two classes": ([1, 1, 1, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 1, 1], 6 / 8, 3 / 4, 1 / 2),
    "three classes": ([0, 1, 2, 2, 1, 0], [0, 1, 2, 1, 1, 2], 4 / 6, 4 / 5, (4 * 6 - 12) / np.sqrt(24 * 22)),
    "all right": ([0, 1, 1], [0, 1, 1], 1, 1, 1),
    "all wrong": ([1, 0, 0], [0, 1, 1], 0, 0, -1),
    "predictions constant": ([1, 1, 1, 1], [0, 1, 1, 0], 1 / 2, 2 / 3, 0),
    "references constant": ([0, 1, 1, 0], [1, 1, 1, 1], 1 / 2, 2 / 3, 0),
    "both constant": ([0, 0], [0, 0], 1, 0, 0),
    "both constant and positive": ([1, 1], [1, 1], 1, 1, 0),
    "no positive prediction": ([0, 0, 0], [0, 1, 1], 1 / 3, 0, 0),
    "no class 1 at all": ([0, 2, 2], [0, 2, 0], 2 / 3, 0, 1 / 2),
    "one row": ([1], [1], 1, 1, 0),
}


@pytest.mark.parametrize("predictions, references, accuracy, f1, matthews", CLASS_ROWS.values(), ids=CLASS_ROWS.keys())
def test_class_metrics(predictions, references, accuracy, f1, matthews):
    assert metrics.accuracy(predictions, references) == pytest.approx(accuracy)
    assert metrics.f1(predictions, references) == pytest.approx(f1)
    assert metrics.matthews(predictions, references) == pytest.approx(matthews)


@pytest.mark.parametrize("num_labels", [2, 3])
def test_the_bootstrap_counts_as_the_score_does(num_labels):
    """Its formulas take many tables at once; of the table that was not drawn anew they give the score."""
    predictions, references = class_rows(2, 300, num_labels)
    table = np.array(metrics.confusion(predictions, references, num_labels))
    tables = np.stack([table, np.diag([5] * num_labels)]).astype(float)
    assert array_metrics._table_f1(tables) == pytest.approx([metrics.f1(predictions, references), 1])
    assert array_metrics._table_matthews(tables) == pytest.approx([metrics.matthews(predictions, references), 1])


def test_matthews_does_not_overflow():
    predictions, references = np.tile(class_rows(0, 1000, 2), 400)
    assert metrics.matthews(predictions, references) == pytest.approx(
        metrics.matthews(predictions[:1000], references[:1000])
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("num_rows", [3, 10, 500])
def test_correlations(num_rows, ties):
    predictions, references = score_rows(num_rows, num_rows, ties)
    assert metrics.pearson(predictions, references) == pytest.approx(np.corrcoef(predictions, references)[0, 1])
    ranks = [
        [(row > values).sum() + ((row == values).sum() + 1) / 2 for row in values]
        for values in (predictions, references)
    ]
    assert metrics.spearman(predictions, references) == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_equal_scores_share_their_rank():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
    assert metrics.spearman([1.0, 5.0, 5.0, 7.0], [1, 2, 3, 4]) == pytest.approx(4.5 / np.sqrt(22.5))


def test_a_score_that_is_no_number_ranks_highest_and_correlates_with_nothing():
    assert metrics.spearman([1.0, 2.0, np.nan], [1.0, 2.0, 3.0]) == pytest.approx(1)
    assert metrics.pearson([1.0, 2.0, np.nan], [1.0, 2.0, 3.0]) == 0


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
def test_the_ends_of_wilsons_interval_are_where_the_score_test_turns(num_rows):
    """At either end the share lies 1.96 standard errors of that end away (Wilson 1927); the interval stays in 0..1."""
    for right in {0, 1, num_rows // 2, num_rows}:
        share = right / num_rows
        low, high = metrics.wilson(share, num_rows)
        assert 0 <= low <= share <= high <= 1
        for end in {low, high} - {0.0, 1.0}:
            assert abs(share - end) / np.sqrt(end * (1 - end) / num_rows) == pytest.approx(1.959964, abs=1e-5)


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
    monkeypatch.setattr(array_metrics, "CHUNK", 7 * 50)  # 7 resamples at once: 142 full chunks and 6 more
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


@pytest.mark.parametrize("num_rows", [50, 40_000])
def test_tables_are_drawn_by_their_cells_whatever_the_number_of_rows(num_rows, monkeypatch):
    drawn = []
    draw = array_metrics.multinomial
    monkeypatch.setattr(
        array_metrics, "multinomial", lambda counts, *rest: drawn.append(counts.size) or draw(counts, *rest)
    )
    for name in ("f1", "matthews"):
        metrics.RESAMPLED[name](*class_rows(0, num_rows, 2), np.random.default_rng(0), 1000)
    assert drawn == [4, 4]


# -- the best constant answer --------------------------------------------------------------------------------------


def best_by_brute_force(task, references) -> dict[str, tuple[float, set[str]]]:
    """Metric -> the best score of scikit-learn over all constants, and the labels that reach it."""
    measures = {
        "accuracy": sklearn.metrics.accuracy_score,
        "f1": partial(sklearn.metrics.f1_score, labels=[1], average="macro", zero_division=0),
        "matthews": sklearn.metrics.matthews_corrcoef,
    }
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a constant side
        for metric in task.metrics:
            scores = {
                label: measures[metric](references, [number] * len(references))
                for number, label in enumerate(task.labels)
            }
            best = max(scores.values())
            found[metric] = best, {label for label, score in scores.items() if score == pytest.approx(best)}
    return found


@pytest.mark.parametrize(
    ("num_labels", "shares"),
    [(2, (0.5, 0.5)), (2, (0.9, 0.1)), (2, (0.3, 0.7)), (2, (1.0, 0.0)), (2, (0.0, 1.0)), (3, (0.2, 0.1, 0.7))],
)
def test_the_best_constant_is_that_of_a_search_over_all_of_them(num_labels, shares):
    task = dataclasses.replace(BINARY, labels=("no", "yes", "perhaps")[:num_labels])
    counts = [round(60 * share) for share in shares]
    references = np.random.default_rng(1).permutation(np.repeat(range(num_labels), counts))
    found = metrics.best_constant(task, references)
    for metric, (score, answers) in best_by_brute_force(task, references).items():
        assert found[metric].score == pytest.approx(score)
        assert found[metric].answer in answers if score > 0 else found[metric].answer == ""
    assert list(found) == list(metrics.score(task, references, references))


def test_each_metric_has_its_own_constant():
    """On the balanced sample of MRPC, as on the page; and where class 1 is rare."""
    assert metrics.best_constant(TASKS["mrpc"], [0] * 50 + [1] * 50)["f1"] == Constant(
        pytest.approx(2 / 3), "equivalent"
    )
    found = metrics.best_constant(BINARY, [0, 0, 1])
    assert found == {
        "f1": Constant(pytest.approx(0.5), "equivalent"),
        "accuracy": Constant(pytest.approx(2 / 3), "not_equivalent"),
        "matthews": Constant(0, ""),
    }
    references = [1] * 279 + [0] * 129  # GLUE's MRPC validation split
    found = metrics.best_constant(TASKS["mrpc"], references)
    assert {name: round(one.score, 3) for name, one in found.items()} == {"f1": 0.812, "accuracy": 0.684}


def test_no_constant_correlates():
    assert metrics.best_constant(REGRESSION, [0.1, 3.3, 4.7]) == {
        "pearson": Constant(0, ""),
        "spearman": Constant(0, ""),
    }


def test_the_constant_of_questions_is_no_answer():
    assert metrics.best_constant(SPAN, [["dog"], ["cat"]]) == {"f1": Constant(0, ""), "exact_match": Constant(0, "")}
    found = metrics.best_constant(SPAN_2, GOLDS)
    assert found["exact_match"] == found["f1"] == Constant(pytest.approx(2 / 5), "(no answer)")
    assert (found["has_answer_f1"].score, found["no_answer_f1"].score) == (0, 1)
    assert list(found) == list(metrics.score(SPAN_2, ANSWERS, GOLDS))


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
        metrics.best_constant(task, [])


@pytest.mark.parametrize(("number", "quantile"), [(2, 12.706205), (3, 4.302653), (5, 2.776445), (20, 2.093024)])
def test_the_interval_of_a_mean_is_students(number, quantile):
    """The quantiles are from a printed table."""
    values = np.random.default_rng(number).normal(0.8, 0.02, number)
    half = quantile * np.sqrt(((values - values.mean()) ** 2).sum() / (number - 1) / number)
    assert metrics.mean_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=1e-6)


def test_a_mean_of_equal_values_has_an_interval_without_width():
    assert metrics.mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


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
