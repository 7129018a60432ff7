"""Views: what the payloads say, in words and numbers, and that no text can become markup."""

import dataclasses
import html
import json
import re
import subprocess
import sys

import pytest
import view_samples as samples

from minilm_demo import views
from minilm_demo.results import DataSource, Evaluated, Evaluation, Finished, Stepped
from minilm_demo.tasks import TASKS
from minilm_demo.views import words
from minilm_demo.views.bundle import STATIC
from minilm_demo.views.components import json_in_html
from minilm_demo.views.documents import document_notes, prediction_document
from minilm_demo.views.kinds.span import mark
from minilm_demo.views.result import result_card, rows_seen, source_sentence, verdict

MNLI, SST2, SQUAD = TASKS["mnli"], TASKS["sst2"], TASKS["squad_v2"]
RUNNING = [samples.started("mnli"), samples.planned(), *samples.training(until=84)]


def payload(events, task=MNLI, status="running", **options):
    return views.run_payload(events, task, status=status, run_id="mnli-abc", **options)


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "under 1 s"), (12.3, "12 s"), (59.7, "1 min"), (60, "1 min"), (125, "2 min 5 s"), (3599.9, "1 h"),
     (3600, "1 h"), (3720, "1 h 2 min")],
)  # fmt: skip
def test_durations(seconds, text):
    assert words.duration(seconds) == text


def test_numbers():
    assert words.thousands(12925) == "12,925"
    assert words.counted(1, "row") == "1 row"
    assert words.counted(2000, "row") == "2,000 rows"
    assert words.percent(0.8321) == "83.2 %"
    assert words.number(-0.213) == "−0.21"
    assert words.number(-0.001) == "0.00"
    assert words.epochs(3.0) == "3"
    assert words.epochs(1.34) == "1.3"
    assert words.epochs(0.04) == "0.04"
    assert words.milliseconds(0.2) == "under 1 ms"
    assert words.milliseconds(1234) == "1.2 s"
    assert words.speed(4.21) == "4.2 examples/s"


def test_scores_carry_the_ends_of_their_interval():
    assert words.score_and_range("accuracy", 0.832, (0.807, 0.857)) == "83.2 % (80.7 to 85.7 %)"
    assert words.score_and_range("accuracy", 1.0, (0.862, 1.0)) == "100.0 % (86.2 to 100.0 %)"
    assert words.score_and_range("matthews", 0.83, (0.79, 0.87)) == "0.83 (0.79 to 0.87)"
    assert words.score_and_range("matthews", -0.02, (-0.1, 0.05)) == "−0.02 (−0.10 to 0.05)"
    assert words.score_and_range("pearson", 0.8312, (0.827, 0.835)) == "0.831 (0.827 to 0.835)"
    assert words.score_and_range("has_answer_f1", 0.5, (0.4, 0.6)) == "50.0 % (40.0 to 60.0 %)"
    assert words.between("accuracy", (0.88, 1.02)) == "88.0 to 100.0 %", "of a mean over seeds"


def test_long_texts_are_cut_at_a_space():
    assert words.shorten("short") == "short"
    cut = words.shorten("word " * 100, 60)
    assert len(cut) <= 60
    assert cut.endswith("word…")
    assert len(words.shorten("x" * 1000, 60)) == 60


# -- a run ---------------------------------------------------------------------------------------------------------


def test_a_running_run_in_one_sentence():
    drawn = payload(RUNNING)
    assert drawn["sentence"] == "Step 84 of 189 · epoch 1.3 of 3 · 18 s left · 148 examples/s"
    assert drawn["progress"] == {"done": 84, "of": 189}
    assert drawn["stop"] == "Stop and keep the best"
    assert not drawn["final"]
    assert drawn["result"] is None
    facts = dict(drawn["facts"])
    assert facts["Checkpoint"] == "bundled"
    assert facts["Data"] == "mnli from a local mirror: 1,800 of 392,702 rows of train"
    assert facts["Rows"] == "1,800 to learn from, 200 held back to choose the best checkpoint"
    assert facts["Weights"] == "22.7 million of 22.7 million move"
    assert facts["Arithmetic"] == "bf16 on cpu (it was asked for), seed 0"


@pytest.mark.parametrize(
    ("events", "status", "sentence"),
    [
        ([], "starting", "Loading the model and the rows…"),
        ([], "running", "Loading the model and the rows…"),
        (RUNNING[:1], "running", "Timing a few steps, to say how long it will take…"),
        (RUNNING[:2], "running", "Waiting for the first step… 189 steps, 3 epochs, about 32 s"),
        ([*RUNNING[:2], *samples.training()], "running", "All 189 steps made; scoring the validation rows…"),
        (RUNNING, "stopping", "Stopping after step 84 of 189; then the checkpoint that is kept is scored…"),
        ([], "stopping", "Stopping…"),
        (samples.mnli_run(), "completed",
         "Completed: 189 steps in 44 s · 148 examples/s · kept the weights of step 171"),
        (RUNNING, "interrupted", "Interrupted at step 84 of 189."),
        ([], "failed", "Failed before the first step."),
    ],
)  # fmt: skip
def test_every_state_has_a_sentence(events, status, sentence):
    assert payload(events, status=status)["sentence"] == sentence


