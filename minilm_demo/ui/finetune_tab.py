"""The Fine-tune tab: task, data and options of a run, the run itself, and a preview of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from .. import views
from ..data import local_sources
from ..errors import DataError, DemoError
from ..jobs import TrainConfig, check_probe, default_rate, with_rows_of_own
from ..models import default_checkpoint
from ..results import FINETUNE
from ..runs import JOBS, RunState
from ..serving import chosen_start, default_start, preview_data, rounds_sentence, starting_points, with_remark
from ..tasks import OWN, TASKS, Task, get_task
from .choices import EVAL_EXAMPLES, data_choices, two_boxes, valid_choice, with_run
from .components import NumberBox, bench, rail, stage, view
from .curves import build_curves, connect_curves, no_curves
from .following import (
    adapter_link,
    download_button,
    download_link,
    poll_run,
    remember_run,
    run_view,
    stop_run,
)
from .handlers import QUEUE, says_errors
from .keeping_panel import build_keeping, connect_keeping, keep
from .own_file import build_own_file, said_of_file, show_file

SHORT, CHARACTER, PADDING = 15, 3, 10  # characters of a short cell; percents of a phone's table for each, and around it
TIMES = {"30 seconds": 30.0, "2 minutes": 120.0, "10 minutes": 600.0, "By epochs (Advanced)": None}
METHOD_TITLES = {
    "full": with_remark("All weights", "every number learns"),
    "lora": with_remark("LoRA", "small matrices beside them"),
    "head": with_remark("Output layer", "only the last layer learns"),
}
BEST_KNOWN = ("sst2", "mnli", "mrpc", "squad_v2")
NUMBERS = {
    box.name: box
    for box in (
        NumberBox(TrainConfig, JOBS[FINETUNE].limits, "train_examples", "Examples", zero="all"),
        NumberBox(TrainConfig, JOBS[FINETUNE].limits, "epochs", "Epochs (used with “By epochs”)", precision=None),
        NumberBox(
            TrainConfig, JOBS[FINETUNE].limits, "learning_rate", "Learning rate", zero="the task's own", precision=None
        ),
        NumberBox(TrainConfig, JOBS[FINETUNE].limits, "batch_size", "Batch size"),
        NumberBox(TrainConfig, JOBS[FINETUNE].limits, "max_length", "Length in tokens"),
        NumberBox(TrainConfig, JOBS[FINETUNE].limits, "seed", "Seed"),
    )
}


@dataclass(frozen=True)
class FinetuneTab:
    """The tab's widgets, for events of other tabs and the page's load event."""

    task: gr.Radio
    checkpoint: gr.Radio
    advanced: gr.Accordion  # it contains `checkpoint`
    run: gr.HTML
    run_id: gr.State
    ask: gr.Button
    watch: gr.Button
    after: list  # outputs of `after_run`
    download: gr.Button
    look: list  # inputs of `look_at_data`
    looked: list  # outputs of `look_at_data`


def build_finetune_tab(my_runs: gr.BrowserState) -> FinetuneTab:
    first = get_task("sst2")
    run_id = gr.State("")
    with bench():
        with rail():
            task = gr.Radio(_task_choices(), value=first.name, label="Task", elem_id="task", elem_classes="page-list")
            source = local_sources(first)[0]
            data = gr.Radio(_data_choices(first), value=source, label="Data", elem_id="data", elem_classes="page-list")
            own = build_own_file()
            time = gr.Radio(
                list(TIMES), value=_time_of(first), label="How long?", elem_id="time", elem_classes="page-parts"
            )
            method = _method()
            probe = _probe(first)
            with gr.Accordion("Advanced", open=False, elem_id="advanced") as advanced:
                options = _advanced(first, method)
            train = gr.Button("Train", variant="primary", elem_id="train")
        with stage():
            run = view(views.RUN, server=[poll_run, stop_run], elem_id="run")
            buttons, ask, watch, compare, download, adapter = _after_row()
            keeping = build_keeping("run", "run")
            curves = build_curves("curves")
            sentence, rows = _data_look()

    after, shown_curves = [buttons, watch, adapter, *keeping.shown], [curves.chosen, curves.figure]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    file = own.file
    look = [task, data, file, *own.said, options["checkpoint"], options["max_length"]]
    looked = [sentence, rows, *own.shown, train]
    start = options["checkpoint"]
    task_changed = task.change(_choose_task, [task, start, my_runs], [data, time, *probe, *options.values()], **private)
    data_changed = data.change(_choose_data, [task, data, start], [file, start], **private)
    rounds = [_say_rounds, [task, data, file, time], time]
    for event in (task_changed.then, data_changed.then, file.change):
        event(look_at_data, look, looked, **private).then(*rounds, **private)
    for choice in own.said:
        choice.input(look_at_data, look, looked, **private)
    own.to_own.click(lambda: OWN.name, None, task, **private)
    time.input(*rounds, **private)
    options["max_length"].change(look_at_data, look, looked, **private)
    rate = [task, data, start, options["method"]]
    gr.on([each.change for each in rate], _say_rate, rate, options["learning_rate"], **private)
    started = train.click(
        _start,
        [task, data, file, time, my_runs, *own.said, *probe, *options.values()],
        [run, run_id, my_runs, *after, download, *shown_curves],
        api_visibility="private",
        trigger_mode="once",
    )
    started.success(None, run, None, js=remember_run("run"))
    run.finished(_after, run_id, after, **private).then(*rounds, **private)
    connect_curves(curves, compare, run_id, my_runs, "curves")
    connect_keeping(keeping, run, run_id, my_runs, [_emptied, *after, *shown_curves])
    return FinetuneTab(task, options["checkpoint"], advanced, run, run_id, ask, watch, after, download, look, looked)


def _task_choices() -> list[tuple[str, str]]:
    """The tasks, the best known first: each is its question, with its name as the remark."""
    known = [*(get_task(name) for name in BEST_KNOWN), OWN]
    tasks = [*known, *(task for task in TASKS.values() if task not in known)]
    named = [(*task.title.split(": ", 1), task.name) for task in tasks]
    return [(with_remark(views.words.capital(question), title), name) for title, question, name in named]


def _method() -> gr.Radio:
    choices = [(title, name) for name, title in METHOD_TITLES.items()]
    return gr.Radio(choices, value="full", label="Method", elem_id="option-method", elem_classes="page-list")


def _after_row() -> tuple[gr.Row, gr.Button, gr.Button, gr.Button, gr.Button, gr.Button]:
    """The row of what can be done with a finished run, hidden until there is one, and its buttons."""
    with gr.Row(visible=False, elem_id="after", elem_classes="page-next") as after:
        return (
            after,
            gr.Button("Ask this model in Predict", size="md", elem_id="ask-run"),
            gr.Button("Its attention while it learned", size="md", elem_id="watch-run"),
            gr.Button("Learning curves", size="md", elem_id="curves-run"),
            download_button("Download the model (zip)", elem_id="download"),
            download_button("Download the LoRA adapter alone (zip)", elem_id="download-adapter"),
        )


def _data_look() -> tuple[gr.Textbox, gr.Dataframe]:
    """Sentences on the chosen data, and its first rows."""
    with gr.Accordion("A look at the data", open=True, elem_id="look"):
        sentence = gr.Textbox(
            show_label=False, interactive=False, container=False, lines=1, max_lines=12, elem_id="data-says"
        )
        rows = gr.Dataframe(
            show_label=False,
            interactive=False,
            wrap=True,
            max_chars=220,  # a whole SQuAD context would fill the page
            elem_classes="page-preview",
            elem_id="rows",
        )
    return sentence, rows


def _probe(task: Task) -> list[gr.Textbox]:
    """The boxes of the watched text, whose attention is recorded during training; by default the task's example."""
    with gr.Accordion("Watch its attention on this text", open=False, elem_id="probe"):
        boxes = enumerate(_probe_boxes(task), start=1)
        return [gr.Textbox(**box, max_lines=4, elem_id=f"probe{number}") for number, box in boxes]


