"""What a visitor does with a run of theirs that is over: a name for it, and its end, which is asked about first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ..errors import DemoError
from ..results import FINAL
from ..runs import MAX_NAME, RunState, rename_run, visitor_run_folder
from .choices import without_run
from .following import run_view
from .handlers import QUEUE, says_errors

FORGET_ADDRESS = """() => {
  const address = new URL(window.location);
  address.searchParams.delete("run");
  window.history.replaceState({}, "", address);
}"""


@dataclass(frozen=True)
class Keeping:
    """The widgets for a run that is over. `shown` are outputs of `keep`."""

    name: gr.Textbox
    rename: gr.Button
    delete: gr.Button
    shown: list


def build_keeping(what: str, elem_id: str) -> Keeping:
    """A box and a button for the name, and the buttons that delete. `what` is "run" or "student"."""
    with gr.Row(visible=False, elem_id=f"{elem_id}-keep", equal_height=True) as row:
        name = gr.Textbox(
            label=f"Name of this {what}", max_length=MAX_NAME, max_lines=1, min_width=240, scale=3,
            placeholder="A name of your own, for all lists", elem_id=f"{elem_id}-name",
        )  # fmt: skip
        rename = gr.Button("Rename", size="md", min_width=110, scale=1, elem_id=f"{elem_id}-rename")
        ask = gr.Button(f"Delete this {what}…", size="md", min_width=150, scale=1, elem_id=f"{elem_id}-delete")
    with gr.Row(visible=False, elem_id=f"{elem_id}-sure") as sure:
        gr.Markdown(f"Delete this {what} with its model for good? Nobody can bring it back.")
        delete = gr.Button("Yes, delete it", size="md", variant="stop", min_width=150, elem_id=f"{elem_id}-delete-yes")
        keep_it = gr.Button("No, keep it", size="md", min_width=150, elem_id=f"{elem_id}-delete-no")
    quick = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    ask.click(lambda: gr.Row(visible=True), None, sure, **quick)
    keep_it.click(lambda: gr.Row(visible=False), None, sure, **quick)
    return Keeping(name, rename, delete, [row, name, sure])


def connect_keeping(keeping: Keeping, run: gr.HTML, run_id: gr.State, my_runs: gr.BrowserState, emptied: Sequence):
    """Events of the widgets; returns them, so that lists of runs can be refreshed then.

    `emptied` are outputs of a function without arguments, `emptied[0]`, which empties the page of a deleted run."""
    private = {"api_visibility": "private", "show_progress": "hidden"}
    empty, *outputs = emptied
    renamed = gr.on(
        [keeping.rename.click, keeping.name.submit], _rename, [run_id, keeping.name], [run, keeping.name], **private
    )

    def delete(run_id: str, my_runs: list[str] | None):
        left = _delete(run_id, my_runs)
        return None, "", left, *empty()

    deleted = keeping.delete.click(delete, [run_id, my_runs], [run, run_id, my_runs, *outputs], **private)
    return renamed, deleted.success(None, js=FORGET_ADDRESS)


def keep(run: RunState | None) -> tuple[gr.Row, gr.Textbox, gr.Row]:
    """Values of `Keeping.shown`: for a run of a visitor that is over, its name; else nothing is shown."""
    own = run is not None and run.record.origin == "page" and run.status in FINAL
    return gr.Row(visible=own), gr.Textbox(value=run.record.name if own else ""), gr.Row(visible=False)


@says_errors
def _rename(run_id: str, name: str):
    _check_own(run_id)
    record = rename_run(visitor_run_folder(run_id), name or "")
    return run_view(run_id), record.name


@says_errors
def _delete(run_id: str, my_runs: list[str] | None) -> list[str]:
    """Delete the run; returns the visitor's others."""
    _check_own(run_id)
    QUEUE.delete(run_id)
    return without_run(run_id, my_runs)


def _check_own(run_id: str) -> None:
    """Raise `DemoError` for a run that is shared with everybody. The id of any other is known to its owner alone."""
    if QUEUE.state(run_id).record.origin != "page":
        raise DemoError("This run was made from the shell, for everybody here. It can be changed from there alone.")
