"""The experiment "Does it help?" as the payload of the `ablation` component: a figure of the students, sentences,
tables, and the numbers of the paper.

Every text here is final; the JavaScript only places it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from ..results import FINAL, AblationResult, ArmGain, Fetching, Finished, Scored, TrainingEvent, Working
from . import words
from .figures import experiment_figure, figure_payload
from .payloads import AblationPayload, ExperimentState
from .result import PAPER
from .run import STATUSES, fetched_so_far, place_in_line

# Wang et al., 2020, Tables 3, 5, 6 and 7: SQuAD 2.0 F1, MNLI-m, SST-2 of students of BERT-base, each the mean of four
# fine-tunes.
PAPER_STUDENTS = ("6 x 384", "4 x 384", "3 x 384")
PAPER_ROWS = (
    ("MiniLM: attention + value relation", (72.4, 82.2, 91.0), (69.4, 80.3, 90.2), (66.2, 78.8, 89.3)),
    ("… with a teacher assistant (Table 3)", (72.7, 82.4, 91.2), (69.7, 80.6, 90.6), (66.9, 79.1, 89.7)),
    ("Without the value relation (Table 5)", (71.0, 80.9, 89.9), (67.5, 79.0, 89.2), (64.2, 77.8, 88.3)),
    ("Values copied by their squared error instead (Table 6)", (71.4, 82.0, 90.8), (68.3, 80.1, 89.9),
     (65.5, 78.4, 89.3)),
    ("Layer to layer instead of the last one (Table 7)", (71.6, 81.8, 90.6), (67.6, 79.9, 89.6), (64.8, 77.7, 88.6)),
    ("TinyBERT's objective (Table 3)", (71.6, 81.4, 90.2), (66.7, 79.2, 88.5), (63.6, 77.4, 88.4)),
    ("The teacher's word probabilities (Table 3)", (67.9, 79.6, 89.8), (65.3, 77.7, 88.8), (59.9, 75.2, 88.0)),
)  # fmt: skip
PAPER_STEPS, PAPER_BATCH = 400_000, 256
EMPTY = "The students will be here, one dot each."


def ablation_payload(
    result: AblationResult | None, *, run: Mapping | None = None, paper: bool = True, empty: str = EMPTY
) -> AblationPayload:
    """The payload of the `ablation` component. `run` is the `experiment_state` of an experiment started from the page.

    Keys: run | None, paper table | None, empty: the text without a result, drawn | None. Keys of drawn:
    findings [str], figure (`figure_payload`), about str, gains table | None,
    figures [[name, text]], notes [str]; a table is {title, headings [str], rows [[str]]}."""
    return {
        "run": run,
        "drawn": _drawn(result) if result else None,
        "paper": _paper() if paper else None,
        "empty": empty,
    }


def _drawn(result: AblationResult) -> dict:
    return {
        "findings": [*_findings(result), *_hardly_above(result)],
        "figure": figure_payload(experiment_figure(result)),
        "about": "A dot is one student (one seed), the line in them the mean of an arm, the bar its 95 % interval; the "
        "dashed line always gives the same answer, the best one.",
        "gains": _gains(result),
        "figures": _figures(result),
        "notes": list(_notes(result)),
    }


# -- in words ------------------------------------------------------------------------------------------------------


def _findings(result: AblationResult) -> Iterator[str]:
    """One sentence each for the gain by copying, by distilling and by the value relation."""
    gains = {(gain.arm, gain.over): gain for gain in result.gains}

    def change(arm: str, over: str, than: str = "") -> str:
        return _change(result.metric, gains[arm, over], than)

    if ("copied", "random") in gains:
        distilled_too = ""
        if ("copied_distilled", "copied") in gains:
            distilled_too = f"; distilling on top {change('copied_distilled', 'copied')}"
        yield f"Copying the teacher's layers {change('copied', 'random', ' over a random start')}{distilled_too}."
    distilled = [
        f"{terms} {change(arm, 'random')}"
        for terms, arm in (("attention alone", "distilled_attention"), ("attention + value relation", "distilled"))
        if (arm, "random") in gains
    ]
    if distilled:
        yield f"From a random start, distilling {'; '.join(distilled)}. That took {_budget(result)}."
    if ("distilled", "distilled_attention") in gains:
        yield f"The value relation, added to attention alone, {change('distilled', 'distilled_attention')}."


def longer_distillation(result: AblationResult) -> str:
    """The outcome of an experiment with a longer distillation in one sentence (Markdown), for the page to print beside
    the shorter one. `result` has the arms random, distilled and copied."""
    gains = {(gain.arm, gain.over): gain for gain in result.gains}
    (arm,) = (arm for arm in result.arms if arm.arm == "distilled")

    def change(over: str, than: str) -> str:
        gain = gains["distilled", over]
        low, high = (_signed(result.metric, end) for end in gain.interval)
        return f"{_change(result.metric, gain, than)} ({low} to {high})"

    return (
        f"**How long must one distil?** {_budget(result)}: from a random start that leads to "
        f"{words.score(result.metric, arm.mean)}, the mean of {words.counted(len(arm.seeds), 'seed')}. It "
        f"{change('random', ' over the random start alone')}, and {change('copied', ' against copied layers')}."
    )


def _change(metric: str, gain: ArmGain, than: str = "") -> str:
    """ "gains 6.8 points over a random start", "loses 0.3 points, within the noise"."""
    noise = "" if gain.is_clear else ", within the noise"
    size = points(metric, abs(gain.gain))
    if float(size.split()[0]) == 0:
        return "changes nothing"
    return f"{'gains' if gain.gain > 0 else 'loses'} {size}{than}{noise}"


def points(metric: str, difference: float) -> str:
    """A difference of two scores: "6.8 points" of a share, "0.07" of a correlation."""
    return f"{words.number(100 * difference, 1)} points" if words.is_percent(metric) else words.number(difference)


def _hardly_above(result: AblationResult) -> Iterator[str]:
    """A sentence that names the arms whose interval reaches the baseline."""
    weak_arms = [arm.title for arm in result.arms if arm.interval[0] <= result.baseline]
    if weak_arms:
        baseline = words.score(result.metric, result.baseline)
        yield f"Not clearly above always giving the same answer ({baseline}): {'; '.join(weak_arms)}."


def _notes(result: AblationResult) -> Iterator[str]:
    """Limits of the result: seeds, comparisons, texts, data."""
    seeds = max(len(arm.seeds) for arm in result.arms)
    if seeds == 1:
        yield (
            f"One seed: the intervals say how far the {words.thousands(result.examples)} rows can be trusted, and "
            "nothing of how another seed would have come out."
        )
    else:
        yield (
            f"Each of the {seeds} seeds draws its own examples and random numbers, the same for every arm, so arms are "
            "compared within a seed: a difference can be clear although two bars overlap. The intervals (Student's t) "
            "are about the seeds; other data, another teacher or another budget may turn out otherwise."
        )
    if len(result.gains) > 1:
        yield f"Of {len(result.gains)} comparisons at 95 %, some will now and then look clear by chance."
    if result.texts:
        share = PAPER_STEPS * PAPER_BATCH / result.texts
        yield (
            f"A student here was distilled on {words.thousands(result.texts)} short texts; the paper's read about "
            f"{_rounded(share)} times as many, longer ones."
        )
    if not result.data_source.is_official:
        yield f"These are not the official rows: {result.data_source.description}."
    if result.seen_by_base:
        yield f"The teacher's own training had seen {result.seen_by_base}."


def _rounded(number: float) -> str:
    """10666.7 -> "11,000": rounded to two figures."""
    size = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return words.thousands(round(number / size) * size)


# -- tables --------------------------------------------------------------------------------------------------------


def _gains(result: AblationResult) -> dict | None:
    titles = {arm.arm: arm.title for arm in result.arms}
    rows = [
        [
            titles[gain.arm],
            titles[gain.over],
            _signed(result.metric, gain.gain),
            f"{_signed(result.metric, gain.interval[0])} to {_signed(result.metric, gain.interval[1])}",
            "clear" if gain.is_clear else "within the noise",
        ]
        for gain in result.gains
    ]
    unit = " in points" if words.is_percent(result.metric) else ""
    headings = ["How it began", "Compared with", f"Gain{unit}", "95 % interval", "So it is"]
    return {"title": "What was gained", "headings": headings, "rows": rows} if rows else None


def _signed(metric: str, difference: float) -> str:
    text = words.number(100 * difference, 1) if words.is_percent(metric) else words.number(difference)
    return text if text.startswith("−") else f"+{text}"


def _figures(result: AblationResult) -> list[list[str]]:
    """Sizes, data and times, as [[name, text]]."""
    seconds, students, settings = result.seconds, len(result.students), result.settings
    distilled = sum(bool(student.texts) for student in result.students)
    figures = [
        ["Students", f"{result.layers} layers x {result.hidden_size}, {result.heads} heads, "
         f"{words.millions(result.parameters)} weights; {students} of them"],
        ["Teacher", result.teacher],
        ["Fine-tuning", f"{words.thousands(result.train_examples)} examples, {words.epochs(result.epochs)} epochs; "
         f"{words.duration(seconds['fine-tuning'] / students)} a student"],
        ["Data", result.data_source.description],
        ["In all", f"{words.duration(sum(seconds.values()))}, {settings.precision} on {settings.device}"],
    ]  # fmt: skip
    if distilled:
        shared = " in the mean, for the teacher reads each text once for all" if distilled > 1 else ""
        figures.insert(2, ["Distillation", _budget(result) + shared])
    return figures


def _budget(result: AblationResult) -> str:
    """The budget of one student's distillation: "300 steps of 32 texts, in all 9,573; 33 s a student"."""
    distilled = sum(bool(student.texts) for student in result.students)
    return (
        f"{words.counted(result.steps, 'step')} of {result.batch_size} texts, in all "
        f"{words.thousands(result.texts)}; {words.duration(result.seconds['distilling'] / distilled)} a student"
    )


