"""Does it help? The experiment in the Distillation tab: its precomputed result, and a button that runs a small one."""

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
from ..tasks import get_task
from ..views import words
from .choices import data_choices, with_run
from .components import view
from .following import remember_run
from .handlers import QUEUE, REOPENED, says_errors

ASSETS = Path(__file__).resolve().parents[2] / "assets"
PRECOMPUTED, LONGER = ASSETS / "ablation.json", ASSETS / "ablation_longer.json"
TASK = get_task("sst2")
# Sized for two free cores without bf16; a slower machine leaves students out, a faster one is done earlier.
SIZES: Mapping[str, Mapping[str, float]] = {
    "2 minutes": {"seeds": 1, "train_examples": 500, "steps": 60, "time_budget": 120},
    "5 minutes": {"seeds": 1, "train_examples": 1000, "steps": 150, "time_budget": 300},
    "10 minutes": {"seeds": 1, "train_examples": 1000, "steps": 450, "time_budget": 600},  # where distilling shows
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
    """The widgets the tab around it may reach for."""

    result: gr.HTML
    time: gr.Radio
    data: gr.Radio
    start: gr.Button
    run: gr.HTML


def build_ablation_panel(my_runs: gr.BrowserState) -> AblationPanel:
    """The result that ships with the app, and below it the small experiment of one's own."""
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
    gr.on(None, _reopen, my_runs, run, **private)  # without triggers: when the page opens, and with another run
    return AblationPanel(result, time, data, start, run)


# -- what ships ----------------------------------------------------------------------------------------------------


def precomputed(file: Path) -> AblationResult | None:
    """A result of assets/make_ablation.py, if it is there."""
    if not file.is_file():
        return None
    return from_dict(AblationResult, json.loads(file.read_text(encoding="utf-8")))


def _shipped_view(result: AblationResult | None) -> dict:
    return views.ablation_payload(_named(result), empty="")


def _named(result: AblationResult | None) -> AblationResult | None:
    """The teacher by its title; a folder or run of this machine without a name."""
    return result and dataclasses.replace(result, teacher=short_title(result.teacher))


# -- one of one's own ----------------------------------------------------------------------------------------------


def _plan(time: str, data: str) -> str:
    """What will be done, before it starts."""
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
    """The students' size, which follows from the teacher's."""
    return "of 3 layers x 384" if default_checkpoint() == "bundled" else "with half of the teacher's layers"


@says_errors
def _start(time: str, data: str, my_runs: list[str] | None):
    config = AblationConfig(task=TASK.name, data=data, **SIZES[time])
    run_id = QUEUE.start(ABLATION, TASK, config, mine=my_runs or [])
    return ablation_view(run_id), with_run(run_id, my_runs)


def _reopen(my_runs: list[str] | None, request: gr.Request):
    """An experiment of the visitor's that is still going on, else the one that the address names."""
    mine = [(run_id, AT_WORK) for run_id in (my_runs or [])[:REOPENED]]
    asked = str(request.query_params.get("run", ""))
    for run_id, statuses in [*mine, (asked, None)]:
        if not run_id.startswith(JOBS[ABLATION].prefix):
            continue
        try:
            found = ablation_view(run_id)
        except DemoError:  # deleted meanwhile
            continue
        if statuses is None or found["run"]["status"] in statuses:
            return found
    return gr.skip()


def ablation_view(run_id: str) -> dict:
    """The payload of a run: where it is, and what its students say so far."""
    run = QUEUE.state(run_id)
    if run.record.job != ABLATION:
        raise DemoError("This run is no experiment.")
    ahead, starts_in = QUEUE.place(run_id) or (None, None)
    position = None if ahead is None else ahead + 1
    where = {"status": run.status, "run_id": run_id, "position": position, "starts_in": starts_in}
    so_far = _named(result_so_far(run))
    payload = views.ablation_payload(so_far, run=views.experiment_state(run.events, **where), paper=False)
    return {**payload, "code": views.run_code(JOBS[ABLATION].snippet, TASK.name, run.record.config)}


def result_so_far(run: RunState) -> AblationResult | None:
    """What the students scored so far come to; None before the first."""
    started = next((event for event in run.events if isinstance(event, Started)), None)
    students = [event for event in run.events if isinstance(event, Scored)]
    return summarise(started, students) if students else None


def poll_ablation(asked: dict) -> dict:
    """`{run}` -> the payload; called by the view itself, past the queue. `{gone}` says there is none."""
    try:
        return ablation_view(str(asked.get("run")))
    except DemoError as error:
        return {"gone": str(error)}


def stop_ablation(asked: dict) -> dict:
    """Ask an experiment to stop; the students scored so far count."""
    found = poll_ablation(asked)
    if "gone" not in found:
        QUEUE.stop(found["run"]["run"])
    return found
