"""Figures: their numbers are those of the result, their table says the same, and no name becomes markup."""

import dataclasses
import json

import ablation_samples
import distill_samples
import pytest
import view_samples as samples

from minilm_demo import views
from minilm_demo.errors import DataError
from minilm_demo.jobs.ablation import summarise
from minilm_demo.results import Evaluated, Probed, Stepped
from minilm_demo.views.figures import curves, divergence, experiment, scores, style

DISTILLATION, RUN = distill_samples.distillation(), samples.mnli_run()
RESULT = RUN[-1].result
EXPERIMENT = ablation_samples.experiment()
ALL = {
    "scores": lambda: views.figure(samples.mnli_evaluation()),
    "scores of a sample": lambda: views.figure(samples.sst2_sample_run()[-1].result),
    "scores of questions": lambda: views.figure(samples.squad_evaluation()),
    "confusion": lambda: views.figure(RESULT, kind="confusion"),
    "confusion of scored rows": lambda: views.figure(samples.squad_rows()),
    "curves": lambda: views.figure(RESULT, events=RUN),
    "curves of two runs": lambda: views.figure({"one": RUN, "other": samples.sst2_sample_run()}),
    "curves of a distillation": lambda: views.figure(DISTILLATION[-1].result, events=DISTILLATION, kind="curves"),
    "heads": lambda: views.figure(DISTILLATION[-1].result, events=DISTILLATION),
    "experiment": lambda: views.figure(EXPERIMENT),
}


def trace(figure, name: str):
    (found,) = [one for one in figure.data if one.name == name]
    return found


# -- every figure --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_a_figure_is_deterministic_json_with_its_words(make):
    figure = make()
    assert figure.to_json() == make().to_json()
    payload = views.figure_payload(figure)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert set(payload) == {"figure", "title", "about", "name", "table"}
    assert payload["about"].startswith(payload["title"]) and payload["about"].endswith(".")
    table = views.figure_table(figure)
    assert table == payload["table"]
    assert table["rows"] and all(len(row) == len(table["headings"]) for row in table["rows"])
    assert all(isinstance(cell, str) for row in table["rows"] for cell in row)


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_a_figure_is_transparent_and_its_axes_have_titles(make):
    layout = views.figure_payload(make())["figure"]["layout"]
    look = layout["template"]["layout"]
    assert look["paper_bgcolor"] == look["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert layout["xaxis"].get("title") or layout[max(name for name in layout if name.startswith("xaxis"))]["title"]
    assert layout["title"]["text"]


def test_every_colour_is_seen_on_white_and_on_a_dark_page():
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for colour in {*style.RUN_COLOURS, style.TEACHER, style.STUDENT, style.NEUTRAL}:
        assert 1.05 / (luminance(colour) + 0.05) >= 3, colour
        assert (luminance(colour) + 0.05) / (luminance("#0b0f19") + 0.05) >= 3, colour


# -- each ----------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_evaluation():
    evaluation = samples.mnli_evaluation()
    figure = views.figure(evaluation)
    mine = trace(figure, "this model")
    splits = list(evaluation.metrics)
    assert list(mine.x) == [evaluation.metrics[split]["accuracy"] for split in splits]
    for at, up, down, split in zip(mine.x, mine.error_x.array, mine.error_x.arrayminus, splits, strict=True):
        assert (at - down, at + up) == pytest.approx(evaluation.intervals[split]["accuracy"])
    assert list(trace(figure, "baseline").x) == [0.3545, 0.3522]
    assert len(trace(figure, "paper").x) == 3  # of the first split: the paper reports one number
    assert [line.x0 for line in figure.layout.shapes] == [0.3545, 0.3522]
    rows = views.figure_table(figure)["rows"]
    assert rows[0] == [
        "Accuracy on validation matched, 9,815 rows", "this model", "79.8 %", "79.0 to 80.6 %"
    ]  # fmt: skip
    assert [row[1] for row in rows[1:5]] == [
        "always answering 'entailment'", "paper: BERT-base", "paper: MiniLM-L12", "paper: MiniLM-L6"
    ]  # fmt: skip
    said = [note.text for note in figure.layout.annotations]
    assert "<b>79.8 % (79.0 to 80.6 %)</b>" in said and "paper: MiniLM-L6" in said


def test_each_metric_of_questions_has_its_rows():
    table = views.figure_table(samples.squad_evaluation())
    assert list(dict.fromkeys(row[0] for row in table["rows"])) == [
        "F1 on validation, 400 rows", "Exact match on validation, 400 rows",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "start"),
    [((0.78, 0.354), 0.3), ((0.0, 0.5), 0.0), ((0.99, 0.95), 0.9), ((-0.55, 0.0), -0.6), ((1.0,), 0.9)],
)
def test_the_axis_begins_below_the_smallest_mark(values, start):
    assert scores.axis_start(values) == start