def _paper() -> dict:
    rows = [[name, *(" / ".join(f"{score:.1f}" for score in scores) for scores in students)]
            for name, *students in PAPER_ROWS]  # fmt: skip
    return {
        "title": "The paper's own numbers",
        "about": f"From {PAPER}, not measured here: other models, other data, another scale. Students of BERT-base, "
        f"distilled on Wikipedia and BookCorpus for about {words.thousands(PAPER_STEPS)} steps of {PAPER_BATCH} texts "
        "on eight V100s, then fine-tuned on all examples; means of four runs. SQuAD 2.0 F1 / MNLI-m / SST-2.",
        "headings": ["What was copied", *PAPER_STUDENTS],
        "rows": rows,
    }


# -- an experiment under way ---------------------------------------------------------------------------------------


def experiment_state(
    events: Sequence[TrainingEvent],
    *,
    status: str,
    run_id: str,
    position: int | None = None,
    starts_in: float | None = None,
) -> ExperimentState:
    """The state of an experiment: {run: its id, status, final bool, sentence, progress {done, of} | None, stop:
    label | "", error {sentence, advice} | None}. `position`, `starts_in` as in `run_payload`."""
    if status not in STATUSES:
        raise ValueError(f"status is '{status}'; it must be one of {', '.join(STATUSES)}.")
    latest = {type(event): event for event in events}
    working: Working | None = latest.get(Working)
    scored = sum(isinstance(event, Scored) for event in events)
    return {
        "run": run_id,
        "status": status,
        "final": status in FINAL,
        "sentence": _sentence(status, latest, scored, position, starts_in),
        "progress": _progress(working, scored) if status in ("running", "stopping") and working else None,
        "stop": {"queued": "Leave the line", "starting": "Stop and keep these", "running": "Stop and keep these",
                 "stopping": "Stopping…"}.get(status, ""),
        "error": _error(status, latest.get(Finished), scored),
    }  # fmt: skip


