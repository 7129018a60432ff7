"""The task that a checkpoint was fine-tuned on, in its configuration, so that a copy of the folder says it too."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import DemoError, UnknownName
from ..tasks import Task, get_task
from .loading import Checkpoint
from .location import Location
from .students import read_config


def write_trained_task(config, task: Task, columns: Mapping[str, str]) -> None:
    """Name the task, and the columns of the person's file that held its texts, in a model's configuration, which is
    saved with its weights. `columns`: column of the task -> column of the file, where a person or the file said it."""
    config.fine_tuned_task = task.name
    config.fine_tuned_columns = {field: columns[field] for field in task.text_fields if columns.get(field)}


def read_trained_task(checkpoint: Checkpoint | Location | str) -> Task | None:
    """The task that a checkpoint was fine-tuned on; None for an encoder, and for a checkpoint that does not say it."""
    config = checkpoint.model.config if isinstance(checkpoint, Checkpoint) else read_config(checkpoint)
    try:
        return get_task(str(getattr(config, "fine_tuned_task", "")))
    except UnknownName:
        return None


def read_trained_columns(checkpoint: Location | str) -> Mapping[str, str]:
    """Text field -> the column of the file that a checkpoint learned it from, as far as its configuration says it."""
    columns = getattr(read_config(checkpoint), "fine_tuned_columns", None)
    return columns if isinstance(columns, dict) else {}


def answered_task(task: Task, checkpoint: Checkpoint | Location | str) -> Task:
    """The task to answer with a checkpoint: of a person's own table the one that the checkpoint learned, any other as
    it is. `DemoError` if the checkpoint learned none."""
    if not task.is_open:
        return task
    trained = read_trained_task(checkpoint)
    if trained is None or not trained.own:
        name = checkpoint if isinstance(checkpoint, str) else checkpoint.name
        raise DemoError(
            f"{name} was not fine-tuned on a table of your own. Fine-tune one first: python -m minilm_demo finetune "
            f"{task.name} --data FILE"
        )
    return trained
