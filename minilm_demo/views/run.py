"""A fine-tuning run, as the payload that the `run` component draws while it is under way and when it is over.

The browser asks again and again with `since`, the number of events it has seen, and gets the points it does not have
yet; everything else is short and sent anew. Nothing is remembered here: the same events give the same payload.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..results import Evaluated, Fetching, Finished, Planned, Saved, Started, Stepped, TrainingEvent
from ..tasks import Task
from . import words
from .result import result_card

FINAL = ("completed", "stopped", "failed", "interrupted")
STATUSES = ("queued", "starting", "running", "stopping", *FINAL)


def run_payload(
    events: Sequence[TrainingEvent],
    task: Task,
    *,
    status: str,
    run_id: str,
    position: int | None = None,
    starts_in: float | None = None,
    since: int = 0,
    message: str = "",
    seen: str = "",
) -> dict:
    """All events of a run so far -> what to draw; the points are those of `events[since:]`.

    `position` is the place in the line from 1 and `starts_in` the seconds until it starts (queued runs); `message` is
    what went wrong if no `Finished` event says it; `seen` is `models.seen_by_base` of the starting checkpoint, needed
    only where that is a descendant of the bundled one. Keys:

    run, status, final bool, since, next: where the browser stands, and where to go on from
    title, sentence, facts [[name, text]]: in words
    progress {done, of} | None, stop: label of the Stop button | "" (none)
    loss {title, empty}, score {title, name, percent bool, empty, drawn bool}: the two charts
    points {loss [[step, loss]], train [[step, share]], held [[step, score, best bool]]}
    result: `result_card` | None; error {sentence, advice} | None
    """
    if status not in STATUSES:
        raise ValueError(f"status is '{status}'; it must be one of {', '.join(STATUSES)}.")
    head = _Head(events)
    result = head.finished.result if head.finished else None
    checkpoint = head.started.checkpoint if head.started else ""
    return {
        "run": run_id,
        "status": status,
        "final": status in FINAL,
        "since": since,
        "next": len(events),
        "title": task.title,
        "sentence": _sentence(status, head, position, starts_in),
        "facts": _facts(head),
        "progress": _progress(status, head),
        "stop": _stop_label(status),
        "loss": {"title": "Loss per step", "empty": _waiting(status, position)},
        "score": _score_chart(status, head, task, position),
        "points": _points(events[since:], head),
        "result": result_card(task, result.evaluation, result, checkpoint=checkpoint, seen=seen) if result else None,
        "error": _error(status, head, message),
    }


class _Head:
    """The latest event of each kind, None where there was none."""

    def __init__(self, events: Sequence[TrainingEvent]):
        self.began = bool(events)
        latest = {type(event): event for event in events}
        self.fetching: Fetching | None = latest.get(Fetching)
        self.started: Started | None = latest.get(Started)
        self.planned: Planned | None = latest.get(Planned)
        self.stepped: Stepped | None = latest.get(Stepped)
        self.saved: Saved | None = latest.get(Saved)
        self.finished: Finished | None = latest.get(Finished)

    @property
    def step(self) -> int:
        return self.stepped.step if self.stepped else 0

    @property
    def of_steps(self) -> str:
        """ "84 of 189", "84" before there is a plan."""
        return f"{self.step} of {self.planned.steps}" if self.planned else str(self.step)

    @property
    def metric(self) -> str:
        return self.started.metric if self.started else ""


# -- the status line -----------------------------------------------------------------------------------------------


def _sentence(status: str, head: _Head, position: int | None, starts_in: float | None) -> str:
    if status == "queued":
        return place_in_line(position, starts_in)
    if status in ("starting", "running") and head.started is None:
        return fetched_so_far(head.fetching) if head.fetching else "Loading the model and the rows…"
    if status == "running":
        return _running(head)
    if status == "stopping":
        return f"Stopping after step {head.of_steps}; then the checkpoint that is kept is scored…"
    return _over(status, head)


def fetched_so_far(event: Fetching) -> str:
    total = f" of {event.total / 1e6:.0f}" if event.total else ""
    return f"Fetching {event.checkpoint} from the Hub: {event.done / 1e6:.0f}{total} MB…"


def place_in_line(position: int | None, starts_in: float | None) -> str:
    place = f"Place {position} in the line" if position else "Waiting in the line"
    return f"{place}; starts in about {words.duration(starts_in)}" if starts_in is not None else place


def _running(head: _Head) -> str:
    if head.planned is None:
        return "Timing a few steps, to say how long it will take…"
    if head.stepped is None:
        return f"Waiting for the first step… {_plan(head.planned)}"
    if head.step >= head.planned.steps:
        return f"All {words.counted(head.planned.steps, 'step')} made; scoring the validation rows…"
    return words.join(
        (
            f"Step {head.of_steps}",
            f"epoch {words.epochs(head.stepped.epoch)} of {words.epochs(head.planned.epochs)}",
            f"{words.duration(head.stepped.seconds_left)} left",
            words.speed(head.stepped.examples_per_second),
        )
    )


def _over(status: str, head: _Head) -> str:
    name = status.capitalize()
    if not head.step:
        return f"{name} before the first step."
    if head.finished and (result := head.finished.result):
        steps = words.counted(result.steps, "step") if status == "completed" else f"step {head.of_steps}"
        link = "" if status == "completed" else "at "
        return words.join(
            (
                f"{name}: {link}{steps} in {words.duration(result.seconds)}",
                words.speed(result.examples_per_second),
                f"kept the weights of step {result.step}",
            )
        )
    return f"{name} at step {head.of_steps}."


def _stop_label(status: str) -> str:
    return {
        "queued": "Leave the line",
        "starting": "Stop and keep the best",
        "running": "Stop and keep the best",
        "stopping": "Stopping…",
    }.get(status, "")


def _progress(status: str, head: _Head) -> dict | None:
    if head.started is None and head.fetching and head.fetching.total:
        return {"done": head.fetching.done, "of": head.fetching.total}
    if head.planned is None:
        return None
    return {"done": min(head.step, head.planned.steps), "of": head.planned.steps}


# -- what is being trained -----------------------------------------------------------------------------------------


def _facts(head: _Head) -> list[list[str]]:
    if (started := head.started) is None:
        return []
    processes = f", {started.processes} processes" if started.processes > 1 else ""
    facts = [
        ["Checkpoint", started.checkpoint],
        ["Data", started.data_source.description],
        ["Rows", f"{words.thousands(started.examples)} to learn from, {_held_back(started)}"],
        ["Weights", f"{words.millions(started.trainable)} of {words.millions(started.parameters)} move"],
        ["Arithmetic", f"{started.precision} on {started.device}{processes}, seed {started.seed}"],
    ]
    return [*facts, ["Plan", _plan(head.planned)]] if head.planned else facts


def _held_back(started: Started) -> str:
    if not started.held_back:
        return "none held back"
    return f"{words.thousands(started.held_back)} held back to choose the best checkpoint"


def _plan(planned: Planned) -> str:
    epochs = words.epochs(planned.epochs)
    return (
        f"{words.counted(planned.steps, 'step')}, {epochs} epoch{'' if epochs == '1' else 's'}, "
        f"about {words.duration(planned.seconds)}"
    )


# -- the charts ----------------------------------------------------------------------------------------------------


def _score_chart(status: str, head: _Head, task: Task, position: int | None) -> dict:
    metric = head.metric or task.metrics[0]
    held_back = head.started.held_back if head.started else None
    name = words.metric_name(metric)
    empty = _waiting(status, position)
    if held_back == 0:
        empty = "Under 500 rows nothing is held back: only the loss is drawn."
    elif head.stepped is not None:
        empty = "Waiting for the first score on the held-back rows…" if status not in FINAL else "No score was made."
    return {
        "title": f"{name} on {words.counted(held_back, 'held-back row')}" if held_back else f"{name} on held-back rows",
        "name": name,
        "percent": words.is_percent(metric),
        "empty": empty,
        "drawn": held_back != 0,
    }


def _waiting(status: str, position: int | None) -> str:
    if status == "queued":
        return place_in_line(position, None) + "."
    return "No step was made." if status in FINAL else "Waiting for the first step…"


def _points(events: Sequence[TrainingEvent], head: _Head) -> dict:
    steps = [event for event in events if isinstance(event, Stepped)]
    scores = [event for event in events if isinstance(event, Evaluated)]
    return {
        "loss": [[event.step, event.loss] for event in steps],
        "train": [[event.step, event.train_score] for event in steps if event.train_score is not None],
        "held": [[event.step, event.metrics[head.metric], event.best] for event in scores if head.metric],
    }


# -- when it went wrong --------------------------------------------------------------------------------------------


def _error(status: str, head: _Head, message: str) -> dict | None:
    if status not in ("failed", "interrupted"):
        return None
    said = message or (head.finished.message if head.finished else "")
    kept = f" The checkpoint of step {head.saved.step} is kept." if head.saved else ""
    if status == "interrupted":
        ended = "The process of this run ended before the run was over."
        waited = "It was still waiting when the server stopped."
        return {"sentence": said or (ended if head.began else waited), "advice": f"Start it again.{kept}"}
    return {
        "sentence": said or "The run failed without saying why.",
        "advice": f"Change what the sentence names and start again.{kept}",
    }