def test_a_waiting_run_says_its_place():
    drawn = payload([], status="queued", position=2, starts_in=40)
    assert drawn["sentence"] == "Place 2 in the line; starts in about 40 s"
    assert drawn["charts"]["loss"]["empty"] == "Place 2 in the line."
    assert drawn["stop"] == "Leave the line"
    assert payload([], status="queued")["sentence"] == "Waiting in the line"


def test_a_stopped_run_says_where():
    result = samples.result_of(samples.mnli_evaluation(), steps=84, step=76, seconds=14.3)
    drawn = payload([*RUNNING, Finished("stopped", "", result)], status="stopped")
    assert drawn["sentence"].startswith("Stopped: at step 84 of 189 in 14 s")
    assert drawn["final"]
    assert drawn["stop"] == ""


def test_only_new_points_are_sent():
    whole, first = payload(RUNNING), payload(RUNNING[:40])
    rest = payload(RUNNING, since=first["next"])
    assert rest["since"] == 40
    assert rest["next"] == whole["next"] == len(RUNNING)
    for name, points in whole["points"].items():
        assert first["points"][name] + rest["points"][name] == points
    assert whole["points"]["loss"][0][0] == 1
    assert [step for step, _, _ in whole["points"]["held"]] == [19, 38, 57, 76]
    assert payload(RUNNING, since=len(RUNNING))["points"] == {"loss": [], "train": [], "held": [], "baseline": []}


def small_run(**changes) -> list:
    """The first events of a run on 440 rows, and its scores on 200 validation rows so far."""
    started = dataclasses.replace(
        samples.started("sst2", examples=440, held_back=0, kind="sample"),
        **{"curve_rows": 200, "curve_split": "validation", "baseline": 0.5} | changes,
    )
    steps = samples.training(12, held_back=False)
    scores = [Evaluated(step, {"accuracy": 0.5 + 0.02 * step}, 200, False, "validation") for step in (0, 6)]
    return [started, scores[0], samples.planned(12), *steps[:6], scores[1]]


def test_a_small_run_draws_the_score_of_its_validation_rows_beside_a_constant_answer():
    drawn = payload(small_run(), SST2)
    chart = drawn["charts"]["score"]
    assert chart["title"] == "Accuracy on 200 validation rows"
    assert chart["drawn"]
    assert ["base", "best constant answer: 50.0 %"] in chart["keys"]
    assert [series["of"] for series in chart["series"]] == ["baseline", "train", "held"]
    assert drawn["points"]["held"] == [[0, 0.5, False], [6, 0.62, False]]
    assert drawn["points"]["baseline"] == [[0, 0.5], [12, 0.5]]
    assert len(drawn["points"]["train"]) == 6
    assert drawn["stop"] == "Stop and keep"
    assert dict(drawn["facts"])["Rows"] == (
        "440 to learn from, 200 of validation scored along the way, which choose nothing: the last weights are kept"
    )


def test_the_baseline_is_sent_once():
    events = small_run()
    later = payload(events, SST2, since=len(events) - 1)
    assert later["points"]["baseline"] == []
    assert later["points"]["held"] == [[6, 0.62, False]]


def test_a_run_of_an_older_program_without_a_curve_draws_what_it_has():
    events = small_run(curve_rows=0, curve_split="", baseline=None)
    steps = [event for event in events if isinstance(event, Stepped)]
    with_train_score = payload([events[0], *steps], SST2)["charts"]["score"]
    assert with_train_score["drawn"]
    assert all(style != "base" for style, _ in with_train_score["keys"])
    without = payload([events[0], *(dataclasses.replace(step, train_score=None) for step in steps)], SST2)
    assert not without["charts"]["score"]["drawn"]
    assert without["charts"]["score"]["empty"] == "No rows are scored along the way."
    assert dict(without["facts"])["Rows"] == "440 to learn from, none held back"


def test_smaller_batches_are_said_beside_the_plan():
    smaller = dataclasses.replace(samples.planned(12), seconds_per_step=1.275, batch_size=8, asked_batch_size=32)
    plan = dict(payload([samples.started("sst2"), smaller], SST2)["facts"])["Plan"]
    assert plan.endswith("; one update takes 5.1 s here, so each step reads 8 rows in place of 32")
    usual = dataclasses.replace(smaller, batch_size=32)
    assert "update takes" not in dict(payload([samples.started("sst2"), usual], SST2)["facts"])["Plan"]