def _probe_boxes(task: Task) -> list[dict]:
    """Label and text of the two boxes; the second is hidden for single sentences."""
    names, example = two_boxes(task.text_fields), views.kind_of(task).short_example(task)
    return [
        {
            "label": views.words.capital(task.words_for(name)),
            "value": example.get(name, ""),
            "info": None if index else f"At most {TrainConfig.WATCHED_TOKENS} tokens. Empty: nothing is kept.",
            "visible": bool(name),
        }
        for index, name in enumerate(names)
    ]


def _advanced(task: Task, method: gr.Radio) -> dict[str, gr.components.Component]:
    """Widgets for the other fields of `TrainConfig`, with the limits and help of its metadata."""

    def number(name: str, value, default: float | None = None) -> gr.Number:
        return NUMBERS[name].build(value, f"option-{name}", default)

    source = local_sources(task)[0]
    start = default_start(task, source)

    return {
        "checkpoint": gr.Radio(
            starting_points((), skills=True),
            value=start,
            label="Start from",
            elem_id="option-checkpoint",
            elem_classes="page-list",
        ),
        "train_examples": number("train_examples", 0),
        "epochs": number("epochs", task.epochs),
        "learning_rate": number("learning_rate", 0, default_rate(task, "full", start, source)),
        "batch_size": number("batch_size", task.batch_size),
        "max_length": number("max_length", task.max_length),
        "method": method,
        "seed": number("seed", 0),
    }