def test_confusion_is_the_share_of_the_true_class():
    evaluation = samples.mnli_evaluation()
    matched, mismatched = views.figure(evaluation, kind="confusion").data
    assert matched.z[0] == pytest.approx([2891 / 3479, 402 / 3479, 186 / 3479])
    assert mismatched.text[2][2] == "2,615<br>81 %"
    assert matched.customdata[0][1] == "True: entailment, predicted: neutral: 402 rows, 12 % of the true class"
    assert len(views.figure_table(evaluation, kind="confusion")["rows"]) == 18


def test_a_result_without_classes_has_no_confusion():
    for result in (samples.squad_evaluation(), samples.stsb_rows()):
        with pytest.raises(DataError, match="no classes"):
            views.figure(result, kind="confusion")
    assert views.figures.card_figures(samples.squad_evaluation())["classes"] is None


def test_curves_are_those_of_the_events():
    figure = views.figure(RESULT, events=RUN)
    steps = [event for event in RUN if isinstance(event, Stepped)]
    held = [event for event in RUN if isinstance(event, Evaluated)]
    assert list(trace(figure, "loss, each step").y) == [event.loss for event in steps]
    assert list(trace(figure, "held-back rows").y) == [event.metrics["accuracy"] for event in held]
    assert list(trace(figure, "held-back rows").x) == [event.step for event in held]
    rows = views.figure_table(figure)["rows"]
    assert [row[1] for row in rows] == [str(event.step) for event in steps]
    assert rows[18][2:] == [f"{steps[18].loss:.4f}", f"{100 * steps[18].train_score:.1f} %",
                            f"{100 * held[0].metrics['accuracy']:.1f} %"]  # fmt: skip


def test_the_curve_of_validation_rows_stands_beside_a_constant_answer():
    figure = views.figure(RESULT, events=samples.sst2_sample_run())
    scored, constant = trace(figure, "validation rows"), trace(figure, "best constant answer")
    assert tuple(zip(scored.x, scored.y, strict=True)) == samples.CURVE
    assert tuple(zip(constant.x, constant.y, strict=True)) == ((0, 0.5), (12, 0.5))
    table = views.figure_table(figure)
    assert table["headings"][-1] == "Validation rows"
    assert table["rows"][0][1:] == ["0", "", "", "50.0 %"]
    assert trace(figure, "validation rows").meta[1] == "60 rows, 12 steps, seed 0"


def test_smoothing_is_not_pulled_to_zero():
    assert [value for _, value in curves.smoothed([(1, 2.0), (2, 2.0), (3, 2.0)])] == pytest.approx([2.0, 2.0, 2.0])


def test_several_runs_lie_over_each_other_with_their_names_and_settings():
    runs = {f"run {number}": RUN for number in range(9)}
    figure = views.figure(runs)
    named = [one for one in figure.data if one.showlegend]
    assert [one.name for one in named] == list(runs)
    assert len({(one.line.color, one.line.dash) for one in named}) == 9
    assert all(one.meta[1] == "1,800 rows, 189 steps, seed 0" for one in figure.data)


def test_without_a_held_back_row_or_score_there_is_only_the_loss():
    events = [event for event in samples.sst2_sample_run() if not isinstance(event, Evaluated)]
    scoreless = [dataclasses.replace(one, train_score=None) if isinstance(one, Stepped) else one for one in events]
    figure = views.figure(RESULT, events=scoreless)
    assert "yaxis2" not in views.figure_payload(figure)["figure"]["layout"]
    assert [one.name for one in figure.data if one.showlegend] == ["loss, each step", "loss, smoothed"]


def test_a_panel_says_what_its_lines_are():
    def headings(events) -> list[str]:
        return [note.text for note in views.figure({"a": events, "b": events}).layout.annotations]

    assert headings(RUN) == ["<b>Loss, smoothed</b>", "<b>Accuracy (dotted: in training)</b>"]
    unscored = [event for event in samples.sst2_sample_run() if not isinstance(event, Evaluated)]
    assert headings(unscored) == ["<b>Loss, smoothed</b>", "<b>Accuracy in training</b>"]


def test_a_run_without_a_step_has_no_curve():
    with pytest.raises(DataError, match="no run made a step"):
        views.figure(RESULT, events=RUN[:2])
    assert len(views.figure({"stopped": RUN[:2], "done": RUN}).data) == 4  # as if the first were not there


def test_the_losses_of_a_distillation_are_sums_of_what_is_learned():
    figure = views.figure(DISTILLATION[-1].result, events=DISTILLATION, kind="curves")
    measured = [event for event in DISTILLATION if isinstance(event, Evaluated)]
    assert list(trace(figure, "validation texts").y) == [sum(event.metrics.values()) for event in measured]
    assert figure.layout.yaxis.title.text == "Loss in nats"