def _sentence(status: str, latest: Mapping[type, TrainingEvent], scored: int, position, starts_in) -> str:
    working: Working | None = latest.get(Working)
    if status == "queued":
        return place_in_line(position, starts_in)
    if status in ("starting", "running") and working is None:
        return fetched_so_far(latest[Fetching]) if Fetching in latest else "Loading the teacher and the rows…"
    if status == "stopping":
        return "Stopping; the students scored so far are kept…"
    if status == "running":
        left = f"about {words.duration(working.seconds_left)} left" if working.seconds_left is not None else ""
        part = f"{working.part}, step {working.step} of {working.steps}"
        return words.join((f"Student {working.student} of {working.students}", part, left))
    end: Finished | None = latest.get(Finished)
    outcome = end.message if end and status != "failed" else f"{words.counted(scored, 'student')} scored."
    return f"{status.capitalize()}. {outcome}"


def _progress(working: Working, scored: int) -> dict:
    """Progress in hundredths of a student; distilling and fine-tuning count one half each."""
    part = working.step / max(1, working.steps)
    share = part / 2 if working.part == "distilling" else 0.5 + part / 2
    done = scored + (share if working.student > scored else 0)
    return {"done": round(100 * done), "of": 100 * working.students}


def _error(status: str, end: Finished | None, scored: int) -> dict | None:
    scored_before = f"{words.counted(scored, 'student')} scored before that." if scored else ""
    if status == "interrupted":
        sentence = "The process of this run ended before the run was over."
        return {"sentence": sentence, "advice": f"{scored_before} Start it again.".strip()}
    if status == "failed":
        return {"sentence": end.message if end else "The run failed without saying why.", "advice": scored_before}
    return None
