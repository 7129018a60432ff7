"""The experiment "Does it help?" on tiny models: one thing differs between arms, and the numbers are those of the
parts."""

import dataclasses
import itertools
import json
import types
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from ablation_samples import PARTS, scored, started, write_teacher
from small_runs import of, write_reviews

from minilm_demo import TASKS, cli, runs
from minilm_demo.data.texts import load_texts
from minilm_demo.errors import DemoError, UnknownName
from minilm_demo.jobs import ablation
from minilm_demo.jobs.ablation import AblationConfig
from minilm_demo.jobs.arms import ARMS, COMPARED, summarise
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.jobs.pair import TeacherStudentPair
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.results import Finished, Scored, Started, Working


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("reviews"), 60, 20)


@pytest.fixture(scope="module")
def teacher(tiny_checkpoint, tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("teacher") / "teacher", tiny_checkpoint)


@pytest.fixture
def options(teacher, rows, tmp_path):
    """Students of one layer that take a blink."""
    folder = str(tmp_path / "work")
    tiny = {"teacher": str(teacher), "data": str(rows), "output_dir": folder, "layers": 1}
    return tiny | {"seeds": 2, "train_examples": 16, "epochs": 1, "steps": 2, "batch_size": 4}


def drain(known=(), **options) -> list:
    return list(ablation.ablation(AblationConfig(**options), known))


# -- a whole experiment --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tried(teacher, rows, tmp_path_factory):
    """The events of a small experiment, and what every fine-tune in it was asked and began from."""
    folder, seen = tmp_path_factory.mktemp("experiment"), []

    def watched(task, config, should_stop):
        seen.append((config, load_checkpoint(config.checkpoint).model.state_dict()))
        return finetune(task, config, should_stop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation, "finetune", watched)
        events = drain(
            teacher=str(teacher), data=str(rows), output_dir=str(folder), layers=1, seeds=2,
            train_examples=16, epochs=1, steps=2, batch_size=4,
        )  # fmt: skip
    return events, seen, folder


def test_events_come_in_order_seed_by_seed(tried):
    events, _, folder = tried
    assert isinstance(events[0], Started)
    assert {type(event) for event in events[1:-1]} == {Working, Scored}
    scored = of(Scored, events)
    assert [(one.seed, one.arm) for one in scored] == [(seed, arm) for seed in range(2) for arm in ARMS]
    assert events[-1].status == "completed"
    assert events[-1].message == "Scored 10 of 10 students."
    assert [path for path in folder.rglob("*") if path.is_file()] == []  # no student outlives its score


def test_it_says_where_it_is(tried):
    events, _, _ = tried
    working = of(Working, events)
    assert {(one.arm, one.part) for one in working if one.seed == 0} == {
        ("random", "fine-tuning"),
        *((arm, part) for arm in ("distilled_attention", "distilled", "copied_distilled") for part in PARTS[:2]),
        ("copied", "fine-tuning"),
    }
    assert [one.student for one in working] == sorted(one.student for one in working)
    assert {one.students for one in working} == {10}
    assert working[0].seconds_left is None  # nothing was distilled yet
    assert all(one.seconds_left >= 0 for one in working if one.student > 2)


def test_the_teacher_reads_each_text_for_one_of_the_students(options, monkeypatch):
    asked = []
    ask = TeacherStudentPair.run_teacher

    def noted(self, texts):
        asked.append(len(texts["input_ids"]))
        return ask(self, texts)

    monkeypatch.setattr(TeacherStudentPair, "run_teacher", noted)
    events = drain(**options | {"seeds": 1, "steps": 40})  # more than one pass for each
    assert len(of(Scored, events)) == len(ARMS)
    texts = load_texts(TASKS["sst2"], options["data"], "train").train
    assert sum(asked) == len(texts) < 40 * options["batch_size"]


