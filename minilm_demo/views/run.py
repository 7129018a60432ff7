"""A run as the payload of the `run` component, during the run and after it.

The browser polls with `since`, the number of events it has, and gets the points that came later; every other key is
short and sent each time. The payload is a pure function of the events. This module has what all runs share;
finetuned.py and distilled.py have the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..results import AT_WORK, DISTILL, FINAL, FINETUNE, Fetching, Probed, TrainingEvent
from ..tasks import Task
from . import words
from .distilled import Distillation
from .finetuned import Finetuning
from .payloads import RunPayload
from .run_parts import LatestEvents

STATUSES = (*AT_WORK, *FINAL)
RUNS = {FINETUNE: Finetuning, DISTILL: Distillation}  # job -> its texts, charts and points


def run_payload(
    events: Sequence[TrainingEvent],
    task: Task,
    *,
    status: str,
    run_id: str,
    job: str = FINETUNE,
    position: int | None = None,
    starts_in: float | None = None,
    since: int = 0,
    message: str = "",
    seen: str = "",
    base: str = "",
    init: str = "",
    name: str = "",
) -> RunPayload:
    """The payload of a run from all its events so far, with the points of `events[since:]`.

    `job` is one of `RUNS`. For a queued run, `position` is its place in the queue, from 1, and `starts_in` the seconds
    until it starts. `message` is the error if no `Finished` event has it. `seen` is `models.seen_by_base` of the
    starting checkpoint, needed only for a descendant of the bundled one. `base` is the title of the starting checkpoint
    (of a distillation: the teacher), "" for its name. `init` is the start of a distillation's student.
    `name` is the run's own, given by a person. Keys:

    run, job, status, final bool, since, next: the event numbers of this payload and of the next question
    title, sentence, facts [[name, text]]
    progress {done, of} | None, stop: label of the Stop button | "" (none)
    charts {name: chart}, in their order: {title, y, unit "loss" | "percent" | "number", empty, drawn bool (or only
        `empty`), keys [[style, text]], series [{of: name of its points, name, style, smooth bool, dots bool, latest:
        whether its last point is named, column: its heading in the table | ""}]}
    points {name: [[step, value]]}, of the held-back or validation rows [step, score, best bool]
    measured {of, words, unit}: the points that a screen reader announces
    pictures: the number of pictures of the watched text so far
    result: `finetune_card` or `distill_card` | None; error {sentence, advice} | None
    reading {title, lines [str]} | None
    """
    if status not in STATUSES:
        raise ValueError(f"status is '{status}'; it must be one of {', '.join(STATUSES)}.")
    latest = LatestEvents(events)
    run = RUNS[job](latest, task, base=base, seen=seen, init=init)
    return {
        "run": run_id,
        "job": job,
        "status": status,
        "final": status in FINAL,
        "since": since,
        "next": len(events),
        "title": f"{name}: {run.title()}" if name else run.title(),
        "sentence": _sentence(run, status, latest, position, starts_in),
        "facts": run.facts() if latest.started else [],
        "progress": _progress(status, latest),
        "stop": _stop_label(run, status),
        "charts": run.charts(_waiting(status, position), final=status in FINAL),
        "points": run.points(events[since:]),
        "measured": run.measured(),
        "pictures": sum(isinstance(event, Probed) for event in events),
        "result": run.card(latest.finished.result) if latest.finished and latest.finished.result else None,
        "error": _error(run, status, latest, message),
        "reading": run.READING,
    }


# -- the status line -----------------------------------------------------------------------------------------------


def _sentence(
    run: Finetuning | Distillation, status: str, latest: LatestEvents, position: int | None, starts_in: float | None
) -> str:
    if status == "queued":
        return place_in_line(position, starts_in)
    if status in ("starting", "running") and latest.started is None:
        return fetched_so_far(latest.fetching) if latest.fetching else run.LOADING
    if status == "running":
        return _running(run, latest)
    if status == "stopping":
        return f"Stopping after step {latest.of_steps}; {run.THEN}…" if latest.planned else "Stopping…"
    return _over(run, status, latest)


def fetched_so_far(event: Fetching) -> str:
    total = f" of {event.total / 1e6:.0f}" if event.total else ""
    return f"Fetching {event.checkpoint} from the Hub: {event.done / 1e6:.0f}{total} MB…"


def place_in_line(position: int | None, starts_in: float | None) -> str:
    place = f"Place {position} in the line" if position else "Waiting in the line"
    return f"{place}; starts in about {words.duration(starts_in)}" if starts_in is not None else place


def _running(run: Finetuning | Distillation, latest: LatestEvents) -> str:
    if latest.planned is None:
        return "Timing a few steps, to say how long it will take…"
    if latest.stepped is None:
        return f"Waiting for the first step… {run.plan()}"
    if latest.step >= latest.planned.steps:
        return f"All {words.counted(latest.planned.steps, 'step')} made; {run.AT_LAST}…"
    return run.running()


def _over(run: Finetuning | Distillation, status: str, latest: LatestEvents) -> str:
    name = status.capitalize()
    if not latest.step:
        return f"{name} before the first step."
    if not latest.finished or not latest.finished.result:
        return f"{name} at step {latest.of_steps}."
    steps = words.counted(latest.finished.result.steps, "step") if status == "completed" else f"step {latest.of_steps}"
    return f"{name}: {'' if status == 'completed' else 'at '}{steps} in {run.over(latest.finished.result)}"


def _stop_label(run: Finetuning | Distillation, status: str) -> str:
    at_work = run.STOP if status in ("starting", "running") else ""
    return {"queued": "Leave the line", "stopping": "Stopping…"}.get(status, at_work)


def _progress(status: str, latest: LatestEvents) -> dict | None:
    if latest.started is None and latest.fetching and latest.fetching.total:
        return {"done": latest.fetching.done, "of": latest.fetching.total}
    if latest.planned is None:
        return None
    return {"done": min(latest.step, latest.planned.steps), "of": latest.planned.steps}


def _waiting(status: str, position: int | None) -> str:
    """The reason why a chart has no point yet."""
    if status == "queued":
        return place_in_line(position, None) + "."
    return "No step was made." if status in FINAL else "Waiting for the first step…"


# -- errors ---------------------------------------------------------------------------------------------------------


def _error(run: Finetuning | Distillation, status: str, latest: LatestEvents, message: str) -> dict | None:
    sentence = latest.error(status, message)
    if sentence is None:
        return None
    saved = f" The checkpoint of step {latest.saved.step} is kept." if latest.saved else ""
    if status == "interrupted":
        return {"sentence": sentence, "advice": f"Press “{run.START}” to start one anew.{saved}"}
    return {"sentence": sentence, "advice": f"Change what the sentence names and press “{run.START}” again.{saved}"}