def test_regression_has_no_train_score():
    steps = [dataclasses.replace(event, train_score=None) for event in samples.training(5)]
    drawn = payload([samples.started("stsb"), *steps], TASKS["stsb"])
    assert drawn["points"]["train"] == []
    assert len(drawn["points"]["loss"]) == 5
    assert drawn["charts"]["score"]["unit"] == "number"


def test_a_failed_run_says_what_to_do():
    events = [*RUNNING, Finished("failed", "The loss became nan at step 85. Try a lower learning rate than 5e-05.")]
    error = payload(events, status="failed")["error"]
    assert error["sentence"].startswith("The loss became nan")
    assert error["advice"].endswith("press “Train” again. The checkpoint of step 76 is kept.")
    interrupted = payload(RUNNING, status="interrupted")["error"]
    assert interrupted == {
        "sentence": "The process of this run ended before the run was over.",
        "advice": "Press “Train” to start one anew. The checkpoint of step 76 is kept.",
    }
    assert payload(RUNNING)["error"] is None


def test_a_run_that_never_began_says_so():
    drawn = payload([], status="interrupted")
    assert drawn["sentence"] == "Interrupted before the first step."
    assert drawn["error"] == {
        "sentence": "It was still waiting when the server stopped.",
        "advice": "Press “Train” to start one anew.",
    }
    assert "ended before the run was over" in payload(RUNNING[:1], status="interrupted")["error"]["sentence"]


@pytest.mark.parametrize("run", [RUNNING, [], samples.mnli_run()])
@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_no_advice_names_a_command_that_is_not_there(run, status):
    assert "python -m" not in json.dumps(payload(run, status=status))


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="status is 'done'"):
        payload(RUNNING, status="done")


# -- the result ----------------------------------------------------------------------------------------------------


def test_the_verdict_needs_the_whole_interval():
    def said(low, high, baseline):
        evaluation = samples.mnli_evaluation(
            intervals={"validation_matched": {"accuracy": (low, high)}},
            baseline={"validation_matched": {"accuracy": baseline}},
        )
        return verdict(MNLI, evaluation, "validation_matched")

    assert said(0.78, 0.81, 0.354) == (
        "Accuracy on validation matched: 79.8 % (78.0 to 81.0 %), clearly above always answering 'entailment' (35.4 %)."
    )
    assert "not clearly above" in said(0.3, 0.9, 0.3545)
    assert "clearly below" in said(0.1, 0.3, 0.3545)


def test_baselines_have_names_by_the_kind_of_task():
    assert "never giving an answer (50.0 %)" in verdict(SQUAD, samples.squad_evaluation(), "validation")
    stsb = Evaluation(
        "stsb", "bundled", DataSource("hub", "stsb", {}), {"validation": {"pearson": 0.8, "spearman": 0.79}},
        {"validation": {"pearson": (0.78, 0.82), "spearman": (0.77, 0.81)}},
        {"validation": {"pearson": 0.0, "spearman": 0.0}}, {"validation": 1500},
    )  # fmt: skip
    assert verdict(TASKS["stsb"], stsb, "validation") == (
        "Pearson correlation on validation: 0.80 (0.78 to 0.82), clearly above always giving the same score (0.00)."
    )


def test_a_run_on_few_rows_says_so_beside_the_paper():
    """102 updates of 32 rows are 3,264 rows, of 66,349 that were there; and 500 rows were scored."""
    evaluation = Evaluation(
        "sst2", "sst2-9aBcD", DataSource("mirror", "sst2 from a local mirror", {"validation": 500}),
        {"validation": {"accuracy": 0.83}}, {"validation": {"accuracy": (0.8, 0.86)}},
        {"validation": {"accuracy": 0.51}}, {"validation": 500},
    )  # fmt: skip
    seen = {"examples": 66_349, "examples_seen": 3264, "rows_seen": 3264, "epochs": 0.0492, "splits": {"train": 66_349}}
    training = samples.result_of(evaluation, **seen)
    card = result_card(TASKS["sst2"], evaluation, training)
    words_of_it = "This run saw 3,264 of 66,349 rows, 0.05 epochs; it was scored on 500 of the 872 rows of validation."
    assert words_of_it in card["notes"]
    assert dict(card["figures"])["Rows seen"] == "3,264 of 66,349 rows, 0.05 epochs"
    assert "66,349" not in str(dict(card["figures"]) | {"Rows seen": ""})
    table = views.figure_table(training, kind="scores")["rows"]
    assert [row[1] for row in table if "this model" in row[1]] == [
        "this model, which saw 3,264 of 66,349 rows, 0.05 epochs"
    ]
    assert (
        "What this model learned from is not known here; it was scored on 500 of the 872 rows of validation."
        in (result_card(TASKS["sst2"], evaluation)["notes"])
    )
    title = views.figure(training, kind="scores").layout.xaxis.title.text
    assert title.endswith("<br>This model saw 3,264 of 66,349 rows,<br>0.05 epochs"), "two lines, for a phone"
    assert "This model saw" not in views.figure(evaluation).layout.xaxis.title.text
    older = dataclasses.replace(training, rows_seen=None, epochs=None)
    assert rows_seen(older) == rows_seen(training)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((3264, 66_349, 3264, 0.0492), "3,264 of 66,349 rows, 0.05 epochs"),
        ((64, 363_846, 64, 0.0002), "64 of 363,846 rows, under 0.01 epochs"),
        ((440, 440, 440, 1.0), "440 of 440 rows, 1 epoch"),
        ((440, 440, 2848, 6.47), "440 of 440 rows, 6.5 epochs: 2,848 in all"),
        ((1, 1, 3, 3.0), "1 of 1 row, 3 epochs: 3 in all"),
        ((32, 158, 32, None), "32 of 158 rows"),
        ((158, 158, 320, None), "158 of 158 rows, 320 in all"),
    ],
)
def test_rows_seen_in_words(numbers, said):
    assert words.seen(*numbers) == said