def test_arms_differ_in_how_they_began_and_in_nothing_else(tried):
    _, seen, _ = tried
    for seed in range(2):
        configs = [config for config, _ in seen if config.seed == seed]
        assert len(configs) == len(ARMS)
        same = [dataclasses.replace(config, checkpoint="", output_dir=None) for config in configs]
        assert all(config == same[0] for config in same)


def test_one_seed_is_one_random_start(tried, teacher):
    """What the distillation leaves alone is what the random start has; another seed has another."""
    _, seen, _ = tried
    begun = dict(zip([(seed, arm) for seed in range(2) for arm in ARMS], [weights for _, weights in seen], strict=True))
    above = "encoder.layer.0.output.dense.weight"
    moved = "encoder.layer.0.attention.self.query.weight"
    for arm in ("distilled_attention", "distilled"):
        assert (begun[0, arm][above] == begun[0, "random"][above]).all()
        assert not (begun[0, arm][moved] == begun[0, "random"][moved]).all()
    assert not (begun[0, "random"][above] == begun[1, "random"][above]).all()
    value = "encoder.layer.0.attention.self.value.weight"
    assert (begun[0, "distilled_attention"][value] == begun[0, "random"][value]).all()  # no loss depends on it
    theirs = load_checkpoint(str(teacher)).model.state_dict()
    last = "encoder.layer.1.output.dense.weight"
    for seed in range(2):
        assert (begun[seed, "copied"][above] == theirs[last]).all()
        assert (begun[seed, "copied_distilled"][above] == theirs[last]).all()


def test_a_student_tells_what_it_cost(tried):
    events, _, _ = tried
    for student in of(Scored, events):
        distilled = bool(ARMS[student.arm].loss)
        assert tuple(student.seconds) == PARTS
        assert (student.seconds["distilling"] > 0) == distilled
        assert student.texts == (8 if distilled else 0)
        assert set(student.losses) == ({"attention", "value_relation"} if distilled else set())
        assert student.interval[0] <= student.score <= student.interval[1]
        assert (student.split, student.examples, student.baseline) == ("validation", 20, 0.5)


def test_the_result_says_the_budget(tried):
    events, _, _ = tried
    result = events[-1].result
    assert (result.task, result.metric, result.split) == ("sst2", "accuracy", "validation")
    assert (result.layers, result.hidden_size, result.heads) == (1, 32, 2)
    assert (result.train_examples, result.epochs, result.steps, result.batch_size, result.texts) == (16, 1, 2, 4, 8)
    assert (result.examples, result.baseline, result.planned) == (20, 0.5, 10)
    begun = dataclasses.replace(of(Started, events)[0], held_back=7)
    assert summarise(begun, result.students).train_examples == 16, "what chooses the checkpoint is not learned from"
    scored = of(Scored, events)
    assert result.students == tuple(scored)
    assert result.seconds == {part: pytest.approx(sum(one.seconds[part] for one in scored)) for part in PARTS}
    assert result == summarise(events[0], scored)
    assert result.teacher == "teacher"


# -- choices -------------------------------------------------------------------------------------------------------


def test_students_are_fine_tuned_at_a_rate_of_their_own(options, monkeypatch):
    used = []
    real = ablation.finetune
    monkeypatch.setattr(
        ablation, "finetune", lambda task, config, stop: used.append(config.learning_rate) or real(task, config, stop)
    )
    for asked in (None, 2e-3):
        chosen = {"arms": "random", "seeds": 1, "learning_rate": asked}
        events = list(ablation.ablation(AblationConfig(**{**options, **chosen})))
        assert events[0].settings.learning_rate == used[-1]
    assert used == [pytest.approx(3 * TASKS["sst2"].learning_rate), 2e-3]


def test_scored_students_are_not_made_again(options, tried):
    events, _, _ = tried
    known = of(Scored, events)
    missing = known.pop(3)
    again = drain(known, **options)
    (student,) = of(Scored, again)
    assert (student.arm, student.seed, student.score) == (missing.arm, missing.seed, missing.score)
    assert len(again[-1].result.students) == 10
    fewer = drain(known, **{**options, "seeds": 1})[-1].result
    assert {student.seed for student in fewer.students} == {0}
    assert fewer.planned == 5


