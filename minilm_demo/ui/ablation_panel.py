"""The panel "Does it help?" of the Distillation tab: a precomputed experiment, and a button that runs a small one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from .. import views
from ..data import local_sources
from ..errors import DemoError
from ..jobs import ARMS, OVERTIME, AblationConfig, summarise
from ..models import default_checkpoint, short_title
from ..results import ABLATION, AT_WORK, AblationResult, Scored, Started, from_dict
from ..runs import JOBS, RunState
from ..shipped import shipped
from ..tasks import get_task
from ..views import words
from .choices import data_choices, with_run
from .components import view
from .following import remember_run
from .handlers import QUEUE, REOPENED, says_errors

PRECOMPUTED, LONGER = shipped("assets/ablation.json"), shipped("assets/ablation_longer.json")
TASK = get_task("sst2")
# Sizes for two free cores without bf16. A slower machine leaves students out, a faster one ends earlier.
SIZES: Mapping[str, Mapping[str, float]] = {
    "2 minutes": {"seeds": 1, "train_examples": 500, "steps": 60, "time_budget": 120},
    "5 minutes": {"seeds": 1, "train_examples": 1000, "steps": 150, "time_budget": 300},
    "10 minutes": {
        "seeds": 1,
        "train_examples": 1000,
        "steps": 450,
        "time_budget": 600,
    },  # distilling shows an effect
}
ABOUT = (
    "### Does it help?\nStudents of one shape, fine-tuned on the same few examples. They differ only in how they "
    "began: at random, distilled, or with layers of the teacher."
)
SHIPPED = "Precomputed with `assets/make_ablation.py`; the button below runs a smaller one here."
NOT_SHIPPED = (
    "No result ships with this copy. `python assets/make_ablation.py` makes one in an hour or two; the button below "
    "runs a small one in minutes."
)


@dataclass(frozen=True)
class AblationPanel:
    """The panel's widgets."""

    result: gr.HTML
    time: gr.Radio
    data: gr.Radio
    start: gr.Button
    run: gr.HTML


def build_ablation_panel(my_runs: gr.BrowserState) -> AblationPanel:
    """Build the panel: the shipped result, and below it the visitor's own small experiment."""
    shipped, longer, first = precomputed(PRECOMPUTED), precomputed(LONGER), next(iter(SIZES))
    server = [poll_ablation, stop_ablation]
    gr.Markdown(f"{ABOUT} {SHIPPED if shipped else NOT_SHIPPED}", elem_classes="mlm-header")
    result = view(views.ABLATION, value=_shipped_view(shipped), server=server, elem_id="ablation")
    if longer:
        gr.Markdown(views.longer_distillation(longer), elem_id="ablation-longer")
    sources = local_sources(TASK)
    with gr.Row():
        time = gr.Radio(list(SIZES), value=first, label="How long?", elem_id="ablation-time")
        data = gr.Radio(
            data_choices((*sources, "hub")),
            value=sources[0],
            label="Data",
            elem_id="ablation-data",
        )
    plan = gr.Markdown(_plan(first, sources[0]), elem_id="ablation-plan")
    start = gr.Button("Run it here", elem_id="ablation-start")
    run = view(views.ABLATION, server=server, elem_id="ablation-run")

    private = {"api_visibility": "private", "show_progress": "hidden"}
    for choice in (time, data):
        choice.change(_plan, [time, data], plan, **private)
    started = start.click(_start, [time, data, my_runs], [run, my_runs], api_visibility="private", trigger_mode="once")
    started.success(None, run, None, js=remember_run("ablation-run", "value.run.run"))
    gr.on(None, _reopen, my_runs, run, **private)  # without triggers: when the page loads
    return AblationPanel(result, time, data, start, run)


# -- what ships ----------------------------------------------------------------------------------------------------


def precomputed(file: Path) -> AblationResult | None:
    """The result in a file of assets/make_ablation.py; None without the file."""
    if not file.is_file():
        return None
    return from_dict(AblationResult, json.loads(file.read_text(encoding="utf-8")))


