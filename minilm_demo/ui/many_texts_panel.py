"""The panel "Many texts at once" of the Predict tab: it scores rows of a validation set, and answers the rows of an
uploaded file."""

from __future__ import annotations

import dataclasses
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.events import Dependency
from gradio.utils import get_upload_folder

from .. import views
from ..data import FILE_KINDS, local_sources
from ..errors import DataError
from ..jobs import evaluate_rows, predict_file
from ..models import cached_checkpoint
from ..results import ScoredRows
from ..serving import FILE_CHARACTERS, FILE_ROWS, CheckpointReference, resolve, score_file
from ..tasks import SKILLS, Task, skill_tasks
from .components import view
from .handlers import says_errors
from .uploads import no_place

ROW_COUNTS = (50, 200, 500)
ON_A_FILE = (
    f"At most {FILE_ROWS:,} rows. You get them back in their order as CSV for any spreadsheet, with the predictions "
    "beside your columns, by a link that only your page knows. A cell that would run there as a formula gets an "
    "apostrophe. Both files are deleted within two hours."
)
NO_ANSWERS = "The predictions will be here."
_AT_WORK: dict[str | None, object] = {}  # visitor -> the batch that may go on


@dataclass(frozen=True)
class ManyTextsPanel:
    """The view of scored rows, and the events that work for the chosen skill."""

    rows: gr.HTML
    working: list[Dependency]


def build_many_texts_panel(skill: gr.Radio, checkpoints: gr.CheckboxGroup) -> ManyTextsPanel:
    """Build the panel, a closed accordion. It uses the first of the chosen checkpoints."""
    with gr.Accordion("Many texts at once", open=False, elem_id="many"):
        gr.Markdown("### Rows of a validation set\nHow often is it right, and where is it wrong?")
        rows = gr.Radio(
            list(ROW_COUNTS), value=ROW_COUNTS[0], label="How many rows?", elem_id="rows-count",
            info="Drawn at random, the same ones every time; all of them where there are fewer.",
        )  # fmt: skip
        task = gr.Radio(**_which_rows(next(iter(SKILLS))), label="Rows of which task?", elem_id="rows-task")
        score = gr.Button("Score these rows", elem_id="rows-run")
        scored = view(views.ROWS, elem_id="scored-rows", min_height=96)
        gr.Markdown(f"### A file of your own\n{ON_A_FILE}")
        needed = gr.Markdown(_needed_columns(next(iter(SKILLS))), elem_id="csv-needs")
        file = gr.File(label="CSV, TSV, Excel, JSON or parquet", file_types=list(FILE_KINDS), elem_id="csv-file")
        with gr.Row():
            answer = gr.Button("Answer every row", interactive=False, elem_id="csv-run")
            score_file = gr.Button("Score its labels", interactive=False, elem_id="csv-score")
            answers = gr.DownloadButton("Download", visible=False, variant="primary", elem_id="csv-out")
        status = gr.Markdown(NO_ANSWERS, min_height=96, elem_id="csv-says")

    private = {"api_visibility": "private"}
    quick = {**private, "show_progress": "hidden"}
    alone = {**private, "concurrency_id": "many texts", "concurrency_limit": 1}
    scoring = score.click(_score_rows, [skill, checkpoints, rows, task], scored, **alone)
    skill.change(_other_skill, skill, [scored, task, needed, answers, status], **quick)
    answering = answer.click(
        _answer_file, [skill, checkpoints, file], [answers, status], **alone, show_progress_on=status
    )
    scoring_file = score_file.click(_score_file, [skill, checkpoints, file, task], scored, **alone)
    chosen = [answers, status, answer, score_file]
    file.change(_chosen_file, file, chosen, **quick, cancels=[answering, scoring_file])
    gr.context.Context.root_block.unload(_end_batch)
    return ManyTextsPanel(scored, [scoring, answering, scoring_file])


def _chosen_file(file: str | None, request: gr.Request):
    """Empty what belongs to the previous file. Only now the buttons can be pressed: a question that was pressed before
    this event would be cancelled with those of the previous file."""
    _end_batch(request)
    return *_other_file(), gr.Button(interactive=bool(file)), gr.Button(interactive=bool(file))


def _other_skill(skill: str, request: gr.Request):
    """Empty what belongs to the previous skill: scored rows, answers of a file."""
    _end_batch(request)
    return None, gr.Radio(**_which_rows(skill)), _needed_columns(skill), *_other_file()


def _needed_columns(skill: str) -> str:
    """The columns that a file must have, with an example; their names for each task that answers the skill."""
    tasks = skill_tasks(skill)
    example = tasks[0].example
    names = " or ".join(" and ".join(f"`{field}`" for field in task.text_fields) for task in tasks)
    header, row = " | ".join(example), " | ".join(example.values())
    rule = " | ".join("---" for _ in example)
    others = (
        "the names that they had in your own table are found too"
        if tasks[0].own
        else "usual other names such as `text` are found too"
    )
    return (
        f"Its columns: {names}; {others}, and further columns stay as they are. For example:\n\n"
        f"| {header} |\n| {rule} |\n| {row} |"
    )


def _which_rows(skill: str) -> dict:
    """Arguments of the radio of a skill's tasks, visible if there are several."""
    tasks = skill_tasks(skill)
    return {
        "choices": [(task.title, task.name) for task in tasks],
        "value": tasks[0].name,
        "visible": len(tasks) > 1,
        "info": "A model that was trained on one of them only gets rows of that one.",
    }