def test_without_the_teachers_width_nothing_is_copied(options):
    events = drain(**options | {"hidden": 16, "seeds": 1})
    assert events[0].settings.arms == ("random", "distilled_attention", "distilled")
    assert tuple(arm.arm for arm in events[-1].result.arms) == events[0].settings.arms
    with pytest.raises(DemoError, match="hidden_size is 32 in the teacher and 16 in the student"):
        drain(**options | {"hidden": 16, "arms": "random,copied"})


def test_arms_can_be_chosen(options):
    result = drain(**options | {"seeds": 1, "arms": "copied, random"})[-1].result
    assert [arm.arm for arm in result.arms] == ["random", "copied"]
    assert [(gain.arm, gain.over) for gain in result.gains] == [("copied", "random")]
    with pytest.raises(UnknownName, match=r"Unknown arm 'distill'\. Known: random, distilled_attention"):
        AblationConfig(arms="random,distill")


@pytest.mark.parametrize("given", [{"seeds": 0}, {"seeds": 21}, {"train_examples": 1}, {"task": "sst"}])
def test_wrong_options_are_one_sentence(given):
    with pytest.raises(DemoError, match=next(iter(given))):
        AblationConfig(**given)


def test_a_stop_keeps_the_students_scored_so_far(options):
    events = []

    def should_stop() -> bool:
        return bool(of(Scored, events)) and isinstance(events[-1], Working)

    for event in ablation.ablation(AblationConfig(**options), (), should_stop):
        events.append(event)
    assert len(of(Scored, events)) == 1
    assert events[-1].status == "stopped"
    assert [arm.arm for arm in events[-1].result.arms] == ["random"]
    assert events[-1].result.gains == ()


def test_a_stop_acts_between_two_words_on_where_it_is(options, monkeypatch):
    """Within one update of the student that is being made, which is neither scored nor left on the disk."""
    monkeypatch.setattr(ablation, "REPORT_EVERY", 1e9)
    events, asked = [], []

    def should_stop() -> bool:
        asked.append(len(events))
        return len(asked) > 40

    for event in ablation.ablation(AblationConfig(**options | {"steps": 20_000, "arms": "distilled"}), (), should_stop):
        events.append(event)
    assert len(asked) == 41
    assert (events[-1].status, events[-1].result) == ("stopped", None)
    assert [path for path in Path(options["output_dir"]).rglob("*") if path.is_file()] == []


def test_a_stop_before_the_first_score_has_no_result(options):
    events = []
    for event in ablation.ablation(AblationConfig(**options), (), lambda: bool(of(Started, events))):
        events.append(event)
    assert events[-1] == Finished("stopped", "Scored 0 of 10 students.")


@pytest.mark.parametrize(("budget", "finished"), [(5, 0), (28, 1), (80, 2)])
def test_what_does_not_fit_into_the_time_is_left_out(options, monkeypatch, budget, finished):
    """Not begun where an earlier one took too long for that; broken off where it takes too long itself."""
    looks = itertools.count()
    clock = types.SimpleNamespace(perf_counter=lambda: 2.0 * next(looks))  # two seconds pass between two looks
    monkeypatch.setattr(ablation, "time", clock)
    events = drain(**options | {"time_budget": budget, "arms": "random"})
    assert events[-1].status == "completed"
    assert events[-1].message == f"Scored {finished} of 2 students."
    assert len(of(Scored, events)) == finished


def test_data_that_does_not_serve_is_said_before_anything_starts(options, tmp_path):
    with pytest.raises(DemoError, match="No data at"):
        drain(**options | {"data": str(tmp_path / "nowhere")})


# -- statistics ----------------------------------------------------------------------------------------------------

STARTED = started(seeds=3)


