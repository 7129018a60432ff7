"""The texts, charts and points of a fine-tune in the run view, and its final card."""

from __future__ import annotations

from collections.abc import Sequence

from ..results import Evaluated, Evaluation, FinetuneResult, Stepped, TrainingEvent
from ..tasks import Task
from . import words
from .figures import card_figures
from .result import result_card
from .run_parts import LatestEvents, arithmetic, series


class Finetuning:
    """Texts, charts and points of a fine-tune, for `run_payload`."""

    LOADING = "Loading the model and the rows…"
    START = "Train"  # the button of the page
    STOP, THEN = "Stop and keep the best", "then the checkpoint that is kept is scored"
    AT_LAST = "scoring the validation rows"
    READING = None

    def __init__(self, latest: LatestEvents, task: Task, *, base: str, seen: str, **_):
        self.latest, self.task, self.base, self.seen = latest, task, base, seen

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
        return (
            f"{words.counted(planned.steps, 'step')}, {epochs} epoch{'' if epochs == '1' else 's'}, "
            f"about {words.duration(planned.seconds)}"
        )

    def facts(self) -> list[list[str]]:
        started = self.latest.started
        facts = [
            ["Checkpoint", self.base or started.checkpoint],
            ["Data", started.data_source.description],
            ["Rows", f"{words.thousands(started.examples)} to learn from, {self._held_back()}"],
            ["Weights", f"{words.millions(started.trainable)} of {words.millions(started.parameters)} move"],
            ["Arithmetic", arithmetic(started)],
        ]
        return [*facts, ["Plan", self.plan()]] if self.latest.planned else facts

    def _held_back(self) -> str:
        if not self.latest.started.held_back:
            return "none held back"
        return f"{words.thousands(self.latest.started.held_back)} held back to choose the best checkpoint"

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
        held_back = self.latest.started.held_back if self.latest.started else None
        name = words.metric_name(self._metric())
        empty = waiting
        if held_back == 0:
            empty = "Under 500 rows nothing is held back: only the loss is drawn."
        elif self.latest.stepped is not None:
            empty = "No score was made." if final else "Waiting for the first score on the held-back rows…"
        return {
            "title": f"{name} on {words.counted(held_back, 'held-back row') if held_back else 'held-back rows'}",
            "y": "score",
            "unit": self._unit(),
            "empty": empty,
            "drawn": held_back != 0,
            "keys": [["student round", "held-back rows"], ["faint", "training batches, smoothed"]],
            "series": [
                series("train", "training batches", "faint", smooth=True, column="Training batches"),
                series("held", "held-back rows", "student", dots=True, latest=True, column=f"{name}, held-back rows"),
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
        }

    def measured(self) -> dict[str, str]:
        return {"of": "held", "words": "Latest score", "unit": self._unit()}

    def card(self, result: FinetuneResult) -> dict:
        seen = self.seen or (self.latest.started.seen_by_base if self.latest.started else "")
        return finetune_card(self.task, result.evaluation, result, seen=seen)


def finetune_card(
    task: Task, evaluation: Evaluation, training: FinetuneResult | None = None, *, seen: str = ""
) -> dict:
    """`result_card` with its figures, payloads of the `figure` component: scores, classes | None."""
    card = result_card(task, evaluation, training, seen=seen)
    return card | card_figures(evaluation)