def test_a_score_below_one_answer_to_every_row_gets_a_hint():
    low = samples.mnli_evaluation(metrics={"validation_matched": {"accuracy": 0.2}})
    assert verdict(MNLI, low, "validation_matched").endswith(
        "(35.4 %). One answer to every row would have scored more: are the labels swapped, the steps too few, or the "
        "learning rate too high?"
    )
    same = samples.mnli_evaluation(metrics={"validation_matched": {"accuracy": 0.3545}})
    assert "One answer" not in verdict(MNLI, same, "validation_matched")


def test_each_metric_stands_beside_its_own_best_constant():
    """F1's is the rare class, which accuracy's is not. An older result did not name its constant."""
    evaluation = Evaluation(
        "mrpc", "bundled", DataSource("sample", "bundled sample", {"validation": 100}),
        {"validation": {"f1": 0.757, "accuracy": 0.72}},
        {"validation": {"f1": (0.68, 0.83), "accuracy": (0.62, 0.8)}},
        {"validation": {"f1": 0.6667, "accuracy": 0.5}}, {"validation": 100},
        baseline_answers={"validation": {"f1": "equivalent", "accuracy": "not_equivalent"}},
    )  # fmt: skip
    assert verdict(TASKS["mrpc"], evaluation, "validation") == (
        "F1 on validation: 75.7 % (68.0 to 83.0 %), clearly above always answering 'the same' (66.7 %)."
    )
    labels = [row[1] for row in views.figure_table(evaluation)["rows"]]
    assert labels[1::2] == ["always answering 'the same'", "always answering 'not the same'"]
    older = dataclasses.replace(evaluation, baseline_answers={})
    assert "always answering the most frequent class (66.7 %)" in verdict(TASKS["mrpc"], older, "validation")


def test_the_card_of_two_splits():
    card = payload(samples.mnli_run(), status="completed")["result"]
    assert card["headline"] == {
        "value": "79.8 %",
        "label": "Accuracy on validation matched; 95 % interval: 79.0 to 80.6 %",
    }
    assert len(card["verdicts"]) == 2
    assert card["scores"]["title"] == "Scores: MNLI" and card["classes"]["title"] == "Predicted classes"
    assert "The bundled checkpoint's own training had seen 277,230 SNLI and MNLI pairs." in card["notes"]
    assert card["notes"][-2:] == [
        "Hollow marks are the paper's development scores (Wang et al., 2020): learned from all 392,702 rows, scored on "
        "all 9,815.",
        "This run saw 1,800 of 1,800 rows, 3.4 epochs: 6,048 in all; it was scored on all 9,815 rows of validation "
        "matched.",
    ]
    assert dict(card["figures"])["Rows seen"] == "1,800 of 1,800 rows, 3.4 epochs: 6,048 in all"
    assert dict(card["figures"])["Weights kept"] == "step 171 of 189"
    mistakes = card["mistakes"]
    assert mistakes["headings"] == ["Split", "Premise", "Hypothesis", "Expected", "Predicted", "Confidence"]
    assert all(len(row) == 6 for row in mistakes["rows"])


@pytest.mark.parametrize("kind", ["sample", "file"])
def test_no_paper_beside_a_sample_or_an_own_file(kind):
    card = payload(samples.mnli_run(kind), status="completed")["result"]
    assert not any("paper" in row[1] for row in card["scores"]["table"]["rows"])
    assert not any("paper" in note for note in card["notes"])
    assert "not GLUE" in card["source"]


