"""The panel "Distil now" of the Distillation tab: teacher, size and options of a student, its run, and its uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from .. import views
from ..data import FILE_KINDS, local_sources
from ..errors import DataError, DemoError
from ..jobs import DistillConfig
from ..models import default_checkpoint
from ..results import AT_WORK, DISTILL, Probed
from ..runs import JOBS, RunState
from ..serving import (
    FIRST_PAIRING,
    OWN_SIZE,
    comparable,
    copies_misfit,
    pupil_choices,
    size_choices,
    starting_points,
    student_rate,
    student_size,
    teacher_choices,
    text_to_watch,
    watched_student,
    with_remark,
)
from ..tasks import TASKS, Task, get_task
from .choices import data_choices, two_boxes, valid_choice, with_run
from .components import NumberBox, anew, bench, rail, stage, view
from .curves import build_curves, connect_curves, no_curves
from .following import download_button, download_link, poll_maps, poll_run, remember_run, run_view, scroll_to, stop_run
from .handlers import QUEUE, REOPENED, says_errors
from .keeping_panel import build_keeping, connect_keeping, keep

ABOUT = (
    "Make a student and teach it. It sees plain texts, no labels, and learns to relate their words as "
    "its teacher does. The curves and the maps move while it learns."
)
TIMES = {"30 seconds": 30.0, "2 minutes": 120.0, "5 minutes": 300.0, "By steps (Advanced)": None}
LOSSES: Mapping[str, tuple[str, str]] = {  # words -> recipe, terms
    with_remark("Attention + value relation", "MiniLM"): ("minilm_v1", ""),
    "Attention only": ("minilm_v1", "at"),
    "Value relation only": ("minilm_v1", "vr"),
    with_remark("Query, key, value relation", "MiniLMv2"): ("minilm_v2", ""),
}
STARTS = {"random": "At random", "teacher": "From the teacher's layers"}
NUMBERS = {
    box.name: box
    for box in (
        NumberBox(DistillConfig, JOBS[DISTILL].limits, "layers", "Layers with “My own size”", zero="half"),
        NumberBox(DistillConfig, JOBS[DISTILL].limits, "hidden", "Width with “My own size”", zero="half"),
        NumberBox(DistillConfig, JOBS[DISTILL].limits, "heads", "Heads with “My own size”", zero="the teacher's"),
        NumberBox(
            DistillConfig, JOBS[DISTILL].limits, "learning_rate", "Learning rate", zero="what suits the start",
            precision=None,
        ),
        NumberBox(DistillConfig, JOBS[DISTILL].limits, "batch_size", "Batch size"),
        NumberBox(DistillConfig, JOBS[DISTILL].limits, "steps", "Steps (used with “By steps”)"),
        NumberBox(DistillConfig, JOBS[DISTILL].limits, "seed", "Seed"),
    )
}  # fmt: skip
FILE_WORDS = "My own texts"
FIRST_TASK = "sst2"


@dataclass(frozen=True)
class DistilPanel:
    """The panel's widgets, for the page's load event and events of other tabs."""

    teacher: gr.Radio
    student: gr.HTML
    run_id: gr.State
    look: gr.Button
    tune: gr.Button
    opened: list  # outputs of `reopen`
    changed: tuple  # events after which lists of runs differ


def build_distil_panel(my_runs: gr.BrowserState) -> DistilPanel:
    run_id = gr.State("")
    first = default_checkpoint()
    with bench():
        with rail():
            gr.Markdown(ABOUT, elem_classes="page-about")
            teacher = gr.Radio(
                starting_points(()), value=first, label="Teacher", elem_id="distil-teacher", elem_classes="page-list"
            )
            sizes = size_choices(first)
            size = gr.Radio(sizes, value=sizes[0][1], label="Student", elem_id="distil-size", elem_classes="page-list")
            init = gr.Radio(**_starts(first, sizes[0][1], 0, 0), elem_id="distil-init", elem_classes="page-parts")
            losses, time, probe = _learning()
            texts = _texts(get_task(FIRST_TASK))
            options = _advanced(student_rate(first, sizes[0][1], "random", 0))
            start = gr.Button("Distil", variant="primary", elem_id="distil")
        with stage():
            student = view(views.STUDENT, server=[poll_run, stop_run, poll_maps], elem_id="student")
            after, look, tune, heads, compare, download = _after_row()
            keeping = build_keeping("student", "student")
            curves = build_curves("student-curves")
            divergence = view(views.FIGURE, elem_id="divergence")

    private = {"api_visibility": "private", "show_progress": "hidden"}
    inputs = [teacher, size, init, options["hidden"], options["heads"]]
    for choice in inputs:
        choice.input(_choose_size, inputs, [size, init, options["learning_rate"]], **private)
    task, data, file = texts
    task.input(lambda name: gr.Radio(**_sources(get_task(name))), task, data, **private)
    data.change(lambda kind: gr.File(visible=kind == "file"), data, file, **private)
    buttons, figures = [after, heads, *keeping.shown], [divergence, curves.chosen, curves.figure]
    opened = [student, run_id, *buttons, download]
    started = start.click(
        _start,
        [teacher, size, init, losses, time, probe, *texts, my_runs, *options.values()],
        [*opened, my_runs, *figures],
        api_visibility="private",
        trigger_mode="once",
    )
    started.success(None, student, None, js=remember_run("student"))
    student.finished(_after, run_id, buttons, **private)
    compared = heads.click(heads_over_steps, run_id, divergence, **private)
    compared.success(None, js=scroll_to("divergence"))
    connect_curves(curves, compare, run_id, my_runs, "student-curves")
    changed = connect_keeping(keeping, student, run_id, my_runs, [_emptied, *buttons, *figures])
    return DistilPanel(teacher, student, run_id, look, tune, opened, changed)


# -- the choices ---------------------------------------------------------------------------------------------------


def _learning() -> tuple[gr.Radio, gr.Radio, gr.Textbox]:
    """What a student learns, for how long, and the sentence to watch."""
    losses, times = list(LOSSES), list(TIMES)
    return (
        gr.Radio(losses, value=losses[0], label="What is learned?", elem_id="distil-losses", elem_classes="page-list"),
        gr.Radio(times, value=times[0], label="How long?", elem_id="distil-time", elem_classes="page-parts"),
        gr.Textbox(
            FIRST_PAIRING.texts[0],
            label="Watch this sentence",
            info=f"At most {DistillConfig.WATCHED_TOKENS} tokens. Empty: no maps are drawn.",
            max_lines=4,
            elem_id="distil-probe",
        ),
    )


def _after_row() -> tuple[gr.Row, gr.Button, gr.Button, gr.Button, gr.Button, gr.Button]:
    """The row of what can be done with a student, hidden until there is one, and its buttons."""
    with gr.Row(visible=False, elem_id="distil-after", elem_classes="page-next") as after:
        return (
            after,
            gr.Button("Look at it in the Microscope", size="md", elem_id="distil-look"),
            gr.Button("Fine-tune it", size="md", elem_id="distil-tune"),
            gr.Button("Which head learns when", size="md", elem_id="distil-heads"),
            gr.Button("Learning curves", size="md", elem_id="distil-curves"),
            download_button("Download the student (zip)", elem_id="distil-download"),
        )


def _texts(task: Task) -> tuple[gr.Radio, gr.Radio, gr.File]:
    with gr.Accordion("Texts to learn from", open=False, elem_id="distil-texts"):
        names = [(choice.title.split(":")[0], name) for name, choice in TASKS.items()]
        return (
            gr.Radio(names, value=task.name, label="Texts of", info="Labels are not used.", elem_id="distil-task"),
            gr.Radio(**_sources(task), label="Data", elem_id="distil-data"),
            gr.File(
                label="Text, CSV, Excel, JSON or zip, at most 20 MB", visible=False, file_types=list(FILE_KINDS),
                elem_id="distil-file",
            ),
        )  # fmt: skip


def _sources(task: Task) -> dict:
    sources = local_sources(task)
    return {"choices": [*data_choices((*sources, "hub")), (FILE_WORDS, "file")], "value": sources[0]}


def _advanced(rate: float | None) -> dict[str, gr.components.Component]:
    """Widgets for the other fields of `DistillConfig`, with the limits and help of its metadata."""

    def number(name: str, value, default: float | None = None) -> gr.Number:
        return NUMBERS[name].build(value, f"distil-{name}".replace("_", "-"), default)

    with gr.Accordion("Advanced", open=False, elem_id="distil-advanced"):
        return {
            "layers": number("layers", 0),
            "hidden": number("hidden", 0),
            "heads": number("heads", 0),
            "learning_rate": number("learning_rate", 0, rate),
            "batch_size": number("batch_size", DistillConfig.batch_size),
            "steps": number("steps", 300),
            "seed": number("seed", 0),
            "assistant": gr.Checkbox(
                False,
                label="Teach a teacher assistant first",
                info="Half of the time an assistant learns from the teacher, as deep as the teacher and as narrow as "
                "the student; then the student learns from it. The paper does so for its smallest students.",
                elem_id="distil-assistant",
            ),
        }


def _starts(teacher: str, size: str, hidden: int, heads: int, init: str = "random") -> dict:
    """Arguments of the radio of starts. The teacher's layers are offered if they fit; else the info says why not."""
    misfit = copies_misfit(teacher, size, hidden, heads)
    names = ["random"] if misfit else list(STARTS)
    return {
        "choices": [(STARTS[name], name) for name in names],
        "value": init if init in names else names[0],
        "label": "How does it begin?",
        "info": misfit or "Copied layers are spread evenly over the teacher's.",
    }