@says_errors
def _score_rows(
    skill: str,
    checkpoints: list[str] | None,
    rows: int,
    name: str,
    progress=gr.Progress(),  # noqa: B008
    request: gr.Request | None = None,
) -> dict:
    checkpoint, tasks = _first_checkpoint(skill, checkpoints)
    task = next((task for task in tasks if task.name == name), tasks[0])
    if rows not in ROW_COUNTS:
        raise DataError(f"{rows} rows were asked for; it can be {', '.join(map(str, ROW_COUNTS))}.")
    sources = local_sources(task)
    if not sources:
        raise DataError(
            "Of your own table, no rows are kept here to be scored. The score of the model stands with its run, under "
            "Fine-tune; further rows can be answered or scored below, as a file of your own."
        )
    progress(0, desc="Loading the model and the rows")
    model = cached_checkpoint(checkpoint.location, task)
    with _followed(progress, request) as on_rows:
        result = evaluate_rows(task, model, data=sources[0], limit=rows, on_rows=on_rows)
    evaluation = dataclasses.replace(result.evaluation, checkpoint=checkpoint.title)
    result = dataclasses.replace(result, evaluation=evaluation)
    return _scored(checkpoint, task, result, sources[0], rows)


@says_errors
def _score_file(
    skill: str,
    checkpoints: list[str] | None,
    file: str | None,
    name: str,
    progress=gr.Progress(),  # noqa: B008
    request: gr.Request | None = None,
) -> dict:
    """Compare the answers with the labels of a file: all of its rows, or `FILE_ROWS` drawn from them."""
    checkpoint, tasks = _first_checkpoint(skill, checkpoints)
    task = next((task for task in tasks if task.name == name), tasks[0])
    if not file:
        raise DataError(f"Choose a file first. Its columns: {', '.join(task.columns)}.")
    progress(0, desc="Loading the model and the rows")
    with _followed(progress, request) as on_rows:
        result = score_file(checkpoint, task, Path(file), on_rows=on_rows)
    return _scored(checkpoint, task, result, Path(file).name, FILE_ROWS)


@contextmanager
def _followed(progress: gr.Progress, request: gr.Request | None) -> Iterator[Callable[[str, int, int], None]]:
    """The callback of a batch: it shows how far the batch is, and ends it after `_end_batch`.

    Gradio ends the event of a cancelled batch, but not the thread that works for it: the next one would wait for it."""
    visitor, batch = request.session_hash if request else None, object()
    _AT_WORK[visitor] = batch

    def on_rows(name: str, done: int, total: int) -> None:
        if _AT_WORK.get(visitor) is not batch:
            raise DataError(f"The work on {name} was ended after {done:,} of {total:,} rows.")
        progress((done, total), unit="rows")

    try:
        yield on_rows
    finally:
        if _AT_WORK.get(visitor) is batch:
            del _AT_WORK[visitor]


def _end_batch(request: gr.Request) -> None:
    """End a visitor's batch, for another file, another skill, and when the page is closed."""
    _AT_WORK.pop(request.session_hash, None)


def _scored(checkpoint: CheckpointReference, task: Task, result: ScoredRows, data: str, limit: int) -> dict:
    """The payload of scored rows. `data` names the source in the code below them."""
    payload = views.scored_rows_payload(task, result, seen=checkpoint.seen(task))
    code = views.rows_code(task.name, checkpoint.name, data, limit)
    return {**payload, "code": code, "checkpoint": checkpoint.name}


def _first_checkpoint(skill: str, checkpoints: list[str] | None) -> tuple[CheckpointReference, Sequence[Task]]:
    """The first of the chosen checkpoints, and the skill's tasks that it answers."""
    if not checkpoints:
        raise DataError("No model is chosen under “Who answers?”. If none is there, train one in the Fine-tune tab.")
    checkpoint = resolve(checkpoints[0])
    return checkpoint, checkpoint.tasks_among(skill_tasks(skill))


# -- a file --------------------------------------------------------------------------------------------------------


@says_errors
def _answer_file(
    skill: str,
    checkpoints: list[str] | None,
    file: str | None,
    progress=gr.Progress(),  # noqa: B008
    request: gr.Request | None = None,
):
    checkpoint, tasks = _first_checkpoint(skill, checkpoints)
    if not file:
        raise DataError(f"Choose a file first. Its columns: {', '.join(tasks[0].text_fields)}.")
    with _private_file("predictions.csv") as output, _followed(progress, request) as on_rows:
        answered = predict_file(
            tasks,
            checkpoint.location,
            Path(file),
            output,
            max_rows=FILE_ROWS,
            max_characters=FILE_CHARACTERS,
            on_rows=on_rows,
        )
    number = answered.rows - answered.empty
    rows = "1 row" if number == 1 else f"{number:,} rows"
    said = [f"{rows} answered by {checkpoint.title}.", *answered.notes()]
    status = "\n\n".join(map(_plain, said))
    return gr.DownloadButton("Download predictions.csv", value=str(output), visible=True), status


def _plain(sentence: str) -> str:
    """A sentence in Markdown: names of files and columns may have marks in them that would be executed or drawn."""
    return re.sub(r"([\\`*_{}\[\]<>#|&])", r"\\\1", sentence)


@contextmanager
def _private_file(name: str) -> Iterator[Path]:
    """A path for a file that Gradio serves, in a folder with an unguessable name, which is deleted after an error.

    The page's `delete_cache` deletes it together with the upload."""
    folder = Path(get_upload_folder()) / secrets.token_hex(32)
    try:
        folder.mkdir(parents=True)
        yield folder / name
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DataError(no_place(error)) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _other_file():
    """Empty the answers of the previous file."""
    return gr.DownloadButton(value=None, visible=False), NO_ANSWERS