def test_the_source_is_named():
    assert source_sentence(SQUAD, DataSource("sample", "…", {"validation": 61})) == (
        "Scored on the bundled sample, not SQuAD: 61 rows of validation."
    )
    assert source_sentence(SST2, DataSource("file", "own file mine.csv: 9 rows of validation", {})) == (
        "Scored on own file mine.csv: 9 rows of validation, not GLUE."
    )
    assert source_sentence(SST2, DataSource("hub", "sst2 from the Hub", {})) == "Scored on sst2 from the Hub."


def test_other_checkpoints_have_seen_nothing_unless_said():
    evaluation = samples.mnli_evaluation()
    assert not any("had seen" in note for note in views.result_card(MNLI, evaluation)["notes"])
    seen = views.result_card(MNLI, dataclasses.replace(evaluation, seen_by_base=MNLI.seen_by_bundled))["notes"]
    assert any("277,230" in note for note in seen)


def test_squad_has_its_other_scores_in_a_table():
    card = views.result_card(SQUAD, samples.squad_evaluation())
    assert [row[0] for row in card["extra"]["rows"]] == [
        "F1, questions with an answer", "Exact match, questions with an answer",
        "F1, questions without an answer", "Exact match, questions without an answer",
    ]  # fmt: skip
    assert card["mistakes"]["headings"][-1] == "1 − F1"
    assert len(card["mistakes"]["rows"][0][1]) <= 280


# -- a prediction --------------------------------------------------------------------------------------------------


def test_classes_keep_the_order_of_the_labels():
    drawn = views.prediction_payload(MNLI, samples.nli_prediction(), {}, note="precomputed")
    assert [bar["label"] for bar in drawn["bars"]] == ["entailment", "neutral", "contradiction"]
    assert [bar["best"] for bar in drawn["bars"]] == [False, False, True]
    assert drawn["sentence"] == "contradiction, 86.8 %"
    assert drawn["footer"] == ["Answered by nli in 31 ms."]
    assert drawn["notes"] == ["Only the first 128 of 140 tokens were read: the rest was cut off."]
    assert drawn["note"] == "precomputed"


@pytest.mark.parametrize(
    ("positive", "sentence"),
    [
        (0.68, "Unsure: “positive” is only 36 points ahead of “negative”."),
        (0.495, "Unsure: “negative” is only 1 point ahead of “positive”."),
        (0.501, "Unsure: “positive” is less than a point ahead of “negative”."),
    ],
)
def test_an_unsure_answer_says_how_far_it_leads(positive, sentence):
    label = "positive" if positive > 0.5 else "negative"
    shares = {"negative": 1 - positive, "positive": positive}
    unsure = samples.sentiment_prediction(label=label, probabilities=shares, unsure=True)
    assert views.prediction_payload(SST2, unsure, {})["unsure"] == sentence
    assert document_notes(prediction_document(unsure) | {"tokens_read": 4, "tokens_total": 4}) == [sentence]
    assert views.prediction_payload(SST2, samples.sentiment_prediction(), {})["unsure"] == ""


def test_an_unsure_span_and_a_text_that_was_not_read_say_why():
    fields = {"question": samples.QUESTION, "context": samples.CONTEXT}
    span = dataclasses.replace(samples.span_prediction(), unsure=True)
    drawn = views.prediction_payload(SQUAD, span, fields)
    assert drawn["unsure"] == "Unsure: another answer scores nearly as high."
    unread = samples.sentiment_prediction(unsure=True, nothing_read=True, unknown_words=("😡",))
    drawn = views.prediction_payload(SST2, unread, {})
    assert drawn["unsure"].startswith("Unsure: no word of the text could be read")
    assert drawn["notes"] == ["The model cannot read “😡”: not in its vocabulary, so only “unknown word” reaches it."]


def test_a_score_outside_the_scale_is_said_and_kept_on_it():
    drawn = views.prediction_payload(TASKS["stsb"], samples.similarity_prediction(5.3), {})
    assert drawn["sentence"] == "5.3 on a scale from 0 to 5"
    assert drawn["scale"]["at"] == 5.0
    assert drawn["scale"]["ticks"] == [0, 1, 2, 3, 4, 5]


def test_the_answer_is_marked_in_its_context():
    fields = {"question": samples.QUESTION, "context": samples.CONTEXT}
    drawn = views.prediction_payload(SQUAD, samples.span_prediction(), fields)
    assert "".join(piece["text"] for piece in drawn["pieces"]) == samples.CONTEXT
    assert [piece["text"] for piece in drawn["pieces"] if piece["mark"]] == ["pollen from the willows"]
    assert drawn["decision"] == {"score": -8.2, "threshold": 0.0, "low": -10, "high": 10}
    assert (drawn["found"], drawn["none"]) == ("pollen from the willows", "No answer in this text")
    assert drawn["candidates"] == [["pollen", "7.1"], ["from the willows", "3.3"]]
    assert drawn["footer"][1] == "The text was read in 2 overlapping windows."
    nothing = views.prediction_payload(SQUAD, samples.span_prediction(""), fields)
    assert nothing["sentence"] == "No answer in this text"
    assert nothing["found"] == "pollen"  # what a higher threshold would give
    assert [piece["text"] for piece in nothing["pieces"] if piece["mark"]] == ["pollen"]
    assert nothing["candidates"] == [["from the willows", "3.3"]]
    sure = views.prediction_payload(TASKS["squad"], samples.span_prediction(), fields)
    assert sure["decision"] is None  # SQuAD 1.1 knows no unanswerable questions


