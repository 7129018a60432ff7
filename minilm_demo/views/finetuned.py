"""The texts, charts and points of a fine-tune in the run view, and its final card."""

from __future__ import annotations

from collections.abc import Sequence

from ..results import Evaluated, Evaluation, FinetuneResult, Planned, Stepped, TrainingEvent
from ..tasks import Task
from . import words
from .figures import card_figures
from .result import result_card
from .run_parts import LatestEvents, arithmetic, series
from .scored_rows import cell_table

READING = {
    "title": "How to read these curves",
    "lines": [
        "The loss is what each step lowers. The score counts what is answered rightly.",
        "The grey line is the score on the rows that a step is about to learn from. After one epoch the model has seen "
        "them all before. The dots are rows that it never learns from.",
        "Where the grey line climbs on and the dots do not follow, the model learns its rows by heart: it overfits. "
        "More rows help, more time does not.",
        "The dashed line is the best that one and the same answer to every row can reach. A model at this line has "
        "learned nothing yet.",
    ],
}


class Finetuning:
    """Texts, charts and points of a fine-tune, for `run_payload`."""

    LOADING = "Loading the model and the rows…"
    START = "Train"  # the button of the page
    THEN = "then the checkpoint that is kept is scored"
    AT_LAST = "scoring the validation rows"
    READING = READING

    def __init__(self, latest: LatestEvents, task: Task, *, base: str, seen: str, **_):
        self.latest, self.task, self.base, self.seen = latest, task, base, seen

    @property
    def STOP(self) -> str:
        started = self.latest.started
        return "Stop and keep the best" if started is None or started.held_back else "Stop and keep"

    def title(self) -> str:
        return self.task.title

    def running(self) -> str:
        stepped, planned = self.latest.stepped, self.latest.planned
        return words.join(
            (
                f"Step {self.latest.of_steps}",
                f"epoch {words.epochs(stepped.epoch)} of {words.epochs(planned.epochs)}",
                f"{words.duration(stepped.seconds_left)} left",
                words.speed(stepped.examples_per_second),
            )
        )

    def over(self, result: FinetuneResult) -> str:
        kept_weights = f"kept the weights of step {result.step}"
        return words.join((words.duration(result.seconds), words.speed(result.examples_per_second), kept_weights))

    def plan(self) -> str:
        planned = self.latest.planned
        epochs = words.epochs(planned.epochs)
        plan = (
            f"{words.counted(planned.steps, 'step')}, {epochs} epoch{'' if epochs == '1' else 's'}, "
            f"about {words.duration(planned.seconds)}"
        )
        rereading = words.rereading(planned.epochs, self.latest.started.examples)
        return "; ".join(filter(None, (plan, rereading, words.smaller_batches(planned))))

    def facts(self) -> list[list[str]]:
        started = self.latest.started
        facts = [
            ["Checkpoint", self.base or started.checkpoint],
            ["Data", started.data_source.description],
            ["Rows", f"{words.thousands(started.examples)} to learn from, {self._held_back()}"],
            ["Weights", f"{words.millions(started.trainable)} of {words.millions(started.parameters)} move"],
            ["Arithmetic", arithmetic(started)],
        ]
        if notes := started.data_source.notes:
            facts.append(["About the rows", " ".join(notes)])
        return [*facts, ["Plan", self.plan()]] if self.latest.planned else facts

    def _held_back(self) -> str:
        started = self.latest.started
        if started.held_back:
            return f"{words.thousands(started.held_back)} held back to choose the best checkpoint"
        if started.curve_rows:
            scored = f"{words.thousands(started.curve_rows)} of {words.split_name(started.curve_split)} scored"
            return f"{scored} along the way, which choose nothing: the last weights are kept"
        return "none held back"

    def charts(self, waiting: str, final: bool) -> dict[str, dict]:
        loss = {
            "title": "Loss per step",
            "y": "loss",
            "unit": "loss",
            "empty": waiting,
            "drawn": True,
            "keys": [["raw", "each step"], ["student", "smoothed"]],
            "series": [
                series("loss", "loss", "raw", latest=True, column="Loss"),
                series("loss", "smoothed", "student", smooth=True, latest=True),
            ],
        }
        return {"loss": loss, "score": self._score_chart(waiting, final)}

    def _score_chart(self, waiting: str, final: bool) -> dict:
        started, stepped = self.latest.started, self.latest.stepped
        count = started.curve_rows or started.held_back if started else None
        name, rows = words.metric_name(self._metric()), words.curve_rows(started)
        empty = waiting
        if count == 0:
            empty = "No rows are scored along the way."
        elif stepped is not None:
            empty = "No score was made." if final else f"Waiting for the first score on the {rows}…"
        baseline = started.baseline if started else None
        constant = "" if baseline is None else f"best constant answer: {words.score(self._metric(), baseline)}"
        return {
            "title": f"{name} on {words.counted(count, rows.removesuffix('s')) if count else rows}",
            "y": "score",
            "unit": self._unit(),
            "empty": empty,
            "drawn": count != 0 or (stepped is not None and stepped.train_score is not None),
            "keys": [
                ["student round", rows],
                ["faint", "training batches, smoothed"],
                *([["base", constant]] if constant else []),
            ],
            "series": [
                series("baseline", "best constant answer", "base"),
                series("train", "training batches", "faint", smooth=True, column="Training batches"),
                series("held", rows, "student", dots=True, latest=True, column=f"{name}, {rows}"),
            ],
        }

    def _metric(self) -> str:
        return self.latest.metric or self.task.metrics[0]

    def _unit(self) -> str:
        return "percent" if words.is_percent(self._metric()) else "number"

    def points(self, events: Sequence[TrainingEvent]) -> dict[str, list]:
        steps = [event for event in events if isinstance(event, Stepped)]
        scores = [event for event in events if isinstance(event, Evaluated)]
        metric = self.latest.metric
        return {
            "loss": [[event.step, event.loss] for event in steps],
            "train": [[event.step, event.train_score] for event in steps if event.train_score is not None],
            "held": [[event.step, event.metrics[metric], event.best] for event in scores if metric],
            "baseline": self._baseline([event for event in events if isinstance(event, Planned)]),
        }

    def _baseline(self, plans: Sequence[Planned]) -> list:
        """The ends of the baseline's line; they come with the plan, which knows the last step."""
        baseline = self.latest.started.baseline if self.latest.started else None
        return [[step, baseline] for plan in plans for step in (0, plan.steps)] if baseline is not None else []

    def measured(self) -> dict[str, str]:
        return {"of": "held", "words": "Latest score", "unit": self._unit()}

    def card(self, result: FinetuneResult) -> dict:
        seen = self.seen or (self.latest.started.seen_by_base if self.latest.started else "")
        return finetune_card(self.task, result.evaluation, result, seen=seen)


def finetune_card(
    task: Task, evaluation: Evaluation, training: FinetuneResult | None = None, *, seen: str = ""
) -> dict:
    """`result_card` with its figures, payloads of the `figure` component: scores, classes | None; and `cells`: for each
    split the table of classes with a few rows of each cell."""
    card = result_card(task, evaluation, training, seen=seen)
    cells = [
        cell_table(task, evaluation.confusion[split], rows, words.split_name(split))
        for split, rows in evaluation.cell_rows.items()
        if rows
    ]
    return card | card_figures(evaluation, training) | {"cells": cells}
