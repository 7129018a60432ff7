"""A run on the page: what its view asks the server a few times a second, and the model to take away."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import gradio as gr
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse

from .. import views
from ..errors import DataError, DemoError
from ..results import Started
from ..runs import state, visitor_run_folder
from ..tasks import get_task
from ..views.run import FINAL
from .handlers import QUEUE


def run_view(run_id: str, since: int = 0) -> dict:
    """The payload of the run view: what is new since event number `since`, and the run's state."""
    run = QUEUE.state(run_id)
    ahead, starts_in = QUEUE.place(run_id) or (None, None)
    started = next((event for event in run.events if isinstance(event, Started)), None)
    return views.run_payload(
        run.events,
        get_task(run.record.task),
        status=run.status,
        run_id=run_id,
        position=None if ahead is None else ahead + 1,
        starts_in=starts_in,
        since=since,
        seen=started.seen_by_base if started else "",
    )


def poll_run(asked: dict) -> dict:
    """`{run, since}` -> the payload; called by the run view itself, past the queue. `{gone}` says there is none."""
    try:
        return run_view(str(asked.get("run")), max(0, int(asked.get("since") or 0)))
    except DemoError as error:
        return {"gone": str(error)}


def stop_run(asked: dict) -> dict:
    """Ask a run to stop and keep its best checkpoint."""
    QUEUE.stop(str(asked.get("run")))
    return run_view(str(asked.get("run")))


def download_link(run_id: str) -> gr.Button:
    return gr.Button(link=f"/runs/{run_id}.zip")


def download(request: Request) -> FileResponse | PlainTextResponse:
    """GET /runs/<run id>.zip: the checkpoint and its model card; the file is gone when it has been sent."""
    try:
        run = state(visitor_run_folder(request.path_params["run_id"]))
        if run.status not in FINAL or not run.has_checkpoint:
            raise DataError("This run has no model to take away yet.")
    except DemoError as error:
        return PlainTextResponse(str(error), status_code=404)
    files = [*sorted((run.folder / "checkpoint").iterdir()), run.folder / "README.md"]
    with (
        tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,  # weights do not shrink
    ):
        for one in filter(Path.is_file, files):
            archive.write(one, one.name)
    gone_when_sent = BackgroundTask(Path(file.name).unlink)
    return FileResponse(file.name, filename=f"minilm-{run.record.task}.zip", background=gone_when_sent)