def test_answers_of_several_checkpoints_keep_what_was_asked():
    lane = {**views.prediction_payload(SST2, samples.sentiment_prediction(), {}), "title": "the skill"}
    drawn = views.answers_payload(
        "sentiment", SST2, {"sentence": "Fine."}, [lane, {**views.error_payload("No."), "title": "b"}]
    )
    assert drawn["skill"] == "sentiment" and drawn["input"] == [{"name": "Sentence", "text": "Fine."}]
    assert [one["kind"] for one in drawn["lanes"]] == ["classification", "error"]


def test_marks_at_the_ends_leave_no_empty_piece():
    assert mark("abc", 0, 3) == [{"text": "abc", "mark": True}]
    assert mark("abc", 0, 1) == [{"text": "a", "mark": True}, {"text": "bc", "mark": False}]


def test_an_error_is_a_state():
    assert views.error_payload("The sentence is empty.") == {"kind": "error", "sentence": "The sentence is empty."}


# -- which words mattered ------------------------------------------------------------------------------------------


def importance_of(importance):
    return views.importance_payload(TASKS[importance.task], importance)


def test_importance_in_words():
    drawn = importance_of(samples.sentiment_importance())
    assert drawn["sentence"] == "Why “positive”, 97.3 %?"
    assert drawn["findings"] == [
        "Leave-one-out puts “Charming” first: without it, the probability of “positive” falls from 97.3 % to 66.0 %.",
        "Gradient × input puts “never” first (−0.21): it speaks against “positive”.",
        "The two orders agree in part: Spearman rank correlation 0.60 over 5 words.",
    ]
    assert drawn["words"][1]["says"] == "“Charming”: leave-one-out +31.2 percentage points, gradient × input +0.04"
    assert [one["text"] for one in drawn["legend"]] == ["speaks for “positive”", "speaks against “positive”"]
    assert "142 ms: 5 words left out" in drawn["notes"][0]
    assert drawn["notes"][-1].startswith("Neither is the whole truth.")


def test_words_are_coloured_by_their_share_of_the_largest():
    drawn = importance_of(samples.sentiment_importance())
    left_out, gradient = ([mark["share"] for mark in panel["marks"]] for panel in drawn["panels"])
    assert left_out[1] == 1.0
    assert left_out[2] == pytest.approx(-0.0481 / 0.3125)
    assert gradient[3] == -1.0
    assert drawn["panels"][0]["marks"][1]["label"] == "Charming: +31.2 percentage points"
    (text,) = drawn["texts"]
    assert "".join(piece["text"] for piece in text["pieces"]) == "😀 Charming but never dull"
    assert [piece["word"] for piece in text["pieces"] if piece["word"] is not None] == [0, 1, 2, 3, 4]
    assert text["name"] == ""


def test_a_pair_names_its_texts():
    drawn = importance_of(samples.nli_importance())
    assert [text["name"] for text in drawn["texts"]] == ["Premise", "Hypothesis"]
    assert [one["text"] for one in drawn["table"]["headings"]] == [
        "Place", "Text", "Word", "Left out (percentage points)", "Gradient × input",
    ]  # fmt: skip
    assert drawn["findings"][-1].startswith("The two orders contradict each other")
    assert any("words after the cut" in note for note in drawn["notes"])


def test_the_importance_for_a_score():
    drawn = importance_of(samples.similarity_importance())
    assert drawn["sentence"] == "Why 3.4 on a scale from 0 to 5?"
    assert drawn["findings"][0] == "Leave-one-out puts “dog” first: without it, the score falls from 3.40 to 2.00."
    assert drawn["findings"][1] == "Gradient × input also puts “dog” first (+0.90): it raises the score."
    assert drawn["findings"][2].startswith("The two orders largely agree")


def test_a_span_says_what_was_not_left_out():
    drawn = importance_of(samples.span_importance())
    assert drawn["sentence"] == "Why “pollen from the willows”?"
    nothing = importance_of(samples.span_importance(no_answer=True))
    assert nothing["sentence"] == "The model gives no answer. Why would “pollen from the willows” be its best one?"
    untried = [row for row in drawn["table"]["rows"] if row[3]["sort"] is None]
    assert {row[3]["text"] for row in untried} == {"not left out"}
    assert {"pollen", "willows,"} <= {row[2]["text"] for row in untried}
    assert any(f"{len(untried)} words have a gradient only" in note for note in drawn["notes"])
    assert any("several windows" in note for note in drawn["notes"])