def _shipped_view(result: AblationResult | None) -> dict:
    return views.ablation_payload(_named(result), empty="")


def _named(result: AblationResult | None) -> AblationResult | None:
    """The result with its teacher's title in place of a folder or run of this machine."""
    return result and dataclasses.replace(result, teacher=short_title(result.teacher))


# -- the visitor's own ---------------------------------------------------------------------------------------------


def _plan(time: str, data: str) -> str:
    """The plan of the experiment, in sentences."""
    size, distilled = SIZES[time], sum(bool(arm.loss) for arm in ARMS.values())
    seeds, arms = size["seeds"], len(ARMS)
    rows = " The bundled sample has fewer rows than that: all are taken, and a student learns little from so few."
    return (
        f"{words.counted(arms * seeds, 'student')} {_shape()}, {words.counted(seeds, 'seed')} of each of the "
        f"{arms} ways to begin. {distilled} ways are distilled in {size['steps']} steps first; every student is "
        f"fine-tuned on {words.thousands(size['train_examples'])} examples.{rows if data == 'sample' else ''} "
        f"So few seeds show large differences at most. A student that would end after "
        f"{words.duration(OVERTIME * size['time_budget'])} is left out."
    )


def _shape() -> str:
    """The students' size in words; it depends on the default teacher."""
    return "of 3 layers x 384" if default_checkpoint() == "bundled" else "with half of the teacher's layers"


@says_errors
def _start(time: str, data: str, my_runs: list[str] | None):
    config = AblationConfig(task=TASK.name, data=data, **SIZES[time])
    run_id = QUEUE.start(ABLATION, TASK, config, mine=my_runs or [])
    return ablation_view(run_id), with_run(run_id, my_runs)


def _reopen(my_runs: list[str] | None, request: gr.Request):
    """The visitor's unfinished experiment, else the one named in the address."""
    mine = [(run_id, AT_WORK) for run_id in (my_runs or [])[:REOPENED]]
    named = str(request.query_params.get("run", ""))
    for run_id, statuses in [*mine, (named, None)]:
        if not run_id.startswith(JOBS[ABLATION].prefix):
            continue
        try:
            payload = ablation_view(run_id)
        except DemoError:  # deleted meanwhile
            continue
        if statuses is None or payload["run"]["status"] in statuses:
            return payload
    return gr.skip()


def ablation_view(run_id: str) -> dict:
    """The payload of an experiment: its state, and the result of the students scored so far."""
    run = QUEUE.state(run_id)
    if run.record.job != ABLATION:
        raise DemoError("This run is no experiment.")
    ahead, starts_in = QUEUE.place(run_id) or (None, None)
    position = None if ahead is None else ahead + 1
    progress = {"status": run.status, "run_id": run_id, "position": position, "starts_in": starts_in}
    so_far = _named(result_so_far(run))
    payload = views.ablation_payload(so_far, run=views.experiment_state(run.events, **progress), paper=False)
    return {**payload, "code": views.run_code(JOBS[ABLATION].snippet, TASK.name, run.record.config, run.events)}


def result_so_far(run: RunState) -> AblationResult | None:
    """The result of the students scored so far; None before the first one."""
    started = next((event for event in run.events if isinstance(event, Started)), None)
    students = [event for event in run.events if isinstance(event, Scored)]
    return summarise(started, students) if students else None


def poll_ablation(question: dict) -> dict:
    """`{run}` -> the payload, or `{gone}` with an error. The view calls it directly, without Gradio's queue."""
    try:
        return ablation_view(str(question.get("run")))
    except DemoError as error:
        return {"gone": error.on_page}


def stop_ablation(question: dict) -> dict:
    """Stop the experiment `{run}`, which keeps the students scored so far; returns its payload or `{gone}`."""
    payload = poll_ablation(question)
    if "gone" not in payload:
        QUEUE.stop(payload["run"]["run"])
    return payload
