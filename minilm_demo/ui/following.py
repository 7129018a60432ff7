"""A run on the page: what its view asks the server a few times a second, and the model to take away."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse

from .. import views
from ..errors import DataError, DemoError
from ..models import CATALOG
from ..results import FINAL, RUN_ID, Started
from ..runs import JOBS, RunState, plain_name, state, visitor_run_folder
from ..serving import title_of
from ..tasks import get_task
from ..views.documents import visitor_run_document
from .handlers import QUEUE


def run_view(run_id: str, since: int = 0) -> dict:
    """The payload of the run view: what is new since event number `since`, and the run's state."""
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
    )
    return {**payload, "code": views.run_code(JOBS[run.record.job].snippet, run.record.task, run.record.config)}


def _base(run: RunState) -> str:
    """The checkpoint it begins with: the one that is fine-tuned, or the teacher."""
    return plain_name(getattr(run.record.config, JOBS[run.record.job].base))


def _base_title(run: RunState) -> str:
    """What that is called, where its name does not do: a run, whose id is a key to it; a teacher of the catalog."""
    name = _base(run)
    return (
        title_of(name)
        if RUN_ID.fullmatch(name) or (JOBS[run.record.job].makes == "distilled" and name in CATALOG)
        else ""
    )


def _public_base(run: RunState) -> str:
    """The name of what it begins with if that is of the catalog, else what it is called."""
    name = _base(run)
    return name if name in CATALOG else title_of(name)


def run_document(run_id: str) -> dict:
    """The JSON document of a run for whoever has its id."""
    run = QUEUE.state(run_id)
    return visitor_run_document(run, _public_base(run))


def _since(asked: dict) -> int:
    """The number of the first event or picture that is still to come, as the page counts; a hostile visitor's is 0."""
    since = asked.get("since")
    return since if isinstance(since, int) and since > 0 else 0


def poll_maps(asked: dict) -> dict:
    """`{run, since}` -> `views.student_maps`: what the probe text of a distillation looks like, from picture number
    `since` on; called by its view itself, past the queue. `{error}` says there is none."""
    try:
        run = QUEUE.state(str(asked.get("run")))
    except DemoError as error:
        return {"error": str(error)}
    if JOBS[run.record.job].makes != "distilled":
        return {"error": "This run is no distillation."}
    found = views.student_maps(
        run.events,
        run.record.config.probe,
        teacher=_public_base(run),
        student=run.record.run_id,
        teacher_title=_base_title(run),
        since=_since(asked),
    )
    return found or {"error": "There is no picture of the sentence to watch yet."}


def poll_run(asked: dict) -> dict:
    """`{run, since}` -> the payload; called by the run view itself, past the queue. `{gone}` says there is none."""
    try:
        return run_view(str(asked.get("run")), _since(asked))
    except DemoError as error:
        return {"gone": str(error)}


def stop_run(asked: dict) -> dict:
    """Ask a run to stop and keep its best checkpoint."""
    QUEUE.stop(str(asked.get("run")))
    return run_view(str(asked.get("run")))


def remember_run(elem_id: str, run_id: str = "value.run") -> str:
    """JavaScript: the run's id (where it stands in the view's value) goes into the address, so that a reload or another
    device finds it again; and its view, the element `elem_id`, onto the screen."""
    return f"""(value) => {{
      const address = new URL(window.location);
      address.searchParams.set("run", {run_id});
      window.history.replaceState({{}}, "", address);
      document.querySelector("#{elem_id}").scrollIntoView({{ behavior: "smooth", block: "start" }});
    }}"""


def scroll_to(elem_id: str) -> str:
    """JavaScript: an element that has just got its value comes onto the screen."""
    return f"""() => setTimeout(() => {{
      document.querySelector("#{elem_id}").scrollIntoView({{ behavior: "smooth", block: "start" }});
    }}, 100)"""


def download_button(label: str, elem_id: str) -> gr.Button:
    """Not for a link in the same window: its `beforeunload` closes Gradio's event stream, and a page that was waiting
    for an answer reloads itself."""
    return gr.Button(label, link_target="_blank", elem_id=elem_id)


def download_link(run_id: str) -> gr.Button:
    return gr.Button(link=f"/runs/{run_id}.zip")


def download(request: Request) -> StreamingResponse | PlainTextResponse:
    """GET /runs/<run id>.zip: the checkpoint and its model card, from a file without a name, which is gone however the
    download ends."""
    try:
        run = state(visitor_run_folder(request.path_params["run_id"]))
        if run.status not in FINAL or not run.has_checkpoint:
            raise DataError("This run has no model to take away yet.")
    except DemoError as error:
        return PlainTextResponse(str(error), status_code=404)
    files = [*sorted((run.folder / "checkpoint").iterdir()), run.folder / "README.md"]
    archive = _zipped(files)
    kind = "student" if JOBS[run.record.job].makes == "distilled" else run.record.task
    headers = {
        "Content-Disposition": f'attachment; filename="minilm-{kind}.zip"',
        "Content-Length": str(archive.seek(0, io.SEEK_END)),
    }
    return StreamingResponse(_pieces(archive), media_type="application/zip", headers=headers)


def _zipped(files: Sequence[Path]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # weights do not shrink
        for one in filter(Path.is_file, files):
            archive.write(one, one.name)
    return file


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        yield from iter(lambda: file.read(1 << 20), b"")
