"""A run, as the payload that the `run` component draws while it is under way and when it is over.

The browser asks again and again with `since`, the number of events it has seen, and gets the points it does not have
yet; everything else is short and sent anew. Nothing is remembered here: the same events give the same payload.

What all runs have in common is here; what is said of a fine-tune and of a distillation: finetuned.py, distilled.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..results import AT_WORK, FINAL, Fetching, Probed, TrainingEvent
from ..tasks import Task
from . import words
from .distilled import Distillation
from .finetuned import Finetuning
from .run_parts import Head

STATUSES = (*AT_WORK, *FINAL)


def run_payload(
    events: Sequence[TrainingEvent],
    task: Task,
    *,
    status: str,
    run_id: str,
    job: str = "finetune",
    position: int | None = None,
    starts_in: float | None = None,
    since: int = 0,
    message: str = "",
    seen: str = "",
    base: str = "",
    init: str = "",
) -> dict:
    """All events of a run so far -> what to draw; the points are those of `events[since:]`.

    `job` is "finetune" or "distill". `position` is the place in the line from 1 and `starts_in` the seconds until it
    starts (queued runs); `message` is what went wrong if no `Finished` event says it; `seen` is `models.seen_by_base`
    of the starting checkpoint, needed only where that is a descendant of the bundled one; `base` is what the checkpoint
    it begins with (of a distillation: the teacher) is called where that is not its name; `init` is how the student of a
    distillation began. Keys:

    run, job, status, final bool, since, next: where the browser stands, and where to go on from
    title, sentence, facts [[name, text]]: in words
    progress {done, of} | None, stop: label of the Stop button | "" (none)
    charts {name: chart}, in their order: {title, y, unit "loss" | "percent" | "number", empty, drawn bool (or only
        `empty`), keys [[style, text]], series [{of: name of its points, name, style, smooth bool, dots bool, latest:
        whether its last point is named, column: its heading in the table | ""}]}
    points {name: [[step, value]]}, of the held-back rows [step, score, best bool]
    measured {of, words, unit}: the points that a screen reader is told of
    pictures: the number of pictures of the probe text so far
    result: `finetune_card` or `distill_card` | None; error {sentence, advice} | None
    reading {title, lines [str]} | None
    """
    if status not in STATUSES:
        raise ValueError(f"status is '{status}'; it must be one of {', '.join(STATUSES)}.")
    head = Head(events)
    run = Distillation(head, task, base, init) if job == "distill" else Finetuning(head, task, base, seen)
    return {
        "run": run_id,
        "job": job,
        "status": status,
        "final": status in FINAL,
        "since": since,
        "next": len(events),
        "title": run.title(),
        "sentence": _sentence(run, status, head, position, starts_in),
        "facts": run.facts() if head.started else [],
        "progress": _progress(status, head),
        "stop": _stop_label(run, status),
        "charts": run.charts(_waiting(status, position), final=status in FINAL),
        "points": run.points(events[since:]),
        "measured": run.measured(),
        "pictures": sum(isinstance(event, Probed) for event in events),
        "result": run.card(head.finished.result) if head.finished and head.finished.result else None,
        "error": _error(status, head, message),
        "reading": run.READING,
    }


# -- the status line -----------------------------------------------------------------------------------------------


def _sentence(
    run: Finetuning | Distillation, status: str, head: Head, position: int | None, starts_in: float | None
) -> str:
    if status == "queued":
        return place_in_line(position, starts_in)
    if status in ("starting", "running") and head.started is None:
        return fetched_so_far(head.fetching) if head.fetching else run.LOADING
    if status == "running":
        return _running(run, head)
    if status == "stopping":
        return f"Stopping after step {head.of_steps}; {run.THEN}…" if head.planned else "Stopping…"
    return _over(run, status, head)


def fetched_so_far(event: Fetching) -> str:
    total = f" of {event.total / 1e6:.0f}" if event.total else ""
    return f"Fetching {event.checkpoint} from the Hub: {event.done / 1e6:.0f}{total} MB…"


def place_in_line(position: int | None, starts_in: float | None) -> str:
    place = f"Place {position} in the line" if position else "Waiting in the line"
    return f"{place}; starts in about {words.duration(starts_in)}" if starts_in is not None else place


def _running(run: Finetuning | Distillation, head: Head) -> str:
    if head.planned is None:
        return "Timing a few steps, to say how long it will take…"
    if head.stepped is None:
        return f"Waiting for the first step… {run.plan()}"
    if head.step >= head.planned.steps:
        return f"All {words.counted(head.planned.steps, 'step')} made; {run.AT_LAST}…"
    return run.running()


def _over(run: Finetuning | Distillation, status: str, head: Head) -> str:
    name = status.capitalize()
    if not head.step:
        return f"{name} before the first step."
    if not head.finished or not head.finished.result:
        return f"{name} at step {head.of_steps}."
    steps = words.counted(head.finished.result.steps, "step") if status == "completed" else f"step {head.of_steps}"
    return f"{name}: {'' if status == 'completed' else 'at '}{steps} in {run.over(head.finished.result)}"


def _stop_label(run: Finetuning | Distillation, status: str) -> str:
    at_work = run.STOP if status in ("starting", "running") else ""
    return {"queued": "Leave the line", "stopping": "Stopping…"}.get(status, at_work)


def _progress(status: str, head: Head) -> dict | None:
    if head.started is None and head.fetching and head.fetching.total:
        return {"done": head.fetching.done, "of": head.fetching.total}
    if head.planned is None:
        return None
    return {"done": min(head.step, head.planned.steps), "of": head.planned.steps}


def _waiting(status: str, position: int | None) -> str:
    """Why a chart has no point yet."""
    if status == "queued":
        return place_in_line(position, None) + "."
    return "No step was made." if status in FINAL else "Waiting for the first step…"


# -- when it went wrong --------------------------------------------------------------------------------------------


def _error(status: str, head: Head, message: str) -> dict | None:
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