def test_intervals_are_students_over_the_seeds():
    scores = {"random": (0.70, 0.72, 0.75), "copied": (0.78, 0.79, 0.84)}
    result = summarise(
        STARTED, [scored(arm, seed, v) for arm, values in scores.items() for seed, v in enumerate(values)]
    )
    for arm in result.arms:
        values = scores[arm.arm]
        low, high = scipy.stats.t.interval(0.95, 2, np.mean(values), scipy.stats.sem(values))
        assert arm.mean == pytest.approx(np.mean(values))
        assert arm.interval == pytest.approx((low, high), abs=1e-4)
        assert (arm.interval_of, arm.seeds, arm.scores) == ("seeds", (0, 1, 2), values)
    (gain,) = result.gains
    test = scipy.stats.ttest_rel(scores["copied"], scores["random"]).confidence_interval(0.95)
    assert gain.gain == pytest.approx(0.08)
    assert gain.interval == pytest.approx((test.low, test.high), abs=1e-4)
    assert gain.is_clear == (test.low > 0)
    assert gain.is_clear


def test_only_seeds_that_both_arms_have_are_compared():
    students = [
        scored("random", 0, 0.7),
        scored("random", 1, 0.72),
        scored("copied", 1, 0.8),
        scored("distilled", 2, 0.9),
    ]
    result = summarise(STARTED, students)
    (gain,) = result.gains
    assert (gain.arm, gain.over, gain.seeds) == ("copied", "random", (1,))
    assert gain.gain == pytest.approx(0.08)


def test_one_seed_has_the_interval_of_the_rows():
    result = summarise(STARTED, [scored("random", 0, 0.70, 0.03), scored("copied", 0, 0.74, 0.04)])
    assert [arm.interval_of for arm in result.arms] == ["rows", "rows"]
    assert result.arms[0].interval == pytest.approx((0.67, 0.73))
    (gain,) = result.gains
    assert gain.interval == pytest.approx((0.04 - 0.05, 0.04 + 0.05))
    assert not gain.is_clear


def test_seeds_that_all_score_the_same_do_not_look_certain():
    result = summarise(STARTED, [scored("random", seed, 0.7) for seed in range(3)])
    assert result.arms[0].interval_of == "rows"
    assert result.arms[0].interval == pytest.approx((0.67, 0.73))


def test_seeds_that_all_gain_the_same_do_not_look_certain():
    """One row of 872 more each time, which is not the same number twice: 0.00114…68 and 0.00114…79."""
    pairs = [(rows / 872, (rows + 1) / 872) for rows in (600, 700)]
    students = [
        scored(arm, seed, pairs[seed][arm == "distilled"]) for seed in (0, 1) for arm in ("random", "distilled")
    ]
    gains = [pairs[seed][1] - pairs[seed][0] for seed in (0, 1)]
    assert gains[0] != gains[1]
    (gain,) = summarise(STARTED, students).gains
    assert gain.interval_of == "rows"
    assert not gain.is_clear


def test_every_comparison_is_of_two_arms():
    assert all(arm in ARMS and over in ARMS for arm, over in COMPARED)


# -- as a run ------------------------------------------------------------------------------------------------------


def test_it_is_recorded_as_a_run(options, capsys):
    config = AblationConfig(**{**options, "output_dir": None, "seeds": 1, "arms": "random,copied"})
    record = runs.create_run("ablation", TASKS["sst2"], config)
    events = tuple(runs.record_events(record, partial(ablation.ablation, record.config)))
    run = runs.state(runs.run_folder(record.run_id))
    assert record.run_id.startswith("ablation_sst2-")
    assert (run.record, run.events, run.status) == (record, events, "completed")
    assert run.result == events[-1].result
    assert not run.has_checkpoint
    assert {path.name for path in run.folder.iterdir()} == {"run.json", "events.jsonl", "README.md"}
    card = (run.folder / "README.md").read_text()
    assert "# Does distillation help? 1 layers x 32 on sst2" in card
    assert "| Teacher's layers copied | " in card
    assert str(run.folder) not in card
    assert cli.main(["runs", "show", record.run_id, "--json"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [arm["title"] for arm in document["result"]["arms"]] == ["Random start", "Teacher's layers copied"]
