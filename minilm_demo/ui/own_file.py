"""A visitor's own file in the Fine-tune tab: which of its columns is which, and what its labels mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ..data import FILE_KINDS, TARGETS, LabelMeaning, said_meaning
from ..serving import DataPreview
from ..tasks import OWN_FIELDS, Task
from .choices import two_boxes

COLUMNS = ("Text", "Second text", "Label")
MEANING_INFO = (
    "Only where the labels do not say it themselves. Classes: 1=negative, 2=positive. Scores, the lowest and highest: "
    "0, 1."
)


@dataclass(frozen=True)
class OwnFile:
    """The widgets. `said` are inputs for `said_of_file`, `shown` outputs of `show_file`."""

    file: gr.File
    said: list
    shown: list
    to_own: gr.Button


def build_own_file() -> OwnFile:
    file = gr.File(
        label="CSV, TSV, Excel, JSON, parquet or zip, at most 20 MB",
        visible=False,
        elem_id="file",
        file_types=list(FILE_KINDS),
    )
    with gr.Row():
        columns = [
            gr.Dropdown([], label=name, visible=False, min_width=80, elem_id=f"column{number}")
            for number, name in enumerate(COLUMNS, start=1)
        ]
    meaning = gr.Textbox(
        label="What the labels mean", info=MEANING_INFO, visible=False, max_lines=1, elem_id="label-meaning"
    )
    target = gr.Radio(
        list(TARGETS), value=TARGETS[0], label="Labels are", visible=False, elem_id="target", elem_classes="page-parts"
    )
    to_own = gr.Button("Train with your own classes", visible=False, size="md", elem_id="to-own")
    said = [*columns, meaning, target]
    return OwnFile(file, said, [*said, to_own], to_own)


def said_of_file(task: Task, data: str, text, second_text, label, meaning: str | None) -> LabelMeaning:
    """What the widgets say of the file; nothing of another source. Raises `DataError` for a meaning that is none."""
    if data != "file":
        return LabelMeaning()
    pairs = zip(_fields(task), (text, second_text, label), strict=True)
    return said_meaning(meaning or "", {name: column for name, column in pairs if name and column})


def show_file(task: Task, data: str, preview: DataPreview) -> list:
    """Values of `OwnFile.shown` for the preview of a file."""
    is_shown = data == "file" and bool(preview.columns)
    choices = [("–", ""), *((column, column) for column in preview.columns)]
    return [
        *(
            gr.Dropdown(choices=choices, value=preview.guess.get(name, ""), visible=is_shown and bool(name))
            for name in _fields(task)
        ),
        gr.Textbox(visible=is_shown),
        gr.Radio(visible=is_shown and task.is_open),
        gr.Button(visible=preview.fits_own),
    ]


def _fields(task: Task) -> Sequence[str]:
    """The task's columns for the three dropdowns: text, second text ("" for single texts) and label."""
    return *two_boxes(OWN_FIELDS if task.is_open else task.text_fields), task.label_field