@says_errors
def _choose_size(teacher: str, size: str, init: str, hidden: int, heads: int):
    """The sizes and starts for the chosen teacher; choices that are still valid stay."""
    choices = size_choices(teacher)
    size = valid_choice(size, choices)
    start = _starts(teacher, size, hidden, heads, init)
    rate = student_rate(teacher, size, start["value"], hidden)
    return (
        gr.Radio(choices=choices, value=size),
        gr.Radio(**start),
        gr.Number(label=NUMBERS["learning_rate"].title(rate)),
    )


def refresh_teachers(teacher: str, my_runs: list[str] | None):
    """The current list of teachers; a choice that is still valid stays."""
    choices = starting_points(my_runs or ())
    return gr.Radio(choices=choices, value=valid_choice(teacher, choices, default_checkpoint()))


# -- runs ----------------------------------------------------------------------------------------------------------


@says_errors
def _start(teacher, size, init, losses, time, probe, task, data, file, my_runs, *options):
    config = _config(teacher, size, init, losses, TIMES[time], probe, task, data, file, *options)
    upload = Path(file) if data == "file" else None
    run_id = QUEUE.start(DISTILL, get_task(task), config, upload=upload, mine=my_runs or [])
    opened = run_view(run_id), run_id, *student_buttons(None), download_link(run_id)
    return *opened, with_run(run_id, my_runs), None, *no_curves()


