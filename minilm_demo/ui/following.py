"""A run on the page: the callbacks that its view polls, and the download of its model."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from .. import views
from ..errors import DemoError
from ..models import CATALOG
from ..results import RUN_ID, Started
from ..runs import (
    JOBS,
    RunState,
    adapter_files,
    has_adapter,
    plain_name,
    run_files,
    state,
    visitor_run_folder,
    write_zip,
)
from ..serving import title_of
from ..tasks import get_task
from ..views.documents import visitor_run_document
from .components import SHOW
from .handlers import QUEUE
from .uploads import no_place


def run_view(run_id: str, since: int = 0) -> dict:
    """The payload of the run view: the run's state, and its points from event number `since` on."""
    run = QUEUE.state(run_id)
    if run.record.job not in views.RUNS:
        raise DemoError("This run is an experiment: the panel “Does it help?” in the Distillation tab shows it.")
    ahead, starts_in = QUEUE.place(run_id) or (None, None)
    started = next((event for event in run.events if isinstance(event, Started)), None)
    payload = views.run_payload(
        run.events,
        get_task(run.record.task),
        status=run.status,
        run_id=run_id,
        job=run.record.job,
        position=None if ahead is None else ahead + 1,
        starts_in=starts_in,
        since=since,
        seen=started.seen_by_base if started else "",
        base=_base_title(run),
        init=getattr(run.record.config, "init", ""),
        name=run.record.name,
    )
    snippet = JOBS[run.record.job].snippet
    return {**payload, "code": views.run_code(snippet, run.record.task, run.record.config, run.events)}


def _base(run: RunState) -> str:
    """The name of the starting checkpoint: the fine-tuned one, or the teacher."""
    return plain_name(getattr(run.record.config, JOBS[run.record.job].base))


def _base_title(run: RunState) -> str:
    """The title of a starting checkpoint whose name the page does not print, else "".

    A run's id is secret, because it grants access; a teacher of the catalog has a readable title."""
    name = _base(run)
    return (
        title_of(name)
        if RUN_ID.fullmatch(name) or (JOBS[run.record.job].makes == "distilled" and name in CATALOG)
        else ""
    )


def _public_base(run: RunState) -> str:
    """The starting checkpoint's name if it is in the catalog, else its title."""
    name = _base(run)
    return name if name in CATALOG else title_of(name)


def run_document(run_id: str) -> dict:
    """The JSON document of a run, for a visitor who has its id."""
    run = QUEUE.state(run_id)
    return visitor_run_document(run, _public_base(run))


def _since(question: dict) -> int:
    """The number of the first event or picture that the page does not have; 0 if it is no positive integer."""
    since = question.get("since")
    return since if isinstance(since, int) and since > 0 else 0


def poll_maps(question: dict) -> dict:
    """`{run, since}` -> `views.student_maps`, the pictures of a distillation's watched text from number `since` on, or
    `{error}`. The view calls it directly, without Gradio's queue."""
    try:
        run = QUEUE.state(str(question.get("run")))
    except DemoError as error:
        return {"error": error.on_page}
    if JOBS[run.record.job].makes != "distilled":
        return {"error": "This run is no distillation."}
    maps = views.student_maps(
        run.events,
        run.record.config.probe,
        teacher=_public_base(run),
        student=run.record.run_id,
        teacher_title=_base_title(run),
        since=_since(question),
    )
    return maps or {"error": "There is no picture of the sentence to watch yet."}


def poll_run(question: dict) -> dict:
    """`{run, since}` -> the payload, or `{gone}` with an error. The view calls it directly, without Gradio's queue."""
    try:
        return run_view(str(question.get("run")), _since(question))
    except DemoError as error:
        return {"gone": error.on_page}


def stop_run(question: dict) -> dict:
    """Stop the run `{run}`, which keeps its best checkpoint; returns its payload."""
    QUEUE.stop(str(question.get("run")))
    return run_view(str(question.get("run")))


def remember_run(elem_id: str, run_id: str = "value.run") -> str:
    """JavaScript that puts the run's id (`run_id`: its place in the view's value) into the page's address, so that a
    reload or another device reopens it, and scrolls to its view, the element `elem_id`."""
    return f"""(value) => {{
      const address = new URL(window.location);
      address.searchParams.set("run", {run_id});
      window.history.replaceState({{}}, "", address);
      ({SHOW})(document.querySelector("#{elem_id}"));
    }}"""


def scroll_to(elem_id: str) -> str:
    """JavaScript: an element that has just got its value comes onto the screen."""
    return f"""() => setTimeout(() => {{
      ({SHOW})(document.querySelector("#{elem_id}"));
    }}, 100)"""


def download_button(label: str, elem_id: str) -> gr.Button:
    """A button whose link opens a new window.

    In the same window, `beforeunload` would close Gradio's event stream, and a waiting page would reload itself."""
    return gr.Button(label, link_target="_blank", elem_id=elem_id)


def download_link(run_id: str) -> gr.Button:
    """The link starts from the page's own address, which may be below a path of another server."""
    return gr.Button(link=f"runs/{run_id}.zip")


def adapter_link(run: RunState | None) -> gr.Button:
    """The link to the adapter of a LoRA run; hidden without one."""
    if run is None or not has_adapter(run.folder):
        return gr.Button(visible=False)
    return gr.Button(link=f"runs/{run.record.run_id}/adapter.zip", visible=True)


def download(request: Request) -> StreamingResponse | PlainTextResponse:
    """GET /runs/<run id>.zip: the checkpoint and its model card."""
    return _download(request, run_files)


def download_adapter(request: Request) -> StreamingResponse | PlainTextResponse:
    """GET /runs/<run id>/adapter.zip: the adapter of a LoRA run and its model card."""
    return _download(request, adapter_files)


def _download(request: Request, files_of: Callable) -> StreamingResponse | PlainTextResponse:
    """A zip of the files that `files_of(run)` names.

    The archive is an unnamed temporary file, so it is deleted even if the download breaks off."""
    try:
        packed = files_of(state(visitor_run_folder(request.path_params["run_id"])))
    except DemoError as error:
        return PlainTextResponse(error.on_page, status_code=404)
    archive = tempfile.TemporaryFile()  # noqa: SIM115 - closed after the last piece is sent
    try:
        write_zip(archive, packed)
    except OSError as error:
        archive.close()
        return PlainTextResponse(no_place(error), status_code=507)
    headers = {
        "Content-Disposition": f'attachment; filename="{packed.name}.zip"',
        "Content-Length": str(archive.seek(0, io.SEEK_END)),
    }
    return StreamingResponse(_pieces(archive), media_type="application/zip", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        yield from iter(lambda: file.read(1 << 20), b"")