def test_little_is_said_to_be_little():
    def said(left_out):
        weights = tuple(dataclasses.replace(one, left_out=left_out) for one in samples.sentiment_importance().words)
        return importance_of(samples.sentiment_importance(words=weights))["findings"][0]

    assert said(0.004).endswith("falls from 97.3 % to 96.9 %. That is little: no single word decides here.")
    assert said(0.00001).startswith("Leaving out any one word changes nearly nothing")
    assert said(0.0).startswith("Gradient × input")


def test_too_few_words_are_not_compared():
    drawn = importance_of(samples.sentiment_importance(rank_correlation=None))
    assert drawn["findings"][-1] == "There are too few words to compare the two orders."


# -- scored rows ----------------------------------------------------------------------------------------------------


def test_scored_rows_say_their_score_their_source_and_who_answered():
    drawn = views.scored_rows_payload(MNLI, samples.mnli_rows(), seen=MNLI.seen_by_bundled)
    assert drawn["headline"] == {
        "value": "86.4 %",
        "label": "Accuracy on 110 rows of validation matched; 95 % interval: 78.7 to 91.5 %",
    }
    assert drawn["verdicts"] == [
        "Accuracy on validation matched: 86.4 % (78.7 to 91.5 %), clearly above always answering 'entailment' (69.1 %)."
    ]
    assert drawn["source"] == "Scored on the bundled sample, not GLUE: 110 rows of validation_matched."
    assert drawn["notes"] == [
        "Answered by mnli-4fJx0QmT1vZk8sLw2d in 41 s.",
        "The bundled checkpoint's own training had seen 277,230 SNLI and MNLI pairs.",
    ]
    assert drawn["scores"] is None  # the headline says it all


def test_every_cell_leads_to_its_rows():
    result = samples.mnli_rows()
    drawn = views.scored_rows_payload(MNLI, result)
    cells = drawn["matrix"]["rows"]
    assert [[cell["count"] for cell in row] for row in cells] == [["70", "3", "3"], ["3", "15", "0"], ["3", "3", "10"]]
    assert cells[1][2]["list"] is None
    places = [cell["list"] for row in cells for cell in row if cell["list"] is not None]
    assert places == list(range(len(drawn["lists"])))
    wrong = drawn["lists"][cells[0][1]["list"]]
    assert wrong["title"] == "True: entailment, predicted: neutral"
    assert wrong["note"] == "3 rows, the surest first."
    assert wrong["rows"][0] == {
        "fields": [["Premise", "Premise 012. "], ["Hypothesis", "Hypothesis 012. "]],
        "said": [["Expected", "entailment"], ["Predicted", "neutral"], ["Probability", "51 %"]],
        "texts": ["Premise 012. ", "Hypothesis 012. "],
    }


def test_a_list_shows_fifty_rows_and_says_how_many_there_are():
    right = views.scored_rows_payload(MNLI, samples.mnli_rows())["lists"][0]
    assert len(right["rows"]) == 50
    assert right["note"] == "70 rows; 50 of them here, the surest first."
    (largest,) = views.scored_rows_payload(TASKS["stsb"], samples.stsb_rows())["lists"]
    assert largest["note"] == "60 rows; 50 of them here, the largest error first."
    assert [row["said"][2] for row in largest["rows"][:2]] == [["Off by", "3.0"], ["Off by", "2.9"]]
    assert largest["rows"][0]["said"][1] == ["Predicted", "−1.0"]


def test_a_regression_has_no_table_and_two_scores():
    drawn = views.scored_rows_payload(TASKS["stsb"], samples.stsb_rows())
    assert drawn["matrix"] is None
    assert [row[:2] for row in drawn["scores"]["rows"]] == [
        ["Pearson correlation", "0.81"],
        ["Spearman correlation", "0.80"],
    ]


def test_questions_are_counted_by_whether_there_is_an_answer():
    drawn = views.scored_rows_payload(SQUAD, samples.squad_rows())
    matrix = drawn["matrix"]
    assert (matrix["labels"], matrix["columns"]) == (["has an answer", "has none"], ["answered", "“no answer”"])
    assert [[cell["count"] for cell in row] for row in matrix["rows"]] == [["2", "1"], ["1", "0"]]
    assert [row[:2] for row in drawn["scores"]["rows"]] == [["F1", "35.0 %"], ["Exact match", "25.0 %"]]
    answered, missed, _ = drawn["lists"]
    assert answered["note"] == "2 rows, the lowest F1 first."
    assert answered["rows"][0]["said"] == [
        ["Expected", "pollen"], ["Predicted", "pollen from the willows"], ["F1", "40 %"],
    ]  # fmt: skip
    assert missed["title"] == "The text has an answer; the model said: “no answer”"
    shown, whole = missed["rows"][0]["fields"][1][1], missed["rows"][0]["texts"][1]
    assert len(shown) <= 280 < len(whole)