def _config(
    teacher,
    size,
    init,
    losses,
    budget,
    probe,
    task,
    data,
    file,
    layers,
    hidden,
    heads,
    rate,
    batch,
    steps,
    seed,
    assistant=False,
) -> DistillConfig:
    if data == "file" and not file:
        raise DataError("Choose a file of texts first, or take the bundled sample.")
    recipe, terms = LOSSES[losses]
    if size == OWN_SIZE:
        layers, hidden, heads = (
            NUMBERS[name].read(value) for name, value in (("layers", layers), ("hidden", hidden), ("heads", heads))
        )
    layers, hidden, heads = student_size(teacher, size, layers, hidden, heads)
    return DistillConfig(
        task=task,
        data=file if data == "file" else data,
        teacher=teacher,
        layers=layers,
        hidden=hidden,
        heads=heads,
        init=init,
        recipe=recipe,
        loss=terms,
        steps=None if budget else NUMBERS["steps"].read(steps),
        time_budget=budget,
        batch_size=NUMBERS["batch_size"].read(batch) or DistillConfig.batch_size,
        learning_rate=NUMBERS["learning_rate"].read(rate),
        seed=NUMBERS["seed"].read(seed) or 0,
        probe=text_to_watch(probe),
        assistant=bool(assistant),
    )


@says_errors
def _after(run_id: str):
    return student_buttons(QUEUE.state(run_id) if run_id else None)


@says_errors
def heads_over_steps(run_id: str) -> dict:
    """The figure of every head's divergence from the teacher over the steps."""
    return views.figure_payload(views.divergence_figure(QUEUE.state(run_id).events))


def student_buttons(run: RunState | None) -> tuple:
    """The row of buttons under a run, visible once it has a student, the button for its heads over the steps, visible
    if the run watched a text (without one nothing is known of them), and the name of a run that is over."""
    ready = run is not None and run.has_checkpoint and run.status not in AT_WORK
    watched = ready and any(isinstance(event, Probed) for event in run.events)
    return gr.Row(visible=ready), gr.Button(visible=watched), *keep(run)


def _emptied():
    return *student_buttons(None), None, *no_curves()


def reopen(my_runs: list[str] | None, request: gr.Request):
    """The distillation named in the address; else the visitor's newest unfinished one."""
    named = request.query_params.get("run")
    for run_id in [named] if named else (my_runs or [])[:REOPENED]:
        try:
            run = QUEUE.state(run_id)
        except DemoError:  # the page's load event reports it
            continue
        if run.record.job == DISTILL and (named or run.status in AT_WORK):
            return run_view(run_id), run_id, *student_buttons(run), download_link(run_id)
    return None, "", *student_buttons(None), gr.skip()


# -- uses of a student ---------------------------------------------------------------------------------------------


@says_errors
def look_at_student(run_id: str, my_runs: list[str] | None):
    """Open the watched text, the teacher and the student in the Microscope: values of the places, boxes, lists and
    picture."""
    mine = [run_id, *(my_runs or [])]
    pairing, steps = watched_student(QUEUE.state(run_id), FIRST_PAIRING.texts[0])
    payload = views.microscope_payload(pairing.targets, **pairing.caption(), frames=views.probed_frames(steps))
    return (
        gr.Tabs(selected="microscope"),
        *two_boxes(pairing.texts),
        gr.Radio(choices=teacher_choices(mine), value=pairing.teacher),
        gr.Radio(choices=comparable(pairing.teacher, pupil_choices(mine), pairing.recipe), value=run_id),
        pairing.recipe,
        anew(payload),
    )


@says_errors
def tune_student(run_id: str, my_runs: list[str] | None):
    """Open the Fine-tune tab with the student as starting point and the Advanced fields unfolded."""
    QUEUE.state(run_id)
    choices = starting_points([run_id, *(my_runs or [])], skills=True)
    return gr.Tabs(selected="finetune"), gr.Radio(choices=choices, value=run_id), gr.Accordion(open=True)