def test_heads_over_steps_are_those_of_the_pictures():
    figure = views.figure(DISTILLATION[-1].result, events=DISTILLATION)
    pictures = [event for event in DISTILLATION if isinstance(event, Probed)]
    assert len(figure.data) == len(pictures[0].divergence) == 2  # a map for each relation
    for drawn, relation in zip(figure.data, pictures[0].divergence, strict=True):
        assert list(drawn.x) == [picture.step for picture in pictures]
        assert list(drawn.y) == [head + 1 for head in range(pictures[0].heads)]
        columns = [list(column) for column in zip(*drawn.z, strict=True)]
        assert columns == [list(picture.divergence[relation]) for picture in pictures]
    table = views.figure_table(figure)
    assert table["headings"][:3] == ["Relation", "Head", "Step 0"]
    assert table["rows"][0] == ["Attention", "1", *(f"{one.divergence['QK'][0]:.3f}" for one in pictures)]
    assert "came nearest to the teacher" in views.figure_payload(figure)["about"]


def test_of_an_assistant_and_a_student_the_student_is_drawn():
    pictures = [event for event in DISTILLATION if isinstance(event, Probed)]
    assert list(divergence.last_learner([*pictures, *pictures[:3]])) == pictures[:3]
    assert list(divergence.last_learner([])) == []


def test_one_picture_is_a_map_of_one_column():
    (first, *_) = [event for event in DISTILLATION if isinstance(event, Probed)]
    figure = views.divergence_figure([first])
    assert list(figure.data[0].x) == [0] and list(figure.layout.xaxis.range) == [-0.5, 0.5]


def test_a_distillation_that_watched_nothing_says_so():
    with pytest.raises(DataError, match="watched no text"):
        views.divergence_figure(distill_samples.distillation(probe=False))


def test_every_student_is_a_dot():
    figure = views.figure(EXPERIMENT)
    dots = trace(figure, "one student")
    assert sorted(dots.x) == sorted(score for arm in EXPERIMENT.arms for score in arm.scores)
    assert list(trace(figure, "mean").x) == [arm.mean for arm in EXPERIMENT.arms]
    assert list(trace(figure, "baseline").x) == [0.509]
    low, high = figure.layout.xaxis.range
    assert low < min(dots.x) and max(dots.x) < high
    assert figure.layout.title.text == "Accuracy on validation, 872 rows"
    table = views.figure_table(figure)
    assert table["rows"][-1] == ["Always the same answer", "", "50.9 %", "", "", ""]


def test_one_seed_lies_on_the_line_of_its_arm_and_a_wide_interval_ends_with_the_axis():
    alone = trace(views.figure(ablation_samples.experiment(1)), "one student")
    assert list(alone.y) == [0, 1, 2, 3, 4]
    students = [ablation_samples.scored("random", 0, 0.6), ablation_samples.scored("random", 1, 0.8)]
    figure = views.figure(summarise(ablation_samples.started(seeds=2), students))
    assert trace(figure, "mean").error_x.array[0] > 1
    assert list(figure.layout.xaxis.range) == [0.45, 0.85]


def test_the_axis_ends_at_one():
    assert experiment.axis_range([0.509, 1.0]) == [0.45, 1.0]


# -- names from outside --------------------------------------------------------------------------------------------

MARKUP = '<b>bold</b> <a href="https://example.org">link</a> %{meta[0]} & more'


def test_a_name_is_text():
    assert style.text(MARKUP) == (
        '&lt;b&gt;bold&lt;/b&gt; &lt;a href="https://example.org"&gt;link&lt;/a&gt; % {meta[0]} &amp; more'
    )


def texts(value) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", [MARKUP, *samples.HOSTILE])
def test_no_name_becomes_markup_of_plotly(name):
    labels = (name, "neutral", "contradiction")
    answers = {split: {"accuracy": name} for split in samples.mnli_evaluation().metrics}
    evaluation = samples.mnli_evaluation(labels=labels, baseline_answers=answers)
    arms = tuple(dataclasses.replace(arm, title=name) for arm in EXPERIMENT.arms)
    drawn = [
        views.figure(evaluation),
        views.figure(evaluation, kind="confusion"),
        views.figure({name: RUN, "other": RUN}),
        views.figure(dataclasses.replace(EXPERIMENT, arms=arms, metric=name)),
    ]
    ours = ("<b>", "</b>", "<br>", "<extra></extra>")
    for figure in drawn:
        payload = views.figure_payload(figure)
        for text in texts(payload["figure"]):
            for mark in ours:
                text = text.replace(mark, "")
            assert "<" not in text, text
            assert name not in text or style.text(name) == name, text
        assert any(name in cell for cell in [*texts(payload["table"]), payload["about"]])  # as it is: shown as text


# -- what there is to draw -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "options", "error", "said"),
    [
        ("positive", {}, TypeError, "not a str"),
        (samples.nli_prediction(), {}, TypeError, "not a Prediction"),
        (RESULT, {"kind": "heads"}, ValueError, "a FinetuneResult has curves, scores, confusion"),
        (RESULT, {"kind": "curves"}, ValueError, "needs the run's events"),
        (DISTILLATION[-1].result, {}, ValueError, "'divergence' needs the run's events"),
    ],
)
def test_what_cannot_be_drawn_is_said(result, options, error, said):
    with pytest.raises(error, match=said):
        views.figure(result, **options)