def refresh_starting_points(checkpoint: str, my_runs: list[str] | None):
    """The current list of starting points; a choice that is still valid stays."""
    choices = starting_points(my_runs or (), skills=True)
    return gr.Radio(choices=choices, value=valid_choice(checkpoint, choices, default_checkpoint()))


@says_errors
def _choose_task(name: str, start: str, my_runs: list[str] | None):
    """The sources of data of a task, its time, its watched text, and its defaults in the Advanced fields."""
    task, skip = get_task(name), gr.skip()
    source = (*local_sources(task), "file")[0]
    data, time = gr.Radio(choices=_data_choices(task), value=source), _time_of(task)
    choices = starting_points(my_runs or (), skills=True)
    checkpoint = gr.Radio(choices=choices, value=chosen_start(task, source, start))
    probe = [gr.Textbox(**box) for box in _probe_boxes(task)]
    return data, time, *probe, checkpoint, skip, task.epochs, skip, task.batch_size, task.max_length, skip, skip


def _choose_data(name: str, data: str, start: str):
    """The box for a file, and the start that suits the source."""
    return gr.File(visible=data == "file"), chosen_start(get_task(name), data, start)


def _time_of(task: Task) -> str:
    """The name of the task's own time."""
    return next(name for name, seconds in TIMES.items() if seconds == task.sample_seconds)


def _say_rate(name: str, data: str, start: str, method: str) -> gr.Number:
    """Say at the learning rate which one the run takes by itself."""
    return gr.Number(label=NUMBERS["learning_rate"].title(default_rate(get_task(name), method, start, data)))


def _say_rounds(name: str, data: str, file: str | None, time: str):
    """Say beside the time how often a run reads the same rows."""
    return gr.Radio(info=rounds_sentence(get_task(name), data, file, TIMES[time]))


def _data_choices(task: Task) -> list[tuple[str, str]]:
    return data_choices(("file",) if task.own else (*local_sources(task), "hub", "file"))


# -- a look at the data --------------------------------------------------------------------------------------------