# -- pages ---------------------------------------------------------------------------------------------------------


def all_payloads():
    fields = {"question": samples.QUESTION, "context": samples.CONTEXT}
    return [
        payload(samples.mnli_run(), status="completed"),
        payload(samples.sst2_sample_run(), SST2, status="completed"),
        payload([], status="queued", position=1),
        views.prediction_payload(SST2, samples.sentiment_prediction(), {}),
        views.prediction_payload(TASKS["stsb"], samples.similarity_prediction(), {}),
        views.prediction_payload(SQUAD, samples.span_prediction(), fields),
        views.error_payload("No."),
        importance_of(samples.nli_importance()),
        importance_of(samples.span_importance()),
    ]


@pytest.mark.parametrize("value", all_payloads(), ids=lambda value: value.get("status") or value["kind"])
def test_payloads_are_plain_json(value):
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_hostile_text_cannot_leave_its_script_element():
    value = {"texts": list(samples.HOSTILE)}
    page = views.standalone_html(views.PREDICTION, value, "</title><script>alert(1)</script>")
    data = re.search(r'<script type="application/json" id="value">(.*?)</script>', page, re.DOTALL).group(1)
    assert "<" not in data
    assert json.loads(data) == value
    assert "<img" not in page
    assert page.count("</script>") == 2
    assert "<script>alert" not in page


def test_json_in_html_has_no_opening_bracket():
    assert json_in_html("<!--<script>") == '"\\u003c!--\\u003cscript>"'


def test_pages_ask_for_nothing_outside():
    page = views.standalone_html(views.RUN, None, "run")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "component", [views.RUN, views.FIGURE, views.PREDICTION, views.ROWS, views.IMPORTANCE], ids=lambda one: one.name
)
def test_gradio_gets_static_templates(component):
    parts = views.gradio_parts(component)
    for template in (parts["html_template"], parts["css_template"]):
        assert not any(mark in template for mark in ("${", "{{", "`", "\\"))
    assert (
        parts["html_template"]
        == f'<div class="mlm-in-{component.name}"><div class="mlm mlm-{component.name}"></div></div>'
    )
    assert "watch('value'" in parts["js_on_load"]
    assert "</script" not in component.js


def test_the_run_component_calls_the_two_server_functions():
    code = views.gradio_parts(views.RUN)["js_on_load"]
    assert "server.poll_run" in code
    assert "server.stop_run" in code
    assert "'finished'" in code  # quoted: Gradio reads event names so


def test_the_rows_component_tells_gradio_what_was_picked():
    assert "'picked'" in views.gradio_parts(views.ROWS)["js_on_load"]  # quoted: Gradio reads event names so


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.relative_to(STATIC).as_posix())
def test_scripts_never_write_markup(path):
    code = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", code)
    assert not re.search(r"\bwindow\.\w+ =|globalThis", code)


@pytest.mark.parametrize(
    ("result", "options", "expected"),
    [
        (samples.mnli_evaluation(), {"seen": MNLI.seen_by_bundled}, "277,230 SNLI"),
        (samples.result_of(samples.mnli_evaluation()), {}, "step 171 of 189"),
        (samples.result_of(samples.mnli_evaluation()), {"events": samples.mnli_run()}, "277,230 SNLI"),
        (samples.nli_prediction(), {}, "contradiction, 86.8 %"),
        (samples.mnli_rows(), {"seen": "277,230 pairs"}, "had seen 277,230 pairs"),
        (samples.span_prediction(), {"fields": {"question": "?", "context": samples.CONTEXT}}, "pollen from"),
        (samples.nli_importance(), {}, "Neither is the whole truth"),
    ],
)
def test_show_draws_results_for_notebooks(result, options, expected, tmp_path):
    page = views.show(result, **options)
    assert expected in page.html
    frame = page._repr_html_()
    sandbox = "allow-scripts allow-downloads"
    inside = re.fullmatch(f'<iframe sandbox="{sandbox}" srcdoc="([^"]*)" [^<>]*></iframe>', frame).group(1)
    assert html.unescape(inside) == page.html
    assert page.save(tmp_path / "page.html").read_text(encoding="utf-8") == page.html


def test_show_refuses_what_it_cannot_draw():
    with pytest.raises(TypeError, match="not a str"):
        views.show("positive")
    with pytest.raises(TypeError, match="fields="):
        views.show(samples.span_prediction())


def test_views_need_neither_gradio_nor_torch_and_plotly_only_for_a_figure():
    code = "import sys, minilm_demo.views; print([one for one in ('gradio', 'torch', 'plotly') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