@says_errors
def look_at_data(
    name: str, data: str, file: str | None, text=None, second_text=None, label=None, meaning="", target="auto",
    checkpoint: str = "", max_length: int | None = None,
):  # fmt: skip
    """Sentences on the data, and its first rows as a table; what an own file is taken for; whether it can be trained
    on."""
    task = get_task(name)
    try:
        length = NUMBERS["max_length"].read(max_length)
        said = said_of_file(task, data, text, second_text, label, meaning)
    except DemoError as error:  # said beside the data, because it is raised at each key until the value is whole
        return error.on_page, *[gr.skip()] * 7, gr.Button(interactive=False)
    preview = preview_data(task, data, file, said, target, checkpoint, length)
    table = _table(preview.columns, preview.cells) if preview.columns else gr.Dataframe(visible=False)
    sentences = "\n".join((preview.sentence, *preview.notes))
    return sentences, table, *show_file(task, data, preview), gr.Button(interactive=preview.can_train)


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> gr.Dataframe:
    """The rows as a table. The width of a column follows its longest cell, within limits; a column of short cells is
    wide enough for a phone to break no label.

    Without explicit widths Gradio keeps those of the previous table."""
    longest = [max(len(str(cell)) for cell in (name, *column)) for name, *column in zip(columns, *cells, strict=True)]
    short = [CHARACTER * length + PADDING if length <= SHORT and length < max(longest) else 0 for length in longest]
    whole = 100 - sum(short)
    shares = [0 if width else min(max(length, 24), 90) for length, width in zip(longest, short, strict=True)]
    widths = [f"{width or whole * share // sum(shares)}%" for width, share in zip(short, shares, strict=True)]
    return gr.Dataframe(value={"headers": list(columns), "data": cells}, column_widths=widths, visible=True)


# -- runs ----------------------------------------------------------------------------------------------------------


@says_errors
def _start(
    name: str, data: str, file: str | None, time: str, my_runs: list[str] | None,
    text, second_text, label, meaning: str, target: str, probe1: str, probe2: str, *options,
):  # fmt: skip
    task = get_task(name)
    probe = tuple(text for text in (probe1 or "", probe2 or "") if text.strip())
    said = said_of_file(task, data, text, second_text, label, meaning)
    own = {"columns": said.columns or None, "labels": said.labels or None, "score_range": said.score_range}
    config = replace(_config(data, file, TIMES[time], *options), probe=probe, target=target, **own)
    task, config = with_rows_of_own(task, config)
    check_probe(task, probe)
    upload = Path(file) if data == "file" else None
    run_id = QUEUE.start(FINETUNE, task, config, upload=upload, mine=my_runs or [])
    return run_view(run_id), run_id, with_run(run_id, my_runs), *after_run(None), download_link(run_id), *no_curves()


def _config(data, file, budget, checkpoint, examples, epochs, rate, batch, length, method, seed) -> TrainConfig:
    if data == "file" and not file:
        raise DataError("Choose a file first, or take the bundled sample.")
    return TrainConfig(
        checkpoint=checkpoint,
        data=file if data == "file" else data,
        train_examples=NUMBERS["train_examples"].read(examples),
        epochs=None if budget else NUMBERS["epochs"].read(epochs),
        time_budget=budget,
        batch_size=NUMBERS["batch_size"].read(batch),
        learning_rate=NUMBERS["learning_rate"].read(rate),
        max_length=NUMBERS["max_length"].read(length),
        method=method,
        seed=NUMBERS["seed"].read(seed) or 0,
        eval_examples=EVAL_EXAMPLES,
    )


@says_errors
def _after(run_id: str):
    return after_run(QUEUE.state(run_id) if run_id else None)


def after_run(run: RunState | None):
    """The row of buttons under a run with a model, the buttons for its recorded attention and its adapter, and the
    name of a run that is over."""
    ready = run is not None and run.has_checkpoint
    watched = gr.Button(visible=ready and bool(run.record.config.probe))
    return gr.Row(visible=ready), watched, adapter_link(run), *keep(run)


def _emptied():
    return *after_run(None), *no_curves()
